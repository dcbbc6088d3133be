module "names" {
  source      = "../names"
  environment = var.environment
}

locals {
  table_arn = "arn:${module.names.partition}:dynamodb:${module.names.region}:${module.names.account_id}:table/${module.names.of.log_table}"
}

resource "aws_cloudtrail" "account" {
  name                          = module.names.of.trail
  s3_bucket_name                = var.bucket_names["logs"]
  s3_key_prefix                 = "cloudtrail"
  kms_key_id                    = var.key_arns["logs"]
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  enable_logging                = true

  advanced_event_selector {
    name = "Management events"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  # The logs bucket is left out: what is delivered there would be told there again.
  advanced_event_selector {
    name = "Objects of the lake"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
    field_selector {
      field       = "resources.ARN"
      starts_with = [for zone in ["raw", "processed", "curated", "landing"] : "${var.bucket_arns[zone]}/"]
    }
  }

  # Who writes to the log decides what is committed. Reads are many, and of the same few roles.
  advanced_event_selector {
    name = "Writes to the commit log"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::DynamoDB::Table"]
    }
    field_selector {
      field  = "readOnly"
      equals = ["false"]
    }
    field_selector {
      field  = "resources.ARN"
      equals = [local.table_arn]
    }
  }
}
