locals {
  hardened = {
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    privileged             = false
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group.name
        awslogs-region        = module.names.region
        awslogs-stream-prefix = var.name
        # Blocking would stop the engine in the midst of a line where CloudWatch Logs does not answer. What overflows is
        # lost as a line of a log: no event is told by one, and alarms come from metrics.
        mode            = "non-blocking"
        max-buffer-size = "25m"
      }
    }
  }

  settings = merge({ AWS_REGION = module.names.region, HOME = "/tmp" }, var.settings)

  main = merge(local.hardened, {
    name      = var.service
    image     = var.image
    essential = true
    command   = var.command
    # The longest that Fargate allows: what ends by itself needs less, and the rest is killed, which loses nothing.
    stopTimeout = 120
    environment = [for name, value in local.settings : { name = name, value = value }]
    secrets     = [for name, from in var.secrets : { name = name, valueFrom = from }]
    mountPoints = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
  }, { for name, check in { healthCheck = local.health_check } : name => check if var.health_command != null })

  # Long at the start: a worker may have to wait until a rewind has ended.
  health_check = {
    command     = concat(["CMD"], coalesce(var.health_command, []))
    interval    = 30
    timeout     = 10
    retries     = 3
    startPeriod = 300
  }

  # Not essential, and started anew alone: without metrics the service goes on, and no lease moves. Its memory is
  # bounded, so that it takes none from the service.
  collectors = [for metrics in var.metrics[*] : merge(local.hardened, {
    name          = "collector"
    image         = metrics.image
    essential     = false
    memory        = 256
    stopTimeout   = 30
    restartPolicy = { enabled = true, restartAttemptPeriod = 60 }
    environment = [
      { name = "AWS_REGION", value = module.names.region },
      {
        name = "AOT_CONFIG_CONTENT"
        value = templatefile("${path.module}/collector.yaml.tftpl", {
          metrics_port = metrics.port
          service      = var.service
          pipeline     = var.pipeline
          namespace    = module.names.of.metrics_namespace
          log_group    = metrics.log_group.name
          region       = module.names.region
        })
      },
    ]
    healthCheck = {
      command     = ["CMD", "/healthcheck"]
      interval    = 30
      timeout     = 10
      retries     = 3
      startPeriod = 30
    }
  })]
}
