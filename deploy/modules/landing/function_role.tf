module "permissions" {
  source   = "../permissions"
  for_each = var.pipelines

  service = "landing"
  resources = merge(
    { for zone, arn in var.lake_bucket_arns : "${zone}_bucket" => [arn] if contains(local.lake, zone) },
    { for zone, arn in var.lake_bucket_arns : "${zone}_objects" => ["${arn}/*"] if contains(local.lake, zone) },
    { for zone in concat(local.lake, ["landing", "stream", "operations"]) : "${zone}_key" => [var.key_arns[zone]] },
    {
      landing_bucket  = [var.bucket_arn]
      landing_objects = ["${var.bucket_arn}/${local.folder[each.key]}*"]
      stream          = [var.stream_arns[each.key]]
      log_table       = [var.log_table_arn]
      queue           = [aws_sqs_queue.this[each.key].arn]
      log_groups      = ["${var.log_group_arns.landing}:*"]
    },
  )
}

locals {
  lake = ["raw", "processed", "curated"]
}

resource "aws_iam_role" "function" {
  for_each = var.pipelines

  name                 = module.names.of_pipeline[each.key].landing
  permissions_boundary = module.names.boundary_arn
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

# What the code calls, and what Lambda does in its name: messages, logs, network interfaces.
resource "aws_iam_role_policy" "function" {
  for_each = var.pipelines

  name   = "calls"
  role   = aws_iam_role.function[each.key].name
  policy = module.permissions[each.key].json
}
