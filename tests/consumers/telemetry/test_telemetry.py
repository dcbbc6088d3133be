"""Metrics, health, logs and their server."""

from __future__ import annotations

import io
import json
import logging
import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from headrace_consumers.errors import DaemonError
from headrace_consumers.telemetry.catalogue import CATALOGUE, Kind
from headrace_consumers.telemetry.health import Health, Snapshot, State, judge
from headrace_consumers.telemetry.http import TelemetryServer
from headrace_consumers.telemetry.logs import JsonLines, configure_logs
from headrace_consumers.telemetry.metrics import Metrics
from headrace_consumers.telemetry.registered import resident_bytes

PAYLOAD = "4711-payload"
LIMIT_S = 100.0


def _values(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in families
        for sample in family.samples
    }


def test_every_metric_of_the_catalogue_is_exposed_with_its_meaning() -> None:
    """Names are unique, and nothing is exposed that the catalogue does not know."""
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)
    families = list(text_string_to_metric_families(Metrics().exposition().decode()))
    ours = {family.name: family.documentation for family in families if not family.name.endswith("_created")}
    assert ours == {metric.name: metric.meaning for metric in CATALOGUE}
    assert all(metric.buckets for metric in CATALOGUE if metric.kind is Kind.HISTOGRAM)


def test_each_thing_that_happens_is_counted() -> None:
    """One small method per event."""
    metrics = Metrics()
    metrics.delivered("shard-1", 3, 900, 250)
    metrics.delivered("shard-1", 1, 100, None)
    metrics.committed(rows=40, files=3, file_bytes=5000, duration_s=0.2)
    metrics.rejected({"missing": 2, "future": 1})
    metrics.repeats_dropped(5)
    metrics.checkpointed()
    metrics.checkpoint_failed("ThrottlingException")
    metrics.late(4)
    metrics.gap_marked()
    metrics.bounded(buffer_bytes=160, retention_ms=86_400_000)
    metrics.restarted(2)
    seen = _values(metrics)
    assert seen["headrace_records_total['shard-1']"] == 4
    assert seen["headrace_bytes_total['shard-1']"] == 1000
    assert seen["headrace_lag_ms['shard-1']"] == 250
    assert seen["headrace_rows_total[]"] == 40
    assert seen["headrace_batch_rows_sum[]"] == 40
    assert seen["headrace_commit_duration_seconds_count[]"] == 1
    assert seen["headrace_rejects_total['missing']"] == 2
    assert seen["headrace_repeats_dropped_total[]"] == 5
    assert seen["headrace_checkpoint_failures_total['ThrottlingException']"] == 1
    assert seen["headrace_late_events_total[]"] == 4
    assert seen["headrace_gaps_total[]"] == 1
    assert (seen["headrace_buffer_limit_bytes[]"], seen["headrace_retention_ms[]"]) == (160, 86_400_000)
    assert seen["headrace_restarts_total[]"] == 2
    assert seen["headrace_memory_bytes[]"] == pytest.approx(resident_bytes(), rel=0.2)


def test_pending_files_are_as_old_as_the_oldest_of_their_commits() -> None:
    """By when the commit was written, whoever wrote it; nothing is pending once each was proven."""
    metrics = Metrics(now_ms=lambda: 5_000_000)
    metrics.pending_files("b", 3, 4_990_000)
    metrics.pending_files("a", 2, 1_400_000)
    metrics.pending_files("a", 2, 1_400_000)
    seen = _values(metrics)
    assert (seen["headrace_pending_files[]"], seen["headrace_pending_age_seconds[]"]) == (5, 3_600)
    metrics.pending_files("a", 0, 1_400_000)
    assert _values(metrics)["headrace_pending_age_seconds[]"] == 10
    metrics.pending_files("b", 0, 4_990_000)
    seen = _values(metrics)
    assert (seen["headrace_pending_files[]"], seen["headrace_pending_age_seconds[]"]) == (0, 0)


def test_a_shard_that_went_elsewhere_has_no_lag_here() -> None:
    """Two workers must not both tell a shard's lag."""
    metrics = Metrics()
    metrics.delivered("shard-1", 1, 1, 99)
    metrics.shard_gone("shard-1")
    metrics.shard_gone("never seen")
    assert "headrace_lag_ms['shard-1']" not in _values(metrics)
    assert "headrace_records_total['shard-1']" in _values(metrics)


