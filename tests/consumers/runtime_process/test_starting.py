"""What is decided before and between lives: Java and jars, properties, worker id, restarts, the leader's lock."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headrace_consumers.errors import DaemonError
from headrace_consumers.runtime.daemon import DaemonJob, Endpoints, daemon_command, daemon_properties, endpoints_of
from headrace_consumers.runtime.java import EXPECTED_JARS, check_jars, find_jars, find_java
from headrace_consumers.runtime.leader_lock import STALE_AFTER_S, LeaderLock
from headrace_consumers.runtime.restarts import LONGEST_DELAY_S, RestartBudget
from headrace_consumers.runtime.worker_id import identify
from headrace_consumers.settings import KclSettings
from headrace_producers.errors import SettingsError


def _properties(start: str = "TRIM_HORIZON", endpoints: Endpoints = Endpoints(), **kcl: Any) -> dict[str, str]:  # noqa: B008 - frozen
    job = DaemonJob(
        application_name="headrace-flights-g1-1", stream="flights", region="eu-central-1", start=start,
        worker_id="w", shutdown_grace_s=25.0, kcl=KclSettings(**kcl), endpoints=endpoints,
    )  # fmt: skip
    lines = daemon_properties(job, "/bin/sh /tmp/hr/relay.sh").splitlines()
    return dict(line.split(" = ", 1) for line in lines)


def test_the_daemon_is_told_what_keeps_us_from_losing_records() -> None:
    """Empty reads are delivered, shutdown has its grace, and timeoutInSeconds is never set."""
    properties = _properties()
    assert properties["callProcessRecordsEvenForEmptyRecordList"] == "true"
    assert properties["shutdownGraceMillis"] == "25000"
    assert properties["initialPositionInStream"] == "TRIM_HORIZON"
    assert properties["isGracefulLeaseHandoffEnabled"] == "false"
    assert "timeoutInSeconds" not in properties


@pytest.mark.parametrize(("said", "told"), [(True, "true"), (False, "false")])
def test_kcl_protects_all_three_of_its_tables_or_none(*, said: bool, told: str) -> None:
    """A table left out would be deleted by whoever cleans up what nobody seems to own."""
    properties = _properties(protect_lease_tables=said)
    assert {name: value for name, value in properties.items() if "Protection" in name} == {
        "leaseTableDeletionProtectionEnabled": told,
        "coordinatorStateDeletionProtectionEnabled": told,
        "workerMetricsDeletionProtectionEnabled": told,
    }


def test_a_start_time_is_given_in_whole_seconds_rounded_down() -> None:
    """Reading a little more is safe, reading less is not."""
    properties = _properties(start="2013-01-31T05:00:00.9+00:00")
    assert properties["initialPositionInStreamExtended"] == "1359608400"
    assert "initialPositionInStream" not in properties


@pytest.mark.parametrize("start", ["LATEST", "yesterday", "2013-01-31T05:00:00"])
def test_a_start_that_is_no_position_is_refused(start: str) -> None:
    """LATEST would lose what comes before the first checkpoint; a time without an offset means nothing."""
    with pytest.raises(DaemonError):
        _properties(start=start)


def test_endpoints_are_named_only_where_the_environment_does() -> None:
    """The service's own variable wins; without any the SDK finds AWS itself."""
    assert not {"kinesisEndpoint", "dynamoDBEndpoint", "cloudWatchEndpoint"} & set(_properties())
    given = endpoints_of({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_KINESIS": "http://k"})
    assert given == Endpoints("http://k", "http://a", "http://a")
    assert _properties(endpoints=given)["kinesisEndpoint"] == "http://k"


def test_a_value_can_add_no_property_of_its_own() -> None:
    """Line breaks are refused, backslashes escaped."""
    assert _properties(endpoints=Endpoints(kinesis="a\\b"))["kinesisEndpoint"] == "a\\\\b"
    with pytest.raises(DaemonError, match="line breaks"):
        _properties(endpoints=Endpoints(kinesis="a\nb"))


def test_java_gets_its_heap_and_our_log_configuration(tmp_path: Path) -> None:
    """MessageWriter logs whole messages, hence payloads, below WARN."""
    command = daemon_command(Path("java"), Path("jars"), tmp_path, Path("p"), KclSettings(heap_mib=99, cbor=False))
    assert "-Xmx99m" in command
    assert "-Daws.cborEnabled=false" in command
    assert f"-Dlogback.configurationFile={tmp_path / 'logback.xml'}" in command
    assert 'MessageWriter" level="WARN"' in (tmp_path / "logback.xml").read_text()


def test_java_home_is_used_where_it_holds_java_and_the_bundled_one_elsewhere(tmp_path: Path) -> None:
    """A stale JAVA_HOME is no reason to fail."""
    bundled = find_java({})
    assert bundled.is_file()
    assert find_java({"JAVA_HOME": str(tmp_path)}) == bundled
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(bundled)
    assert find_java({"JAVA_HOME": str(tmp_path)}) == tmp_path / "bin" / "java"


def test_missing_and_broken_jars_are_named(tmp_path: Path) -> None:
    """The fetch at installation has failed silently before."""
    assert len(list(find_jars().glob("*.jar"))) == EXPECTED_JARS
    with pytest.raises(DaemonError, match=f"0 of {EXPECTED_JARS}"):
        check_jars(tmp_path)
    for number in range(EXPECTED_JARS):
        with zipfile.ZipFile(tmp_path / f"{number}.jar", "w"):
            pass
    check_jars(tmp_path)
    (tmp_path / "3.jar").write_bytes(b"<html>502</html>")
    with pytest.raises(DaemonError, match=r"3\.jar cannot be read"):
        check_jars(tmp_path)


def test_a_drawn_worker_id_is_kept_and_belongs_to_one_worker(tmp_path: Path) -> None:
    """Another id would wait for the dead one's leases; two workers of one id would share them."""
    first = identify("", str(tmp_path))
    with pytest.raises(SettingsError, match="in use"):
        identify("", str(tmp_path))
    first.close()
    again = identify("", str(tmp_path))
    assert again.worker_id == first.worker_id
    again.close()
    assert identify("mine", str(tmp_path)).worker_id == "mine"
    assert identify("", "").worker_id != identify("", "").worker_id


def test_restarts_wait_longer_each_time_and_end_within_the_hour() -> None:
    """Delays double up to a bound, a long life resets them, an hour forgets."""
    budget = RestartBudget(10)
    delays = [budget.delay_s(float(second), lived_s=1.0) for second in range(10)]
    assert delays == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_DELAY_S, LONGEST_DELAY_S, LONGEST_DELAY_S]
    assert budget.delay_s(11.0, lived_s=1.0) is None
    assert budget.delay_s(3_600.0, lived_s=3_000.0) == 0.25
    assert budget.total == 11


class FakeLockTable:
    """The one item of a coordinator table, over DynamoDB's calls that the cure uses."""

    def __init__(self) -> None:
        self.version: str | None = None
        self.missing_table = False

    def get_item(self, **request: Any) -> dict[str, Any]:
        assert request["TableName"] == "app-CoordinatorState"
        assert request["Key"] == {"key": {"S": "Leader"}}
        if self.missing_table:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetItem")
        return {"Item": {"recordVersionNumber": {"S": self.version}}} if self.version else {}

    def delete_item(self, **request: Any) -> None:
        if request["ExpressionAttributeValues"][":seen"]["S"] != self.version:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "DeleteItem")
        self.version = None


