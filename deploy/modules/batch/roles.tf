locals {
  here = "${module.names.region}:${module.names.account_id}"

  # Of all pipelines: one role of Spark's, for an application has one image and one network.
  calls = merge(
    {
      stream         = values(var.stream_arns)
      stream_key     = [var.key_arns.stream]
      log_table      = [var.log_table_arn]
      replay_streams = []
    },
    [
      for zone in ["raw", "processed", "curated", "landing"] : {
        "${zone}_bucket"  = [var.bucket_arns[zone]]
        "${zone}_objects" = ["${var.bucket_arns[zone]}/*"]
        "${zone}_key"     = [var.key_arns[zone]]
      }
    ]...
  )
  log_group_arn = trimsuffix(var.log_group.arn, ":*")

  trusted = {
    serverless = {
      Principal = { Service = "emr-serverless.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = module.names.account_id } }
    }
    cluster = {
      Principal = { Service = "ec2.amazonaws.com" }
      Condition = {}
    }
  }

  spark_has = {
    serverless = [
      {
        Sid      = "WriteDriversLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${local.log_group_arn}:*"]
      },
      {
        # It knows no resources: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-cli.html
        Sid      = "FindTheLogGroup"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups"]
        Resource = ["*"]
      },
    ]
    cluster = [
      {
        Sid      = "ReadPackages"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${replace(local.packages, "s3://", "arn:${module.names.partition}:s3:::")}/*"]
      },
      {
        Sid      = "WriteNodesLogs"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${var.bucket_arns.logs}/emr/*"]
      },
      {
        Sid      = "EncryptDisks"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.key_arns.operations]
      },
    ]
  }
}

module "spark_permissions" {
  source    = "../permissions"
  service   = "batch"
  resources = local.calls
}

resource "aws_iam_role" "spark" {
  name                 = "${module.names.of.spark}-job"
  description          = "What a backfill's driver and executors may call."
  permissions_boundary = module.names.boundary_arn
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ for key, value in merge({ Sid = "SparkOfThisAccount", Effect = "Allow", Action = "sts:AssumeRole" }, local.trusted[var.engine]) : key => value if value != {} }]
  })
}

resource "aws_iam_role_policy" "spark" {
  name   = "calls"
  role   = aws_iam_role.spark.name
  policy = module.spark_permissions.json
}

resource "aws_iam_role_policy" "spark_has" {
  name   = "engine"
  role   = aws_iam_role.spark.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.spark_has[var.engine] })
}

resource "aws_iam_instance_profile" "spark" {
  count = local.is_cluster ? 1 : 0

  name = aws_iam_role.spark.name
  role = aws_iam_role.spark.name
}

resource "aws_iam_role" "emr" {
  count = local.is_cluster ? 1 : 0

  name                 = "${module.names.of.spark}-service"
  description          = "EMR makes the nodes of a backfill's cluster by it."
  permissions_boundary = module.names.boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EmrOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "elasticmapreduce.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = module.names.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "emr" {
  count = local.is_cluster ? 1 : 0

  role       = aws_iam_role.emr[0].name
  policy_arn = "arn:${module.names.partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"
}

resource "aws_iam_role_policy" "emr" {
  count = local.is_cluster ? 1 : 0

  name = "nodes"
  role = aws_iam_role.emr[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "GiveNodesTheirRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.spark.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid      = "EncryptDisks"
        Effect   = "Allow"
        Action   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource = [var.key_arns.operations]
      },
    ]
  })
}
