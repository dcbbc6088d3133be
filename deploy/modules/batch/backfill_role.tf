locals {
  running = {
    serverless = [
      {
        Sid      = "StartJobs"
        Effect   = "Allow"
        Action   = ["emr-serverless:StartJobRun"]
        Resource = aws_emrserverless_application.this[*].arn
      },
      {
        Sid      = "WatchAndCancelJobs"
        Effect   = "Allow"
        Action   = ["emr-serverless:CancelJobRun", "emr-serverless:GetJobRun"]
        Resource = [for arn in aws_emrserverless_application.this[*].arn : "${arn}/jobruns/*"]
      },
      {
        Sid       = "GiveJobsTheirRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.spark.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "emr-serverless.amazonaws.com" } }
      },
      {
        Sid      = "BeToldWhenJobsEnd"
        Effect   = "Allow"
        Action   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
        Resource = ["arn:${module.names.partition}:events:${local.here}:rule/StepFunctionsGetEventsForEMRServerlessJobRule"]
      },
    ]
    cluster = [
      {
        # A cluster that is to be has no name yet: https://docs.aws.amazon.com/step-functions/latest/dg/emr-iam.html
        Sid      = "MakeClusters"
        Effect   = "Allow"
        Action   = ["elasticmapreduce:RunJobFlow"]
        Resource = ["*"]
      },
      {
        Sid    = "RunAndEndClusters"
        Effect = "Allow"
        Action = [
          "elasticmapreduce:AddJobFlowSteps",
          "elasticmapreduce:AddTags",
          "elasticmapreduce:CancelSteps",
          "elasticmapreduce:DescribeCluster",
          "elasticmapreduce:DescribeStep",
          "elasticmapreduce:PutAutoTerminationPolicy",
          "elasticmapreduce:TerminateJobFlows",
        ]
        Resource = ["arn:${module.names.partition}:elasticmapreduce:${local.here}:cluster/*"]
      },
      {
        Sid       = "GiveClustersTheirRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = concat([aws_iam_role.spark.arn], aws_iam_role.emr[*].arn)
        Condition = { StringEquals = { "iam:PassedToService" = ["ec2.amazonaws.com", "elasticmapreduce.amazonaws.com"] } }
      },
      {
        # Of clusters the rules are called Event, not Events: https://docs.aws.amazon.com/step-functions/latest/dg/emr-iam.html
        Sid    = "BeToldOfClustersAndSteps"
        Effect = "Allow"
        Action = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
        Resource = [
          for call in ["RunJobFlow", "AddJobFlowSteps", "TerminateJobFlows"] :
          "arn:${module.names.partition}:events:${local.here}:rule/StepFunctionsGetEventForEMR${call}Rule"
        ]
      },
    ]
  }
}

resource "aws_iam_role" "backfill" {
  for_each = local.backfills

  name                 = "${each.value}-states"
  description          = "Runs ${each.value}, and tells of failures."
  permissions_boundary = module.names.boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = module.names.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "backfill" {
  for_each = local.backfills

  name = "calls"
  role = aws_iam_role.backfill[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.running[var.engine], [
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
        Resource = [var.key_arns.operations]
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
    ])
  })
}