@pytest.fixture
def lock() -> tuple[LeaderLock, FakeLockTable, list[float]]:
    table, clock = FakeLockTable(), [0.0]
    return LeaderLock(table, "app", lambda: clock[0]), table, clock  # type: ignore[arg-type]  # the calls it uses


def test_a_lock_that_nobody_renews_is_deleted(lock: tuple[LeaderLock, FakeLockTable, list[float]]) -> None:
    """A dead leader's lock would hold all assignments for 120 s."""
    cure, table, clock = lock
    table.version = "a"
    assert not cure.check()
    clock[0] = STALE_AFTER_S
    assert not cure.check()
    clock[0] += 1.0
    assert cure.check()
    assert table.version is None


def test_a_lock_that_is_renewed_stays(lock: tuple[LeaderLock, FakeLockTable, list[float]]) -> None:
    """A living leader keeps its office, however long we watch."""
    cure, table, clock = lock
    for beat in range(20):
        clock[0] = beat * 30.0
        table.version = f"v{beat}"
        assert not cure.check()
    assert table.version == "v19"


def test_a_leader_that_comes_back_at_the_last_moment_keeps_its_lock(
    lock: tuple[LeaderLock, FakeLockTable, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delete is conditional on what was seen; no table and no lock are no errors."""
    cure, table, clock = lock
    assert not cure.check()
    table.missing_table = True
    assert not cure.check()
    table.missing_table = False
    table.version = "a"
    assert not cure.check()
    clock[0] = STALE_AFTER_S + 1.0
    seen = table.get_item(TableName="app-CoordinatorState", Key={"key": {"S": "Leader"}})
    monkeypatch.setattr(table, "get_item", lambda **_: seen)
    table.version = "b"
    assert not cure.check()
    assert table.version == "b"
