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
    defaults = { arn = "arn:aws:iam::000000000000:role/landing" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:000000000000:function:landing" }
  }
  mock_resource "aws_transfer_server" {
    defaults = {
      id                   = "s-00000000000000000"
      host_key_fingerprint = "SHA256:one"
    }
  }
  mock_resource "aws_transfer_workflow" {
    defaults = { id = "w-00000000000000000" }
  }
  override_resource {
    target = aws_sqs_queue.this
    values = { arn = "arn:aws:sqs:us-east-1:000000000000:files" }
  }
  override_resource {
    target = aws_sqs_queue.dead
    values = { arn = "arn:aws:sqs:us-east-1:000000000000:dead" }
  }
}

variables {
  environment = "dev"
  pipelines = {
    flights = { reference = "headrace_local.pipelines:flights" }
    weather = { reference = "headrace_local.pipelines:weather" }
  }
  partners = {
    airport_office = {
      pipeline    = "flights"
      source      = "airports"
      public_keys = ["ssh-ed25519 first", "ssh-ed25519 second"]
    }
    met_office = {
      pipeline    = "weather"
      source      = "weather"
      public_keys = ["ssh-ed25519 third"]
    }
  }
  image             = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/lambda:1.0.0"
  bucket_name       = "inbox"
  bucket_arn        = "arn:aws:s3:::inbox"
  lake_bucket_names = { raw = "raw-bucket", processed = "processed-bucket", curated = "curated-bucket" }
  lake_bucket_arns  = { raw = "arn:aws:s3:::raw-bucket", processed = "arn:aws:s3:::processed-bucket", curated = "arn:aws:s3:::curated-bucket" }
  key_arns = {
    raw        = "arn:aws:kms:us-east-1:000000000000:key/raw"
    processed  = "arn:aws:kms:us-east-1:000000000000:key/processed"
    curated    = "arn:aws:kms:us-east-1:000000000000:key/curated"
    landing    = "arn:aws:kms:us-east-1:000000000000:key/landing"
    stream     = "arn:aws:kms:us-east-1:000000000000:key/stream"
    operations = "arn:aws:kms:us-east-1:000000000000:key/operations"
  }
  log_table_name     = "headrace-dev-log"
  log_table_arn      = "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-dev-log"
  stream_names       = { flights = "headrace-dev-flights", weather = "headrace-dev-weather" }
  stream_arns        = { flights = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-flights", weather = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-weather" }
  vpc_id             = "vpc-1"
  subnet_ids         = ["subnet-1", "subnet-2"]
  security_group_ids = { landing = "sg-landing", sftp = "sg-sftp" }
  log_group_names    = { landing = "/headrace/dev/landing" }
  log_group_arns     = { landing = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/landing", sftp = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/sftp" }
}

run "a_file_goes_to_its_pipelines_queue" {
  assert {
    condition     = { for queue in aws_s3_bucket_notification.this.queue : queue.id => queue.filter_prefix } == { flights = "landing/flights/", weather = "landing/weather/" }
    error_message = "A pipeline's queue hears of its own folder alone."
  }
  assert {
    condition     = alltrue([for queue in aws_s3_bucket_notification.this.queue : queue.events == toset(["s3:ObjectCreated:*"])])
    error_message = "A file counts however it came: put, copied, renamed or in parts."
  }
  assert {
    condition     = { for pipeline, function in aws_lambda_function.this : pipeline => function.environment[0].variables.HEADRACE_LANDING_PREFIX } == { flights = "landing/flights/", weather = "landing/weather/" }
    error_message = "A function looks for sources in the folder that its queue hears of."
  }
}

run "a_function_finds_its_pipeline" {
  assert {
    condition = aws_lambda_function.this["flights"].environment[0].variables == tomap({
      HEADRACE_PIPELINE         = "headrace_local.pipelines:flights"
      HEADRACE_STREAM           = "headrace-dev-flights"
      HEADRACE_RAW_BUCKET       = "raw-bucket"
      HEADRACE_PROCESSED_BUCKET = "processed-bucket"
      HEADRACE_CURATED_BUCKET   = "curated-bucket"
      HEADRACE_LOG_TABLE        = "headrace-dev-log"
      HEADRACE_LANDING_PREFIX   = "landing/flights/"
    })
    error_message = "The environment says pipeline, stream, buckets, table and folder."
  }
  assert {
    condition = (
      aws_lambda_function.this["flights"].package_type == "Image"
      && aws_lambda_function.this["flights"].image_uri == var.image
      && aws_lambda_function.this["flights"].image_config[0].command == tolist(["headrace_batch.landing.handler.handler"])
    )
    error_message = "The image's handler is the package's own."
  }
  assert {
    condition     = aws_lambda_function.this["flights"].kms_key_arn == var.key_arns.operations
    error_message = "The environment is encrypted with a key of ours."
  }
  assert {
    condition = (
      aws_lambda_function.this["flights"].vpc_config[0].subnet_ids == toset(var.subnet_ids)
      && aws_lambda_function.this["flights"].vpc_config[0].security_group_ids == toset(["sg-landing"])
    )
    error_message = "The function runs in private subnets, in its own security group."
  }
  assert {
    condition     = aws_lambda_function.this["flights"].logging_config[0].log_group == "/headrace/dev/landing"
    error_message = "The function writes to the log group that is kept and encrypted."
  }
}

