module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = keys(var.pipelines)
}

locals {
  parts = toset([
    "worker", "windows", "loader", "dbt", "batch", "landing", "firehose", "sftp", "warehouse", "network", "metrics",
  ])

  # What the collector sends is in CloudWatch as metrics within seconds: the lines serve nobody but who mends it.
  metric_lines_retention_days = 7
}

resource "aws_cloudwatch_log_group" "parts" {
  for_each = local.parts

  name              = replace(module.names.patterns.log_group, "{part}", each.key)
  retention_in_days = each.key == "metrics" ? local.metric_lines_retention_days : var.retention_days
  kms_key_id        = var.key_arn
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  for_each = { for metric in local.log_metrics : metric.name => metric }

  name           = each.key
  log_group_name = aws_cloudwatch_log_group.parts[each.value.part].name
  pattern        = each.value.pattern

  metric_transformation {
    namespace     = "Headrace/Logs"
    name          = each.key
    value         = "1"
    default_value = "0"
  }
}
