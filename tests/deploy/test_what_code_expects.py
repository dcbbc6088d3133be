"""What modules make is what the code asks for: tables, settings, databases."""

from __future__ import annotations

import pkgutil
from dataclasses import fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any
from unittest.mock import Mock

import pytest

from headrace_consumers.catalog.lake import wanted_of
from headrace_consumers.preflight import Ground
from headrace_consumers.settings import CatalogSettings, LakeSettings, LogSettings
from headrace_consumers.shards import StreamIdentity
from headrace_local.environment import AwsClients
from headrace_local.pipelines import flights
from headrace_local.resources import create_log_table
from tests.deploy.conftest import Planned
from tests.deploy.planned import Plan

BORN_MS = int(datetime(2026, 11, 30, tzinfo=UTC).timestamp() * 1000)


def _lease_tables(plan: Plan) -> list[str]:
    worker = next(document for role, _, document in plan.policies if 'worker"' in role.address and _leases(document))
    return _leases(worker)


def _leases(document: dict[str, Any]) -> list[str]:
    return [arn for each in document["Statement"] if each["Sid"] == "LeaseTables" for arn in each["Resource"]]


def _is_allowed(patterns: list[str], table: str) -> bool:
    return any(fnmatchcase(table, pattern.partition(":table/")[2]) for pattern in patterns)


@pytest.mark.parametrize("suffix", ["", "-CoordinatorState", "-WorkerMetricStats"])
@pytest.mark.parametrize("generation", [1, 12])
def test_a_worker_reaches_the_tables_that_kcl_makes(plan: Planned, generation: int, suffix: str) -> None:
    """KCL calls them by the application's name, which Terraform cannot know: of this pipeline, and of no other one."""
    patterns = _lease_tables(plan("dev"))
    ground = Ground(StreamIdentity("flights", BORN_MS, 168), generation, "TRIM_HORIZON")
    assert _is_allowed(patterns, ground.application_name("flights") + suffix)
    assert not _is_allowed(patterns, ground.application_name("weather") + suffix)


def test_the_commit_log_has_the_keys_that_the_local_one_has(plan: Planned) -> None:
    """What integration tests run on is what runs on AWS."""
    clients = Mock(spec=AwsClients)
    create_log_table(clients, "log")
    local = clients.dynamodb.create_table.call_args.kwargs
    (table,) = plan("dev").of("aws_dynamodb_table")
    assert [key["AttributeName"] for key in local["KeySchema"]] == [table.values["hash_key"], table.values["range_key"]]
    assert {each["AttributeName"]: each["AttributeType"] for each in local["AttributeDefinitions"]} == {
        each["name"]: each["type"] for each in table.values["attribute"]
    }
    assert local["BillingMode"] == table.values["billing_mode"]


def test_the_function_is_there_and_reads_every_setting(plan: Planned) -> None:
    """A variable that nobody reads is a mistake in its name."""
    (function,) = plan("dev").of("aws_lambda_function")
    (command,) = function.block("image_config")["command"]
    assert callable(pkgutil.resolve_name(command))
    settings = {f"HEADRACE_{field.name.upper()}" for kind in (LakeSettings, LogSettings) for field in fields(kind)}
    own = {"HEADRACE_PIPELINE", "HEADRACE_STREAM", "HEADRACE_LANDING_PREFIX"}
    assert set(function.block("environment")["variables"]) == settings | own


def test_the_catalogs_databases_are_those_that_the_command_fills(plan: Planned) -> None:
    """`catalog apply` makes no database of its own beside them."""
    found = plan("dev").of("aws_glue_catalog_database")
    databases = {each.values["name"]: each.values["description"] for each in found}
    settings = CatalogSettings(catalog_prefix="headrace_dev")
    assert databases == wanted_of(flights, LakeSettings(), settings, datetime.now(UTC)).databases
