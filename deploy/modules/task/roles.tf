locals {
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
        ArnLike      = { "aws:SourceArn" = "arn:${module.names.partition}:ecs:${module.names.region}:${module.names.account_id}:*" }
      }
    }]
  })

  images           = local.collected ? [var.image, var.collector_image] : [var.image]
  repository_arns  = [for image in local.images : "arn:${module.names.partition}:ecr:${module.names.region}:${module.names.account_id}:repository/${regex("^[^/]+/([^:]+):", image)[0]}"]
  secret_arns      = distinct([for from in values(var.secrets) : join(":", slice(split(":", from), 0, min(7, length(split(":", from)))))])
  log_streams_arns = ["${trimsuffix(var.log_group.arn, ":*")}:log-stream:*"]

  pulling = [
    {
      Sid      = "LogInToTheRegistry"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
    {
      Sid      = "PullItsImages"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = local.repository_arns
    },
    {
      Sid      = "WriteItsLog"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = local.log_streams_arns
    },
  ]

  revealing = [
    {
      Sid      = "ReadItsSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = local.secret_arns
    },
    {
      Sid       = "DecryptItsSecrets"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.operations_key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${module.names.region}.amazonaws.com" } }
    },
  ]
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
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.pulling, [for statement in local.revealing : statement if length(var.secrets) > 0]) })
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

resource "aws_iam_role_policy" "collector" {
  count = local.collected ? 1 : 0

  name = "collector"
  role = aws_iam_role.task.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WriteMetrics"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = local.log_streams_arns
    }]
  })
}
