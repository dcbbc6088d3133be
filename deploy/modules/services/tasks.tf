module "permissions" {
  source   = "../permissions"
  for_each = local.tasks

  service = each.value.service
  resources = {
    stream            = [var.stream_arns[each.value.pipeline]]
    log_table         = [var.log_table_arn]
    lease_tables      = var.lease_table_arns[each.value.pipeline]
    raw_bucket        = [var.bucket_arns["raw"]]
    raw_objects       = ["${var.bucket_arns["raw"]}/*"]
    processed_bucket  = [var.bucket_arns["processed"]]
    processed_objects = ["${var.bucket_arns["processed"]}/*"]
    curated_bucket    = [var.bucket_arns["curated"]]
    curated_objects   = ["${var.bucket_arns["curated"]}/*"]
    keys              = [for zone in ["raw", "processed", "curated", "stream"] : var.key_arns[zone]]
  }
}

module "task" {
  source   = "../task"
  for_each = local.tasks

  environment        = var.environment
  name               = each.value.name
  service            = each.value.service
  pipeline           = each.value.pipeline
  image              = var.image
  collector_image    = var.collector_image
  command            = each.value.command
  health_command     = ["headrace-consumers", "health"]
  metrics_port       = local.metrics_port
  settings           = merge(local.settings[each.value.pipeline], each.value.settings)
  secrets            = each.value.secrets
  cpu                = each.value.size.cpu
  memory_mib         = each.value.size.memory_mib
  policy             = module.permissions[each.key].json
  log_group          = { name = var.log_group_names[each.value.service], arn = var.log_group_arns[each.value.service] }
  operations_key_arn = var.key_arns["operations"]
}
