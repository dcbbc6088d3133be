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
}

variables {
  environment      = "dev"
  bucket_names     = { curated = "curated-bucket" }
  key_arns         = { curated = "arn:aws:kms:us-east-1:000000000000:key/curated", operations = "arn:aws:kms:us-east-1:000000000000:key/operations" }
  scan_limit_bytes = 10737418240
}

run "databases_are_called_as_the_command_calls_them" {
  assert {
    condition     = output.databases == { raw = "headrace_dev_raw", processed = "headrace_dev_processed", curated = "headrace_dev_curated" }
    error_message = "A database is the prefix of names.json and the zone, as `headrace-consumers catalog apply` makes its tables there."
  }
}

run "definitions_are_encrypted" {
  assert {
    condition = (
      aws_glue_data_catalog_encryption_settings.this.data_catalog_encryption_settings[0].encryption_at_rest[0].catalog_encryption_mode == "SSE-KMS"
      && aws_glue_data_catalog_encryption_settings.this.data_catalog_encryption_settings[0].encryption_at_rest[0].sse_aws_kms_key_id == var.key_arns.operations
    )
    error_message = "What the catalog holds is encrypted with the operations key."
  }
  assert {
    condition = (
      aws_glue_data_catalog_encryption_settings.this.data_catalog_encryption_settings[0].connection_password_encryption[0].return_connection_password_encrypted
      && aws_glue_data_catalog_encryption_settings.this.data_catalog_encryption_settings[0].connection_password_encryption[0].aws_kms_key_id == var.key_arns.operations
    )
    error_message = "A connection's password is never given in the clear."
  }
}

run "nobody_queries_past_the_workgroup" {
  assert {
    condition     = aws_athena_workgroup.this.name == "headrace-dev" && aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration
    error_message = "What the workgroup says counts, whatever a query says."
  }
  assert {
    condition     = aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 10737418240
    error_message = "A query that reads more than the limit is cancelled."
  }
  assert {
    condition = (
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_KMS"
      && aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == var.key_arns.curated
    )
    error_message = "Results are encrypted with the curated zone's key."
  }
  assert {
    condition = (
      aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://curated-bucket/athena-results/"
      && aws_athena_workgroup.this.configuration[0].result_configuration[0].expected_bucket_owner == "000000000000"
    )
    error_message = "Results lie in the curated bucket of this account, below athena-results/."
  }
  assert {
    condition = (
      aws_athena_workgroup.this.configuration[0].publish_cloudwatch_metrics_enabled
      && aws_athena_workgroup.this.configuration[0].engine_version[0].selected_engine_version == "Athena engine version 3"
    )
    error_message = "Queries run on engine version 3, and are measured."
  }
}

run "a_limit_that_athena_refuses_is_refused_here" {
  command = plan

  variables {
    scan_limit_bytes = 1048576
  }

  expect_failures = [var.scan_limit_bytes]
}
