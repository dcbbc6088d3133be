resource "aws_sns_topic" "alarms" {
  for_each = toset(["page", "ticket"])

  name              = replace(module.names.patterns.topic, "{severity}", each.key)
  kms_master_key_id = var.key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  for_each = aws_sns_topic.alarms

  arn = each.value.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = each.value.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "AlarmsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = each.value.arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = module.names.account_id }
          ArnLike      = { "aws:SourceArn" = "${local.alarm_arn_prefix}*" }
        }
      },
      ], [for sid in ["FailedDeployments"] : {
        # EventBridge asks a topic without a condition's context: with one, it drops every message.
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
        Sid       = sid
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = each.value.arn
    } if each.key == "page"])
  })
}

resource "aws_sns_topic_subscription" "emails" {
  for_each = merge([
    for severity, addresses in var.emails : {
      for address in addresses : "${severity} ${address}" => { severity = severity, address = address }
    }
  ]...)

  topic_arn = aws_sns_topic.alarms[each.value.severity].arn
  protocol  = "email"
  endpoint  = each.value.address
}
