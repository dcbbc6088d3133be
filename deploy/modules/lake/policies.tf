locals {
  arn        = "arn:${module.names.partition}"
  account_id = module.names.account_id
  trail_arn  = "${local.arn}:cloudtrail:${module.names.region}:${local.account_id}:trail/${module.names.of.trail}"

  cleaner_arn = "${local.arn}:iam::${local.account_id}:role/${module.names.of.sftp_cleaner}"

  bucket_arns = { for zone in local.zones : zone => "${local.arn}:s3:::${module.names.of["${zone}_bucket"]}" }
  both        = { for zone, arn in local.bucket_arns : zone => [arn, "${arn}/*"] }

  # A delete leaves a version behind; only lifecycle rules, which no policy binds, take versions out.
  everywhere = {
    for zone in local.zones : zone => concat(
      [
        {
          Sid       = "OnlyTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = local.both[zone]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          Sid       = "NoOldTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = local.both[zone]
          Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
        },
      ],
      [for sid in ["NobodyDeletes"] : merge(
        {
          Sid       = sid
          Effect    = "Deny"
          Principal = "*"
          Action    = ["s3:DeleteBucket", "s3:DeleteObjectVersion"]
          Resource  = local.both[zone]
        },
        # SFTP's workflow takes out the version that an upload left which broke off; as a whole file it would land.
        { for key, but in { Condition = { ArnNotEquals = { "aws:PrincipalArn" = local.cleaner_arn } } } : key => but if zone == "landing" },
      ) if var.protected],
    )
  }

  # Whoever names no encryption gets the bucket's own. Whoever names one must name this key: AES256 and aws:kms without
  # a key name none, so they are denied, too.
  only_this_key = {
    for zone in local.encrypted : zone => [{
      Sid       = "OnlyThisKey"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${local.bucket_arns[zone]}/*"
      Condition = {
        Null         = { "s3:x-amz-server-side-encryption" = "false" }
        ArnNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.key_arns[zone] }
      }
    }]
  }

  deliveries = {
    logs = [
      {
        Sid       = "AccessLogs"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arns["logs"]}/access/*"
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account_id }
          ArnEquals    = { "aws:SourceArn" = [for zone in local.encrypted : local.bucket_arns[zone]] }
        }
      },
      {
        Sid       = "TrailLooks"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = local.bucket_arns["logs"]
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "TrailWrites"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arns["logs"]}/cloudtrail/AWSLogs/${local.account_id}/*"
        Condition = {
          StringEquals = {
            "aws:SourceArn" = local.trail_arn
            "s3:x-amz-acl"  = "bucket-owner-full-control"
          }
        }
      },
    ]
  }
}

resource "aws_s3_bucket_policy" "zone" {
  for_each = local.zones

  bucket = aws_s3_bucket.zone[each.key].bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.everywhere[each.key],
      try(local.only_this_key[each.key], []),
      try(local.deliveries[each.key], []),
    )
  })

  depends_on = [aws_s3_bucket_public_access_block.zone]
}
