"""Policies, judged by parliament: actions, resources and conditions that IAM knows, and go together."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.planned import Plan, Resource

# In an environment of its own: it needs an older setuptools than anything else.
COMMAND = ("uv", "tool", "run", "--quiet", "--with", "setuptools<81", "--from", "parliament==1.6.4", "parliament")

# (issue, words of it, whose) of what it says wrongly, or of what is meant; its list of IAM's rules is of 2023.
SKIPPED = {
    (
        "RESOURCE_STAR",
        "",
        "",
    ): "policies of keys, endpoints and roles speak of themselves; statements.unnamed_resources judges the rest",
    (
        "MISMATCHED_TYPE",
        "s3:TlsVersion",
        "bucket_policy",
    ): "a number with a point is one: AWS's own example compares it with 1.2",
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "s3:TlsVersion",
        "bucket_policy",
    ): "denied for s3:*, of which two actions do not know it",
    (
        "UNKNOWN_FEDERATION_SOURCE",
        "token.actions.githubusercontent.com",
        "module.ci",
    ): "a provider of the account's own",
    ("UNKNOWN_CONDITION_FOR_ACTION", "token.actions.githubusercontent.com", "module.ci"): "conditions of that provider",
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "kms:EncryptionContext:aws:logs:arn",
        "kms_key",
    ): "so AWS's own example for log groups has it",
    ("MISMATCHED_TYPE", "ArnLike requires a value of type Arn but given String", "kms_key"): "the same",
    ("RESOURCE_MISMATCH", "states:ListExecutions", ""): "is made on a state machine too, since there are map runs",
    ("RESOURCE_MISMATCH", "states:DescribeExecution", "module.access"): "of a standard machine; none is an express one",
    (
        "RESOURCE_MISMATCH",
        "",
        "managing",
    ): "these calls are on two resources, and another statement of the policy has the other one",
    (
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        "",
        "managing",
    ): "who applies a bucket's policy can change it; who applies it is trusted with it",
}


def refused(plan: Plan) -> Iterator[str]:
    policies = plan.policies
    with tempfile.TemporaryDirectory() as folder:
        for number, (_, _, document) in enumerate(policies):
            (Path(folder) / f"{number}.json").write_text(json.dumps(_with_resources(document)), encoding="utf-8")
        process = subprocess.run(
            [*COMMAND, "--directory", folder, "--json"], capture_output=True, text=True, check=False
        )
    findings = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    if not findings and process.returncode:
        raise RuntimeError(f"parliament did not run: {process.stderr}")
    yield from dict.fromkeys(filter(None, (_sentence(finding, policies) for finding in findings)))


def _sentence(finding: dict[str, Any], policies: list[tuple[Resource, str, dict[str, Any]]]) -> str:
    resource, attribute, _ = policies[int(Path(finding["location"]["filepath"]).stem)]
    if _skipped(finding, resource.address):
        return ""
    return f"{resource.address}.{attribute}: {finding['title']} ({finding['issue']}): {finding['detail']}"


def _with_resources(document: dict[str, Any]) -> dict[str, Any]:
    """A policy of a role or repository names no resource, for it is its own; parliament wants one."""
    return {**document, "Statement": [{"Resource": "*", **statement} for statement in document["Statement"]]}


def _skipped(finding: dict[str, Any], address: str) -> bool:
    said = str(finding["detail"])
    return any(finding["issue"] == issue and words in said and whose in address for issue, words, whose in SKIPPED)
