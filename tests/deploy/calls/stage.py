"""Where the run takes place: a local stack, its services, and commands as anywhere."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.runtime.job import application_name
from headrace_consumers.warehouse.redshift import Redshift
from headrace_local import processes
from headrace_local.aws import last_lines
from headrace_local.folder import StackFolder
from headrace_local.resources import create_stream
from headrace_local.stack import OwnedStack, StackPlan, owned_stack
from headrace_local.warehouse import warehouse_target
from headrace_local.workers import WorkerPlan
from tests.deploy.calls.daemon import listening
from tests.deploy.calls.names import PIPELINE as PARCELS
from tests.deploy.calls.names import REPLAY_STREAM
from tests.integration.leases import write_leases

PIPELINE = "tests.deploy.calls.parcels:parcels"
_SERVICES = ("run", "windows", "load")
_LOOK_EVERY_S = 0.1
_LIMIT_S = 240.0


@dataclass(frozen=True)
class Stage:
    """A stack with its pipeline. `calls` is where the recorder writes."""

    stack: OwnedStack
    plan: WorkerPlan
    calls: Path

    def run(self, *words: str, said: str = "", more: Mapping[str, str] | None = None) -> str:
        """A command to its end; what it printed. Raises AssertionError with its last words where it fails."""
        line = [str(Path(sys.executable).with_name(words[0])), *words[1:]]
        env = {**self.plan.environment("operator"), **(more or {})}
        began_s = time.monotonic()
        done = subprocess.run(line, env=env, input=said, cwd=self.plan.folder.path, capture_output=True, text=True,
                              timeout=_LIMIT_S, check=False)  # fmt: skip
        sys.stderr.write(f"{time.monotonic() - began_s:5.1f} s  {' '.join(words)[:100]!r}\n")
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def query(self, statement: str) -> None:
        """In the warehouse."""
        with closing(Redshift(warehouse_target(self.stack.state.warehouse_url)).connect()) as session:
            session.run(statement)

    def until_done(self, *words: str) -> None:
        """A command again and again, until it has something to tell: the loader must have passed what it is about."""
        deadline = time.monotonic() + _LIMIT_S
        while not self.run(*words):
            assert time.monotonic() < deadline, f"{' '.join(words)}: nothing to do\n{self._last_words()}"

    def wait_for(self, call: str, on: str, process: str) -> None:
        """Until such a process has made such a call on what is called so."""
        deadline = time.monotonic() + _LIMIT_S
        while not self._has(call, on, process):
            assert time.monotonic() < deadline, f"{process} makes no {call} on {on}\n{self._last_words()}"
            time.sleep(_LOOK_EVERY_S)

    def _last_words(self) -> str:
        return "\n".join(f"{command}: {last_lines(self.plan.folder, command, 3)}" for command in _SERVICES)

    def _has(self, call: str, on: str, process: str) -> bool:
        lines = (line for path in self.calls.glob("*.jsonl") for line in path.read_text().splitlines())
        return any(f'"{call}"' in line and on in line and process in line for line in lines)


@contextmanager
def set_up(root: Path, calls: Path) -> Iterator[Stage]:
    """The stack, with a worker whose shard is leased to it: KCL would think about that for a minute."""
    folder = StackFolder("calls", root)
    with owned_stack(folder, StackPlan(PARCELS, shards=1), warehouse=True) as stack:
        create_stream(stack.clients, REPLAY_STREAM, 1)
        plan = WorkerPlan(folder, stack.endpoint, stack.resources, pipeline=PIPELINE)
        plan = replace(plan, settings={**plan.settings, "max_batch_age_s": 1.0, "load_interval_s": 1.0})
        _lease(stack)
        with listening(stack.endpoint, calls) as listener, _service(plan, "run", listener.environment):
            plan = plan.with_warehouse(stack.await_warehouse())
            stage = Stage(stack, plan, calls)
            stage.run("headrace-consumers", "schema", "apply", PIPELINE)
            with _service(plan, "windows"), _service(plan, "load"):
                yield stage
        stack.clients.close()


def _lease(stack: OwnedStack) -> None:
    stream = KinesisStream(stack.clients.kinesis, stack.resources.stream)
    application = application_name(PARCELS, 1, stream.identity().created_ms)
    write_leases(stack.clients.dynamodb, application, stream.shards().values(), ["run"])


@contextmanager
def _service(plan: WorkerPlan, command: str, more: Mapping[str, str] | None = None) -> Iterator[None]:
    """Asked to stop at the end, as ECS would; killed where it does not."""
    line = [str(Path(sys.executable).with_name("headrace-consumers")), command, plan.pipeline]
    process = processes.start(plan.folder, command, line, {**plan.environment(command), **(more or {})})
    try:
        yield
        process.terminate()
        process.wait(60)
    finally:
        process.kill()
        process.wait()
