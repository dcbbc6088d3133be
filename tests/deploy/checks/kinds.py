"""Each type of resource was thought of: it has a key, or there is nothing in it to encrypt."""

from __future__ import annotations

from collections.abc import Iterator

from tests.deploy.checks.encryption import KEY_OF
from tests.deploy.planned import Plan

# Settings, links between others, and what AWS keeps of us as of its own: no data of ours lies in them.
WITHOUT_DATA = {
    "aws_appautoscaling_policy",
    "aws_appautoscaling_target",
    "aws_cloudwatch_composite_alarm",
    "aws_cloudwatch_dashboard",
    "aws_cloudwatch_event_rule",
    "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_metric_filter",
    "aws_cloudwatch_log_stream",
    "aws_cloudwatch_metric_alarm",
    "aws_default_security_group",
    "aws_dynamodb_resource_policy",
    "aws_ecr_lifecycle_policy",
    "aws_ecr_repository_policy",
    "aws_ecs_service",
    "aws_ecs_task_definition",
    "aws_flow_log",
    "aws_glue_catalog_database",
    "aws_iam_instance_profile",
    "aws_iam_openid_connect_provider",
    "aws_iam_policy",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_kms_alias",
    "aws_kms_key",
    "aws_lambda_event_source_mapping",
    "aws_lambda_permission",
    "aws_network_acl",
    "aws_network_acl_rule",
    "aws_redshiftdata_statement",
    "aws_redshiftserverless_usage_limit",
    "aws_redshiftserverless_workgroup",
    "aws_route_table",
    "aws_route_table_association",
    "aws_s3_bucket",  # its encryption is a resource of its own, which `unencrypted` demands
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_logging",
    "aws_s3_bucket_notification",
    "aws_s3_bucket_object_lock_configuration",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_versioning",
    "aws_scheduler_schedule",
    "aws_s3_object",  # the empty object that makes a partner's folder; its bucket has the key
    "aws_security_group",
    "aws_sns_topic_policy",
    "aws_sns_topic_subscription",
    "aws_sqs_queue_policy",
    "aws_sqs_queue_redrive_allow_policy",
    "aws_subnet",
    "aws_transfer_server",
    "aws_transfer_ssh_key",
    "aws_transfer_user",
    "aws_transfer_workflow",
    "aws_vpc",
    "aws_vpc_endpoint",
    "aws_vpc_security_group_egress_rule",
    "aws_vpc_security_group_ingress_rule",
    "terraform_data",
}


def unknown_kinds(plan: Plan) -> Iterator[str]:
    for kind in sorted({resource.type for resource in plan.resources} - WITHOUT_DATA - KEY_OF.keys()):
        yield f"{kind}: checks/kinds.py does not say whether data of ours lies in it, and which attribute has its key"
