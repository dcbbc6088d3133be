"""The adapter: what goes to Glue and comes back, and what AWS may answer instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from headrace_consumers.aws_retry import patience
from headrace_consumers.catalog.glue import GlueCatalog
from headrace_consumers.catalog.table_input import catalog_table, table_input
from headrace_consumers.catalog.tables import CatalogColumn, CatalogTable, TableName
from headrace_consumers.errors import CatalogChangedError
from headrace_producers.errors import TerminalError, TransientError
from tests.consumers.catalog.conftest import LocalAws

PLACE = TableName("mart", "routes")
ROUTES = CatalogTable(
    "s3://headrace-curated/mart/routes/",
    (
        CatalogColumn("origin", "string", "Airport of departure"),
        CatalogColumn("miles", "bigint", "Distance", {"unit": "mi"}),
    ),
    description="One row per route.",
    parameters={"classification": "parquet", "headrace.mart": "routes"},
)


def test_a_table_without_partitions_comes_back_as_it_was_made(aws: LocalAws) -> None:
    """Its keys are said to be none, as Athena wants it."""
    catalog = GlueCatalog(aws.glue)
    assert not catalog.has_database("mart")
    assert catalog.table(PLACE) is None
    catalog.create_database("mart", "Results")
    catalog.create_table(PLACE, ROUTES)
    assert catalog.has_database("mart")
    assert catalog.table(PLACE) == ROUTES
    assert table_input("routes", ROUTES)["PartitionKeys"] == []
    grown = replace(ROUTES, columns=(*ROUTES.columns, CatalogColumn("flights", "bigint")))
    catalog.update_table(PLACE, ROUTES, grown)
    assert catalog.table(PLACE) == grown
    with pytest.raises(CatalogChangedError, match="mart was changed in the catalog at the same moment; try again"):
        catalog.create_database("mart", "")
    with pytest.raises(CatalogChangedError):
        catalog.create_table(PLACE, ROUTES)
    with pytest.raises(CatalogChangedError):
        catalog.update_table(PLACE, ROUTES, grown)


def test_an_update_says_again_what_is_not_ours() -> None:
    """And nothing that Glue alone writes."""
    said: Any = {
        **table_input("routes", ROUTES),
        "DatabaseName": "mart",
        "CreateTime": 1,
        "CreatedBy": "arn:x",
        "VersionId": "7",
        "Owner": "people",
        "Retention": 3,
    }
    said["StorageDescriptor"] |= {"Compressed": True, "BucketColumns": ["origin"]}
    now = table_input("routes", catalog_table(said), said)
    assert set(now) == {"Name", "Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor",
                        "Owner", "Retention"}  # fmt: skip
    assert now["StorageDescriptor"] == said["StorageDescriptor"]


@pytest.fixture
def stubbed() -> Iterator[Stubber]:
    glue = boto3.client("glue", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    with Stubber(glue) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
    glue.close()


def catalog_of(stubber: Stubber) -> GlueCatalog:
    client: Any = stubber.client
    return GlueCatalog(client)


def test_what_aws_refuses_names_the_call_and_the_table(stubbed: Stubber) -> None:
    """At once: nobody waits half a minute for a permission."""
    stubbed.add_client_error("get_table", "AccessDeniedException", "no", 400)
    with pytest.raises(TerminalError, match=r"GetTable of mart\.routes: AWS refused \(AccessDeniedException\); check"):
        catalog_of(stubbed).table(PLACE)


def test_throttling_is_waited_for(stubbed: Stubber) -> None:
    """And failures of AWS's own."""
    stubbed.add_client_error("get_database", "ThrottlingException", "slower", 400)
    stubbed.add_client_error("get_database", "InternalServiceException", "oh", 500)
    stubbed.add_response("get_database", {"Database": {"Name": "mart"}})
    assert catalog_of(stubbed).has_database("mart")


def test_throttling_is_not_waited_for_for_ever(stubbed: Stubber) -> None:
    """As long as a command's patience allows."""
    stubbed.add_client_error("get_database", "ThrottlingException", "slower", 400)
    with patience(0.0), pytest.raises(TransientError, match="GetDatabase of mart: ThrottlingException for 0 s"):
        catalog_of(stubbed).has_database("mart")


def test_what_glue_does_not_take_is_told_in_its_words(stubbed: Stubber) -> None:
    """No retry helps."""
    stubbed.add_client_error("create_table", "InvalidInputException", "bad type", 400)
    with pytest.raises(TerminalError, match=r"CreateTable of mart\.routes: InvalidInputException: bad type"):
        catalog_of(stubbed).create_table(PLACE, ROUTES)


def test_an_update_is_of_the_version_that_was_read(stubbed: Stubber) -> None:
    """Glue refuses it where another one was first."""
    said: Any = {**table_input("routes", ROUTES), "VersionId": "7"}
    stubbed.add_response("get_table", {"Table": said})
    stubbed.add_client_error(
        "update_table",
        "ConcurrentModificationException",
        "no",
        400,
        expected_params={"DatabaseName": "mart", "TableInput": table_input("routes", ROUTES), "VersionId": "7"},
    )
    with pytest.raises(CatalogChangedError):
        catalog_of(stubbed).update_table(PLACE, ROUTES, ROUTES)
