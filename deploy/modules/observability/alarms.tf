locals {
  generated = {
    for pipeline in keys(var.pipelines) : pipeline => jsondecode(templatefile("${path.module}/alarms.json", merge(
      module.names.of, module.names.of_pipeline[pipeline], local.here, { pipeline = pipeline }
    )))
  }
  here = {
    account_id = module.names.account_id
    region     = module.names.region
    partition  = module.names.partition
  }
  has         = { for pipeline, each in var.pipelines : pipeline => { windows = each.has_windows, models = each.has_models } }
  log_metrics = values(local.generated)[0].log_metrics

  # What is said of the environment is the same in all pipelines: one of each is left.
  alarms = merge([
    for pipeline, document in local.generated : {
      for alarm in document.alarms : (alarm.scope == "pipeline" ? "${pipeline}-${alarm.name}" : alarm.name) => merge(alarm, {
        # Whose dashboard shows it; all do where it is nobody's.
        pipeline = alarm.scope == "pipeline" ? pipeline : ""
        unless   = [for name in alarm.unless : alarm.scope == "pipeline" ? "${pipeline}-${name}" : name]
        simple   = alarm.expression == "" && alarm.series[0].query == ""
      }) if lookup(local.has[pipeline], alarm.only, true)
    }
  ]...)
  alarm_names = { for key, _ in local.alarms : key => replace(module.names.patterns.alarm, "{alarm}", key) }
  explained   = { for key, alarm in local.alarms : key => alarm if length(alarm.unless) > 0 }
  told_by     = { for key, name in local.alarm_names : key => contains(keys(local.explained), key) ? "${name}-unexplained" : name }

  alarm_arn_prefix = join(":", ["arn", module.names.partition, "cloudwatch", module.names.region, module.names.account_id, "alarm", ""])
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = local.alarm_names[each.key]
  alarm_description   = each.value.description
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = each.value.datapoints_to_alarm
  treat_missing_data  = each.value.treat_missing_data
  namespace           = each.value.simple ? each.value.series[0].namespace : null
  metric_name         = each.value.simple ? each.value.series[0].name : null
  statistic           = each.value.simple ? each.value.series[0].statistic : null
  dimensions          = each.value.simple ? each.value.series[0].dimensions : null
  period              = each.value.simple ? each.value.period : null
  alarm_actions       = length(each.value.unless) == 0 ? [aws_sns_topic.alarms[each.value.severity].arn] : []
  ok_actions          = length(each.value.unless) == 0 ? [aws_sns_topic.alarms[each.value.severity].arn] : []

  dynamic "metric_query" {
    for_each = each.value.simple ? [] : each.value.series

    content {
      id          = "m${metric_query.key + 1}"
      expression  = metric_query.value.query == "" ? null : metric_query.value.query
      period      = metric_query.value.query == "" ? null : each.value.period
      return_data = each.value.expression == ""

      dynamic "metric" {
        for_each = metric_query.value.query == "" ? [metric_query.value] : []

        content {
          namespace   = metric.value.namespace
          metric_name = metric.value.name
          stat        = metric.value.statistic
          dimensions  = metric.value.dimensions
          period      = each.value.period
        }
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression == "" ? [] : [each.value.expression]

    content {
      id          = "value"
      label       = each.value.name
      expression  = metric_query.value
      return_data = true
    }
  }
}

# Tells nobody while an alarm is on that explains this one.
resource "aws_cloudwatch_composite_alarm" "unexplained" {
  for_each = local.explained

  alarm_name        = local.told_by[each.key]
  alarm_description = each.value.description
  alarm_actions     = [aws_sns_topic.alarms[each.value.severity].arn]
  ok_actions        = [aws_sns_topic.alarms[each.value.severity].arn]

  alarm_rule = join(" AND ", concat(
    ["ALARM(\"${aws_cloudwatch_metric_alarm.this[each.key].alarm_name}\")"],
    [for other in each.value.unless : "NOT ALARM(\"${aws_cloudwatch_metric_alarm.this[other].alarm_name}\")"],
  ))
}
