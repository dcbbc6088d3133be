# What the function's code calls.
module "permissions" {
  source   = "../permissions"
  for_each = var.pipelines

  service = "landing"
  resources = {
    stream            = [var.stream_arns[each.key]]
    log_table         = [var.log_table_arn]
    raw_bucket        = [var.lake_bucket_arns.raw]
    raw_objects       = ["${var.lake_bucket_arns.raw}/*"]
    processed_bucket  = [var.lake_bucket_arns.processed]
    processed_objects = ["${var.lake_bucket_arns.processed}/*"]
    curated_bucket    = [var.lake_bucket_arns.curated]
    curated_objects   = ["${var.lake_bucket_arns.curated}/*"]
    landing_bucket    = [var.bucket_arn]
    landing_objects   = ["${var.bucket_arn}/${local.folder[each.key]}*"]
    stream_key        = [var.key_arns.stream]
    raw_key           = [var.key_arns.raw]
    processed_key     = [var.key_arns.processed]
    curated_key       = [var.key_arns.curated]
    landing_key       = [var.key_arns.landing]
    operations_key    = [var.key_arns.operations]
    queue             = [aws_sqs_queue.this[each.key].arn]
    log_groups        = ["${var.log_group_arns.landing}:*"]
  }
}

resource "aws_iam_role" "function" {
  for_each = var.pipelines

  name = module.names.of_pipeline[each.key].landing
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Lambda"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "calls" {
  for_each = var.pipelines

  name   = "calls"
  role   = aws_iam_role.function[each.key].name
  policy = module.permissions[each.key].json
}
