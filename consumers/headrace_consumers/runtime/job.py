"""What the supervisor tells a new engine: one JSON line, the first and only one on the engine's standard input."""

from __future__ import annotations

import msgspec

from headrace_consumers.settings import WorkerSettings
from headrace_producers.errors import SettingsError

READY = "ready"
"""The engine's first line of output: its socket listens."""


ENGINE_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
}
"""Environment of the engine's process, unless it is set already. Arrow works in the commit thread alone. All memory
comes from one heap, which keeps what a batch needed for the next one: fresh pages cost a fifth of all time."""


class EngineJob(msgspec.Struct, frozen=True, kw_only=True):
    """All that an engine needs beside AWS's own environment variables."""

    pipeline: str
    """MODULE:PIPELINE; the engine imports it by itself."""
    settings: WorkerSettings
    socket_path: str
    """Where the engine listens for relays; new for each start of the daemon."""
    stream: str
    stream_created_ms: int
    retention_hours: int
    generation: int
    worker_id: str
    """KCL's worker id, and the owner named in links; kept over restarts."""
    supervisor_pid: int = 0
    """The engine is killed when this process, its parent, dies."""
    restarts: int = 0
    """How often this worker's engine and daemon were started anew."""
    http_fd: int = -1
    """A listening socket for /metrics and /healthz, inherited; -1 serves neither."""


def encode_job(job: EngineJob) -> bytes:
    """One line, newline included."""
    return msgspec.json.encode(job) + b"\n"


def decode_job(line: bytes) -> EngineJob:
    """Raises SettingsError on anything that `encode_job` did not write."""
    try:
        return msgspec.json.decode(line, type=EngineJob)
    except msgspec.MsgspecError as error:
        raise SettingsError(
            f"the engine's job cannot be read: {error}; supervisor and engine differ in version"
        ) from error


def application_name(pipeline: str, generation: int, stream_created_ms: int) -> str:
    """KCL's applicationName, hence its lease table: new for each generation and each birth of the stream."""
    return f"headrace-{pipeline}-g{generation}-{stream_created_ms}"
