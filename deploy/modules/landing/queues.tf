locals {
  day_s = 24 * 60 * 60

  only_tls = {
    Sid       = "OnlyTls"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

resource "aws_sqs_queue" "this" {
  for_each = var.pipelines

  name              = module.names.of_pipeline[each.key].landing_queue
  kms_master_key_id = var.key_arns.operations
  # What an upload that broke off left is gone before anybody looks.
  delay_seconds              = 120
  visibility_timeout_seconds = 6 * local.timeout_s
  # A dead letter's age counts from its first sending, so this is well below the other queue's.
  message_retention_seconds = 4 * local.day_s

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead" {
  for_each = var.pipelines

  name                      = module.names.of_pipeline[each.key].landing_dead_queue
  kms_master_key_id         = var.key_arns.operations
  message_retention_seconds = 14 * local.day_s
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each = var.pipelines

  queue_url = aws_sqs_queue.dead[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this[each.key].arn]
  })
}

resource "aws_sqs_queue_policy" "this" {
  for_each = var.pipelines

  queue_url = aws_sqs_queue.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "BucketAnnounces"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.this[each.key].arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = var.bucket_arn }
          StringEquals = { "aws:SourceAccount" = module.names.account_id }
        }
      },
      merge(local.only_tls, { Resource = aws_sqs_queue.this[each.key].arn }),
    ]
  })
}

resource "aws_sqs_queue_policy" "dead" {
  for_each = var.pipelines

  queue_url = aws_sqs_queue.dead[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.only_tls, { Resource = aws_sqs_queue.dead[each.key].arn })]
  })
}

resource "aws_s3_bucket_notification" "this" {
  bucket = var.bucket_name

  dynamic "queue" {
    for_each = local.folder

    content {
      id            = queue.key
      queue_arn     = aws_sqs_queue.this[queue.key].arn
      events        = ["s3:ObjectCreated:*"]
      filter_prefix = queue.value
    }
  }

  depends_on = [aws_sqs_queue_policy.this]
}
