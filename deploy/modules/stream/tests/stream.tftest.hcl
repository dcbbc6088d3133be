mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_data "aws_region" {
    defaults = { region = "us-east-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-prod-log" }
  }
}

variables {
  environment = "prod"
  key_arn     = "arn:aws:kms:us-east-1:000000000000:key/stream"
  protected   = true
  pipelines = {
    flights = { provisioned_shards = null }
    weather = { provisioned_shards = 3 }
  }
}

run "streams_are_encrypted_and_keep_a_week" {
  assert {
    condition     = alltrue([for stream in aws_kinesis_stream.this : stream.encryption_type == "KMS" && stream.kms_key_id == var.key_arn])
    error_message = "Each stream is encrypted with the key that was given."
  }
  assert {
    condition     = alltrue([for stream in aws_kinesis_stream.this : stream.retention_period == 168])
    error_message = "A stream keeps its records for a week where nobody says otherwise."
  }
  assert {
    condition     = alltrue([for stream in aws_kinesis_stream.this : stream.enforce_consumer_deletion == false])
    error_message = "A stream that somebody still reads by fan-out is not deleted."
  }
  assert {
    condition     = output.stream_names == { flights = "headrace-prod-flights", weather = "headrace-prod-weather" }
    error_message = "Streams are called as names.json has it."
  }
}

run "shards_are_provisioned_where_a_pipeline_says_how_many" {
  assert {
    condition     = aws_kinesis_stream.this["flights"].stream_mode_details[0].stream_mode == "ON_DEMAND"
    error_message = "Without a number of shards a stream is on demand."
  }
  assert {
    condition     = aws_kinesis_stream.this["weather"].stream_mode_details[0].stream_mode == "PROVISIONED" && aws_kinesis_stream.this["weather"].shard_count == 3
    error_message = "A pipeline that says a number of shards has these."
  }
}

run "the_log_can_be_restored_and_not_deleted" {
  assert {
    condition     = aws_dynamodb_table.log.name == "headrace-prod-log" && output.log_table_name == "headrace-prod-log"
    error_message = "The commit log is called as names.json has it."
  }
  assert {
    condition = (
      aws_dynamodb_table.log.hash_key == "pk" && aws_dynamodb_table.log.range_key == "sk"
      && { for attribute in aws_dynamodb_table.log.attribute : attribute.name => attribute.type } == { pk = "S", sk = "S" }
    )
    error_message = "The commit log has the string keys pk and sk, and no other."
  }
  assert {
    condition     = aws_dynamodb_table.log.point_in_time_recovery[0].enabled && aws_dynamodb_table.log.point_in_time_recovery[0].recovery_period_in_days == 35
    error_message = "The commit log can be restored to any second of 35 days."
  }
  assert {
    condition     = aws_dynamodb_table.log.server_side_encryption[0].enabled && aws_dynamodb_table.log.server_side_encryption[0].kms_key_arn == var.key_arn
    error_message = "The commit log is encrypted with the key that was given."
  }
  assert {
    condition     = aws_dynamodb_table.log.deletion_protection_enabled
    error_message = "A protected commit log is not deleted."
  }
  assert {
    condition     = length(aws_dynamodb_table.log.ttl) == 0 && aws_dynamodb_table.log.billing_mode == "PAY_PER_REQUEST"
    error_message = "Nothing but the product's own command expires a link, and capacity is no limit."
  }
  assert {
    condition = jsondecode(aws_dynamodb_resource_policy.log.policy).Statement == [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "dynamodb:*"
      Resource  = "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-prod-log"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "The commit log answers nobody without TLS."
  }
}

run "what_is_not_protected_can_be_taken_down" {
  variables {
    protected = false
  }

  assert {
    condition     = !aws_dynamodb_table.log.deletion_protection_enabled
    error_message = "An environment that is not protected can be deleted."
  }
}

run "leases_are_of_one_pipeline" {
  assert {
    condition = output.lease_table_arns.flights == [
      "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-flights-g*-?????????????",
      "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-flights-g*-?????????????-CoordinatorState",
      "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-flights-g*-?????????????-WorkerMetricStats",
    ]
    error_message = "A worker reaches KCL's three tables of its own pipeline."
  }
  assert {
    condition     = length(setintersection(output.lease_table_arns.flights, output.lease_table_arns.weather)) == 0
    error_message = "Two pipelines share no pattern."
  }
}

run "a_retention_that_kinesis_refuses_is_refused_here" {
  command = plan

  variables {
    retention_hours = 23
  }

  expect_failures = [var.retention_hours]
}
