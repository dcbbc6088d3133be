locals {
  # Never sooner: an upload that is not completed may be data that the log has committed.
  upload_days = 14
  # Below this a stay in the cheaper class, billed for 30 days at least, saves nothing.
  worth_moving_days = 90

  # The product itself deletes records and rows, for it alone knows which the log still names. What is expired here, no
  # commit names: the archive, copies of files that landed, what partners handed in, logs.
  expired_after_days = {
    raw     = { "firehose/" = var.raw_retention_days, "landed/" = var.raw_retention_days, "refused/" = var.raw_retention_days }
    landing = { "" = var.raw_retention_days } # a file handed to Spark has no other copy until it has landed
    curated = { "athena-results/" = 7 }
    logs    = { "" = var.log_retention_days }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "zone" {
  for_each = local.zones

  bucket = aws_s3_bucket.zone[each.key].bucket

  rule {
    id     = "uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = local.upload_days
    }
  }

  rule {
    id     = "versions"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = try(local.expired_after_days[each.key], {})

    content {
      id     = "expire-${trimsuffix(coalesce(rule.key, "all"), "/")}"
      status = "Enabled"

      # What is empty marks a folder, which SFTP's mappings need.
      # S3 takes `and` for two conditions or more alone.
      filter {
        object_size_greater_than = rule.key == "" ? 0 : null

        dynamic "and" {
          for_each = rule.key == "" ? [] : [rule.key]

          content {
            prefix                   = and.value
            object_size_greater_than = 0
          }
        }
      }

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "raw" && var.raw_retention_days >= local.worth_moving_days ? ["seldom-read"] : []

    content {
      id     = rule.value
      status = "Enabled"

      filter {
        prefix = ""
      }

      transition {
        days          = 30
        storage_class = "STANDARD_IA"
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.zone]
}
