locals {
  lag = {
    for key, each in local.workers : key => {
      namespace  = module.names.of.metrics_namespace
      dimensions = { service = each.service, pipeline = each.pipeline }
    }
  }
}

resource "aws_appautoscaling_target" "worker" {
  for_each = local.workers

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.worker[each.key].name}"
  min_capacity       = var.pipelines[each.value.pipeline].worker.min_tasks
  max_capacity       = var.pipelines[each.value.pipeline].worker.max_tasks
}

# Scales out alone: with low CPU and high lag it would take away what lag asks for.
resource "aws_appautoscaling_policy" "cpu" {
  for_each = local.workers

  name               = "${each.value.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.worker[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.worker[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.worker[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 70
    scale_out_cooldown = 300
    disable_scale_in   = true

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# By steps: lag does not halve where workers double, so no target can be tracked.
resource "aws_appautoscaling_policy" "behind" {
  for_each = local.workers

  name               = "${each.value.name}-behind"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.worker[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.worker[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.worker[each.key].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Maximum"
    cooldown                = 300

    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 240000
      scaling_adjustment          = 1
    }
    step_adjustment {
      metric_interval_lower_bound = 240000
      scaling_adjustment          = 2
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "behind" {
  for_each = local.workers

  alarm_name          = "${each.value.name}-behind"
  alarm_description   = "More than a minute behind the stream for three minutes: more workers."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 60000
  metric_name         = "headrace_lag_ms"
  namespace           = local.lag[each.key].namespace
  dimensions          = local.lag[each.key].dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.behind[each.key].arn]
}

resource "aws_appautoscaling_policy" "quiet" {
  for_each = local.workers

  name               = "${each.value.name}-quiet"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.worker[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.worker[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.worker[each.key].resource_id

  step_scaling_policy_configuration {
    adjustment_type = "ChangeInCapacity"
    cooldown        = 1800

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = -1
    }
  }
}

# Slow, and one at a time: each worker that goes moves its leases. Where a metric is missing, nothing is quiet.
resource "aws_cloudwatch_metric_alarm" "quiet" {
  for_each = local.workers

  alarm_name          = "${each.value.name}-quiet"
  alarm_description   = "Neither lag nor work for an hour: one worker fewer."
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 12
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.quiet[each.key].arn]

  metric_query {
    id          = "quiet"
    label       = "lag below 10 s and CPU below 30 %"
    expression  = "IF(lag < 10000 AND cpu < 30, 1, 0)"
    return_data = true
  }
  metric_query {
    id = "lag"
    metric {
      metric_name = "headrace_lag_ms"
      namespace   = local.lag[each.key].namespace
      dimensions  = local.lag[each.key].dimensions
      stat        = "Maximum"
      period      = 300
    }
  }
  metric_query {
    id = "cpu"
    metric {
      metric_name = "CPUUtilization"
      namespace   = "AWS/ECS"
      dimensions  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.worker[each.key].name }
      stat        = "Average"
      period      = 300
    }
  }
}