def test_a_look_at_the_engine_sets_the_gauges() -> None:
    """The age of a batch ends with it."""
    metrics = Metrics()
    metrics.looked(Snapshot(taken_s=50.0, shards=4, passive_shards=1, held_bytes=77, batch_since_s=48.5))
    seen = _values(metrics)
    assert seen["headrace_shards[]"] == 4
    assert seen["headrace_passive_shards[]"] == 1
    assert seen["headrace_buffer_bytes[]"] == 77
    assert seen["headrace_batch_age_seconds[]"] == 1.5
    metrics.looked(Snapshot(taken_s=51.0))
    assert _values(metrics)["headrace_batch_age_seconds[]"] == 0


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (None, State.STARTING),
        (Snapshot(taken_s=1000.0), State.STARTING),
        (Snapshot(taken_s=1000.0, shards=2, heard_s=999.0, progress_s=1.0), State.HEALTHY),
        (Snapshot(taken_s=1000.0, shards=2, heard_s=999.0, progress_s=999.0, lag_ms=9), State.HEALTHY),
        (Snapshot(taken_s=899.0, shards=2, heard_s=899.0, progress_s=899.0), State.LOOP_STUCK),
        (Snapshot(taken_s=1000.0, batch_since_s=899.0), State.BATCH_IN_HAND),
        (Snapshot(taken_s=1000.0, shards=1, heard_s=999.0, in_hand_since_s=899.0), State.MESSAGE_IN_HAND),
        (Snapshot(taken_s=1000.0, shards=1, heard_s=999.0, progress_s=899.0, lag_ms=1), State.LAG_WITHOUT_PROGRESS),
        (Snapshot(taken_s=1000.0, shards=1, heard_s=899.0, progress_s=899.0), State.DAEMON_SILENT),
        (Snapshot(taken_s=1000.0, shards=1, batch_since_s=1.0, moved_s=901.0), State.HEALTHY),
        (Snapshot(taken_s=1000.0, batch_since_s=1.0, moved_s=899.0), State.BATCH_IN_HAND),
        (Snapshot(taken_s=899.0, batch_since_s=1.0, moved_s=999.0), State.LOOP_STUCK),
        (Snapshot(taken_s=1000.0, shards=1, batch_since_s=949.0, moved_s=999.0, heard_s=899.0), State.HEALTHY),
        (Snapshot(taken_s=1000.0, shards=1, batch_since_s=951.0, moved_s=999.0, heard_s=899.0), State.DAEMON_SILENT),
    ],
)
def test_whatever_stands_still_for_too_long_is_named(seen: Snapshot | None, state: State) -> None:
    """The limit is 100 s, the time is 1000."""
    health = judge(seen, 1000.0, LIMIT_S)
    assert health.state is state
    assert health.sentence
    assert health.well == (state in {State.STARTING, State.HEALTHY})


times = st.floats(0.0, 1000.0)


maybe_times = st.none() | times
snapshots = st.builds(
    Snapshot,
    taken_s=times,
    shards=st.integers(0, 3),
    lag_ms=st.integers(0, 9),
    batch_since_s=maybe_times,
    in_hand_since_s=maybe_times,
    heard_s=times,
    progress_s=times,
    moved_s=times,
)


@given(snapshots)
def test_health_only_falls_while_nothing_happens(seen: Snapshot) -> None:
    """The same snapshot, looked at later, is never in better health."""
    wells = [judge(seen, now_s, LIMIT_S).well for now_s in (1000.0, 1050.0, 1101.0)]
    assert wells == sorted(wells, reverse=True)
    assert not wells[-1]


@pytest.fixture
def served() -> Iterator[tuple[str, Metrics, list[Health]]]:
    metrics, health = Metrics(), [Health(State.HEALTHY, "2 shards")]
    listening = socket.create_server(("127.0.0.1", 0))
    server = TelemetryServer(listening, metrics, lambda: health[0])
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", metrics, health
    server.close()


