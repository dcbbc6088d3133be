locals {
  # A server costs by the hour, whether or not somebody sends.
  has_sftp    = length(var.partners) > 0
  home        = { for user, partner in var.partners : user => "${local.folder[partner.pipeline]}${partner.source}" }
  public_keys = merge([for user, partner in var.partners : { for body in partner.public_keys : "${user} ${sha256(body)}" => { user = user, body = body } }]...)
}

resource "aws_transfer_server" "this" {
  count = local.has_sftp ? 1 : 0

  domain                      = "S3"
  protocols                   = ["SFTP"]
  identity_provider_type      = "SERVICE_MANAGED"
  endpoint_type               = "VPC"
  security_policy_name        = "TransferSecurityPolicy-2025-03"
  structured_log_destinations = ["${var.log_group_arns.sftp}:*"]

  endpoint_details {
    vpc_id             = var.vpc_id
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_ids.sftp]
  }

  # Clients that set times and modes of what they sent would be told of an error.
  protocol_details {
    set_stat_option = "ENABLE_NO_OP"
  }

  s3_storage_options {
    directory_listing_optimization = "ENABLED"
  }

  workflow_details {
    on_partial_upload {
      execution_role = aws_iam_role.cleaner[0].arn
      workflow_id    = aws_transfer_workflow.broken_upload[0].id
    }
  }
}

resource "aws_transfer_user" "this" {
  for_each = var.partners

  server_id           = aws_transfer_server.this[0].id
  user_name           = each.key
  role                = aws_iam_role.partner[each.key].arn
  home_directory_type = "LOGICAL"

  home_directory_mappings {
    entry  = "/"
    target = "/${var.bucket_name}/${local.home[each.key]}"
  }
}

resource "aws_transfer_ssh_key" "this" {
  for_each = local.public_keys

  server_id = aws_transfer_server.this[0].id
  user_name = aws_transfer_user.this[each.value.user].user_name
  body      = each.value.body
}

# A mapping whose folder is not there would be ignored. The function passes a folder's mark by.
resource "aws_s3_object" "home" {
  for_each = var.partners

  bucket  = var.bucket_name
  key     = "${local.home[each.key]}/"
  content = ""
}

# What a session left that broke off could be read as a whole file, where it ends with a row.
resource "aws_transfer_workflow" "broken_upload" {
  count = local.has_sftp ? 1 : 0

  description = "Deletes what an upload left that broke off"

  steps {
    type = "DELETE"

    delete_step_details {
      name                 = "delete"
      source_file_location = "$${original.file}"
    }
  }
}
