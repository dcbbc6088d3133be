module "names" {
  source      = "../names"
  environment = var.environment
}

locals {
  zones = {
    raw       = "Records of streams"
    processed = "Rows of events, dead letters and late events"
    curated   = "Windows and other results"
  }
}

resource "aws_glue_catalog_database" "this" {
  for_each = local.zones

  name        = "${module.names.of.catalog_prefix}_${each.key}"
  description = "${each.value}, as Headrace's pipelines write them"
}

resource "aws_glue_data_catalog_encryption_settings" "this" {
  data_catalog_encryption_settings {
    encryption_at_rest {
      catalog_encryption_mode = "SSE-KMS"
      sse_aws_kms_key_id      = var.key_arns.operations
    }

    connection_password_encryption {
      return_connection_password_encrypted = true
      aws_kms_key_id                       = var.key_arns.operations
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name          = module.names.of.workgroup
  description   = "Queries of the lake: results encrypted, reading limited"
  force_destroy = false

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.scan_limit_bytes
    requester_pays_enabled             = false

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${var.bucket_names.curated}/athena-results/"
      expected_bucket_owner = module.names.account_id

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.key_arns.curated
      }
    }
  }
}
