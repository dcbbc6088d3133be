module "names" {
  source      = "../names"
  environment = var.environment
}

locals {
  encrypted = toset(["raw", "processed", "curated", "landing"])
  zones     = setunion(local.encrypted, ["logs"])
}

resource "aws_s3_bucket" "zone" {
  for_each = local.zones

  bucket              = module.names.of["${each.key}_bucket"]
  object_lock_enabled = each.key == "raw"
  force_destroy       = !var.protected
}

resource "aws_s3_bucket_versioning" "zone" {
  for_each = local.zones

  bucket = aws_s3_bucket.zone[each.key].bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "zone" {
  for_each = local.zones

  bucket = aws_s3_bucket.zone[each.key].bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "zone" {
  for_each = local.zones

  bucket                  = aws_s3_bucket.zone[each.key].bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# S3 delivers access logs only where SSE-S3 is the default, so that is what logs has; the trail brings its own key.
resource "aws_s3_bucket_server_side_encryption_configuration" "zone" {
  for_each = local.zones

  bucket = aws_s3_bucket.zone[each.key].bucket

  rule {
    bucket_key_enabled       = each.key != "logs"
    blocked_encryption_types = ["SSE-C"]

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "logs" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "logs" ? null : var.key_arns[each.key]
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "raw" {
  bucket = aws_s3_bucket.zone["raw"].bucket

  rule {
    default_retention {
      mode = var.raw_lock_mode
      days = var.raw_retention_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.zone]
}

resource "aws_s3_bucket_logging" "zone" {
  for_each = local.encrypted

  bucket        = aws_s3_bucket.zone[each.key].bucket
  target_bucket = aws_s3_bucket.zone["logs"].bucket
  target_prefix = "access/${each.key}/"

  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "EventTime"
    }
  }

  depends_on = [aws_s3_bucket_policy.zone]
}