run "a_message_is_neither_lost_nor_tried_twice_at_once" {
  assert {
    condition     = alltrue([for pipeline, queue in aws_sqs_queue.this : queue.visibility_timeout_seconds >= 6 * aws_lambda_function.this[pipeline].timeout])
    error_message = "A message is hidden for at least six times the function's timeout."
  }
  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.this : mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.batch_size == 1])
    error_message = "A message fails alone."
  }
  assert {
    condition = alltrue([
      for pipeline, mapping in aws_lambda_event_source_mapping.this :
      mapping.scaling_config[0].maximum_concurrency <= aws_lambda_function.this[pipeline].reserved_concurrent_executions
    ])
    error_message = "The queue never asks for more than is reserved: what is throttled counts as tried."
  }
  assert {
    condition = alltrue([
      for queue in aws_sqs_queue.this : jsondecode(queue.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead", maxReceiveCount = 5 }
    ])
    error_message = "What fails five times goes to the queue for dead letters."
  }
  assert {
    condition     = alltrue([for pipeline, queue in aws_sqs_queue.dead : queue.message_retention_seconds == 1209600 && aws_sqs_queue.this[pipeline].message_retention_seconds == 345600])
    error_message = "Dead letters are kept for 14 days; their age counts from the first sending, which is at most four before."
  }
}

run "queues_are_encrypted_and_hear_of_one_bucket" {
  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead)) : queue.kms_master_key_id == var.key_arns.operations])
    error_message = "Queues are encrypted with a key of ours."
  }
  assert {
    condition = alltrue([
      for policy in concat(values(aws_sqs_queue_policy.this), values(aws_sqs_queue_policy.dead)) :
      anytrue([
        for statement in jsondecode(policy.policy).Statement :
        statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "sqs:*" && statement.Condition == { Bool = { "aws:SecureTransport" = "false" } }
      ])
    ])
    error_message = "Queues answer nobody without TLS."
  }
  assert {
    condition = [for statement in jsondecode(aws_sqs_queue_policy.this["flights"].policy).Statement : statement if statement.Effect == "Allow"] == [{
      Sid       = "BucketAnnounces"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:us-east-1:000000000000:files"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::inbox" }
        StringEquals = { "aws:SourceAccount" = "000000000000" }
      }
    }]
    error_message = "S3 alone may send, of this bucket in this account."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead["flights"].redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:us-east-1:000000000000:files"] }
    error_message = "Dead letters come from their own queue alone."
  }
}

run "the_functions_role_reaches_its_own_pipeline_alone" {
  assert {
    condition = alltrue([
      for role in concat(values(aws_iam_role.function), values(aws_iam_role.partner), aws_iam_role.cleaner) : role.permissions_boundary == "arn:aws:iam::000000000000:policy/headrace-dev-boundary"
    ])
    error_message = "Each role has the boundary of the platform's roles."
  }
  assert {
    condition = alltrue([
      for sid, resource in { Queue = "arn:aws:sqs:us-east-1:000000000000:files", LandingObjects = "arn:aws:s3:::inbox/landing/flights/*", Stream = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-flights" } :
      [for statement in jsondecode(aws_iam_role_policy.function["flights"].policy).Statement : statement.Resource if statement.Sid == sid] == [[resource]]
    ])
    error_message = "The function has its pipeline's queue, folder and stream."
  }
  assert {
    condition = alltrue([
      for sid, zone in { RawKey = "raw", ProcessedKey = "processed", CuratedKey = "curated", LandingKey = "landing", StreamKey = "stream", OperationsKey = "operations" } :
      [for statement in jsondecode(aws_iam_role_policy.function["flights"].policy).Statement : statement.Resource if statement.Sid == sid] == [[var.key_arns[zone]]]
    ])
    error_message = "Each zone's key is its own."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.function["flights"].policy).Statement : statement.Resource != ["*"] || statement.Sid == "NetworkInterfaces"
    ])
    error_message = "All but network interfaces, which have no name before they are there, is named."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.function["flights"].policy).Statement : statement.Condition if statement.Sid == "NetworkInterfaces"
    ] == [{ Null = { "lambda:SourceFunctionArn" = "true" } }]
    error_message = "Lambda makes network interfaces; the function's own code does not."
  }
}

