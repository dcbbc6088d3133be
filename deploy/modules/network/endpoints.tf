locals {
  # Service of AWS to who calls it from within the subnets; what is not here is out of reach. Roles, keys and images of
  # tasks are handled by ECS and S3 themselves: neither sts nor kms is called from here.
  interfaces = {
    kinesis-streams = "Workers, windows, batch"
    monitoring      = "KCL and the collectors: metrics"
    logs            = "All tasks"
    secretsmanager  = "Tasks that start, for the warehouse's passwords"
    "ecr.api"       = "Tasks that start"
    "ecr.dkr"       = "Tasks that start"
    glue            = "Models that are unloaded, the catalog's commands"
  }

  s3             = "arn:${module.names.partition}:s3:::"
  our_principals = { StringEquals = { "aws:PrincipalAccount" = module.names.account_id } }
  our_account = {
    StringEquals = {
      "aws:PrincipalAccount" = module.names.account_id
      "aws:ResourceAccount"  = module.names.account_id
    }
  }

  gateways = {
    dynamodb = [{
      Sid       = "OurPrincipalsOurTables"
      Effect    = "Allow"
      Principal = "*"
      Action    = "dynamodb:*"
      Resource  = "*"
      Condition = local.our_account
    }]
    s3 = [
      {
        Sid       = "OurPrincipalsOurBuckets"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:*"
        Resource  = "*"
        Condition = local.our_account
      },
      # Layers of images come from here, by URLs that ECR signed.
      {
        Sid       = "ImageLayers"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = "${local.s3}prod-${module.names.region}-starport-layer-bucket/*"
      },
      # Packages that the machines of an EMR cluster (7.0 or newer) install as they start; EMR Serverless needs none.
      {
        Sid       = "ClusterPackages"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource = [
          "${local.s3}al2023-repos-${module.names.region}-de612dc2/*",
          "${local.s3}repo.${module.names.region}.emr.amazonaws.com/*",
        ]
      },
    ]
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
      Condition = local.our_principals
    }]
  })
}
