module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = keys(var.pipelines)
}

locals {
  metrics_port = 9464

  settings = {
    for pipeline in keys(var.pipelines) : pipeline => {
      HEADRACE_RAW_BUCKET       = var.bucket_names["raw"]
      HEADRACE_PROCESSED_BUCKET = var.bucket_names["processed"]
      HEADRACE_CURATED_BUCKET   = var.bucket_names["curated"]
      HEADRACE_LOG_TABLE        = var.log_table_name
      HEADRACE_STREAM           = var.stream_names[pipeline]
      HEADRACE_METRICS_HOST     = "127.0.0.1"
      HEADRACE_METRICS_PORT     = tostring(local.metrics_port)
    }
  }

  workers = {
    for pipeline, each in var.pipelines : "${pipeline}/worker" => {
      pipeline = pipeline
      service  = "worker"
      name     = module.names.of_pipeline[pipeline].worker
      command  = ["headrace-consumers", "run", each.reference]
      size     = { cpu = each.worker.cpu, memory_mib = each.worker.memory_mib }
      # The supervisor waits for the daemon, then for the engine, each so long and 5 s: 110 s of the task's 120.
      settings = {
        HEADRACE_SHUTDOWN_GRACE_S     = "50"
        HEADRACE_PROTECT_LEASE_TABLES = tostring(var.protected)
      }
      secrets = {}
    }
  }
  windows = {
    for pipeline, each in var.pipelines : "${pipeline}/windows" => {
      pipeline = pipeline
      service  = "windows"
      name     = module.names.of_pipeline[pipeline].windows
      command  = ["headrace-consumers", "windows", each.reference]
      size     = each.windows
      settings = {}
      secrets  = {}
    } if each.has_windows
  }
  loaders = {
    for pipeline, each in var.pipelines : "${pipeline}/loader" => {
      pipeline = pipeline
      service  = "loader"
      name     = module.names.of_pipeline[pipeline].loader
      command  = ["headrace-consumers", "load", each.reference]
      size     = each.loader
      settings = {
        HEADRACE_WAREHOUSE_HOST     = var.warehouse.host
        HEADRACE_WAREHOUSE_PORT     = tostring(var.warehouse.port)
        HEADRACE_WAREHOUSE_DATABASE = var.warehouse.database
        HEADRACE_COPY_ROLE          = var.warehouse.copy_role_arn
      }
      secrets = {
        HEADRACE_WAREHOUSE_USER     = "${var.warehouse.secret_arns["loader"]}:username::"
        HEADRACE_WAREHOUSE_PASSWORD = "${var.warehouse.secret_arns["loader"]}:password::"
      }
    }
  }
  tasks = merge(local.workers, local.windows, local.loaders)
}

resource "aws_ecs_cluster" "this" {
  name = module.names.of.cluster

  setting {
    name  = "containerInsights"
    value = "enhanced"
  }

  # Of the tasks' disks, which are /tmp. ECS wants the key's id.
  configuration {
    managed_storage_configuration {
      fargate_ephemeral_storage_kms_key_id = reverse(split("/", var.key_arns["operations"]))[0]
    }
  }
}
