resource "aws_iam_role" "partner" {
  for_each = var.partners

  name = replace(module.names.patterns.partner, "{user}", each.key)
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Transfer"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "transfer.amazonaws.com" }
      Condition = {
        ArnLike      = { "aws:SourceArn" = "arn:${module.names.partition}:transfer:${module.names.region}:${module.names.account_id}:user/${aws_transfer_server.this.id}/${each.key}" }
        StringEquals = { "aws:SourceAccount" = module.names.account_id }
      }
    }]
  })
}

locals {
  partner_folder = { for user, partner in var.partners : user => "${local.folder[partner.pipeline]}${partner.source}" }
}

resource "aws_iam_role_policy" "partner" {
  for_each = var.partners

  name = "folder"
  role = aws_iam_role.partner[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ListFolder"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [var.bucket_arn]
        Condition = { StringLike = { "s3:prefix" = [local.partner_folder[each.key], "${local.partner_folder[each.key]}/*"] } }
      },
      {
        Sid      = "WriteFolder"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${var.bucket_arn}/${local.partner_folder[each.key]}/*"]
      },
      {
        Sid       = "UseKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [var.key_arns.landing]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${module.names.region}.amazonaws.com" } }
      },
    ]
  })
}
