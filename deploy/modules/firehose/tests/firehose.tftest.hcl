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
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::000000000000:role/archive" }
  }
  mock_resource "aws_kinesis_firehose_delivery_stream" {
    defaults = { arn = "arn:aws:firehose:us-east-1:000000000000:deliverystream/archive" }
  }
}

variables {
  environment = "dev"
  pipelines   = { flights = {}, weather = {} }
  stream_arns = {
    flights = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-flights"
    weather = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-weather"
  }
  bucket_arn = "arn:aws:s3:::raw"
  key_arns = {
    raw    = "arn:aws:kms:us-east-1:000000000000:key/raw"
    stream = "arn:aws:kms:us-east-1:000000000000:key/stream"
  }
  log_group_name = "/headrace/dev/firehose"
}

run "each_stream_is_archived_below_its_pipeline" {
  assert {
    condition     = output.names == { flights = "headrace-dev-flights-archive", weather = "headrace-dev-weather-archive" }
    error_message = "Delivery streams are called as names.json has it."
  }
  assert {
    condition = alltrue([
      for pipeline, archive in aws_kinesis_firehose_delivery_stream.this :
      archive.kinesis_source_configuration[0].kinesis_stream_arn == var.stream_arns[pipeline]
      && archive.extended_s3_configuration[0].bucket_arn == var.bucket_arn
      && startswith(archive.extended_s3_configuration[0].prefix, "firehose/${pipeline}/records/")
      && startswith(archive.extended_s3_configuration[0].error_output_prefix, "firehose/${pipeline}/errors/")
    ])
    error_message = "A pipeline's records and errors lie below its own folders, and come from its own stream."
  }
  assert {
    condition     = strcontains(aws_kinesis_firehose_delivery_stream.this["flights"].extended_s3_configuration[0].error_output_prefix, "!{firehose:error-output-type}")
    error_message = "Firehose refuses an error prefix that does not say the kind of error."
  }
  assert {
    condition     = alltrue([for archive in aws_kinesis_firehose_delivery_stream.this : archive.extended_s3_configuration[0].compression_format == "GZIP"])
    error_message = "The archive is compressed."
  }
}

run "it_is_encrypted_and_tells_its_errors" {
  assert {
    condition     = alltrue([for archive in aws_kinesis_firehose_delivery_stream.this : archive.extended_s3_configuration[0].kms_key_arn == var.key_arns.raw])
    error_message = "The archive has the raw zone's key."
  }
  assert {
    condition = alltrue([
      for archive in aws_kinesis_firehose_delivery_stream.this :
      archive.extended_s3_configuration[0].cloudwatch_logging_options[0].enabled
      && archive.extended_s3_configuration[0].cloudwatch_logging_options[0].log_group_name == "/headrace/dev/firehose"
    ])
    error_message = "What could not be delivered is told in the log group."
  }
}

run "nothing_changes_records_unless_somebody_says_so" {
  assert {
    condition     = alltrue([for archive in aws_kinesis_firehose_delivery_stream.this : length(archive.extended_s3_configuration[0].processing_configuration) == 0])
    error_message = "Without a function records stay as they came."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.this["flights"].policy, "lambda:")
    error_message = "Without a function nobody may invoke one."
  }
}

run "a_function_changes_records_where_one_is_given" {
  variables {
    transform_lambda_arn = "arn:aws:lambda:us-east-1:000000000000:function:mask"
  }

  assert {
    condition = (
      one(aws_kinesis_firehose_delivery_stream.this["flights"].extended_s3_configuration[0].processing_configuration[0].processors).type == "Lambda"
      && contains(
        [for parameter in one(aws_kinesis_firehose_delivery_stream.this["flights"].extended_s3_configuration[0].processing_configuration[0].processors).parameters : parameter.parameter_value],
        "arn:aws:lambda:us-east-1:000000000000:function:mask:$LATEST"
      )
    )
    error_message = "The function that was given changes the records."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["flights"].policy).Statement : statement.Resource if statement.Sid == "Transform"
    ] == [["arn:aws:lambda:us-east-1:000000000000:function:mask:$LATEST"]]
    error_message = "Firehose may invoke this function, and no other."
  }
}

run "a_role_reaches_its_own_pipeline_alone" {
  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == "arn:aws:iam::000000000000:policy/headrace-dev-boundary"])
    error_message = "Each role has the boundary of the platform's roles."
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this["flights"].policy).Statement : statement.Sid => statement.Resource } == {
      ReadStream     = ["arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-flights"]
      DecryptStream  = ["arn:aws:kms:us-east-1:000000000000:key/stream"]
      FindBucket     = ["arn:aws:s3:::raw"]
      WriteArchive   = ["arn:aws:s3:::raw/firehose/flights/*"]
      EncryptArchive = ["arn:aws:kms:us-east-1:000000000000:key/raw"]
      TellErrors     = ["arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/firehose:log-stream:headrace-dev-flights-archive"]
    }
    error_message = "A role names its stream, its folder, its keys and its log stream."
  }
  assert {
    condition = !anytrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.this["flights"].policy).Statement : [for action in statement.Action : strcontains(action, "*")]
    ]))
    error_message = "No action of a role is a pattern."
  }
  assert {
    condition     = jsondecode(aws_iam_role.this["flights"].assume_role_policy).Statement[0].Condition == { StringEquals = { "sts:ExternalId" = "000000000000" } }
    error_message = "Firehose takes the role for this account alone."
  }
}
