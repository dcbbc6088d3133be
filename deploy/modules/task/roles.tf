locals {
  account = "${module.names.region}:${module.names.account_id}"

  # A task of another account may not be given these roles by ECS.
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TasksOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = module.names.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${module.names.partition}:ecs:${local.account}:*" }
      }
    }]
  })

  images      = concat([var.image], var.metrics[*].image)
  secret_arns = distinct([for from in values(var.secrets) : join(":", slice(split(":", from), 0, min(7, length(split(":", from)))))])
}

module "execution" {
  source = "../permissions"

  service = "execution"
  resources = {
    repositories   = [for image in local.images : "arn:${module.names.partition}:ecr:${local.account}:repository/${regex("^[^/]+/([^:]+):", image)[0]}"]
    log_groups     = ["${var.log_group.arn}:*"]
    secrets        = local.secret_arns
    operations_key = [for key in [var.operations_key_arn] : key if length(local.secret_arns) > 0]
  }
}

resource "aws_iam_role" "execution" {
  name                 = "${var.name}-execution"
  description          = "Pulls images, opens logs and reads secrets before the task starts."
  assume_role_policy   = local.trust
  permissions_boundary = module.names.boundary_arn
}

resource "aws_iam_role_policy" "execution" {
  name   = "execution"
  role   = aws_iam_role.execution.name
  policy = module.execution.json
}

resource "aws_iam_role" "task" {
  name                 = "${var.name}-task"
  description          = "What the service itself may call."
  assume_role_policy   = local.trust
  permissions_boundary = module.names.boundary_arn
}

resource "aws_iam_role_policy" "task" {
  name   = "calls"
  role   = aws_iam_role.task.name
  policy = var.policy
}

module "collector" {
  source = "../permissions"
  count  = length(local.collectors)

  service   = "collector"
  resources = { log_groups = ["${var.metrics.log_group.arn}:*"] }
}

# Of the task's one role: ECS gives a container none of its own.
resource "aws_iam_role_policy" "collector" {
  count = length(local.collectors)

  name   = "collector"
  role   = aws_iam_role.task.name
  policy = module.collector[0].json
}
