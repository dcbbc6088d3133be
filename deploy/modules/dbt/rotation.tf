# Passwords of the warehouse's users. It runs here, for nothing outside of the network reaches the warehouse: the first
# time by hand, once the warehouse is there, and then by itself.
locals {
  rotate = {
    for service, user in var.warehouse.users :
    service => ["headrace-sql", "rotate", user, "--secret", var.warehouse.secret_arns[service]]
  }
}

module "rotation_permissions" {
  source = "../permissions"

  service = "rotation"
  resources = {
    secrets        = values(var.warehouse.secret_arns)
    operations_key = [var.key_arns.operations]
  }
}

module "rotation_task" {
  source = "../task"

  environment        = var.environment
  name               = module.names.of.rotation
  service            = "rotation"
  pipeline           = var.pipeline
  image              = var.image
  command            = local.rotate.loader
  settings           = local.warehouse
  cpu                = 256
  memory_mib         = 1024
  log_group          = var.log_group
  operations_key_arn = var.key_arns.operations

  secrets = {
    HEADRACE_WAREHOUSE_USER     = "${var.warehouse.admin_secret_arn}:username::"
    HEADRACE_WAREHOUSE_PASSWORD = "${var.warehouse.admin_secret_arn}:password::"
  }

  policy = module.rotation_permissions.json
}

module "rotation" {
  source = "../scheduled"

  environment        = var.environment
  name               = module.names.of.rotation
  schedule           = "cron(0 6 1 * ? *)"
  steps              = [for service in sort(keys(local.rotate)) : { name = "Rotate${title(service)}", command = local.rotate[service], hours = 0.25 }]
  cluster_arn        = var.cluster_arn
  subnet_ids         = var.subnet_ids
  security_group_id  = var.security_group_id
  topic_arn          = var.topic_arn
  log_group_arn      = var.log_group.arn
  operations_key_arn = var.key_arns.operations

  task = {
    definition_arn     = module.rotation_task.task_definition_arn
    role_arn           = module.rotation_task.task_role_arn
    execution_role_arn = module.rotation_task.execution_role_arn
    container          = "rotation"
  }
}
