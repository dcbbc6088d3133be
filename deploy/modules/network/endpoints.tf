locals {
  # Service of AWS to who calls it. What is not here cannot be reached.
  interfaces = {
    kinesis-streams = "worker, windows, batch"
    monitoring      = "metrics of KCL, and of the collectors"
    logs            = "all tasks"
    "ecr.api"       = "all tasks, to start"
    "ecr.dkr"       = "all tasks, to start"
    secretsmanager  = "loader and dbt, to start"
    sts             = "batch and the warehouse"
    kms             = "batch and the warehouse"
    glue            = "the catalog commands, dbt, batch"
    athena          = "dbt's and the catalog's queries"
  }

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
        Resource  = "arn:${module.names.partition}:s3:::prod-${module.names.region}-starport-layer-bucket/*"
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
  tags                = { Name = "${module.names.of.network}-${each.key}" }

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
