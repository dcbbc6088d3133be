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
  mock_resource "aws_redshiftserverless_workgroup" {
    defaults = {
      arn      = "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/1"
      endpoint = [{ address = "warehouse.internal", port = 5439 }]
    }
  }
  mock_resource "aws_redshiftserverless_namespace" {
    defaults = {
      arn                       = "arn:aws:redshift-serverless:us-east-1:000000000000:namespace/1"
      admin_password_secret_arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:admin"
    }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:user" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::000000000000:role/role" }
  }
}

variables {
  environment             = "dev"
  subnet_ids              = ["subnet-1", "subnet-2", "subnet-3"]
  security_group_id       = "sg-1"
  key_arns                = { warehouse = "key-warehouse", operations = "key-operations", processed = "key-processed", curated = "key-curated" }
  bucket_arns             = { processed = "arn:aws:s3:::processed", curated = "arn:aws:s3:::curated" }
  base_capacity_rpus      = 8
  max_rpus                = 16
  max_rpu_hours_a_day     = 24
  departments             = ["operations", "network_planning", "maintenance"]
  log_retention_days      = 365
  snapshot_retention_days = 35
  protected               = false
}

run "it_is_private_and_encrypted" {
  assert {
    condition     = !aws_redshiftserverless_workgroup.this.publicly_accessible && aws_redshiftserverless_workgroup.this.enhanced_vpc_routing
    error_message = "The warehouse can be reached from outside, or reaches S3 outside of the network."
  }
  assert {
    condition     = contains(aws_redshiftserverless_workgroup.this.config_parameter, { parameter_key = "require_ssl", parameter_value = "true" })
    error_message = "The warehouse speaks without TLS."
  }
  assert {
    condition     = aws_redshiftserverless_namespace.this.kms_key_id == "key-warehouse" && aws_redshiftserverless_namespace.this.admin_password_secret_kms_key_id == "key-operations"
    error_message = "Rows or the admin's secret are encrypted with a key that is not ours."
  }
  assert {
    condition     = aws_redshiftserverless_namespace.this.manage_admin_password
    error_message = "The admin's password would be in Terraform's state."
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.user : secret.kms_key_id == "key-operations"])
    error_message = "A user's secret is encrypted with a key that is not ours."
  }
}

run "it_is_audited" {
  assert {
    condition     = toset(aws_redshiftserverless_namespace.this.log_exports) == toset(["connectionlog", "useractivitylog", "userlog"])
    error_message = "Not all logs are exported."
  }
  assert {
    condition     = contains(aws_redshiftserverless_workgroup.this.config_parameter, { parameter_key = "enable_user_activity_logging", parameter_value = "true" })
    error_message = "Statements are not logged."
  }
  assert {
    condition     = alltrue([for log, group in aws_cloudwatch_log_group.audit : group.name == "/aws/redshift/headrace-dev/${log}" && group.retention_in_days == 365 && group.kms_key_id == "key-operations"])
    error_message = "Redshift would make a log group of its own, without end and without our key."
  }
}

run "only_our_users_reach_the_lake" {
  assert {
    condition = toset(jsondecode(aws_iam_role.copy.assume_role_policy).Statement[0].Condition.StringLike["sts:ExternalId"]) == toset([
      "arn:aws:redshift:us-east-1:000000000000:dbuser:serverless-000000000000-*/headrace_dbt",
      "arn:aws:redshift:us-east-1:000000000000:dbuser:serverless-000000000000-*/headrace_loader",
    ])
    error_message = "Others than our users of this warehouse may take the COPY role."
  }
}

run "the_role_writes_marts_alone" {
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.copy.policy).Statement : statement.Resource if contains(statement.Action, "s3:PutObject")] == [
      ["arn:aws:s3:::curated/marts/*"],
    ]
    error_message = "The warehouse may write more of the lake than marts."
  }
}

run "no_password_is_in_the_state" {
  assert {
    condition     = length(regexall("PASSWORD '", local.access)) == 0 && length(regexall("PASSWORD DISABLE", local.access)) == 2
    error_message = "A user is made with a password."
  }
  assert {
    condition     = alltrue([for role in ["headrace_operations", "headrace_network_planning", "headrace_maintenance"] : strcontains(local.access, "CREATE ROLE ${role}'")])
    error_message = "A department has no role."
  }
}

run "a_snapshot_each_day" {
  assert {
    condition     = jsondecode(aws_scheduler_schedule.snapshots.target[0].input).RetentionPeriod == 35
    error_message = "A snapshot is not kept as long as was said."
  }
  assert {
    condition     = strcontains(aws_scheduler_schedule.snapshots.target[0].input, "<aws.scheduler.execution-id>")
    error_message = "The scheduler would not find its keyword, and each snapshot would have the name of the one before."
  }
}

run "an_unprotected_one_stops_at_its_limit" {
  assert {
    condition     = aws_redshiftserverless_usage_limit.a_day.breach_action == "deactivate" && aws_redshiftserverless_usage_limit.a_day.amount == 24
    error_message = "A day in dev may cost what it wants."
  }
}

run "a_protected_one_goes_on" {
  variables {
    protected = true
  }
  assert {
    condition     = aws_redshiftserverless_usage_limit.a_day.breach_action == "emit-metric"
    error_message = "A bill would stop production."
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.user : secret.recovery_window_in_days == 30])
    error_message = "A secret that was deleted by mistake is soon gone."
  }
}

run "an_access_that_changed_is_run_again" {
  variables {
    departments = ["operations", "maintenance"]
  }
  assert {
    condition     = aws_redshiftdata_statement.access.sql == local.access
    error_message = "Terraform runs what stood there before, or nothing."
  }
}
