mock_provider "aws" {
  override_data {
    target = module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
}

variables {
  environment    = "dev"
  pipelines      = { flights = {}, shop = { has_windows = false, has_models = false } }
  key_arn        = "arn:aws:kms:us-east-1:000000000000:key/operations"
  retention_days = 30
  emails         = { page = ["on-call@example.com"], ticket = ["platform@example.com", "data@example.com"] }
}

run "logs" {
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.parts : contains([7, 30], group.retention_in_days) && group.kms_key_id == var.key_arn])
    error_message = "A log group has no retention or no key."
  }
  assert {
    condition     = output.log_group_names.worker == "/headrace/dev/worker"
    error_message = "Log groups are called by environment and part."
  }
  assert {
    condition     = alltrue([for filter in aws_cloudwatch_log_metric_filter.errors : startswith(filter.log_group_name, "/headrace/dev/")])
    error_message = "ERROR lines are counted in the groups of this module."
  }
}

run "topics" {
  assert {
    condition     = alltrue([for topic in aws_sns_topic.alarms : topic.kms_master_key_id == var.key_arn])
    error_message = "A topic has no key."
  }
  assert {
    condition = alltrue([for policy in aws_sns_topic_policy.alarms : contains([
      for statement in jsondecode(policy.policy).Statement : "${statement.Effect} ${jsonencode(try(statement.Condition.Bool, {}))}"
    ], "Deny {\"aws:SecureTransport\":\"false\"}")])
    error_message = "A topic takes what comes without TLS."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_sns_topic_policy.alarms["page"].policy).Statement : try(statement.Condition, null) if try(statement.Principal.Service, "") == "events.amazonaws.com"
    ] == [null]
    error_message = "EventBridge publishes without a condition's context: with a condition nobody hears of a failed deployment."
  }
  assert {
    condition     = length(aws_sns_topic_subscription.emails) == 3
    error_message = "Each address is subscribed once."
  }
}

run "alarms" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["flights-lag"].alarm_name == "headrace-dev-flights-lag"
    error_message = "An alarm is called by environment, pipeline and its own name."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["flights-lag"].dimensions == tomap({ pipeline = "flights", service = "worker" })
    error_message = "Dimensions are those that the collector declares."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["shop-stream-unread"].dimensions == tomap({ StreamName = "headrace-dev-shop" })
    error_message = "AWS's metrics are found by the names of the module names."
  }
  assert {
    condition     = length([for key, _ in aws_cloudwatch_metric_alarm.this : key if endswith(key, "log-throttled")]) == 1
    error_message = "What is said of the environment is said once."
  }
  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "shop-windows-silent") && contains(keys(aws_cloudwatch_metric_alarm.this), "flights-windows-silent")
    error_message = "A pipeline without windows has no alarm for them."
  }
  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "shop-dbt-failed") && contains(keys(aws_cloudwatch_metric_alarm.this), "flights-dbt-failed")
    error_message = "A pipeline without models has no alarm for them."
  }
  assert {
    condition = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alltrue([
      for query in alarm.metric_query : anytrue([query.expression != null, length(query.metric) == 1])
    ])])
    error_message = "A query asks for a metric, or for an expression."
  }
  assert {
    condition = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : (
      alarm.metric_name != null ? length(alarm.metric_query) == 0 : length([for query in alarm.metric_query : query if query.return_data == true]) == 1
    )])
    error_message = "An alarm has one value."
  }
}

run "each_alarm_tells_somebody_once" {
  assert {
    condition = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.this : (
      length(alarm.alarm_actions) + (contains(keys(aws_cloudwatch_composite_alarm.unexplained), key) ? 1 : 0) == 1
    )])
    error_message = "An alarm tells nobody, or tells twice."
  }
  assert {
    condition     = aws_cloudwatch_composite_alarm.unexplained["flights-load-overdue"].alarm_rule == "ALARM(\"headrace-dev-flights-load-overdue\") AND NOT ALARM(\"headrace-dev-flights-load-long-overdue\") AND NOT ALARM(\"headrace-dev-flights-warehouse-away\")"
    error_message = "An explained alarm is still."
  }
  assert {
    condition     = toset([for alarm in aws_cloudwatch_composite_alarm.unexplained : length(alarm.alarm_actions)]) == toset([1])
    error_message = "A composite alarm tells nobody."
  }
}

run "dashboards" {
  assert {
    condition     = toset(keys(aws_cloudwatch_dashboard.overview)) == toset(["flights", "shop"])
    error_message = "Each pipeline has its overview."
  }
  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.overview["flights"].dashboard_body, "$${")
    error_message = "A name was not filled in."
  }
  assert {
    condition     = length([for arn in jsondecode(aws_cloudwatch_dashboard.overview["flights"].dashboard_body).widgets[0].properties.alarms : arn if strcontains(arn, "shop")]) == 0
    error_message = "A pipeline's dashboard shows the alarms of another."
  }
}
