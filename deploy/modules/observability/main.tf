module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = keys(var.pipelines)
}

locals {
  parts = toset(["worker", "windows", "loader", "dbt", "batch", "landing", "firehose", "sftp", "network", "metrics"])

  # What collectors send is metrics within seconds: as lines it serves nobody but who mends a collector.
  retention_days = { metrics = 7 }
}

resource "aws_cloudwatch_log_group" "parts" {
  for_each = local.parts

  name              = replace(module.names.patterns.log_group, "{part}", each.key)
  retention_in_days = lookup(local.retention_days, each.key, var.retention_days)
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
