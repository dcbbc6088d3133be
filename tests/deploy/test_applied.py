"""What the local AWS can take of an environment is applied to it under its planned names, read back, and used."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.runtime.job import application_name
from headrace_local.aws import SERVICES, start_aws
from headrace_local.committed import Committed
from headrace_local.environment import AwsClients
from headrace_local.flights.data import unpack_data
from headrace_local.flights.reconcile import reconcile
from headrace_local.folder import StackFolder
from headrace_local.lake_copy import copy_lake
from headrace_local.resources import Resources
from headrace_local.sending import SendPlan, sending
from headrace_local.stack import StackPlan, owned_stack
from headrace_local.workers import WorkerPlan, running_workers, stop_workers
from tests.deploy.applied.applying import ALL, Applier
from tests.deploy.conftest import Planned
from tests.deploy.planned import Plan
from tests.integration.leases import write_leases

ALL_SERVICES = (*SERVICES, "sns", "kms", "secretsmanager", "stepfunctions", "events")
FLIGHTS = 300
LEAST = 150
"""So many resources there are at least: a plan without any would also have no finding."""

# What the local AWS takes and does not give back. Everything else must be found as it was said.
FORGOTTEN = {
    ("aws_cloudwatch_metric_alarm", "Metrics"): "it keeps alarms on one metric, and forgets metric math",
    ("aws_kinesis_stream", "ShardLevelMetrics"): "it publishes no metrics of shards",
    (
        "aws_dynamodb_table",
        "RecoveryPeriodInDays",
    ): "it keeps whether there is point-in-time recovery, not for how long",
}
# What it does not have, or what has no API to be read by: see docs/deploy.md.
NOT_APPLIED = frozenset(
    {
        "aws_appautoscaling", "aws_cloudtrail", "aws_cloudwatch_event_target", "aws_cloudwatch_log_stream", "aws_ecr",
        "aws_ecs", "aws_emr", "aws_glue_data_catalog_encryption_settings", "aws_iam_openid", "aws_iam_instance",
        "aws_kinesis_firehose", "aws_kms_alias", "aws_redshift", "aws_scheduler", "aws_transfer", "terraform_data",
        "aws_default", "aws_flow_log", "aws_network", "aws_route", "aws_security_group", "aws_subnet", "aws_vpc",
    }
)  # fmt: skip


@pytest.fixture
def folder() -> Iterator[StackFolder]:
    """A short path, for Unix sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="hra-", dir="/tmp") as root:
        yield StackFolder("applied", Path(root) / f"headrace-{os.getuid()}")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A local AWS with nothing in it."""
    with tempfile.TemporaryDirectory(prefix="hra-", dir="/tmp") as root:
        folder = StackFolder("applied", Path(root))
        lock = folder.lock()
        assert lock is not None
        aws = start_aws(folder, ALL_SERVICES)
        yield aws.endpoint
        aws.process.kill()
        aws.process.wait()


@dataclass
class Provided:
    """Makes a stack's resources as they are planned, and remembers what became of that."""

    plan: Plan
    applier: Applier | None = None

    def __call__(self, clients: AwsClients, resources: Resources) -> None:
        self.applier = Applier(clients.endpoint, clients.account_id, self.plan)
        self.applier.apply()
        stream = KinesisStream(clients.kinesis, resources.stream)
        application = application_name("flights", 1, stream.identity().created_ms)
        write_leases(clients.dynamodb, application, stream.shards().values(), ["worker-1"])


def test_a_demo_runs_on_what_is_planned_for_dev(plan: Planned, folder: StackFolder) -> None:
    """All is there as it is planned, or listed above with a reason; a worker and the windows service do with it, what
    they write is what was sent, and the catalog names it."""
    provided = Provided(plan("dev"))
    with owned_stack(folder, StackPlan(environment="dev", provide=provided, services=ALL_SERVICES)) as stack:
        applier = provided.applier
        assert applier is not None
        assert [str(one) for one in applier.findings if (one.type, one.part) not in FORGOTTEN] == []
        assert {(one.type, one.part) for one in applier.findings} == FORGOTTEN.keys()
        assert applier.made > LEAST
        workers = WorkerPlan(folder, stack.endpoint, stack.resources)
        committed = Committed(stack.clients, stack.resources)
        with running_workers(workers, 1) as running:
            with sending(SendPlan(stack.resources.stream, FLIGHTS), folder, stack.clients) as flow:
                wait_until(lambda: flow.finished.is_set() and _events(committed) >= flow.counters.put_events)
            wait_until(lambda: committed.windows().complete)
            stop_workers(running)
        lake = copy_lake(stack.clients, stack.resources.processed_bucket, folder.path / "lake")
        verdict = reconcile(unpack_data(folder.path), FLIGHTS, lake)
        assert verdict.ok, verdict.sentence()
        assert _catalogued(workers) == len(applier.plan.of("aws_glue_catalog_database"))
        stack.clients.close()


