module "names" {
  source      = "../names"
  environment = var.environment
}

data "aws_availability_zones" "here" {
  # The oldest of us-east-1: newer services pass it over.
  exclude_zone_ids = ["use1-az3"]

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zones = slice(sort(data.aws_availability_zones.here.names), 0, var.availability_zones)
  # AmazonEMRServicePolicy_v2 makes clusters where it finds these alone.
  cluster_tags = local.is_cluster ? { for-use-with-amazon-emr-managed-policies = "true" } : {}
}

resource "aws_vpc" "main" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge({ Name = module.names.of.network }, local.cluster_tags)
}

# What nobody chose a group for reaches nothing, and is reached by nobody.
resource "aws_default_security_group" "none" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${module.names.of.network}-none" }
}

resource "aws_subnet" "private" {
  count = var.availability_zones

  vpc_id                  = aws_vpc.main.id
  availability_zone       = local.zones[count.index]
  cidr_block              = cidrsubnet(var.cidr, 4, count.index)
  map_public_ip_on_launch = false
  tags                    = merge({ Name = "${module.names.of.network}-private-${local.zones[count.index]}" }, local.cluster_tags)
}

# The local route, and those that the gateway endpoints add: there is no way out, and none in.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${module.names.of.network}-private" }
}

resource "aws_route_table_association" "private" {
  count = var.availability_zones

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}
