"""The stack's life, as its commands are run by a user."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil
import pytest

from headrace_local import processes
from headrace_local.environment import AwsClients
from headrace_local.folder import FolderLock, StackFolder, checkout_name
from headrace_local.stack import down
from headrace_local.state import new_state, read_state, write_state


@dataclass
class Commands:
    """`headrace-local` with stacks in a root of this test's own."""

    tmp: Path

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self.tmp), "AWS_PROFILE": "a-profile-that-is-not-there"}

    @property
    def root(self) -> Path:
        return self.tmp / f"headrace-{os.getuid()}"

    def folder(self, name: str) -> StackFolder:
        return StackFolder(name, self.root)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from headrace_local.cli import main; main()", *words],
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *words: str) -> tuple[int, str]:
        with self.start(*words) as process:
            said, _ = process.communicate(timeout=60)
        return process.returncode, said


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    commands = Commands(tmp_path)
    yield commands
    for path in list(commands.root.iterdir()) if commands.root.exists() else []:
        processes.kill_members(commands.folder(path.name))


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def test_up_leaves_a_stack_that_answers_and_down_leaves_nothing(commands: Commands) -> None:
    code, said = commands.run("up", "--name", "a", "--shards", "3")
    assert code == 0, said
    endpoint = re.search(r"export AWS_ENDPOINT_URL=(\S+)", said)
    assert endpoint
    clients = AwsClients(endpoint[1])
    assert len(clients.kinesis.list_shards(StreamName="headrace-local-flights")["Shards"]) == 3
    found = {bucket["Name"] for bucket in clients.s3.list_buckets()["Buckets"]}
    assert found == {
        f"headrace-local-{zone}-000000000000-us-east-1" for zone in ("landing", "raw", "processed", "curated")
    }
    assert clients.dynamodb.list_tables()["TableNames"] == ["headrace-local-log"]
    athena = clients._session.client("athena", endpoint_url=clients.endpoint)
    assert athena.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"] == []
    athena.close()
    clients.close()
    assert "MiB" in commands.run("status", "--name", "a")[1]

    members = processes.members(commands.folder("a"))
    assert commands.run("down", "--name", "a") == (0, "stack a: ended\n")
    assert not any(psutil.pid_exists(m.pid) and processes.is_running(m.pid, m.started) for m in members)
    assert list(commands.tmp.iterdir()) == []
    assert commands.run("status", "--name", "a")[0] == 1


def test_a_shell_takes_what_up_prints(commands: Commands) -> None:
    """stdout is exports alone, as any shell has them: of the stack's AWS, and of settings that suit it."""
    script = 'eval "$("$0" -c "from headrace_local.cli import main; main()" up --name a --pipeline rivers)" && env'
    said = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable],
        env=commands.env,
        text=True,
        capture_output=True,
        timeout=60,
        check=True,
    )
    found = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    state = read_state(commands.folder("a"))
    assert state
    assert (found["AWS_ENDPOINT_URL"], found["HEADRACE_CBOR"]) == (state.endpoint, "false")
    assert "headrace-local down --name a" in said.stderr
    clients = AwsClients(state.endpoint)
    assert clients.kinesis.list_streams()["StreamNames"] == ["headrace-local-rivers"]
    clients.close()


def test_two_names_run_side_by_side_and_one_name_only_once(commands: Commands) -> None:
    assert commands.run("up", "--name", "a")[0] == 0
    assert commands.run("up", "--name", "b")[0] == 0
    endpoints = {state.endpoint for name in "ab" if (state := read_state(commands.folder(name)))}
    assert len(endpoints) == 2
    code, said = commands.run("up", "--name", "a")
    assert (code, "up already" in said) == (1, True)
    assert commands.run("down", "--name", "a")[0] == 0
    assert commands.run("status", "--name", "b")[0] == 0
    assert commands.run("down", "--name", "b")[0] == 0
    assert not commands.root.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["folder", "aws"])
def test_a_command_that_is_stopped_while_it_starts_leaves_nothing(
    commands: Commands, number: signal.Signals, moment: str
) -> None:
    folder = commands.folder("a")
    with commands.start("up", "--name", "a") as process:
        wait_until(folder.path.exists if moment == "folder" else lambda: bool(processes.members(folder)))
        process.send_signal(number)
        process.communicate(timeout=30)
        assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
        if number == signal.SIGKILL:
            wait_until(lambda: not commands.root.exists())
    assert not commands.root.exists()
    assert processes.members(folder) == []


def test_a_stack_whose_processes_are_gone_is_recognised_and_cleared(commands: Commands) -> None:
    assert commands.run("up", "--name", "a")[0] == 0
    processes.kill_members(commands.folder("a"))
    assert commands.run("status", "--name", "a") == (1, "stack a: nothing runs\n")
    assert not commands.root.exists()
    assert commands.run("up", "--name", "a")[0] == 0
    processes.kill_members(commands.folder("a"))
    assert commands.run("up", "--name", "a")[0] == 0
    assert commands.run("down", "--name", "a")[0] == 0


def test_down_asks_only_the_true_owner_to_stop_not_a_process_that_got_its_number(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = commands.folder("a")
    lock = folder.lock()
    assert lock
    wait_for_lock = StackFolder.wait_for_lock

    def owner_ends(self: StackFolder, timeout_s: float) -> FolderLock | None:
        lock.release()
        return wait_for_lock(self, timeout_s)

    monkeypatch.setattr(StackFolder, "wait_for_lock", owner_ends)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        state = new_state(folder)
        write_state(folder, msgspec.structs.replace(state, owner_pid=bystander.pid, owner_started=1.0))
        assert down(folder)
        assert bystander.poll() is None
        bystander.kill()
    assert not commands.root.exists()


def test_down_stops_a_command_that_still_works_with_the_stack(commands: Commands) -> None:
    folder = commands.folder("a")
    with commands.start("up", "--name", "a") as process:
        wait_until(lambda: bool(processes.members(folder)))
        assert commands.run("down", "--name", "a")[0] == 0
        process.communicate(timeout=30)
        assert process.returncode in {0, 143}
    assert not commands.root.exists()


def test_each_checkout_has_a_name_of_its_own() -> None:
    names = {checkout_name(Path(path)) for path in ("/a/headrace", "/b/headrace", "/b/Head Race!", "/")}
    assert len(names) == 4
    assert all(StackFolder.named(name).name == name for name in names)
