module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = keys(var.pipelines)
}

resource "aws_cloudwatch_log_stream" "this" {
  for_each = var.pipelines

  name           = module.names.of_pipeline[each.key].firehose
  log_group_name = var.log_group_name
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  for_each = var.pipelines

  name        = module.names.of_pipeline[each.key].firehose
  destination = "extended_s3"

  kinesis_source_configuration {
    kinesis_stream_arn = var.stream_arns[each.key]
    role_arn           = aws_iam_role.this[each.key].arn
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.this[each.key].arn
    bucket_arn          = var.bucket_arn
    kms_key_arn         = var.key_arns.raw
    prefix              = "firehose/${each.key}/records/arrival_date=!{timestamp:yyyy-MM-dd}/"
    error_output_prefix = "firehose/${each.key}/errors/!{firehose:error-output-type}/arrival_date=!{timestamp:yyyy-MM-dd}/"
    custom_time_zone    = "UTC"
    buffering_size      = 64
    buffering_interval  = 300
    compression_format  = "GZIP"
    s3_backup_mode      = "Disabled"

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = var.log_group_name
      log_stream_name = aws_cloudwatch_log_stream.this[each.key].name
    }

    dynamic "processing_configuration" {
      for_each = var.transform_lambda_arn[*]

      content {
        enabled = true

        processors {
          type = "Lambda"

          parameters {
            parameter_name  = "LambdaArn"
            parameter_value = "${processing_configuration.value}:$LATEST"
          }

          parameters {
            parameter_name  = "RoleArn"
            parameter_value = aws_iam_role.this[each.key].arn
          }
        }
      }
    }
  }

  depends_on = [aws_iam_role_policy.this]
}
