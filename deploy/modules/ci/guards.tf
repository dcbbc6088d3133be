locals {
  state = "arn:${module.names.partition}:s3:::${module.names.of.state_bucket}"
  locking = [
    {
      Sid      = "FindState"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [local.state]
    },
    {
      Sid      = "Lock"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      Resource = ["${local.state}/*.tflock"]
    },
  ]

  # Whoever could change these could give himself anything.
  own = [for role in ["plan", "apply"] : "${local.root}:role/${module.names.of["${role}_role"]}"]

  changing_roles = sort(distinct(flatten([
    for types in values(local.areas) : [for type in values(types) : [for kind, calls in try(type.write, {}) : calls if startswith(kind, "roles")]]
  ])))

  holders = [
    "cloudtrail:DeleteTrail", "dynamodb:DeleteTable", "glue:DeleteDatabase", "kinesis:DeleteStream", "kms:ScheduleKeyDeletion",
    "logs:DeleteLogGroup", "redshift-serverless:DeleteNamespace", "redshift-serverless:DeleteWorkgroup", "s3:DeleteBucket",
    "secretsmanager:DeleteSecret", "sqs:DeleteQueue",
  ]
}

resource "aws_iam_role_policy" "plan" {
  name = "state"
  role = aws_iam_role.plan.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.locking, [{
      Sid      = "ReadState"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${local.state}/*/terraform.tfstate"]
    }])
  })
}

resource "aws_iam_role_policy" "apply" {
  name = "state-and-guards"
  role = aws_iam_role.apply.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.locking, [
      {
        Sid      = "WriteState"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = ["${local.state}/*/terraform.tfstate"]
      },
      {
        Sid      = "LeavesItselfAlone"
        Effect   = "Deny"
        Action   = local.changing_roles
        Resource = local.own
      },
      ], [for statement in [{
        Sid      = "DeletesNothingThatHoldsData"
        Effect   = "Deny"
        Action   = local.holders
        Resource = ["*"]
    }] : statement if var.protected])
  })
}
