locals {
  arn        = "arn:${module.names.partition}"
  account_id = module.names.account_id
  region     = module.names.region
  ours       = { "aws:SourceAccount" = local.account_id }

  # Who may use a key says IAM, by the role; only what an AWS service does in its own name stands here.
  everywhere = concat(
    [{
      Sid       = "AccountDelegatesToIam"
      Effect    = "Allow"
      Principal = { AWS = "${local.arn}:iam::${local.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }],
    [for sid in ["NobodyDeletes"] : {
      Sid       = sid
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = ["kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:DisableKeyRotation"]
      Resource  = "*"
    } if var.protected],
  )

  trail_arn = "${local.arn}:cloudtrail:${local.region}:${local.account_id}:trail/${module.names.of.trail}"

  # The warehouse's are named by Redshift.
  log_groups = [replace(module.names.patterns.log_group, "{part}", "*"), "/aws/redshift/${module.names.of.warehouse}/*"]

  cluster = {
    "kms:EncryptionContext:aws:ecs:clusterAccount" = local.account_id
    "kms:EncryptionContext:aws:ecs:clusterName"    = module.names.of.cluster
  }

  services = {
    logs = [
      {
        Sid       = "TrailEncrypts"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "kms:GenerateDataKey*"
        Resource  = "*"
        Condition = {
          StringEquals = { "aws:SourceArn" = local.trail_arn }
          StringLike   = { "kms:EncryptionContext:aws:cloudtrail:arn" = "${local.arn}:cloudtrail:*:${local.account_id}:trail/*" }
        }
      },
      {
        Sid       = "TrailDescribes"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "kms:DescribeKey"
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
    ]
    operations = [
      {
        Sid       = "LogGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          StringLike = { "kms:EncryptionContext:aws:logs:arn" = [for group in local.log_groups : "${local.arn}:logs:${local.region}:${local.account_id}:log-group:${group}"] }
        }
      },
      {
        Sid       = "AlarmsToTopics"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:GenerateDataKey*", "kms:Decrypt"]
        Resource  = "*"
        Condition = {
          StringEquals = local.ours
          ArnLike      = { "aws:SourceArn" = "${local.arn}:cloudwatch:${local.region}:${local.account_id}:alarm:${replace(module.names.patterns.alarm, "{alarm}", "*")}" }
        }
      },
      # Of EventBridge, SNS passes on neither account nor rule: a condition on these would drop every message.
      # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
      {
        Sid       = "EventsToTopics"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:GenerateDataKey*", "kms:Decrypt"]
        Resource  = "*"
        Condition = {
          StringLike = { "kms:EncryptionContext:aws:sns:topicArn" = "${local.arn}:sns:${local.region}:${local.account_id}:${replace(module.names.patterns.topic, "{severity}", "*")}" }
        }
      },
      # State machines are encrypted, and so is what they log on its way; this context is the one that they encrypt under:
      # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
      {
        Sid       = "LogsOfStateMachines"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = "kms:Decrypt"
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:SourceArn" = "${local.arn}:logs:${local.region}:${local.account_id}:*" } }
      },
      {
        Sid       = "LandedFilesToQueues"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = ["kms:GenerateDataKey*", "kms:Decrypt"]
        Resource  = "*"
        Condition = {
          StringEquals = local.ours
          ArnEquals    = { "aws:SourceArn" = "${local.arn}:s3:::${module.names.of.landing_bucket}" }
        }
      },
      {
        Sid       = "TasksEncryptDisks"
        Effect    = "Allow"
        Principal = { Service = "fargate.amazonaws.com" }
        Action    = "kms:GenerateDataKeyWithoutPlaintext"
        Resource  = "*"
        Condition = { StringEquals = local.cluster }
      },
      {
        Sid       = "TasksReadDisks"
        Effect    = "Allow"
        Principal = { Service = "fargate.amazonaws.com" }
        Action    = "kms:CreateGrant"
        Resource  = "*"
        Condition = {
          StringEquals                = local.cluster
          "ForAllValues:StringEquals" = { "kms:GrantOperations" = ["Decrypt"] }
        }
      },
    ]
  }
}
