"""Mistakes about what runs: tasks, network, roles, landing and alarms."""

from __future__ import annotations

from tests.deploy.mutants.mutant import edited

NETWORK = [
    edited(
        "an open port",
        "open_ports",
        "modules/network/security_groups.tf",
        "  to_port           = 22\n",
        "  to_port           = 65535\n",
        where="dev/network",
    ),
    edited(
        "SFTP open to all addresses",
        "open_networks",
        "modules/network/security_groups.tf",
        "cidr_ipv4         = each.value",
        'cidr_ipv4         = "0.0.0.0/0"',
        where="dev/network",
    ),
    edited(
        "a way to the internet",
        "public_addresses",
        "modules/network/main.tf",
        'resource "aws_route_table" "private" {',
        'resource "aws_internet_gateway" "out" {}\n\nresource "aws_route_table" "private" {',
        where="dev/network",
    ),
    edited(
        "a public SFTP server",
        "public_addresses",
        "modules/landing/sftp.tf",
        '= "VPC"',
        '= "PUBLIC"',
        where="dev/landing",
    ),
    edited(
        "a VPC where a security group is meant",
        "miswired",
        "live/units/dbt.hcl",
        "dependency.network.outputs.security_group_ids.dbt",
        "dependency.network.outputs.vpc_id",
        where="dev",
    ),
]

POLICIES = [
    edited(
        "a wildcard action",
        "wildcard_actions",
        "modules/network/flow_logs.tf",
        '["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]',
        '["logs:*"]',
        where="dev/network",
    ),
    edited(
        "every resource where one is meant",
        "unnamed_resources",
        "modules/network/flow_logs.tf",
        'Resource = ["${var.log_group_arn}:*"]',
        'Resource = ["*"]',
        where="dev/network",
    ),
    edited(
        "an action that IAM does not know",
        "refused",
        "modules/landing/queues.tf",
        '"sqs:SendMessage"',
        '"sqs:SendMessages"',
        where="dev/landing",
    ),
    edited(
        "a role for tasks of any account",
        "loose_trust",
        "modules/task/roles.tf",
        '"aws:SourceAccount" = module.names.account_id }\n        ArnLike      = { "aws:SourceArn"',
        '"ecs:cluster" = "any" }\n        ArnLike      = { "ecs:task"',
        where="dev/services",
    ),
    edited(
        "CI's role for any repository",
        "loose_trust",
        "modules/ci/main.tf",
        "repo:${var.github_repository}:pull_request",
        "repo:*:pull_request",
        where="dev/ci",
    ),
    edited(
        "a role without the boundary",
        "unbounded_roles",
        "modules/network/flow_logs.tf",
        "  permissions_boundary = module.names.boundary_arn\n",
        "",
        where="dev/network",
    ),
    edited(
        "a policy longer than IAM takes",
        "policies_too_long",
        "modules/ci/boundary.tf",
        'Resource = ["*"]',
        'Resource = [for number in range(99) : "arn:aws:s3:::a-bucket-that-is-one-of-very-many-${number}"]',
        where="dev/ci",
    ),
    edited(
        "a missing permission",
        "missing_permissions",
        "modules/permissions/calls.json",
        '  {"service":"worker","on":"log_table","call":"dynamodb:TransactWriteItems","actions":["dynamodb:PutItem"],'
        '"source":"recorded"},\n',
        "",
    ),
    edited(
        "an unused permission",
        "unused_permissions",
        "modules/permissions/calls.json",
        '  {"service":"worker","on":"log_table","call":"dynamodb:GetItem",',
        '  {"service":"worker","on":"log_table","call":"dynamodb:DeleteTable","actions":["dynamodb:DeleteTable"],'
        '"source":"recorded"},\n'
        '  {"service":"worker","on":"log_table","call":"dynamodb:GetItem",',
    ),
]

TASKS = [
    edited(
        "no time to end",
        "no_time_to_end",
        "modules/task/containers.tf",
        "    stopTimeout = 120\n",
        "",
        where="dev/services",
    ),
    edited(
        "a container that runs as root",
        "soft_containers",
        "modules/task/containers.tf",
        '"10001:10001"',
        '"0:0"',
        where="dev/services",
    ),
    edited(
        "a root that can be written to",
        "soft_containers",
        "modules/task/containers.tf",
        "readonlyRootFilesystem = true",
        "readonlyRootFilesystem = false",
        where="dev/services",
    ),
    edited(
        "a password in the environment",
        "secrets_in_the_open",
        "modules/services/main.tf",
        "        HEADRACE_COPY_ROLE ",
        '        HEADRACE_WAREHOUSE_PASSWORD = "x"\n        HEADRACE_COPY_ROLE ',
        where="dev/services",
    ),
    edited(
        "a bad deployment that stays",
        "unwatched",
        "modules/services/workers.tf",
        "    enable   = true\n    rollback = true\n",
        "    enable   = false\n    rollback = false\n",
        where="dev/services",
    ),
    edited(
        "images whose tags can be moved",
        "foreign_images",
        "modules/ci/images.tf",
        '"IMMUTABLE"',
        '"MUTABLE"',
        where="dev/ci",
    ),
    edited(
        "a command that does not exist",
        "wrong_commands",
        "modules/services/main.tf",
        '["headrace-consumers", "windows", each.reference]',
        '["headrace-consumers", "window", each.reference]',
        where="dev/services",
    ),
    edited(
        "a setting that nobody reads",
        "wrong_commands",
        "modules/services/main.tf",
        "      HEADRACE_LOG_TABLE ",
        "      HEADRACE_LOGTABLE ",
        where="dev/services",
    ),
]

OPERATIONS = [
    edited(
        "a topic without a key",
        "unencrypted",
        "modules/observability/topics.tf",
        "  kms_master_key_id = var.key_arn\n",
        "",
        where="dev/observability",
    ),
    edited(
        "a log that is kept for ever",
        "logs_kept_for_ever",
        "modules/observability/main.tf",
        "  retention_in_days = lookup(local.retention_days, each.key, var.retention_days)\n",
        "",
        where="dev/observability",
    ),
    edited(
        "an alarm on a metric that nobody tells",
        "alarms_without_metric",
        "modules/observability/alarms.tf",
        "  metric_name         = each.value.simple ? each.value.series[0].name : null",
        '  metric_name         = each.value.simple ? "${each.value.series[0].name}s" : null',
        where="dev/observability",
    ),
    edited(
        "an alarm that tells nobody",
        "alarms_that_tell_nobody",
        "modules/observability/alarms.tf",
        "  alarm_actions       = length(each.value.unless) == 0 ?",
        "  alarm_actions       = length(each.value.unless) == 9 ?",
        where="dev/observability",
    ),
    edited(
        "a message that comes again while it is worked on",
        "messages_seen_twice",
        "modules/landing/queues.tf",
        "visibility_timeout_seconds = 6 * local.timeout_s",
        "visibility_timeout_seconds = local.timeout_s",
        where="dev/landing",
    ),
]

RUNNING = [*NETWORK, *POLICIES, *TASKS, *OPERATIONS]