run "sftp_is_private" {
  assert {
    condition     = aws_transfer_server.this[0].endpoint_type == "VPC" && aws_transfer_server.this[0].endpoint_details[0].address_allocation_ids == null
    error_message = "The server is reached within the VPC alone."
  }
  assert {
    condition = (
      aws_transfer_server.this[0].endpoint_details[0].vpc_id == "vpc-1"
      && aws_transfer_server.this[0].endpoint_details[0].subnet_ids == toset(var.subnet_ids)
      && aws_transfer_server.this[0].endpoint_details[0].security_group_ids == toset(["sg-sftp"])
    )
    error_message = "The server stands in private subnets, in its own security group."
  }
  assert {
    condition     = aws_transfer_server.this[0].protocols == toset(["SFTP"]) && aws_transfer_server.this[0].identity_provider_type == "SERVICE_MANAGED"
    error_message = "The server speaks SFTP alone, and knows its users by their keys."
  }
  assert {
    condition     = aws_transfer_server.this[0].security_policy_name == "TransferSecurityPolicy-2025-03"
    error_message = "The server offers no old ciphers."
  }
  assert {
    condition     = aws_transfer_server.this[0].structured_log_destinations == toset(["arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/sftp:*"])
    error_message = "What users do is logged."
  }
  assert {
    condition     = aws_transfer_server.this[0].workflow_details[0].on_partial_upload[0].workflow_id == "w-00000000000000000" && aws_transfer_workflow.broken_upload[0].steps[0].type == "DELETE" && alltrue([for queue in aws_sqs_queue.this : queue.delay_seconds >= 60])
    error_message = "What a broken upload left is deleted before it is read."
  }
}

run "a_partner_sees_its_own_folder" {
  assert {
    condition = jsondecode(aws_iam_role.partner["airport_office"].assume_role_policy).Statement[0].Condition == {
      ArnLike      = { "aws:SourceArn" = "arn:aws:transfer:us-east-1:000000000000:user/s-00000000000000000/*" }
      StringEquals = { "aws:SourceAccount" = "000000000000" }
    }
    error_message = "A partner's role is taken for users of this server alone."
  }
  assert {
    condition = alltrue([
      for policy in concat(values(aws_iam_role_policy.partner), aws_iam_role_policy.cleaner) :
      [for statement in jsondecode(policy.policy).Statement : statement.Condition if statement.Sid == "UseKey"] == [{ StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" } }]
    ])
    error_message = "The landing key is used by way of S3 alone."
  }
  assert {
    condition = { for user, partner in aws_transfer_user.this : user => one(partner.home_directory_mappings).target } == {
      airport_office = "/inbox/landing/flights/airports"
      met_office     = "/inbox/landing/weather/weather"
    }
    error_message = "A partner's root is the folder of its source."
  }
  assert {
    condition     = alltrue([for partner in aws_transfer_user.this : partner.home_directory_type == "LOGICAL"])
    error_message = "A partner sees nothing above its root."
  }
  assert {
    condition     = { for user, home in aws_s3_object.home : user => home.key } == { airport_office = "landing/flights/airports/", met_office = "landing/weather/weather/" }
    error_message = "A partner's folder is there before its first file."
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.partner["airport_office"].policy).Statement : statement.Sid => statement.Resource } == {
      ListFolder  = ["arn:aws:s3:::inbox"]
      WriteFolder = ["arn:aws:s3:::inbox/landing/flights/airports/*"]
      UseKey      = ["arn:aws:kms:us-east-1:000000000000:key/landing"]
    }
    error_message = "A partner's role reaches its own folder."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.partner["airport_office"].policy).Statement : statement.Condition if statement.Sid == "ListFolder"
    ] == [{ StringLike = { "s3:prefix" = ["landing/flights/airports", "landing/flights/airports/*"] } }]
    error_message = "A partner lists its own folder."
  }
  assert {
    condition = toset([for key in aws_transfer_ssh_key.this : "${key.user_name} ${key.body}"]) == toset([
      "airport_office ssh-ed25519 first", "airport_office ssh-ed25519 second", "met_office ssh-ed25519 third",
    ])
    error_message = "Each key is its own partner's."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.cleaner[0].policy).Statement[1].Resource == ["arn:aws:s3:::inbox/landing/flights/airports/*", "arn:aws:s3:::inbox/landing/weather/weather/*"]
    error_message = "Broken uploads are deleted in partners' folders alone."
  }
}

run "without_partners_there_is_no_server" {
  variables {
    partners = {}
  }

  assert {
    condition     = length(aws_transfer_server.this) + length(aws_transfer_workflow.broken_upload) + length(aws_iam_role.cleaner) == 0 && output.sftp_endpoint == null && output.sftp_host_key_fingerprint == null
    error_message = "A server that nobody uses is not paid for."
  }
  assert {
    condition     = length(aws_lambda_function.this) == 2
    error_message = "Files land by S3 all the same."
  }
}

run "a_partner_of_an_unknown_pipeline_is_refused" {
  command = plan

  variables {
    partners = { airport_office = { pipeline = "flight", source = "airports", public_keys = ["ssh-ed25519 first"] } }
  }

  expect_failures = [var.partners]
}

run "a_partner_without_a_key_is_refused" {
  command = plan

  variables {
    partners = { airport_office = { pipeline = "flights", source = "airports", public_keys = [] } }
  }

  expect_failures = [var.partners]
}

run "a_folder_that_is_no_source_is_refused" {
  command = plan

  variables {
    partners = { airport_office = { pipeline = "flights", source = "../weather", public_keys = ["ssh-ed25519 first"] } }
  }

  expect_failures = [var.partners]
}
