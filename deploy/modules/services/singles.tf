# One of each: a second one is fenced, so it does no harm, and no work. The old one ends before the new one starts.
resource "aws_ecs_service" "single" {
  for_each = merge(local.windows, local.loaders)

  name                          = each.value.name
  cluster                       = aws_ecs_cluster.this.arn
  task_definition               = module.task[each.key].task_definition_arn
  launch_type                   = "FARGATE"
  desired_count                 = 1
  availability_zone_rebalancing = "DISABLED"
  enable_execute_command        = false
  propagate_tags                = "SERVICE"
  wait_for_steady_state         = true

  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # ECS gives a deployment up after three tasks that did not become healthy.
  timeouts {
    create = "40m"
    update = "40m"
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_ids[each.value.service]]
    assign_public_ip = false
  }

  lifecycle {
    postcondition {
      condition     = self.task_definition == module.task[each.key].task_definition_arn
      error_message = "ECS went back to the task definition before: the new tasks did not become healthy. Their log says why."
    }
  }
}
