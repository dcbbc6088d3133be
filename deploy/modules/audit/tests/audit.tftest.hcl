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
  environment  = "dev"
  bucket_names = { logs = "headrace-dev-logs-000000000000-us-east-1" }
  bucket_arns = {
    raw       = "arn:aws:s3:::headrace-dev-raw-000000000000-us-east-1"
    processed = "arn:aws:s3:::headrace-dev-processed-000000000000-us-east-1"
    curated   = "arn:aws:s3:::headrace-dev-curated-000000000000-us-east-1"
    landing   = "arn:aws:s3:::headrace-dev-landing-000000000000-us-east-1"
  }
  key_arns = { logs = "arn:aws:kms:us-east-1:000000000000:key/logs" }
}

run "the_trail_is_whole" {
  assert {
    condition     = aws_cloudtrail.account.name == "headrace-dev" && aws_cloudtrail.account.s3_bucket_name == var.bucket_names.logs
    error_message = "The logs bucket's policy lets in the trail of this name, in this bucket."
  }
  assert {
    condition     = aws_cloudtrail.account.s3_key_prefix == "cloudtrail"
    error_message = "The logs bucket's policy lets a trail write below cloudtrail/."
  }
  assert {
    condition = (
      aws_cloudtrail.account.is_multi_region_trail && aws_cloudtrail.account.include_global_service_events &&
      aws_cloudtrail.account.enable_logging && aws_cloudtrail.account.enable_log_file_validation
    )
    error_message = "Calls of a region, or of IAM, would be missing, or a changed file would not be noticed."
  }
  assert {
    condition     = aws_cloudtrail.account.kms_key_id == var.key_arns.logs
    error_message = "The trail is not encrypted with the key of logs."
  }
}

run "objects_of_all_zones_are_watched" {
  assert {
    condition = toset(flatten([
      for selector in aws_cloudtrail.account.advanced_event_selector : [
        for field in selector.field_selector : field.starts_with if field.field == "resources.ARN" && field.starts_with != null
      ]
    ])) == toset([for arn in values(var.bucket_arns) : "${arn}/"])
    error_message = "Reads and writes of a zone's objects leave no trace."
  }
  assert {
    condition = contains(flatten([
      for selector in aws_cloudtrail.account.advanced_event_selector : [
        for field in selector.field_selector : field.equals if field.field == "eventCategory"
      ]
    ]), "Management")
    error_message = "Without their selector, calls that manage the account are not recorded."
  }
  assert {
    condition = contains(flatten([
      for selector in aws_cloudtrail.account.advanced_event_selector : [
        for field in selector.field_selector : coalescelist(field.equals, [""]) if field.field == "resources.ARN"
      ]
    ]), "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-dev-log")
    error_message = "Writes to the commit log leave no trace."
  }
}