def _events(committed: Committed) -> int:
    committed.refresh()
    return committed.events


def _catalogued(workers: WorkerPlan) -> int:
    """In so many databases the command makes tables."""
    line = [str(Path(sys.executable).with_name("headrace-consumers")), "catalog", "apply", workers.pipeline]
    env = workers.environment("catalog")
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=True)
    assert "create database" not in done.stdout
    return len(set(re.findall(r"^create table (\w+)\.", done.stdout, re.MULTILINE)))


def wait_until(condition: Callable[[], bool], timeout_s: float = 150.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.2)


def test_every_type_is_applied_or_listed(plan: Planned) -> None:
    """No resource comes to the modules without that somebody has thought of it here."""
    applied = {kind.type for kind in ALL}
    left = {one.type for one in plan("dev").resources} - applied
    assert {kind for kind in left if not kind.startswith(tuple(NOT_APPLIED))} == set()


def said(attribute: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def spoil(values: dict[str, Any]) -> None:
        values[attribute] = change(values[attribute])

    return spoil


def unknown_status(values: dict[str, Any]) -> None:
    values["rule"][0]["status"] = "On"


def unknown_mode(values: dict[str, Any]) -> None:
    values["rule"][0]["default_retention"][0]["mode"] = "GOVERN"


MISTAKES: dict[str, tuple[str, Callable[[dict[str, Any]], None], str]] = {
    "alarm compares by no operator": (
        "aws_cloudwatch_metric_alarm", said("comparison_operator", lambda _: "GreaterThan"), "is none of",
    ),
    "alarm of alarms has no grammar": (
        "aws_cloudwatch_composite_alarm", said("alarm_rule", lambda rule: rule.replace("ALARM", "ALERT")), "AlarmRule",
    ),
    "dashboard is cut": ("aws_cloudwatch_dashboard", said("dashboard_body", lambda body: body[:-1]), "is no JSON"),
    "log group keeps for 31 days": ("aws_cloudwatch_log_group", said("retention_in_days", lambda _: 31), "31"),
    "policy is cut": ("aws_iam_role", said("assume_role_policy", lambda policy: policy[:-1]), "is no JSON"),
    "policy has an unknown effect": (
        "aws_iam_policy", said("policy", lambda policy: policy.replace("Allow", "Alow")), "invalid Effect",
    ),
    "table has a key without type": ("aws_dynamodb_table", said("attribute", lambda names: names[:1]), "Attribute"),
    "table is billed in no known way": ("aws_dynamodb_table", said("billing_mode", lambda _: "FREE"), "is none of"),
    "bucket's name has capitals": ("aws_s3_bucket", said("bucket", str.upper), "InvalidBucketName"),
    "lifecycle rule is neither on nor off": ("aws_s3_bucket_lifecycle_configuration", unknown_status, "is none of"),
    "lock has an unknown mode": ("aws_s3_bucket_object_lock_configuration", unknown_mode, "is none of"),
    "messages are redriven never": (
        "aws_sqs_queue", said("redrive_policy", lambda _: '{"deadLetterTargetArn":"x"}'), "RedrivePolicy",
    ),
    "events match by no JSON": ("aws_cloudwatch_event_rule", said("event_pattern", lambda _: "{"), "Invalid JSON"),
    "records are kept for half a day": ("aws_kinesis_stream", said("retention_period", lambda _: 12), "Retention"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str, plan: Planned, endpoint: str) -> None:
    """Each by the local AWS, by AWS's own description of the call, or because it is not read back as it was said."""
    kind, spoil, words = MISTAKES[mistake]
    whole = plan("dev")
    values = copy.deepcopy(whole.of(kind)[0].values)
    spoil(values)
    applier = Applier(endpoint, "000000000000", whole)
    applier.apply_one(replace(whole.of(kind)[0], values=values))
    assert any(words in one.what for one in applier.findings), applier.findings
