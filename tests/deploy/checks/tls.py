"""Buckets, queues and topics refuse whoever comes without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.deploy.planned import Plan

POLICIES = {
    "aws_s3_bucket": ("aws_s3_bucket_policy", "bucket", "s3:*"),
    "aws_sqs_queue": ("aws_sqs_queue_policy", "queue_url", "sqs:*"),
    "aws_sns_topic": ("aws_sns_topic_policy", "arn", "sns:Publish"),
}


def without_tls(plan: Plan) -> Iterator[str]:
    for kind, (policy_kind, of, action) in POLICIES.items():
        refusing = {
            plan.owner(one.values[of], kind)
            for one in plan.of(policy_kind)
            if _refuses(plan, one.values["policy"], action)
        }
        for resource in plan.of(kind):
            inline = resource.said("policy")
            if resource not in refusing and not (inline and _refuses(plan, inline, action)):
                yield f"{resource.address}: no policy denies {action} where aws:SecureTransport is false"


def _refuses(plan: Plan, policy: str, action: str) -> bool:
    return any(_denies_plain(one, action) for one in plan.document(policy)["Statement"])


def _denies_plain(statement: dict[str, Any], action: str) -> bool:
    return (
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and action in (statement["Action"], *_listed(statement["Action"]))
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def plain_warehouse(plan: Plan) -> Iterator[str]:
    for workgroup in plan.of("aws_redshiftserverless_workgroup"):
        parameters = {one["parameter_key"]: one["parameter_value"] for one in workgroup.values["config_parameter"]}
        required = parameters.get("require_ssl")
        if required != "true":
            yield f"{workgroup.address}: require_ssl is {required}, so passwords may go in the clear"
