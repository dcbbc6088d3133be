module "names" {
  source      = "../names"
  environment = var.environment
  pipelines   = keys(var.pipelines)
}

locals {
  here    = "${module.names.region}:${module.names.account_id}"
  glue    = "arn:${module.names.partition}:glue:${local.here}"
  ecs     = "arn:${module.names.partition}:ecs:${local.here}"
  states  = "arn:${module.names.partition}:states:${local.here}"
  root    = "arn:${module.names.partition}:iam::${module.names.account_id}"
  cluster = module.names.of.cluster

  # Of all pipelines: a managed policy has no room for each by name.
  any = { for kind in ["loader", "batch"] : kind => replace(module.names.patterns[kind], "{pipeline}", "*") }

  zones = ["raw", "processed", "curated"]
  of_zones = merge([for zone in local.zones : {
    "${zone}_bucket"  = [var.bucket_arns[zone]]
    "${zone}_objects" = ["${var.bucket_arns[zone]}/*"]
    "${zone}_key"     = [var.key_arns[zone]]
  }]...)
}

module "operator" {
  source = "../permissions"

  service = "operator"
  resources = merge(local.of_zones, {
    stream         = values(var.stream_arns)
    log_table      = [var.log_table_arn]
    lease_tables   = flatten(values(var.lease_table_arns))
    stream_key     = [var.key_arns.stream]
    operations_key = [var.key_arns.operations]

    athena         = ["arn:${module.names.partition}:athena:${local.here}:workgroup/${module.names.of.workgroup}"]
    athena_results = ["${var.bucket_arns.curated}/athena-results/*"]
    glue           = concat(["${local.glue}:catalog"], [for kind in ["database/", "table/"] : "${local.glue}:${kind}${module.names.of.catalog_prefix}_*"])

    state_machines   = ["${local.states}:stateMachine:${local.cluster}-*"]
    executions       = ["${local.states}:execution:${local.cluster}-*:*"]
    task_definitions = [for name in values(local.any) : "${local.ecs}:task-definition/${name}:*"]
    task_roles       = flatten([for name in values(local.any) : ["${local.root}:role/${name}-task", "${local.root}:role/${name}-execution"]])
    tasks            = ["${local.ecs}:task/${local.cluster}/*"]
    services         = ["${local.ecs}:service/${local.cluster}/*"]
    log_groups       = ["arn:${module.names.partition}:logs:${local.here}:log-group:${replace(module.names.patterns.log_group, "{part}", "*")}:*"]
  })
}

resource "aws_iam_policy" "operator" {
  name        = module.names.of.operator
  description = "For the person on call: looks, runs commands, brings objects back."
  policy      = module.operator.json

  lifecycle {
    precondition {
      condition     = length(module.operator.json) <= 6144
      error_message = "The operator's policy has ${length(module.operator.json)} characters, and IAM takes 6144: make two of it."
    }
  }
}

module "producer" {
  source   = "../permissions"
  for_each = var.pipelines

  service   = "producer"
  resources = { stream = [var.stream_arns[each.key]], stream_key = [var.key_arns.stream] }
}

resource "aws_iam_policy" "producer" {
  for_each = var.pipelines

  name        = module.names.of_pipeline[each.key].producer
  description = "For applications that put into the stream ${each.key}, and do nothing else."
  policy      = module.producer[each.key].json
}
