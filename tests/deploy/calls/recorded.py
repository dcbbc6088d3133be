"""What a run has called, by the lines that its processes wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.deploy.calls.actions import actions_of
from tests.deploy.calls.daemon import DAEMON
from tests.deploy.calls.names import kind_of
from tests.deploy.calls.rows import OBSTORE, RECORDED, Row
from tests.deploy.calls.services import service_of

_RUST = "the ends of files are read beside botocore, which reads them where that fails"


class Line(msgspec.Struct, frozen=True):
    """As the recorder writes it."""

    argv: tuple[str, ...]
    call: str
    on: str
    items: tuple[str, ...] = ()


def recorded_rows(folder: Path) -> list[Row]:
    """Each call once. Raises ValueError on a process or a resource that nobody has told of."""
    return sorted(
        {row for line in _lines(folder) if (service := service_of(line.argv)) for row in _rows(service, line)}
    )


def daemon_rows(folder: Path) -> list[Row]:
    """What KCL's daemon called."""
    return sorted({row for line in _lines(folder) if line.argv == (DAEMON,) for row in _rows("worker", line)})


def _lines(folder: Path) -> Iterator[Line]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            yield msgspec.json.decode(line, type=Line)


def _rows(service: str, line: Line) -> Iterator[Row]:
    """A row for each kind of a transaction's items."""
    rust = line.call.startswith("obstore:")
    call = line.call.replace("obstore:", "s3:")
    for item in line.items or ("",):
        yield Row(service=service, call=call, on=kind_of(call, line.on), actions=actions_of(call, item),
                  source=OBSTORE if rust else RECORDED, why=_RUST if rust else "")  # fmt: skip
