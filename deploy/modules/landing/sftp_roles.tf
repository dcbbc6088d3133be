locals {
  transfer = "arn:${module.names.partition}:transfer:${module.names.region}:${module.names.account_id}"
  via_s3   = { StringEquals = { "kms:ViaService" = "s3.${module.names.region}.amazonaws.com" } }
}

resource "aws_iam_role" "partner" {
  for_each = var.partners

  name                 = replace(module.names.patterns.partner, "{user}", each.key)
  permissions_boundary = module.names.boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Transfer"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "transfer.amazonaws.com" }
      Condition = {
        ArnLike      = { "aws:SourceArn" = "${local.transfer}:user/${aws_transfer_server.this[0].id}/*" }
        StringEquals = { "aws:SourceAccount" = module.names.account_id }
      }
    }]
  })
}

# Renaming is copying and deleting, so a partner may do all three in its own folder.
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
        Condition = { StringLike = { "s3:prefix" = [local.home[each.key], "${local.home[each.key]}/*"] } }
      },
      {
        Sid      = "WriteFolder"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${var.bucket_arn}/${local.home[each.key]}/*"]
      },
      {
        Sid       = "UseKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [var.key_arns.landing]
        Condition = local.via_s3
      },
    ]
  })
}

resource "aws_iam_role" "cleaner" {
  count = local.has_sftp ? 1 : 0

  name                 = module.names.of.sftp_cleaner
  permissions_boundary = module.names.boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Transfer"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "transfer.amazonaws.com" }
      Condition = {
        ArnLike      = { "aws:SourceArn" = "${local.transfer}:workflow/*" }
        StringEquals = { "aws:SourceAccount" = module.names.account_id }
      }
    }]
  })
}

resource "aws_iam_role_policy" "cleaner" {
  count = local.has_sftp ? 1 : 0

  name = "delete"
  role = aws_iam_role.cleaner[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindFile"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [var.bucket_arn]
      },
      {
        Sid      = "DeleteFile"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion"]
        Resource = [for folder in values(local.home) : "${var.bucket_arn}/${folder}/*"]
      },
      {
        Sid       = "UseKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [var.key_arns.landing]
        Condition = local.via_s3
      },
    ]
  })
}
