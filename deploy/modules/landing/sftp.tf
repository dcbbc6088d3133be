resource "aws_transfer_server" "this" {
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

  protocol_details {
    set_stat_option = "ENABLE_NO_OP"
  }

  s3_storage_options {
    directory_listing_optimization = "ENABLED"
  }
}

resource "aws_transfer_user" "this" {
  for_each = var.partners

  server_id           = aws_transfer_server.this.id
  user_name           = each.key
  role                = aws_iam_role.partner[each.key].arn
  home_directory_type = "LOGICAL"

  home_directory_mappings {
    entry  = "/"
    target = "/${var.bucket_name}/${local.folder[each.value.pipeline]}${each.value.source}"
  }
}

locals {
  public_keys = merge([
    for user, partner in var.partners : {
      for name, body in partner.public_keys : "${user}/${name}" => { user = user, body = body }
    }
  ]...)
}

resource "aws_transfer_ssh_key" "this" {
  for_each = local.public_keys

  server_id = aws_transfer_server.this.id
  user_name = aws_transfer_user.this[each.value.user].user_name
  body      = each.value.body
}
