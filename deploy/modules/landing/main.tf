module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = keys(var.pipelines)
}

locals {
  # A bucket has one configuration of notifications, so the folder says whose a file is.
  folder = { for pipeline in keys(var.pipelines) : pipeline => "landing/${pipeline}/" }

  timeout_s   = 300
  concurrency = 5
}

resource "aws_lambda_function" "this" {
  for_each = var.pipelines

  function_name = module.names.of_pipeline[each.key].landing
  description   = "Judges files below ${local.folder[each.key]} and commits their rows"
  role          = aws_iam_role.function[each.key].arn
  package_type  = "Image"
  image_uri     = var.image
  architectures = ["x86_64"]
  timeout       = local.timeout_s
  # A CSV file of 237 MiB took 2 GB; a source's default limit is 1 GiB unpacked, four times that.
  memory_size                    = 8192
  reserved_concurrent_executions = local.concurrency
  kms_key_arn                    = var.key_arns.operations

  image_config {
    command = ["headrace_batch.landing.handler.handler"]
  }

  environment {
    variables = {
      HEADRACE_PIPELINE         = each.value.reference
      HEADRACE_STREAM           = var.stream_names[each.key]
      HEADRACE_RAW_BUCKET       = var.lake_bucket_names.raw
      HEADRACE_PROCESSED_BUCKET = var.lake_bucket_names.processed
      HEADRACE_CURATED_BUCKET   = var.lake_bucket_names.curated
      HEADRACE_LOG_TABLE        = var.log_table_name
      HEADRACE_LANDING_PREFIX   = local.folder[each.key]
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = var.log_group_names.landing
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_ids.landing]
  }

  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = var.pipelines

  event_source_arn = aws_sqs_queue.this[each.key].arn
  function_name    = aws_lambda_function.this[each.key].arn
  # A file that ends the process takes no other with it.
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = local.concurrency
  }
}
