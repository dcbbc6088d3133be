module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = keys(var.pipelines)
}

locals {
  settings = {
    for pipeline in keys(var.pipelines) : pipeline => {
      AWS_REGION                = module.names.region
      HEADRACE_STREAM           = module.names.of_pipeline[pipeline].stream
      HEADRACE_LOG_TABLE        = module.names.of.log_table
      HEADRACE_RAW_BUCKET       = var.bucket_names.raw
      HEADRACE_PROCESSED_BUCKET = var.bucket_names.processed
      HEADRACE_CURATED_BUCKET   = var.bucket_names.curated
    }
  }
  commands = {
    for name, pipeline in var.pipelines : name => {
      compact = ["headrace-batch", "compact", pipeline.reference, "--json"]
      expire  = ["headrace-batch", "expire", pipeline.reference, "--raw-days", tostring(var.raw_retention_days), "--json"]
    }
  }
}

module "permissions" {
  for_each = var.pipelines

  source  = "../permissions"
  service = "batch"
  # Spark's, but for the streams of other pipelines.
  resources = merge(local.calls, { stream = [var.stream_arns[each.key]] })
}

module "task" {
  for_each = var.pipelines

  source = "../task"

  environment        = var.environment
  name               = module.names.of_pipeline[each.key].batch
  service            = "batch"
  pipeline           = each.key
  image              = var.image
  command            = local.commands[each.key].compact
  cpu                = 1024
  memory_mib         = 4096
  policy             = module.permissions[each.key].json
  log_group          = var.log_group
  operations_key_arn = var.key_arns.operations
  settings           = merge(local.settings[each.key], { HOME = "/tmp" })
}

locals {
  tasks = {
    for pipeline, task in module.task : pipeline => {
      definition_arn     = task.task_definition_arn
      role_arn           = task.task_role_arn
      execution_role_arn = task.execution_role_arn
      container          = "batch"
    }
  }
}

module "compaction" {
  for_each = var.pipelines

  source = "../scheduled"

  environment        = var.environment
  name               = module.names.of_pipeline[each.key].compaction
  steps              = [{ name = "Compact", command = local.commands[each.key].compact, hours = 6 }]
  task               = local.tasks[each.key]
  cluster_arn        = var.cluster_arn
  subnet_ids         = var.subnet_ids
  security_group_id  = var.security_group_id
  schedule           = var.schedules.compaction
  topic_arn          = var.topic_arn
  log_group_arn      = var.log_group.arn
  operations_key_arn = var.key_arns.operations
}

module "expiry" {
  for_each = var.pipelines

  source = "../scheduled"

  environment        = var.environment
  name               = module.names.of_pipeline[each.key].expiry
  steps              = [{ name = "Expire", command = local.commands[each.key].expire, hours = 6 }]
  task               = local.tasks[each.key]
  cluster_arn        = var.cluster_arn
  subnet_ids         = var.subnet_ids
  security_group_id  = var.security_group_id
  schedule           = var.schedules.expiry
  topic_arn          = var.topic_arn
  log_group_arn      = var.log_group.arn
  operations_key_arn = var.key_arns.operations
}
