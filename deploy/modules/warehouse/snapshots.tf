resource "aws_iam_role" "snapshots" {
  name                 = "${local.name}-warehouse-snapshots"
  description          = "The scheduler takes a snapshot of the warehouse each day."
  permissions_boundary = module.names.boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "SchedulesOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = module.names.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "snapshots" {
  name = "calls"
  role = aws_iam_role.snapshots.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "TakeSnapshots"
        Effect = "Allow"
        Action = ["redshift-serverless:CreateSnapshot"]
        Resource = [
          aws_redshiftserverless_namespace.this.arn,
          "arn:${module.names.partition}:redshift-serverless:${module.names.region}:${module.names.account_id}:snapshot/*",
        ]
      },
      {
        Sid      = "DecryptTheSchedule"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.key_arns.operations]
      },
    ]
  })
}

# Recovery points come by themselves every half hour, and last a day.
resource "aws_scheduler_schedule" "snapshots" {
  name                = "${local.name}-warehouse-snapshots"
  description         = "A snapshot of the warehouse, each day."
  schedule_expression = "cron(30 2 * * ? *)"
  kms_key_arn         = var.key_arns.operations

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${module.names.partition}:scheduler:::aws-sdk:redshiftserverless:createSnapshot"
    role_arn = aws_iam_role.snapshots.arn
    # jsonencode writes < and > as escapes, in which the scheduler would not find its keyword.
    input = replace(replace(jsonencode({
      NamespaceName   = aws_redshiftserverless_namespace.this.namespace_name
      SnapshotName    = "${local.name}-<aws.scheduler.execution-id>"
      RetentionPeriod = var.snapshot_retention_days
    }), "\\u003c", "<"), "\\u003e", ">")
  }
}
