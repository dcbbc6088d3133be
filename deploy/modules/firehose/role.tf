locals {
  log_group_arn = "arn:${module.names.partition}:logs:${module.names.region}:${module.names.account_id}:log-group:${var.log_group_name}"

  transform = [for arn in var.transform_lambda_arn[*] : {
    Sid      = "Transform"
    Effect   = "Allow"
    Action   = ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"]
    Resource = ["${arn}:$LATEST"]
  }]
}

resource "aws_iam_role" "this" {
  for_each = var.pipelines

  name                 = module.names.of_pipeline[each.key].firehose
  permissions_boundary = module.names.boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Firehose"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "firehose.amazonaws.com" }
      Condition = { StringEquals = { "sts:ExternalId" = module.names.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = var.pipelines

  name = "archive"
  role = aws_iam_role.this[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadStream"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
        Resource = [var.stream_arns[each.key]]
      },
      {
        Sid      = "DecryptStream"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.key_arns.stream]
        Condition = {
          StringEquals = { "kms:ViaService" = "kinesis.${module.names.region}.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:aws:kinesis:arn" = var.stream_arns[each.key] }
        }
      },
      {
        Sid      = "FindBucket"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = [var.bucket_arn]
      },
      {
        Sid      = "WriteArchive"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = ["${var.bucket_arn}/firehose/${each.key}/*"]
      },
      {
        Sid      = "EncryptArchive"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.key_arns.raw]
        Condition = {
          StringEquals = { "kms:ViaService" = "s3.${module.names.region}.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:aws:s3:arn" = [var.bucket_arn, "${var.bucket_arn}/firehose/${each.key}/*"] }
        }
      },
      {
        Sid      = "TellErrors"
        Effect   = "Allow"
        Action   = ["logs:PutLogEvents"]
        Resource = ["${local.log_group_arn}:log-stream:${aws_cloudwatch_log_stream.this[each.key].name}"]
      },
    ], local.transform)
  })
}
