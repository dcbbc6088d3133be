"""The README's example as a newcomer runs it: its snippets pasted into a file, its commands into a shell."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import psutil
import pytest

from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.runtime.job import application_name
from headrace_local.environment import AwsClients, child_environment
from headrace_local.flights.data import weather_csv
from headrace_local.names import LOCAL, Names
from tests.integration.leases import write_leases

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "README.md").read_text().split("\n## Declare an event", 1)[1].split("\n## ", 1)[0]
BLOCKS = [(block[1], block[2]) for block in re.finditer(r"^```(\w*)\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)]
SNIPPETS = [text for language, text in BLOCKS if language == "python"]
START, SEND, LOOK, END = (text for language, text in BLOCKS if not language)
NOWHERE = "http://127.0.0.1:9"
"""Until the README's own command says where AWS is, nothing is to be reached."""
WORKER_ID = "newcomer"
REPORTS = 26_115
PATIENCE_S = 180.0
_POLL_S = 0.1
IN_STAGING = f"{REPORTS}/{REPORTS}/{3 * REPORTS}"
_STAGED = """
    select (select count(*) from staging.weather) || '/' || (select sum(events) from staging.daily_temperature_last)
    || '/' || (select sum(events) from staging.rain_3h_last)
"""
_READ = "import my_pipelines as my; [my.read(w).write_parquet(w.name + '.parquet') for w in my.weather.windows]"


class Terminal:
    """A shell in a folder of its own. The TMPDIR of all that is started from it lies there, by which it is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._transcript = folder / "transcript"
        own = {"TMPDIR": str(folder), "UV_PROJECT": str(ROOT), "UV_NO_SYNC": "1", "HEADRACE_WORKER_ID": WORKER_ID}
        with self._transcript.open("wb") as transcript:
            self._shell = subprocess.Popen(
                ["/bin/bash", "-e"],
                stdin=subprocess.PIPE,
                stdout=transcript,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=child_environment(NOWHERE, os.environ) | own,
                start_new_session=True,
                text=True,
            )
        self._pasted = 0

    def paste(self, commands: str) -> str:
        """What they print. The first that fails ends the shell, and the test with its words."""
        assert self._shell.stdin is not None
        self._pasted += 1
        done, before = f"pasted {self._pasted}\n", len(self._said())
        (self.folder / "pasted").write_text(commands)
        self._shell.stdin.write(f". ./pasted < /dev/null; echo {done}")
        self._shell.stdin.flush()
        self._wait(lambda: self._said().endswith(done), commands)
        return self._said()[before:].removesuffix(done)

    def leave(self) -> None:
        """The shell ends by itself; what it started in the background goes on."""
        self._shell.communicate(timeout=PATIENCE_S)

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def destroy(self) -> None:
        """Kills whatever is left, and what that may still start."""
        while found := self.processes():
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(found, timeout=1)
        with self._shell:
            pass

    def logs(self) -> str:
        return "\n".join(f"{path}:\n{path.read_text()[-2000:]}" for path in self.folder.glob("*.log"))

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            works_in = Path(process.environ().get("TMPDIR", "/"))
            return works_in.is_relative_to(self.folder) and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False

    def _said(self) -> str:
        return self._transcript.read_text()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self._shell.poll() is None, f"{what}\nended the shell:\n{self._said()}\n{self.logs()}"
            assert time.monotonic() < deadline, f"{what}\ndoes not end:\n{self._said()}\n{self.logs()}"
            time.sleep(_POLL_S)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """The folder's path is short, for Unix sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="hrt-", dir="/tmp") as folder:
        terminal = Terminal(Path(folder))
        try:
            yield terminal
        finally:
            terminal.destroy()


def lease_shards(endpoint: str) -> None:
    """Spares the test the minute in which KCL assigns the first leases, which the README tells of."""
    clients = AwsClients(endpoint)
    stream = KinesisStream(clients.kinesis, Names.found_by(clients, LOCAL).of("stream", pipeline="weather"))
    application = application_name("weather", 1, stream.identity().created_ms)
    write_leases(clients.dynamodb, application, stream.shards().values(), [WORKER_ID])
    clients.close()


