module "permissions" {
  source   = "../permissions"
  for_each = local.tasks

  service = each.value.service
  resources = {
    stream            = [var.stream_arns[each.value.pipeline]]
    stream_key        = [var.key_arns["stream"]]
    log_table         = [var.log_table_arn]
    lease_tables      = [for arn in var.lease_table_arns[each.value.pipeline] : arn if !strcontains(arn, "/index/")]
    lease_indexes     = [for arn in var.lease_table_arns[each.value.pipeline] : arn if strcontains(arn, "/index/")]
    raw_bucket        = [var.bucket_arns["raw"]]
    raw_objects       = ["${var.bucket_arns["raw"]}/*"]
    raw_key           = [var.key_arns["raw"]]
    processed_bucket  = [var.bucket_arns["processed"]]
    processed_objects = ["${var.bucket_arns["processed"]}/*"]
    processed_key     = [var.key_arns["processed"]]
    curated_bucket    = [var.bucket_arns["curated"]]
    curated_objects   = ["${var.bucket_arns["curated"]}/*"]
    curated_key       = [var.key_arns["curated"]]
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
  command            = each.value.command
  health_command     = ["headrace-consumers", "health"]
  settings           = merge(local.settings[each.value.pipeline], each.value.settings)
  secrets            = each.value.secrets
  cpu                = each.value.size.cpu
  memory_mib         = each.value.size.memory_mib
  policy             = module.permissions[each.key].json
  log_group          = { name = var.log_group_names[each.value.service], arn = var.log_group_arns[each.value.service] }
  operations_key_arn = var.key_arns["operations"]

  metrics = {
    image     = var.collector_image
    port      = local.metrics_port
    log_group = { name = var.log_group_names["metrics"], arn = var.log_group_arns["metrics"] }
  }
}
