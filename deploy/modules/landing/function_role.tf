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
    keys              = [for zone in ["raw", "processed", "curated", "landing", "stream"] : var.key_arns[zone]]
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

locals {
  interfaces = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"]
  account    = "${module.names.region}:${module.names.account_id}"
}

# What Lambda itself does in the function's name, before and beside its code. The code may not: network interfaces are
# denied to calls that come out of the function.
resource "aws_iam_role_policy" "runtime" {
  for_each = var.pipelines

  name = "runtime"
  role = aws_iam_role.function[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "TakeMessages"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = [aws_sqs_queue.this[each.key].arn]
      },
      {
        Sid      = "DecryptMessagesAndEnvironment"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.key_arns.operations]
      },
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${var.log_group_arns.landing}:*"]
      },
      {
        Sid      = "JoinNetwork"
        Effect   = "Allow"
        Action   = local.interfaces
        Resource = ["arn:${module.names.partition}:ec2:${local.account}:*/*"]
      },
      {
        Sid      = "SeeNetwork"
        Effect   = "Allow"
        Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
        Resource = ["*"]
      },
      {
        Sid      = "NotByCode"
        Effect   = "Deny"
        Action   = concat(local.interfaces, ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"])
        Resource = ["*"]
        Condition = {
          ArnEquals = {
            "lambda:SourceFunctionArn" = "arn:${module.names.partition}:lambda:${local.account}:function:${module.names.of_pipeline[each.key].landing}"
          }
        }
      },
    ]
  })
}
