resource "aws_ecs_service" "worker" {
  for_each = local.workers

  name                          = each.value.name
  cluster                       = aws_ecs_cluster.this.arn
  task_definition               = module.task[each.key].task_definition_arn
  launch_type                   = "FARGATE"
  desired_count                 = var.pipelines[each.value.pipeline].worker.min_tasks
  availability_zone_rebalancing = "ENABLED"
  enable_execute_command        = false
  propagate_tags                = "SERVICE"
  wait_for_steady_state         = true

  # All new ones first, then all old ones end: a lease moves at most twice. Replaced one by one, the rest would share
  # leases anew each time.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

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
    security_groups  = [var.security_group_ids["worker"]]
    assign_public_ip = false
  }

  lifecycle {
    ignore_changes = [desired_count]

    postcondition {
      condition     = self.task_definition == module.task[each.key].task_definition_arn
      error_message = "ECS went back to the task definition before: the new tasks did not become healthy. Their log says why."
    }
  }
}
