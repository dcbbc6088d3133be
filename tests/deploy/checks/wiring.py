"""An id that is handed from module to module arrives where such a thing is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.deploy import hcl
from tests.deploy.checks.encryption import KEY_OF
from tests.deploy.planned import Plan, Resource

MEANT = {
    "aws_iam_role": {
        "role_arn",
        "execution_role_arn",
        "task_role_arn",
        "iam_role_arn",
        "service_role",
        "autoscaling_role",
        "logging_role",
    },
    "aws_kms_key": {
        "fargate_ephemeral_storage_kms_key_id",
        "kms_key",
        "kms_key_arn",
        "kms_key_id",
        "kms_master_key_id",
        "target_key_id",
        "admin_password_secret_kms_key_id",
    },
    "aws_s3_bucket": {"bucket", "bucket_arn", "s3_bucket_name", "target_bucket"},
    "aws_security_group": {
        "security_group_ids",
        "security_groups",
        "security_group_id",
        "referenced_security_group_id",
    },
    "aws_subnet": {"subnet_ids", "subnets", "subnet_id"},
    "aws_vpc": {"vpc_id"},
    "aws_ecs_cluster": {"cluster"},
    "aws_ecs_task_definition": {"task_definition"},
    "aws_kinesis_stream": {"kinesis_stream_arn"},
    "aws_sqs_queue": {"queue_url"},
    "aws_cloudwatch_log_group": {"log_group", "log_group_name", "log_destination"},
    "aws_secretsmanager_secret": {"secret_id"},
}
# The same in what a state machine says of the tasks that it starts.
MEANT_IN_STATES = {
    "aws_ecs_cluster": {"Cluster"},
    "aws_ecs_task_definition": {"TaskDefinition"},
    "aws_security_group": {"SecurityGroups"},
    "aws_sns_topic": {"TopicArn"},
    "aws_subnet": {"Subnets"},
}
DEFINES = {("aws_s3_bucket", "bucket")}

# What has one policy to the attribute that says whose it is: of two resources the later one overwrites the other.
POLICY_OF = {
    "aws_ecr_repository_policy": "repository",
    "aws_s3_bucket_policy": "bucket",
    "aws_sns_topic_policy": "arn",
    "aws_sqs_queue_policy": "queue_url",
}

# Type to the zone of the key that it is encrypted with; buckets have that of their own zone.
ZONES = {
    "aws_athena_workgroup": "curated",
    "aws_cloudtrail": "logs",
    "aws_cloudwatch_log_group": "operations",
    "aws_dynamodb_table": "stream",
    "aws_ecr_repository": "operations",
    "aws_kinesis_firehose_delivery_stream": "raw",
    "aws_kinesis_stream": "stream",
    "aws_lambda_function": "operations",
    "aws_redshiftserverless_namespace": "warehouse",
    "aws_secretsmanager_secret": "operations",
    "aws_sfn_state_machine": "operations",
    "aws_sns_topic": "operations",
    "aws_sqs_queue": "operations",
}


def overwritten_policies(plan: Plan) -> Iterator[str]:
    seen: dict[tuple[str, str], Resource] = {}
    for resource in plan.of(*POLICY_OF):
        whose = resource.values[POLICY_OF[resource.type]]
        first = seen.setdefault((resource.type, whose), resource)
        if first is not resource:
            yield f"{resource.address}: overwrites {first.address}, for {whose} has one policy"


def miswired(plan: Plan) -> Iterator[str]:
    if plan.alone:
        return
    for resource in plan.resources:
        for meant, arguments in MEANT.items():
            for argument in arguments:
                if (resource.type, argument) not in DEFINES:
                    yield from _miswired(plan, resource, argument, meant, _given(plan, resource, argument))
    for machine in plan.of("aws_sfn_state_machine"):
        definition = json.loads(machine.values["definition"])
        for meant, arguments in MEANT_IN_STATES.items():
            for argument in arguments:
                texts = [text for value in hcl.found(definition, {argument}) for text in hcl.texts(value)]
                yield from _miswired(plan, machine, argument, meant, texts)


def _miswired(plan: Plan, resource: Resource, argument: str, meant: str, texts: list[str]) -> Iterator[str]:
    for text in texts:
        if text.removesuffix(":*") not in plan.texts_of(meant):
            found = plan.owner(text)
            yield f"{resource.address}: {argument} is {found.address if found else text}, an {meant} is meant"


def _given(plan: Plan, resource: Resource, argument: str) -> list[str]:
    own = set(resource.computed.values())
    texts = (text for value in hcl.found(resource.values, {argument}) for text in hcl.texts(value))
    return [text for text in texts if text and text not in own and not plan.is_mocked(text)]


def zones_mixed(plan: Plan) -> Iterator[str]:
    if plan.alone:
        return
    for resource in plan.of(*ZONES, "aws_s3_bucket_server_side_encryption_configuration"):
        zone = ZONES.get(resource.type) or _zone(plan.owner(resource.values.get("bucket"), "aws_s3_bucket"))
        key = plan.owner(KEY_OF[resource.type](resource))
        if key and key.index != zone:
            yield f"{resource.address}: is encrypted with the key of {key.index}, that of {zone} is meant"


def _zone(bucket: Resource | None) -> str:
    return bucket.index if bucket else ""
