"""ARNs and ids as AWS makes them, for resources that exist only under mocks."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from tests.deploy.account import ACCOUNT_ID, PARTITION, REGION

if TYPE_CHECKING:
    from tests.deploy.planned import Resource

# From the service authorization reference. {attribute} is the resource's, {uuid} and {hex} are made of its address.
FORMS = {
    "aws_athena_workgroup": "athena:{region}:{account}:workgroup/{name}",
    "aws_cloudtrail": "cloudtrail:{region}:{account}:trail/{name}",
    "aws_cloudwatch_event_rule": "events:{region}:{account}:rule/{name}",
    "aws_cloudwatch_log_group": "logs:{region}:{account}:log-group:{name}",
    "aws_cloudwatch_metric_alarm": "cloudwatch:{region}:{account}:alarm:{alarm_name}",
    "aws_dynamodb_table": "dynamodb:{region}:{account}:table/{name}",
    "aws_ecr_repository": "ecr:{region}:{account}:repository/{name}",
    "aws_ecs_cluster": "ecs:{region}:{account}:cluster/{name}",
    "aws_ecs_service": "ecs:{region}:{account}:service/{name}",
    "aws_ecs_task_definition": "ecs:{region}:{account}:task-definition/{family}:1",
    "aws_emr_cluster": "elasticmapreduce:{region}:{account}:cluster/j-{hex}",
    "aws_emrserverless_application": "emr-serverless:{region}:{account}:/applications/{hex}",
    "aws_glue_catalog_database": "glue:{region}:{account}:database/{name}",
    "aws_iam_instance_profile": "iam::{account}:instance-profile/{name}",
    "aws_iam_openid_connect_provider": "iam::{account}:oidc-provider/{host}",
    "aws_iam_policy": "iam::{account}:policy/{name}",
    "aws_iam_role": "iam::{account}:role/{name}",
    "aws_kinesis_firehose_delivery_stream": "firehose:{region}:{account}:deliverystream/{name}",
    "aws_kinesis_stream": "kinesis:{region}:{account}:stream/{name}",
    "aws_kms_key": "kms:{region}:{account}:key/{uuid}",
    "aws_lambda_function": "lambda:{region}:{account}:function:{function_name}",
    "aws_redshiftserverless_namespace": "redshift-serverless:{region}:{account}:namespace/{uuid}",
    "aws_redshiftserverless_workgroup": "redshift-serverless:{region}:{account}:workgroup/{uuid}",
    "aws_s3_bucket": "s3:::{bucket}",
    "aws_scheduler_schedule": "scheduler:{region}:{account}:schedule/{group_name}/{name}",
    "aws_secretsmanager_secret": "secretsmanager:{region}:{account}:secret:{name}-{six}",
    "aws_security_group": "ec2:{region}:{account}:security-group/sg-{hex}",
    "aws_sfn_state_machine": "states:{region}:{account}:stateMachine:{name}",
    "aws_sns_topic": "sns:{region}:{account}:{name}",
    "aws_sqs_queue": "sqs:{region}:{account}:{name}",
    "aws_transfer_server": "transfer:{region}:{account}:server/s-{hex}",
    "aws_vpc": "ec2:{region}:{account}:vpc/vpc-{hex}",
    "aws_vpc_endpoint": "ec2:{region}:{account}:vpc-endpoint/vpce-{hex}",
}
PREFIXES = {"aws_security_group": "sg-", "aws_subnet": "subnet-", "aws_vpc": "vpc-", "aws_vpc_endpoint": "vpce-"}
NAMES = ("name", "bucket", "function_name", "family", "alarm_name")


def of(resource: Resource) -> str:
    form = FORMS.get(resource.type, "ec2:{region}:{account}:" + resource.type.removeprefix("aws_") + "/{hex}")
    return f"arn:{PARTITION}:" + form.format_map(_parts(resource))


def of_address(kind: str, address: str) -> str:
    """Of a type whose ARN says nothing but which one it is."""
    place = {"region": REGION, "account": ACCOUNT_ID, "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, address))}
    return f"arn:{PARTITION}:" + FORMS[kind].format_map(place)


def of_another(resource: Resource, attribute: str) -> str:
    """The ARN of what AWS makes beside a resource: Redshift keeps its administrator's password as a secret."""
    if attribute == "admin_password_secret_arn":
        secret = f"redshift!{resource.values['namespace_name']}-admin-{_hex(resource)[:6]}"
        return f"arn:{PARTITION}:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{secret}"
    return of(resource)


def identity(resource: Resource, attribute: str) -> str:
    """What stands behind an `id` or a name that AWS would give."""
    named = next((resource.values[name] for name in NAMES if resource.values.get(name)), resource.index)
    return PREFIXES[resource.type] + _hex(resource) if resource.type in PREFIXES else f"{named or attribute}"


class _Parts(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return self["hex"]


def _parts(resource: Resource) -> _Parts:
    texts = {name: value for name, value in resource.values.items() if isinstance(value, str)}
    host = texts.get("url", "").removeprefix("https://")
    made = {"uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, resource.address)), "host": host}
    place = {"region": REGION, "account": ACCOUNT_ID}
    return _Parts({"group_name": "default", **texts, **made, **place, "hex": _hex(resource), "six": _hex(resource)[:6]})


def _hex(resource: Resource) -> str:
    return hashlib.sha256(resource.address.encode()).hexdigest()[:17]
