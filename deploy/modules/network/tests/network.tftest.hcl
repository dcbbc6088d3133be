mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_data "aws_region" {
    defaults = { region = "us-east-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1d", "us-east-1a", "us-east-1c", "us-east-1b"] }
  }
}

variables {
  environment   = "dev"
  cidr          = "10.20.0.0/16"
  log_group_arn = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/network"
}

run "subnets_are_private" {
  assert {
    condition     = [for subnet in aws_subnet.private : subnet.availability_zone] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    error_message = "A subnet in each of the first zones by name, so that a new zone moves none."
  }
  assert {
    condition     = [for subnet in aws_subnet.private : subnet.cidr_block] == ["10.20.0.0/20", "10.20.16.0/20", "10.20.32.0/20"]
    error_message = "Each subnet has a sixteenth of the VPC."
  }
  assert {
    condition     = !anytrue([for subnet in aws_subnet.private : subnet.map_public_ip_on_launch])
    error_message = "A subnet gives out public addresses."
  }
  assert {
    condition     = length(coalesce(aws_route_table.private.route, [])) == 0
    error_message = "A route leads somewhere else than to gateway endpoints."
  }
  assert {
    condition     = length(coalesce(aws_default_security_group.none.ingress, [])) == 0 && length(coalesce(aws_default_security_group.none.egress, [])) == 0
    error_message = "The default security group lets something through."
  }
}

run "who_may_talk_to_whom" {
  assert {
    condition     = keys(output.security_group_ids) == ["batch", "dbt", "endpoints", "landing", "loader", "sftp", "warehouse", "windows", "worker"]
    error_message = "Each service has a security group of its own."
  }
  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.at_warehouse) == ["dbt", "loader"] && keys(aws_vpc_security_group_egress_rule.to_warehouse) == ["dbt", "loader"]
    error_message = "The loader and dbt reach the warehouse, and nobody else."
  }
  assert {
    condition = alltrue([
      for service, rule in aws_vpc_security_group_ingress_rule.at_warehouse :
      rule.from_port == 5439 && rule.to_port == 5439 && rule.ip_protocol == "tcp" && rule.cidr_ipv4 == null &&
      rule.referenced_security_group_id == output.security_group_ids[service] && rule.security_group_id == output.security_group_ids.warehouse
    ])
    error_message = "The warehouse is open to addresses, or at another port."
  }
  assert {
    condition = alltrue([
      for service, rule in aws_vpc_security_group_egress_rule.to_warehouse :
      rule.from_port == 5439 && rule.to_port == 5439 && rule.ip_protocol == "tcp" && rule.cidr_ipv4 == null &&
      rule.referenced_security_group_id == output.security_group_ids.warehouse && rule.security_group_id == output.security_group_ids[service]
    ])
    error_message = "Loader or dbt may call more of the warehouse than its port, or others."
  }
  assert {
    condition = alltrue([
      for rule in concat(
        values(aws_vpc_security_group_egress_rule.to_endpoints), values(aws_vpc_security_group_egress_rule.to_s3),
        values(aws_vpc_security_group_egress_rule.to_dynamodb), values(aws_vpc_security_group_ingress_rule.at_endpoints),
      ) : rule.from_port == 443 && rule.to_port == 443 && rule.ip_protocol == "tcp" && rule.cidr_ipv4 == null
    ])
    error_message = "AWS is reached by TLS, at endpoints, and by no address."
  }
  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.at_sftp : rule.cidr_ipv4] == ["10.20.0.0/16"]
    error_message = "Where no partner is named, SFTP answers only within the VPC."
  }
}

run "descriptions_are_of_what_ec2_takes" {
  assert {
    condition = alltrue([
      for one in concat(
        values(aws_security_group.service), values(aws_vpc_security_group_egress_rule.to_endpoints), values(aws_vpc_security_group_egress_rule.to_s3),
        values(aws_vpc_security_group_egress_rule.to_dynamodb), values(aws_vpc_security_group_egress_rule.to_warehouse),
        values(aws_vpc_security_group_ingress_rule.at_endpoints), values(aws_vpc_security_group_ingress_rule.at_warehouse),
        values(aws_vpc_security_group_ingress_rule.at_sftp),
      ) : can(regex("^[a-zA-Z0-9. _:/()#,@\\[\\]+=&;{}!$*-]{1,255}$", one.description))
    ])
    error_message = "EC2 refuses a description with other characters, an apostrophe for one."
  }
}

run "partners_are_let_in_by_name" {
  variables {
    sftp_cidrs = ["10.30.0.0/24", "10.31.0.0/24"]
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.at_sftp : "${rule.cidr_ipv4} ${rule.from_port} ${rule.to_port}"]) == toset(["10.30.0.0/24 22 22", "10.31.0.0/24 22 22"])
    error_message = "SFTP answers others than the partners named, or at another port."
  }
  assert {
    condition = toset([
      for rule in concat(values(aws_network_acl_rule.sftp), values(aws_network_acl_rule.sftp_answers)) :
      "${rule.egress} ${rule.cidr_block} ${rule.from_port}-${rule.to_port}"
      ]) == toset([
      "false 10.30.0.0/24 22-22", "true 10.30.0.0/24 1024-65535",
      "false 10.31.0.0/24 22-22", "true 10.31.0.0/24 1024-65535",
    ])
    error_message = "The access list keeps partners' questions or our answers out."
  }
}

