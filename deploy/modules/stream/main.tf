module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = keys(var.pipelines)
}

resource "aws_kinesis_stream" "this" {
  for_each = var.pipelines

  name                      = module.names.of_pipeline[each.key].stream
  shard_count               = each.value.provisioned_shards
  retention_period          = var.retention_hours
  encryption_type           = "KMS"
  kms_key_id                = var.key_arn
  enforce_consumer_deletion = false
  # No alarm can follow shards, whose ids change: dashboards search these, and say which shard it is.
  shard_level_metrics = ["IncomingBytes", "IteratorAgeMilliseconds", "WriteProvisionedThroughputExceeded"]

  stream_mode_details {
    stream_mode = each.value.provisioned_shards == null ? "ON_DEMAND" : "PROVISIONED"
  }
}

resource "aws_dynamodb_table" "log" {
  name                        = module.names.of.log_table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.protected

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = 35
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.key_arn
  }
}

resource "aws_dynamodb_resource_policy" "log" {
  resource_arn = aws_dynamodb_table.log.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "dynamodb:*"
      Resource  = aws_dynamodb_table.log.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
