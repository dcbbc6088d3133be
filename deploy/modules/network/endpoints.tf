locals {
  is_cluster = var.batch_engine == "cluster"

  # Service of AWS to who calls it from within the subnets; what is not here is out of reach. Roles, keys and images of
  # tasks are handled by ECS and S3 themselves, so none of these calls sts or kms.
  interfaces = merge(
    {
      kinesis-streams = "Workers, windows, batch"
      logs            = "All tasks, and metrics, which are lines of logs"
      secretsmanager  = "Tasks that start, for the warehouse's passwords"
      "ecr.api"       = "Tasks that start"
      "ecr.dkr"       = "Tasks that start"
      glue            = "Models that are unloaded, the catalog's commands"
    },
    { for service in ["kms"] : service => "Machines of a cluster, for their disks" if local.is_cluster },
  )

  gateways = {
    dynamodb = [merge(local.to_us, { Sid = "OurPrincipalsOurTables", Action = "dynamodb:*" })]
    s3 = concat(
      [
        merge(local.to_us, { Sid = "OurPrincipalsOurBuckets", Action = "s3:*" }),
        # By URLs that ECR signed.
        merge(local.to_aws_itself, {
          Sid      = "ImageLayers"
          Action   = "s3:GetObject"
          Resource = ["${local.s3}prod-${module.names.region}-starport-layer-bucket/*"]
        }),
      ],
      [for statement in local.of_cluster : statement if local.is_cluster],
    )
  }

  # What EMR 8 wants in a private subnet:
  # https://docs.aws.amazon.com/emr/latest/ManagementGuide/private-subnet-iampolicy.html
  of_cluster = [
    merge(local.to_aws_itself, {
      Sid    = "ClusterPackages"
      Action = "s3:GetObject"
      Resource = [
        "${local.s3}al2023-repos-${module.names.region}-de612dc2/*",
        "${local.s3}repo.${module.names.region}.emr.amazonaws.com/*",
        "${local.s3}aws157-instance-data-0-prod-${module.names.region}/*",
        "${local.s3}aws157-instance-data-1-prod-${module.names.region}/*",
      ]
    }),
    merge(local.to_aws_itself, {
      Sid      = "ClusterSystemLogs"
      Action   = "s3:PutObject"
      Resource = ["${local.s3}aws157-logs-prod${module.names.region == "us-east-1" ? "" : "-${module.names.region}"}/*"]
    }),
  ]

  s3 = "arn:${module.names.partition}:s3:::"

  to_us = {
    Effect    = "Allow"
    Principal = "*"
    Resource  = "*"
    Condition = {
      StringEquals = {
        "aws:PrincipalAccount" = module.names.account_id
        "aws:ResourceAccount"  = module.names.account_id
      }
    }
  }

  to_aws_itself = {
    Effect    = "Allow"
    Principal = "*"
    Condition = { StringNotEquals = { "aws:ResourceAccount" = module.names.account_id } }
  }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateways

  vpc_id            = aws_vpc.main.id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${module.names.region}.${each.key}"
  route_table_ids   = [aws_route_table.private.id]
  policy            = jsonencode({ Version = "2012-10-17", Statement = each.value })
  tags              = { Name = "${module.names.of.network}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interfaces

  vpc_id              = aws_vpc.main.id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${module.names.region}.${each.key}"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.service["endpoints"].id]
  tags                = { Name = "${module.names.of.network}-${each.key}", Callers = each.value }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OurPrincipals"
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = module.names.account_id } }
    }]
  })
}
