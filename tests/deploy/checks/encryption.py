"""What lies anywhere is encrypted with a key of ours, and each type of resource is known to this list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.deploy.planned import Plan, Resource

Key = Callable[[Resource], Any]


def _attribute(name: str) -> Key:
    return lambda resource: resource.said(name)


def _block(*path: str) -> Key:
    *outer, name = path
    return lambda resource: resource.block(*outer).get(name)


def _disks_of_clusters(resource: Resource) -> Any:
    encryption = json.loads(resource.values["configuration"])["EncryptionConfiguration"]
    return encryption["AtRestEncryptionConfiguration"]["LocalDiskEncryptionConfiguration"]["AwsKmsKey"]


KEY_OF: dict[str, Key] = {
    "aws_athena_workgroup": _block("configuration", "result_configuration", "encryption_configuration", "kms_key_arn"),
    "aws_cloudtrail": _attribute("kms_key_id"),
    "aws_cloudwatch_log_group": _attribute("kms_key_id"),
    "aws_dynamodb_table": _block("server_side_encryption", "kms_key_arn"),
    "aws_ecr_repository": _block("encryption_configuration", "kms_key"),
    "aws_ecs_cluster": _block("configuration", "managed_storage_configuration", "fargate_ephemeral_storage_kms_key_id"),
    "aws_emr_security_configuration": _disks_of_clusters,
    "aws_emrserverless_application": _block("disk_encryption_configuration", "encryption_key_arn"),
    "aws_glue_data_catalog_encryption_settings": _block(
        "data_catalog_encryption_settings", "encryption_at_rest", "sse_aws_kms_key_id"
    ),
    "aws_kinesis_firehose_delivery_stream": _block("extended_s3_configuration", "kms_key_arn"),
    "aws_kinesis_stream": _attribute("kms_key_id"),
    "aws_lambda_function": _attribute("kms_key_arn"),
    "aws_redshiftserverless_namespace": _attribute("kms_key_id"),
    "aws_s3_bucket_server_side_encryption_configuration": _block(
        "rule", "apply_server_side_encryption_by_default", "kms_master_key_id"
    ),
    "aws_secretsmanager_secret": _attribute("kms_key_id"),
    "aws_sfn_state_machine": _block("encryption_configuration", "kms_key_id"),
    "aws_sns_topic": _attribute("kms_master_key_id"),
    "aws_sqs_queue": _attribute("kms_master_key_id"),
}

# Address within its unit to why it has no key of ours.
EXCEPTIONS = {
    "aws_emrserverless_application.this[0]": "the provider knows no key of its disks, which live for a job",
    'aws_s3_bucket_server_side_encryption_configuration.zone["logs"]': "S3 delivers access logs under SSE-S3 alone",
}


def unencrypted(plan: Plan) -> Iterator[str]:
    for resource in plan.of(*KEY_OF):
        if resource.name in EXCEPTIONS:
            continue
        key = KEY_OF[resource.type](resource)
        if not plan.is_of(key, "aws_kms_key"):
            yield f"{resource.address}: its key is {key or 'AWS-owned'}, a customer-managed key is meant"
    yield from _buckets(plan)


def _buckets(plan: Plan) -> Iterator[str]:
    configured = {
        plan.owner(each.values["bucket"], "aws_s3_bucket")
        for each in plan.of("aws_s3_bucket_server_side_encryption_configuration")
    }
    for bucket in plan.of("aws_s3_bucket"):
        if bucket not in configured:
            yield f"{bucket.address}: no encryption is configured"


def keys_do_not_rotate(plan: Plan) -> Iterator[str]:
    for key in plan.of("aws_kms_key"):
        if key.values["enable_key_rotation"] is not True:
            yield f"{key.address}: enable_key_rotation is not set"
