"""The MultiLangDaemon's side of one shard: lines to a child, its answers and checkpoints back."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from headrace_consumers.runtime import relay
from headrace_consumers.runtime.daemon import ISOLATED_PYTHON, SOCKET_VARIABLE

_ACTION = re.compile(rb'\{"action":"(\w+)"')


def initialize_line(shard_id: str, checkpoint: str = "TRIM_HORIZON") -> bytes:
    said = {"action": "initialize", "shardId": shard_id, "sequenceNumber": checkpoint, "subSequenceNumber": 0}
    return line_of(said)


def records_line(records: list[dict[str, Any]], millis_behind_latest: int = 0) -> bytes:
    """As the daemon writes it; each record from `record_of`."""
    return line_of({"action": "processRecords", "records": records, "millisBehindLatest": millis_behind_latest})


def record_of(data: bytes, partition_key: str, sequence_number: int, arrival_ms: int) -> dict[str, Any]:
    """One record of a processRecords line; msgspec writes bytes as base64."""
    return {
        "action": "record",
        "data": data,
        "partitionKey": partition_key,
        "sequenceNumber": str(sequence_number),
        "subSequenceNumber": 0,
        "approximateArrivalTimestamp": arrival_ms,
    }


def line_of(message: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def action_of(line: bytes) -> str:
    """The action of a line that this module made."""
    found = _ACTION.match(line)
    if found is None:
        raise ValueError("a line without an action")
    return found[1].decode()


SHUTDOWN_LINE = line_of({"action": "shutdownRequested"})
LEASE_LOST_LINE = line_of({"action": "leaseLost"})
SHARD_ENDED_LINE = line_of({"action": "shardEnded"})


@dataclass
class ShardDaemon:
    """Speaks with one child, a relay or a KCLProcess; one message at a time, as KCL does. Every call may block."""

    to_child: IO[bytes]
    from_child: IO[bytes]
    checkpoints: list[str | None] = field(default_factory=list)
    """Sequence numbers in the order in which they were asked for; None is the shard's end."""

    def tell(self, line: bytes) -> None:
        """Sends the line and serves checkpoints until it is answered. EOFError when the child ends instead."""
        self.send(line)
        self.await_answer(action_of(line))

    def send(self, line: bytes) -> None:
        self.to_child.write(line)
        self.to_child.flush()

    def await_answer(self, action: str) -> None:
        while True:
            said = self._next()
            if said["action"] == "checkpoint":
                self.checkpoints.append(said["sequenceNumber"])
                self.send(line_of({**said, "error": None}))
                continue
            if said != {"action": "status", "responseFor": action}:
                raise AssertionError(f"{action} was answered with {said}")
            return

    def close(self) -> None:
        """Ends the child's input, and waits for the end of its output, as the daemon does."""
        self.to_child.close()
        with self.from_child:
            while self.from_child.read(4096):
                continue

    def _next(self) -> dict[str, Any]:
        while True:
            line = self.from_child.readline()
            if not line:
                raise EOFError("the child closed its output")
            if line.strip():
                said: dict[str, Any] = msgspec.json.decode(line)
                return said


def start_relay(socket_path: str) -> subprocess.Popen[bytes]:
    """The shipped relay, as the daemon's launcher starts it: its stdin and stdout go to the engine."""
    return subprocess.Popen(
        [sys.executable, *ISOLATED_PYTHON, str(Path(relay.__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={SOCKET_VARIABLE: socket_path},
    )


def daemon_of(child: subprocess.Popen[bytes]) -> ShardDaemon:
    """Speaks through the child's stdin and stdout."""
    if child.stdin is None or child.stdout is None:
        raise ValueError("start the child with pipes")
    return ShardDaemon(child.stdin, child.stdout)