def _get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def test_health_is_200_or_503_with_a_sentence(served: tuple[str, Metrics, list[Health]]) -> None:
    """A load balancer reads the code, an operator the sentence."""
    url, _, health = served
    code, body = _get(f"{url}/healthz")
    assert (code, json.loads(body)) == (200, {"ok": True, "state": "healthy", "sentence": "2 shards"})
    health[0] = Health(State.LOOP_STUCK, "stuck for 301 s")
    code, body = _get(f"{url}/healthz")
    assert (code, json.loads(body)["sentence"]) == (503, "stuck for 301 s")
    assert _get(f"{url}/elsewhere")[0] == 404


def test_metrics_are_served_as_prometheus_reads_them(served: tuple[str, Metrics, list[Health]]) -> None:
    """The current values, each time."""
    url, metrics, _ = served
    metrics.repeats_dropped(3)
    code, body = _get(f"{url}/metrics?x=1")
    assert code == 200
    assert b"headrace_repeats_dropped_total 3.0" in body


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root, ours = logging.getLogger(), logging.getLogger("headrace_consumers")
    before, hook, level, our_level = root.handlers[:], threading.excepthook, root.level, ours.level
    configure_logs(stream)
    yield stream
    root.handlers[:], threading.excepthook = before, hook
    root.setLevel(level)
    ours.setLevel(our_level)


def test_a_log_line_is_one_json_object_with_its_fields(lines: io.StringIO) -> None:
    """Line breaks in a message do not break the line."""
    logging.getLogger("headrace_consumers.x").info("two\nlines", extra={"fields": {"shard": "s-1", "error": KeyError}})
    (line,) = lines.getvalue().splitlines()
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"], said["shard"]) == (
        "INFO", "headrace_consumers.x", "two\nlines", "s-1",
    )  # fmt: skip
    assert said["ts"].endswith("Z")


def test_exceptions_are_told_by_type_and_place_never_by_foreign_words(lines: io.StringIO) -> None:
    """Foreign messages quote what they choked on; ours and AWS's codes are safe to tell."""
    log = logging.getLogger("headrace_consumers.x")
    refused = ClientError({"Error": {"Code": "ValidationException", "Message": PAYLOAD}}, "PutItem")
    for error in (ValueError(PAYLOAD), refused, DaemonError("no Java: install one")):
        try:
            raise error  # noqa: TRY301 - what a caller would raise
        except Exception:
            log.exception("it failed")
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [said["error"] for said in told] == [
        "ValueError", "ClientError: ValidationException", "DaemonError: no Java: install one",
    ]  # fmt: skip
    assert "test_telemetry.py" in told[0]["frames"][-1]
    assert PAYLOAD not in lines.getvalue()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_nobody_caught_in_a_thread_is_told_the_same_way(lines: io.StringIO) -> None:
    """The interpreter's own traceback would print the exception's words."""

    def fail() -> None:
        raise ValueError(PAYLOAD)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert json.loads(lines.getvalue())["error"] == "ValueError"
    assert PAYLOAD not in lines.getvalue()


def test_foreign_loggers_speak_from_warning_on(lines: io.StringIO) -> None:
    """botocore's lower levels log whole requests."""
    logging.getLogger("botocore.endpoint").info(PAYLOAD)
    logging.getLogger("botocore.endpoint").warning("slow")
    assert [json.loads(line)["message"] for line in lines.getvalue().splitlines()] == ["slow"]


def test_a_field_of_any_type_can_be_told() -> None:
    """A log call never fails on what it is given."""
    record = logging.LogRecord("x", logging.INFO, "", 0, "m", (), None)
    record.fields = {"odd": object}
    assert json.loads(JsonLines().format(record))["odd"] == str(object)


def test_a_client_that_hangs_up_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error carries JSON lines and nothing else."""
    asked, release = threading.Event(), threading.Event()

    def health() -> Health:
        asked.set()
        assert release.wait(10)
        return Health(State.HEALTHY, "x" * 1_000_000)

    listening = socket.create_server(("127.0.0.1", 0))
    server = TelemetryServer(listening, Metrics(), health)
    with socket.create_connection(listening.getsockname()[:2]) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert asked.wait(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    release.set()
    server.close()
    assert capfd.readouterr().err == ""
