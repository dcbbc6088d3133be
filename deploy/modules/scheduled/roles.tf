locals {
  trust = {
    for service in ["states", "scheduler"] : service => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "OfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "${service}.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:SourceAccount" = module.names.account_id } }
      }]
    })
  }
}

resource "aws_iam_role" "states" {
  name                 = "${var.name}-states"
  description          = "Runs the steps of ${var.name}, and tells of failures."
  permissions_boundary = module.names.boundary_arn
  assume_role_policy   = local.trust.states
}

resource "aws_iam_role_policy" "states" {
  name = "calls"
  role = aws_iam_role.states.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SeeWhetherAnotherRuns"
        Effect   = "Allow"
        Action   = ["states:ListExecutions"]
        Resource = [local.arn]
      },
      {
        Sid       = "RunTheTask"
        Effect    = "Allow"
        Action    = ["ecs:RunTask"]
        Resource  = [var.task.definition_arn]
        Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arn } }
      },
      {
        Sid      = "WatchAndStopTheTask"
        Effect   = "Allow"
        Action   = ["ecs:DescribeTasks", "ecs:StopTask"]
        Resource = ["${replace(var.cluster_arn, ":cluster/", ":task/")}/*"]
      },
      {
        Sid      = "BeToldWhenTheTaskEnds"
        Effect   = "Allow"
        Action   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
        Resource = ["arn:${module.names.partition}:events:${local.here}:rule/StepFunctionsGetEventsForECSTaskRule"]
      },
      {
        Sid       = "GiveTheTaskItsRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [var.task.role_arn, var.task.execution_role_arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid      = "Tell"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [var.topic_arn]
      },
      {
        Sid      = "EncryptStateAndNews"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.operations_key_arn]
      },
      {
        # These know no resources: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
        Sid    = "DeliverLogsAndTraces"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery",
          "logs:DeleteLogDelivery",
          "logs:DescribeLogGroups",
          "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery",
          "logs:ListLogDeliveries",
          "logs:PutResourcePolicy",
          "logs:UpdateLogDelivery",
          "xray:GetSamplingRules",
          "xray:GetSamplingTargets",
          "xray:PutTelemetryRecords",
          "xray:PutTraceSegments",
        ]
        Resource = ["*"]
      },
    ]
  })
}

resource "aws_iam_role" "schedule" {
  name                 = "${var.name}-schedule"
  description          = "Starts ${var.name} at its times."
  permissions_boundary = module.names.boundary_arn
  assume_role_policy   = local.trust.scheduler
}

resource "aws_iam_role_policy" "schedule" {
  name = "calls"
  role = aws_iam_role.schedule.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "StartTheStateMachine"
        Effect   = "Allow"
        Action   = ["states:StartExecution"]
        Resource = [local.arn]
      },
      {
        Sid      = "DecryptTheScheduleAndEncryptItsInput"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.operations_key_arn]
      },
    ]
  })
}
