module "names" {
  source      = "../names"
  environment = var.environment
}

locals {
  collected = var.collector_image != null && var.metrics_port != null

  logs = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = var.log_group.name
      awslogs-region        = module.names.region
      awslogs-stream-prefix = var.name
      # Blocking would stop the engine in the midst of a write where CloudWatch Logs does not answer. What overflows is
      # lines of a log: no event is told by one, and alarms come from metrics.
      mode            = "non-blocking"
      max-buffer-size = "25m"
    }
  }

  hardened = {
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    privileged             = false
    logConfiguration       = local.logs
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }
  }

  main = merge(local.hardened, {
    name      = var.service
    image     = var.image
    essential = true
    command   = var.command
    # The longest that Fargate allows. Services end themselves within HEADRACE_SHUTDOWN_GRACE_S, which is less.
    stopTimeout = 120
    environment = [for name, value in merge({ AWS_REGION = module.names.region }, var.settings) : { name = name, value = value }]
    secrets     = [for name, from in var.secrets : { name = name, valueFrom = from }]
    mountPoints = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    }, {
    # Long at the start: a worker may wait for a rewind to end.
    for name, check in {
      healthCheck = {
        command     = concat(["CMD"], coalesce(var.health_command, []))
        interval    = 30
        timeout     = 10
        retries     = 3
        startPeriod = 300
      }
    } : name => check if var.health_command != null
  })

  # Not essential, and restarted alone: without metrics the service goes on, and no lease moves.
  collector = merge(local.hardened, {
    name          = "collector"
    image         = var.collector_image
    essential     = false
    stopTimeout   = 30
    restartPolicy = { enabled = true, restartAttemptPeriod = 60 }
    environment = [{
      name = "AOT_CONFIG_CONTENT"
      value = templatefile("${path.module}/collector.yaml.tftpl", {
        metrics_port = coalesce(var.metrics_port, 0)
        service      = var.service
        pipeline     = var.pipeline
        namespace    = module.names.of.metrics_namespace
        log_group    = var.log_group.name
        region       = module.names.region
      })
    }]
    healthCheck = {
      command     = ["CMD", "/healthcheck"]
      interval    = 30
      timeout     = 10
      retries     = 3
      startPeriod = 30
    }
  })
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory_mib
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  # The revision before stays registered, so that a deployment can be rolled back to it.
  skip_destroy = true

  # What every test and measurement ran on. All wheels of the lock file, and Java's, are there for ARM64 too.
  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode(concat([local.main], [for each in [local.collector] : each if local.collected]))

  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task, aws_iam_role_policy.collector]
}
