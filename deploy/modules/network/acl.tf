locals {
  # Endpoints, SFTP, and beside answers the warehouse and Spark's own machines.
  within = merge([
    for way, egress in { in = false, out = true } : {
      for number, ports in { 100 = [22, 22], 110 = [443, 443], 120 = [1024, 65535] } :
      "${way}-${number}" => { number = number, egress = egress, ports = ports }
    }
  ]...)

  # Answers of S3 and DynamoDB come from public addresses to a port that the client chose. All but the ports that
  # something listens on: Redshift, and remote desktops. No route brings anybody else here.
  answers = { 300 = [1024, 3388], 310 = [3390, 5438], 320 = [5440, 65535] }

  sftp = { for index, cidr in var.sftp_cidrs : 200 + index => cidr }
}

resource "aws_network_acl" "private" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = aws_subnet.private[*].id
  tags       = { Name = "${module.names.of.network}-private" }
}

resource "aws_network_acl_rule" "within" {
  for_each = local.within

  network_acl_id = aws_network_acl.private.id
  rule_number    = each.value.number
  rule_action    = "allow"
  egress         = each.value.egress
  protocol       = "tcp"
  cidr_block     = var.cidr
  from_port      = each.value.ports[0]
  to_port        = each.value.ports[1]
}

resource "aws_network_acl_rule" "answers" {
  for_each = local.answers

  network_acl_id = aws_network_acl.private.id
  rule_number    = each.key
  rule_action    = "allow"
  egress         = false
  protocol       = "tcp"
  cidr_block     = "0.0.0.0/0"
  from_port      = each.value[0]
  to_port        = each.value[1]
}

resource "aws_network_acl_rule" "aws" {
  network_acl_id = aws_network_acl.private.id
  rule_number    = 300
  rule_action    = "allow"
  egress         = true
  protocol       = "tcp"
  cidr_block     = "0.0.0.0/0"
  from_port      = 443
  to_port        = 443
}

resource "aws_network_acl_rule" "sftp" {
  for_each = local.sftp

  network_acl_id = aws_network_acl.private.id
  rule_number    = each.key
  rule_action    = "allow"
  egress         = false
  protocol       = "tcp"
  cidr_block     = each.value
  from_port      = 22
  to_port        = 22
}

resource "aws_network_acl_rule" "sftp_answers" {
  for_each = local.sftp

  network_acl_id = aws_network_acl.private.id
  rule_number    = each.key
  rule_action    = "allow"
  egress         = true
  protocol       = "tcp"
  cidr_block     = each.value
  from_port      = 1024
  to_port        = 65535
}