def read_windows(terminal: Terminal) -> duckdb.DuckDBPyConnection:
    """The README's own reading, again and again until all reports are in all windows: tables by the windows' names."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        said = terminal.paste(f'uv run python -c "{_READ}" || true')
        tables = [terminal.folder / f"{name}.parquet" for name in ("daily_temperature", "rain_3h")]
        if all(table.exists() for table in tables):
            for table in tables:
                database.read_parquet(str(table)).create_view(table.stem, replace=True)
            events = [number(database, f"SELECT sum(events) FROM {table.stem}") for table in tables]  # noqa: S608 -- our own names
            if events == [REPORTS, 3 * REPORTS]:
                return database
            said = f"so many events are in windows: {events}"
        assert time.monotonic() < deadline, f"{said}\n{terminal.logs()}"


def await_staging(terminal: Terminal) -> None:
    """By the README's own way of asking, until the table and both views hold all reports, and no more."""
    deadline = time.monotonic() + PATIENCE_S
    while IN_STAGING not in (said := terminal.paste(f'uv run headrace-local sql "{_STAGED}" || true')):
        assert time.monotonic() < deadline, f"{said}\n{terminal.logs()}"
        time.sleep(_POLL_S)


def number(database: duckdb.DuckDBPyConnection, query: str) -> int:
    [(found,)] = database.execute(query).fetchall()
    return int(found or 0)


EXPECTED = {
    "daily_temperature": """
        SELECT origin, date_trunc('day', time_hour) AS window_start, window_start + INTERVAL 1 DAY AS window_end,
            count(*) AS events, count(*) AS reports, avg(temp) AS temp_mean, min(temp) AS temp_min,
            max(temp) AS temp_max, list_sort(list(temp) FILTER (temp IS NOT NULL)) AS temps,
            temps[1 + floor(0.9 * (len(temps) - 1))::INT] AS temp_p90
        FROM weather GROUP BY ALL
    """,
    "rain_3h": """
        SELECT origin, time_hour - INTERVAL 1 HOUR * back AS window_start, window_start + INTERVAL 3 HOUR AS window_end,
            count(*) AS events, sum(precip) AS precip_total
        FROM weather CROSS JOIN range(3) AS hops (back) GROUP BY ALL
    """,
}
EQUAL = {
    "daily_temperature": """
        e.events = f.events AND e.reports = f.reports AND e.window_end = f.window_end
        AND abs(e.temp_mean - f.temp_mean) <= 1e-9 * abs(e.temp_mean)
        AND abs(e.temp_min - f.temp_min) <= 1e-9 * abs(e.temp_min)
        AND abs(e.temp_max - f.temp_max) <= 1e-9 * abs(e.temp_max)
        AND abs(e.temp_p90 - f.temp_p90) <= 0.01 * abs(e.temp_p90)
    """,
    "rain_3h": """
        e.events = f.events AND e.window_end = f.window_end
        AND abs(e.precip_total - f.precip_total) <= 1e-9 * abs(e.precip_total)
    """,
}


def wrong_windows(database: duckdb.DuckDBPyConnection, name: str) -> int:
    """Missing, superfluous, doubled, or with another content than the CSV file gives them."""
    joined = f"({EXPECTED[name]}) e FULL JOIN {name} f ON e.origin = f.origin AND e.window_start = f.window_start"
    return number(database, f"SELECT count(*) FROM {joined} WHERE coalesce(NOT ({EQUAL[name]}), true)")  # noqa: S608 -- our own text


def test_a_newcomer_gets_what_the_readme_promises(terminal: Terminal) -> None:
    """A year of weather, sent, landed, windowed, loaded and read by the README alone, is what the CSV file says; at the
    end nothing is left."""
    (terminal.folder / "my_pipelines.py").write_text("\n".join(SNIPPETS))
    up, *start = START.splitlines()
    terminal.paste(up)
    lease_shards(terminal.paste("echo $AWS_ENDPOINT_URL").strip())
    terminal.paste("\n".join(start))
    terminal.paste(SEND)
    database = read_windows(terminal)
    database.read_csv(str(weather_csv()), na_values="NA").create_view("weather")
    assert number(database, "SELECT count(*) FROM weather") == REPORTS
    assert {name: wrong_windows(database, name) for name in EXPECTED} == dict.fromkeys(EXPECTED, 0)
    database.close()
    await_staging(terminal)
    said = terminal.paste(LOOK)
    assert sum(map(int, re.findall(r"(\d+) rows, 0 dead letters, 0 repeats", said))) == REPORTS, said
    assert said.rstrip().endswith("5 rows"), said
    terminal.paste(END)
    terminal.leave()
    assert terminal.processes() == []
    assert not list(terminal.folder.glob("headrace-*"))
