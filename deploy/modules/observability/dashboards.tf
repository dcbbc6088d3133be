locals {
  widgets = {
    for pipeline in keys(var.pipelines) : pipeline => jsondecode(templatefile("${path.module}/dashboard.json", merge(
      module.names.of, module.names.of_pipeline[pipeline], local.here, { pipeline = pipeline }
    ))).widgets
  }
  status_height = 3
}

resource "aws_cloudwatch_dashboard" "overview" {
  for_each = local.widgets

  dashboard_name = module.names.of_pipeline[each.key].dashboard
  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        x      = 0
        y      = 0
        width  = 24
        height = local.status_height
        properties = {
          title  = "Alarms"
          alarms = [for key, alarm in local.alarms : "${local.alarm_arn_prefix}${local.alarm_names[key]}" if contains([each.key, ""], alarm.pipeline)]
        }
      }],
      [for widget in each.value : merge(widget, { y = widget.y + local.status_height })],
    )
  })
}
