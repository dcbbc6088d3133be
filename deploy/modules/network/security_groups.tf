locals {
  # Who runs in the subnets, and why. A new service (query API, HTTP ingestion, Flink) is one more line here and in the
  # sets below.
  groups = {
    worker    = "KCL workers"
    windows   = "The windows service"
    loader    = "The loader"
    dbt       = "Builds of the models"
    batch     = "Batch commands and Spark"
    landing   = "Lambdas that land files"
    sftp      = "Endpoint of Transfer Family"
    warehouse = "Redshift Serverless"
    endpoints = "Interface endpoints"
  }

  # What each calls. The warehouse does, for COPY and UNLOAD go by the VPC.
  to_aws       = toset(["worker", "windows", "loader", "dbt", "batch", "landing", "warehouse"])
  to_dynamodb  = toset(["worker", "windows", "loader", "batch", "landing"])
  to_warehouse = toset(["loader", "dbt"])

  sftp_from = length(var.sftp_cidrs) > 0 ? var.sftp_cidrs : [var.cidr]
}

resource "aws_security_group" "service" {
  for_each = local.groups

  name        = replace(module.names.patterns.security_group, "{service}", each.key)
  description = each.value
  vpc_id      = aws_vpc.main.id
  tags        = { Name = replace(module.names.patterns.security_group, "{service}", each.key) }
}

resource "aws_vpc_security_group_egress_rule" "to_endpoints" {
  for_each = local.to_aws

  security_group_id            = aws_security_group.service[each.key].id
  description                  = "AWS, by the interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.service["endpoints"].id
}

resource "aws_vpc_security_group_ingress_rule" "at_endpoints" {
  for_each = local.to_aws

  security_group_id            = aws_security_group.service["endpoints"].id
  description                  = local.groups[each.key]
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.service[each.key].id
}

resource "aws_vpc_security_group_egress_rule" "to_s3" {
  for_each = local.to_aws

  security_group_id = aws_security_group.service[each.key].id
  description       = "S3, by its gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = aws_vpc_endpoint.gateway["s3"].prefix_list_id
}

resource "aws_vpc_security_group_egress_rule" "to_dynamodb" {
  for_each = local.to_dynamodb

  security_group_id = aws_security_group.service[each.key].id
  description       = "DynamoDB, by its gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = aws_vpc_endpoint.gateway["dynamodb"].prefix_list_id
}

resource "aws_vpc_security_group_egress_rule" "to_warehouse" {
  for_each = local.to_warehouse

  security_group_id            = aws_security_group.service[each.key].id
  description                  = "The warehouse"
  ip_protocol                  = "tcp"
  from_port                    = 5439
  to_port                      = 5439
  referenced_security_group_id = aws_security_group.service["warehouse"].id
}

resource "aws_vpc_security_group_ingress_rule" "at_warehouse" {
  for_each = local.to_warehouse

  security_group_id            = aws_security_group.service["warehouse"].id
  description                  = local.groups[each.key]
  ip_protocol                  = "tcp"
  from_port                    = 5439
  to_port                      = 5439
  referenced_security_group_id = aws_security_group.service[each.key].id
}

resource "aws_vpc_security_group_ingress_rule" "at_sftp" {
  for_each = toset(local.sftp_from)

  security_group_id = aws_security_group.service["sftp"].id
  description       = "Partners"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = each.value
}
