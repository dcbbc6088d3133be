module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = [var.pipeline]
}

locals {
  name     = module.names.of_pipeline[var.pipeline].dbt
  catalog  = "arn:${module.names.partition}:glue:${module.names.region}:${module.names.account_id}"
  database = "${module.names.of.catalog_prefix}_curated"

  warehouse = {
    AWS_REGION                  = module.names.region
    HOME                        = "/tmp"
    HEADRACE_WAREHOUSE_HOST     = var.warehouse.host
    HEADRACE_WAREHOUSE_PORT     = tostring(var.warehouse.port)
    HEADRACE_WAREHOUSE_DATABASE = var.warehouse.database
  }

  # The root file system cannot be written: dbt's artifacts and its log go where the task may write.
  on_target = ["--target", var.environment, "--work-dir", "/tmp/dbt"]
  build     = concat(["headrace-sql", "build", "--json"], local.on_target)
}

module "permissions" {
  source  = "../permissions"
  service = "dbt"
  resources = {
    curated_bucket  = [var.bucket_arns.curated]
    curated_objects = ["${var.bucket_arns.curated}/marts/*"]
    operations_key  = [var.key_arns.operations]
    glue = [
      "${local.catalog}:catalog",
      "${local.catalog}:database/${local.database}",
      "${local.catalog}:table/${local.database}/*",
    ]
  }
}

module "task" {
  source = "../task"

  environment        = var.environment
  name               = local.name
  service            = "dbt"
  pipeline           = var.pipeline
  image              = var.image
  command            = local.build
  cpu                = 1024
  memory_mib         = 2048
  policy             = module.permissions.json
  log_group          = var.log_group
  operations_key_arn = var.key_arns.operations

  settings = merge(local.warehouse, {
    HEADRACE_WAREHOUSE_USER = var.warehouse.users.dbt
    HEADRACE_COPY_ROLE      = var.warehouse.copy_role_arn
    HEADRACE_CURATED_BUCKET = var.bucket_names.curated
    HEADRACE_CATALOG_PREFIX = module.names.of.catalog_prefix
    # UNLOAD names S3's own key where it is told none, and the bucket takes only its zone's.
    HEADRACE_UNLOAD_KEY_ID = element(split("/", var.key_arns.curated), 1)
  })

  secrets = {
    HEADRACE_WAREHOUSE_PASSWORD = "${var.warehouse.secret_arns.dbt}:password::"
  }
}

module "builds" {
  source = "../scheduled"

  environment        = var.environment
  name               = local.name
  cluster_arn        = var.cluster_arn
  subnet_ids         = var.subnet_ids
  security_group_id  = var.security_group_id
  schedule           = var.schedule
  topic_arn          = var.topic_arn
  log_group_arn      = var.log_group.arn
  operations_key_arn = var.key_arns.operations

  task = {
    definition_arn     = module.task.task_definition_arn
    role_arn           = module.task.task_role_arn
    execution_role_arn = module.task.execution_role_arn
    container          = "dbt"
  }

  # Marts go to the lake once all tests hold. That the sources are old is told last: what is there is right all the same.
  steps = [
    { name = "Build", command = local.build, hours = 4 },
    { name = "Unload", command = ["headrace-sql", "unload", "--json"], hours = 2 },
    { name = "Freshness", command = concat(["headrace-sql", "freshness"], local.on_target), hours = 0.5 },
  ]
}