run "the_access_list_opens_no_port_to_the_world" {
  assert {
    condition = alltrue(flatten([
      for rule in aws_network_acl_rule.answers : [
        for port in [22, 443, 3389, 5439] : port < rule.from_port || port > rule.to_port
      ] if rule.cidr_block == "0.0.0.0/0"
    ]))
    error_message = "From anywhere only answers come, and to no port that something listens on."
  }
  assert {
    condition     = aws_network_acl_rule.aws.egress && aws_network_acl_rule.aws.from_port == 443 && aws_network_acl_rule.aws.to_port == 443
    error_message = "Out of the VPC goes TLS alone."
  }
  assert {
    condition     = alltrue([for rule in aws_network_acl_rule.within : rule.cidr_block == "10.20.0.0/16" && rule.protocol == "tcp"])
    error_message = "What is meant for the VPC is opened to others."
  }
}

run "endpoints_serve_this_account" {
  assert {
    condition = alltrue(flatten([
      for endpoint in merge(aws_vpc_endpoint.interface, aws_vpc_endpoint.gateway) : [
        for statement in jsondecode(endpoint.policy).Statement :
        try(statement.Condition.StringEquals["aws:PrincipalAccount"], "") == "000000000000" || statement.Sid == "ImageLayers"
      ]
    ]))
    error_message = "By an endpoint, another account's principal could carry data out; only layers of images are read by others."
  }
  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.gateway :
      jsondecode(endpoint.policy).Statement[0].Condition.StringEquals["aws:ResourceAccount"] == "000000000000"
    ])
    error_message = "By a gateway, data could be written to another account's bucket or table."
  }
  assert {
    condition = contains(
      flatten([for statement in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : statement.Resource]),
      "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*",
    )
    error_message = "Without ECR's bucket, no task's image can be pulled."
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && endpoint.vpc_endpoint_type == "Interface"])
    error_message = "Without private names, SDKs look for AWS outside, where no route leads."
  }
  assert {
    condition     = aws_vpc.main.enable_dns_support && aws_vpc.main.enable_dns_hostnames
    error_message = "Private names of endpoints need both."
  }
}

# kms, sqs and ec2 are called in a service's name, by S3, ECS or Lambda, and from where these are.
run "what_is_called_can_be_reached" {
  assert {
    condition = toset([
      for call in jsondecode(file("../permissions/calls.json")) : split(":", call.call)[0]
      if contains(["worker", "windows", "loader", "dbt", "batch", "landing", "collector", "execution"], call.service) &&
      !contains(["kms", "sqs", "ec2"], split(":", call.call)[0])
    ]) == toset([for service in keys(output.endpoint_ids) : service == "kinesis-streams" ? "kinesis" : split(".", service)[0]])
    error_message = "A call that the table of calls has leads nowhere, or an endpoint is paid for that nobody calls."
  }
  assert {
    condition = toset(keys(aws_vpc_security_group_egress_rule.to_dynamodb)) == toset([
      for call in jsondecode(file("../permissions/calls.json")) : call.service
      if startswith(call.call, "dynamodb:") && call.service != "operator"
    ])
    error_message = "Who calls DynamoDB by the table of calls is not who may reach it."
  }
}

run "a_cluster_has_what_it_needs" {
  variables {
    batch_engine = "cluster"
  }

  assert {
    condition     = contains(keys(output.endpoint_ids), "kms")
    error_message = "A cluster's machines ask KMS for the keys of their disks."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement :
      statement.Condition == { StringNotEquals = { "aws:ResourceAccount" = "000000000000" } } && statement.Resource != "*"
      if startswith(statement.Sid, "Cluster")
    ]) && length(jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement) == 4
    error_message = "What a cluster may reach beside our buckets is AWS's, and named."
  }
}

run "traffic_is_logged" {
  assert {
    condition     = aws_flow_log.vpc.traffic_type == "ALL" && aws_flow_log.vpc.log_destination == var.log_group_arn
    error_message = "What was let through, and what was not, is logged."
  }
  assert {
    condition     = jsondecode(aws_iam_role.flow_logs.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "000000000000"
    error_message = "Another account's flow logs could take this role."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.flow_logs.policy).Statement[0].Resource == ["${var.log_group_arn}:*"]
    error_message = "Flow logs are written to their own group."
  }
  assert {
    condition     = contains(flatten([for s in jsondecode(aws_iam_role_policy.flow_logs.policy).Statement : s.Action]), "logs:DescribeLogGroups")
    error_message = "Flow logs look for their group before they write to it."
  }
}

run "two_zones_are_refused" {
  command = plan
  variables {
    availability_zones = 2
  }
  expect_failures = [var.availability_zones]
}

run "all_addresses_are_no_partner" {
  command = plan
  variables {
    sftp_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.sftp_cidrs]
}

run "a_small_network_is_refused" {
  command = plan
  variables {
    cidr = "10.20.0.0/24"
  }
  expect_failures = [var.cidr]
}
