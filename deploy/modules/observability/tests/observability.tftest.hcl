mock_provider "aws" {
  override_data {
    target = module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
}

variables {
  environment    = "dev"
  pipelines      = { flights = {}, shop = {} }
  key_arn        = "arn:aws:kms:us-east-1:000000000000:key/operations"
  retention_days = 30
  emails         = { page = ["on-call@example.com"], ticket = ["platform@example.com", "data@example.com"] }
}

run "logs_end_and_are_encrypted" {
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.parts : group.retention_in_days > 0 && group.kms_key_id == var.key_arn])
    error_message = "A log group has no retention or no key."
  }
  assert {
    condition     = output.log_group_names.worker == "/headrace/dev/worker"
    error_message = "Log groups are called by environment and part."
  }
}

run "topics" {
  assert {
    condition     = alltrue([for topic in aws_sns_topic.alarms : topic.kms_master_key_id == var.key_arn])
    error_message = "A topic has no key."
  }
  assert {
    condition     = length(aws_sns_topic_subscription.emails) == 3
    error_message = "Each address is subscribed once."
  }
}
