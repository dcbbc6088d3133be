"""Every policy of production, judged by parliament. Other environments have the same ones under other names."""

from __future__ import annotations

from collections.abc import Callable

from tests.deploy import parliament
from tests.deploy.planned import Plan


def test_iam_knows_what_policies_say(plan: Callable[[str], Plan]) -> None:
    """Actions, resources and conditions that exist, and go together."""
    assert list(parliament.refused(plan("prod"))) == []


def test_policies_are_read(plan: Callable[[str], Plan]) -> None:
    """One that Terraform's mocks hide would not be judged: each role, key, bucket, queue and topic has one."""
    found = {resource.type for resource, _, _ in plan("prod").policies}
    assert {
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_kms_key",
        "aws_s3_bucket_policy",
        "aws_sns_topic_policy",
        "aws_sqs_queue_policy",
    } <= found
