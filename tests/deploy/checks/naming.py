"""Names begin with project and environment, and are no longer than AWS takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.deploy.planned import Plan

# Type to the attribute that is its name, and the length that AWS allows.
NAMES = {
    "aws_appautoscaling_policy": ("name", 256),
    "aws_athena_workgroup": ("name", 128),
    "aws_cloudtrail": ("name", 128),
    "aws_cloudwatch_dashboard": ("dashboard_name", 255),
    "aws_cloudwatch_event_rule": ("name", 64),
    "aws_cloudwatch_log_group": ("name", 512),
    "aws_cloudwatch_metric_alarm": ("alarm_name", 255),
    "aws_dynamodb_table": ("name", 255),
    "aws_ecs_cluster": ("name", 255),
    "aws_ecs_service": ("name", 255),
    "aws_ecs_task_definition": ("family", 255),
    "aws_emr_cluster": ("name", 256),
    "aws_emrserverless_application": ("name", 64),
    "aws_glue_catalog_database": ("name", 255),
    "aws_iam_policy": ("name", 128),
    "aws_iam_role": ("name", 64),
    "aws_kinesis_firehose_delivery_stream": ("name", 64),
    "aws_kinesis_stream": ("name", 128),
    "aws_kms_alias": ("name", 256),
    "aws_lambda_function": ("function_name", 64),
    "aws_redshiftserverless_namespace": ("namespace_name", 64),
    "aws_redshiftserverless_workgroup": ("workgroup_name", 64),
    "aws_s3_bucket": ("bucket", 63),
    "aws_scheduler_schedule": ("name", 64),
    "aws_secretsmanager_secret": ("name", 512),
    "aws_security_group": ("name", 255),
    "aws_sfn_state_machine": ("name", 80),
    "aws_sns_topic": ("name", 256),
    "aws_sqs_queue": ("name", 80),
    "aws_transfer_user": ("user_name", 100),
}
# What EC2 takes as description of a security group, and of a rule: no apostrophe is among it.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}")
DESCRIBED = ("aws_security_group", "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule")

# Called by what others call them: a partner's login, and a group that AWS wants under its own prefix.
FREE = {"aws_transfer_user"}

# Redshift writes its logs below its own folder alone.
PREFIXES = ("", "/", "alias/", "/aws/redshift/")


def misnamed(plan: Plan) -> Iterator[str]:
    here = plan.environment
    begins = tuple(f"{prefix}headrace{mark}{here}" for prefix in PREFIXES for mark in ("-", "/", "_"))
    for resource in plan.of(*(NAMES.keys() - FREE)):
        name = resource.values[NAMES[resource.type][0]]
        if not name.startswith(begins):
            yield f"{resource.address}: is called {name}, headrace-{here}... is meant"


def too_long(plan: Plan) -> Iterator[str]:
    for resource in plan.of(*NAMES):
        attribute, limit = NAMES[resource.type]
        name = resource.values[attribute]
        if len(name) > limit:
            yield f"{resource.address}: {name} has {len(name)} characters, AWS takes {limit}"


def refused_descriptions(plan: Plan) -> Iterator[str]:
    for resource in plan.of(*DESCRIBED):
        if not DESCRIPTION.fullmatch(resource.values["description"]):
            yield f"{resource.address}: EC2 does not take {resource.values['description']!r} as description"
