# ECS's circuit breaker went back to the version before: no metric says so.
resource "aws_cloudwatch_event_rule" "deployment_failed" {
  name        = replace(module.names.patterns.alarm, "{alarm}", "deployment-failed")
  description = "A deployment of a service failed, and was rolled back."

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Deployment State Change"]
    detail      = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
    resources = [{
      prefix = "arn:${module.names.partition}:ecs:${module.names.region}:${module.names.account_id}:service/${module.names.of.cluster}/"
    }]
  })
}

resource "aws_cloudwatch_event_target" "deployment_failed" {
  rule      = aws_cloudwatch_event_rule.deployment_failed.name
  target_id = "page"
  arn       = aws_sns_topic.alarms["page"].arn

  input_transformer {
    input_paths    = { service = "$.resources[0]", reason = "$.detail.reason" }
    input_template = "\"The deployment of <service> failed and was rolled back: <reason>\""
  }
}
