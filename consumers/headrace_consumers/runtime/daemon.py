"""The Java MultiLangDaemon: its properties, its command line, and the launcher of its relays."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path

from headrace_consumers.errors import DaemonError
from headrace_consumers.settings import KclSettings

MAIN_CLASS = "software.amazon.kinesis.multilang.MultiLangDaemon"
SOCKET_VARIABLE = "HEADRACE_ENGINE_SOCKET"
ISOLATED_PYTHON = ("-I", "-S", "-E")
"""No site, no environment, no user folder: what starts faster and holds less."""
_PROTECTIONS = (
    "leaseTableDeletionProtectionEnabled",
    "coordinatorStateDeletionProtectionEnabled",
    "workerMetricsDeletionProtectionEnabled",
)
"""One for each table that KCL makes."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Overrides of AWS's own endpoints; empty where none is given."""

    kinesis: str = ""
    dynamodb: str = ""
    cloudwatch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonJob:
    """What one daemon is to read, and as whom."""

    application_name: str
    stream: str
    region: str
    start: str
    """TRIM_HORIZON or an ISO 8601 time."""
    worker_id: str
    shutdown_grace_s: float
    kcl: KclSettings
    endpoints: Endpoints = Endpoints()


def endpoints_of(env: Mapping[str, str]) -> Endpoints:
    """AWS_ENDPOINT_URL_<SERVICE>, else AWS_ENDPOINT_URL, as the SDKs have it."""

    def of(service: str) -> str:
        return env.get(f"AWS_ENDPOINT_URL_{service}") or env.get("AWS_ENDPOINT_URL", "")

    return Endpoints(of("KINESIS"), of("DYNAMODB"), of("CLOUDWATCH"))


def run_directory() -> Path:
    """A new directory of mode 0700 whose path is short and free of blanks: Unix sockets take 108 bytes, and the daemon
    splits `executableName` on white space."""
    base = tempfile.gettempdir()
    unfit = any(letter.isspace() for letter in base) or len(base.encode()) > 60  # noqa: PLR2004 - leaves room for our names
    return Path(tempfile.mkdtemp(prefix="hr-", dir="/tmp" if unfit else base))  # noqa: S108 - mkdtemp's mode is 0700


def write_launcher(directory: Path) -> str:
    """Writes the relay's launcher; what `executableName` shall say. The interpreter's path may hold blanks."""
    relay = Path(__file__).with_name("relay.py")
    command = shlex.join([sys.executable, *ISOLATED_PYTHON, str(relay)])
    launcher = directory / "relay.sh"
    launcher.write_text(f"exec {command}\n")
    return f"/bin/sh {launcher}"


def daemon_properties(job: DaemonJob, executable: str) -> str:
    """The properties file of the daemon. Raises DaemonError on a value that no line can hold."""
    kcl, ends = job.kcl, job.endpoints
    properties = {
        "executableName": executable,
        "streamName": job.stream,
        "applicationName": job.application_name,
        "workerId": job.worker_id,
        "AWSCredentialsProvider": "DefaultCredentialsProvider",
        "processingLanguage": f"python/{sys.version_info.major}.{sys.version_info.minor}",
        "regionName": job.region,
        "metricsLevel": "NONE",
        "retrievalMode": kcl.retrieval_mode,
        "maxRecords": kcl.max_records,
        "idleTimeBetweenReadsInMillis": kcl.idle_between_reads_ms,
        "failoverTimeMillis": kcl.failover_time_ms,
        "shardSyncIntervalMillis": kcl.shard_sync_interval_ms,
        # Checkpoints ride on messages, so an idle shard needs messages too.
        "callProcessRecordsEvenForEmptyRecordList": "true",
        # Without it SIGTERM kills before `shutdownRequested`.
        "shutdownGraceMillis": int(job.shutdown_grace_s * 1000),
        "isGracefulLeaseHandoffEnabled": str(kcl.graceful_lease_handoff).lower(),
        **dict.fromkeys(_PROTECTIONS, str(kcl.protect_lease_tables).lower()),
        **_initial_position(job.start),
        "kinesisEndpoint": ends.kinesis,
        "dynamoDBEndpoint": ends.dynamodb,
        "cloudWatchEndpoint": ends.cloudwatch,
    }
    return "".join(f"{name} = {_escaped(name, str(value))}\n" for name, value in properties.items() if value != "")


def daemon_command(java: Path, jars: Path, directory: Path, properties: Path, kcl: KclSettings) -> list[str]:
    """How Java is called. Serial collection and few compiler threads: the daemon only moves bytes."""
    logback = directory / "logback.xml"
    with as_file(files("headrace_consumers.runtime") / "logback.xml") as shipped:
        logback.write_bytes(shipped.read_bytes())
    cbor = [] if kcl.cbor else ["-Daws.cborEnabled=false"]
    return [
        str(java), f"-Xmx{kcl.heap_mib}m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Xshare:auto",
        f"-Dlogback.configurationFile={logback}", *cbor,
        "-cp", f"{jars}/*", MAIN_CLASS, "--properties-file", str(properties),
    ]  # fmt: skip


def _initial_position(start: str) -> dict[str, str]:
    """KCL takes whole seconds; rounding down reads a little more, never less."""
    if start.upper() == "TRIM_HORIZON":
        return {"initialPositionInStream": "TRIM_HORIZON"}
    try:
        at = datetime.fromisoformat(start)
    except ValueError:
        raise DaemonError(f"start {start!r} is neither TRIM_HORIZON nor an ISO 8601 time") from None
    if at.tzinfo is None:
        raise DaemonError(f"start {start!r} names no offset; write it as 2013-01-31T05:00:00Z")
    return {"initialPositionInStreamExtended": str(int(at.timestamp()))}


def _escaped(name: str, value: str) -> str:
    if any(letter in value for letter in "\r\n\0"):
        raise DaemonError(f"the daemon's property {name} may not hold line breaks")
    return value.replace("\\", "\\\\")
