locals {
  # Never sooner: an upload that is not completed may be data that the log has committed.
  upload_days = 14
  # Below this a stay in the cheaper class, billed for 30 days at least, saves nothing.
  worth_moving_days = 90

  # The product itself deletes records, rows and letters, by the log. What a rule here expires, no commit names.
  expires = {
    raw     = { firehose = { prefix = "firehose/", days = var.raw_retention_days } }
    landing = { inbox = { prefix = "", days = 30 } }
    logs    = { all = { prefix = "", days = var.log_retention_days } }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "zone" {
  for_each = local.zones

  bucket = aws_s3_bucket.zone[each.key].id

  rule {
    id     = "uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = local.upload_days
    }
  }

  rule {
    id     = "versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = try(local.expires[each.key], {})

    content {
      id     = "expire-${rule.key}"
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      expiration {
        days = rule.value.days
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "raw" && var.raw_retention_days >= local.worth_moving_days ? ["seldom-read"] : []

    content {
      id     = rule.value
      status = "Enabled"
      filter {}

      transition {
        days          = 30
        storage_class = "STANDARD_IA"
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.zone]
}
