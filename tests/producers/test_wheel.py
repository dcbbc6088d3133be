"""The distribution on its own, as a source application installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PRODUCERS = Path(__file__).parents[2] / "producers"
PUT_ONE = """
from datetime import UTC, date, datetime
from importlib.metadata import distributions
from headrace_producers import Producer
from headrace_producers.flights import FlightDeparted
from headrace_producers.testing import FakeKinesis

NOW = datetime(2013, 1, 1, 10, 17, tzinfo=UTC)
flight = FlightDeparted(
    departed_at=NOW, scheduled_at=NOW, local_date=date(2013, 1, 1), carrier="UA", flight=1545, origin="EWR", dest="IAH",
    distance=1400, sched_dep_time=515, dep_time=517, dep_delay=2, sched_arr_time=819,
)
kinesis = FakeKinesis()
with Producer("flights", connect=lambda: kinesis) as producer:
    producer.put(flight)
assert [put.event for put in kinesis.events(FlightDeparted)] == [flight]
print(*sorted(found.name for found in distributions()))
"""


def run(*command: str | Path) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds and installs the wheel")
def test_the_wheel_alone_puts_an_event(tmp_path: Path) -> None:
    """Built, installed into a fresh environment, it brings boto3 and msgspec, nothing heavier, and works."""
    run("uv", "build", "--wheel", "--out-dir", tmp_path, PRODUCERS)
    [wheel] = tmp_path.glob("*.whl")
    environment = tmp_path / "environment"
    run("uv", "venv", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    run("uv", "pip", "install", "--python", python, wheel)
    assert run(python, "-I", "-c", PUT_ONE).split() == [
        "boto3", "botocore", "headrace-producers", "jmespath", "msgspec", "python-dateutil", "s3transfer", "six",
        "urllib3",
    ]  # fmt: skip
    assert "flight.departed.v1" in run(environment / "bin" / "headrace-producers", "contracts", "list")
