module "names" {
  source      = "../names"
  environment = var.environment
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory_mib
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = jsonencode(concat([local.main], local.collectors))
  # The revision before stays registered: a deployment may be rolled back to it.
  skip_destroy = true

  # What tests and measurements ran on. KCL's jars and all wheels of the lock file are there for ARM64 too.
  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  # On the task's own encrypted disk, and gone with it.
  volume {
    name = "tmp"
  }

  # No task may start before its roles may do what it needs.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task, aws_iam_role_policy.collector]
}
