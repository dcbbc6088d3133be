"""`headrace-consumers windows` killed at every call that it makes to AWS: no window is missing, none is doubled."""

from __future__ import annotations

import http.client
import itertools
import multiprocessing
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from headrace_consumers.cli import main
from tests.consumers.windows_service.stack import (
    PATIENCE_S,
    Stack,
    eventually,
    local_stack,
    running,
    service_environment,
)
from tests.consumers.windows_service.tides import Content, Reading, at, named_files, newest, oracle
from tests.consumers.windows_service.windowed import visiting

PIPELINE = "tests.consumers.windows_service.windowed:visiting"
[VISITS] = visiting.windows
COMMIT, LIST_SHARDS, COMPLETE = "TransactWriteItems", "ListShards", "CompleteMultipartUpload"
READS = ("GetItem", "Query", LIST_SHARDS, "HeadObject", "GetObject")
"""Before a commit: they change nothing, so the first of each stands for all."""
UPLOADS = ("CreateMultipartUpload", "UploadPart", COMMIT)
AFTERWARDS = (COMPLETE, "HeadObject", "DeleteObject", "Query")
ROUNDS = 4
"""Of two services, one or both of which die."""
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["headrace_consumers.windows_service.running", __name__])
_UNFIT_HEADERS = frozenset({"transfer-encoding", "connection", "content-length", "date", "server"})


@dataclass(frozen=True)
class Death:
    """Where a process dies: before or after the effect of a call, by its number."""

    call: int
    after: bool
    name: str = ""
    """Empty: all calls count."""
    since: str = ""
    """They count from the first call of this name on; empty: from the first of all."""

    def is_at(self, calls: Sequence[str]) -> bool:
        """At the last of these."""
        began = calls.index(self.since) if self.since in calls else 0 if not self.since else len(calls)
        counted = [name for name in calls[began:] if self.name in ("", name)]
        return len(counted) == self.call + 1 and self.name in ("", calls[-1])


class DeadlyProxy(ThreadingHTTPServer):
    """Hands on the calls of one process as they are, and kills it at one of them."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = str(urlsplit(upstream).netloc)
        self.calls: list[str] = []
        self.death: Death | None = None
        self.killed_at = ""
        self.victim: BaseProcess | None = None
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def has_committed(self) -> bool:
        """And is in its next step."""
        return COMMIT in self.calls and LIST_SHARDS in self.calls[self.calls.index(COMMIT) :]

    def begin(self, name: str) -> bool:
        """Whether it is the one to die at: the death's own, or, where that does not come, the next step's first."""
        with self._lock:
            self.calls.append(name)
            death = self.death
            return death is not None and (death.is_at(self.calls) or (bool(death.name) and self.has_committed))

    def kill(self, name: str) -> None:
        assert self.victim is not None
        self.killed_at = self.killed_at or name
        self.victim.kill()

    def handle_error(self, *_arguments: object) -> None:
        """The dead take no answers."""


class _Handler(BaseHTTPRequestHandler):
    server: DeadlyProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""

    def _hand_on(self) -> None:
        size_bytes = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size_bytes)
        if len(body) < size_bytes:
            self.close_connection = True  # it died in the middle of its words, which nobody else is to wait for
            return
        name = self._name()
        dies, death = self.server.begin(name), self.server.death
        if not dies or death is None:
            self._answer(*self._ask(body))
            return
        if death.after:
            self._ask(body)
        self.server.kill(name)
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _hand_on  # noqa: N815 - the server calls them so

    def _name(self) -> str:
        """The call's name in AWS's own words."""
        if target := self.headers.get("X-Amz-Target"):
            return str(target).rpartition(".")[2]
        words = parse_qs(urlsplit(self.path).query, keep_blank_values=True).keys()
        match self.command:
            case "POST":
                return COMPLETE if "uploadId" in words else "CreateMultipartUpload"
            case "PUT":
                return "UploadPart"
            case "DELETE":
                return "AbortMultipartUpload" if "uploadId" in words else "DeleteObject"
            case method:
                kind = "Object" if "/" in self.path.strip("/") else "Bucket"
                return f"{method.capitalize()}{kind}"

    def _ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        with closing(http.client.HTTPConnection(self.server.upstream, timeout=30)) as connection:
            connection.request(self.command, self.path, body, headers)
            with connection.getresponse() as answer:
                return answer, answer.read()

    def _answer(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _UNFIT_HEADERS:
                self.send_header(name, value)
        length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)


@dataclass(frozen=True)
class Life:
    """One process of the service."""

    process: BaseProcess
    proxy: DeadlyProxy
    log: Path

    def require_killed(self) -> None:
        """By us, and for nothing else."""
        self.process.join(PATIENCE_S)
        assert (self.process.exitcode, bool(self.proxy.killed_at)) == (-signal.SIGKILL, True), self.log.read_text()

    @property
    def is_polling(self) -> bool:
        """It has taken a step or two, and asks for more."""
        return self.proxy.calls.count(LIST_SHARDS) > 2


@contextmanager
def living(endpoint: str, log: Path, death: Death | None = None) -> Iterator[Life]:
    """The process is forked from one that has imported everything: no call is made before, and minutes are spared."""
    with DeadlyProxy(endpoint) as proxy, serving(proxy):
        process = FORKS.Process(target=serve, args=(proxy.endpoint, log, PIPELINE))
        proxy.victim, proxy.death = process, death
        process.start()
        try:
            yield Life(process, proxy, log)
        finally:
            process.kill()
            process.join()


def serve(endpoint: str, log: Path, pipeline: str) -> None:
    """The command, in a process of its own."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(service_environment(endpoint))
    sys.argv = ["headrace-consumers", "windows", pipeline]
    main()


@contextmanager
def serving(proxy: DeadlyProxy) -> Iterator[None]:
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, name="deadly proxy")
    thread.start()
    try:
        yield
    finally:
        proxy.shutdown()
        thread.join()


@dataclass
class Tide:
    """What comes in. Each surge closes two visits of the one before, and joins two that are out: a revision and a
    tombstone."""

    stack: Stack
    surges: int = 0
    readings: list[Reading] = field(default_factory=list)

    def surge(self) -> None:
        start = 90 * self.surges
        late = [start - 160] if self.surges > 1 else []
        self.readings += [("Dover", minute, 1) for minute in (*late, start, start + 40)]
        self.stack.measure(*(at(minute) for minute in (*late, start, start + 40)))
        self.surges += 1

    @property
    def is_taken(self) -> bool:
        """A commit of the service has it."""
        return self.commits() >= self.surges

    def commits(self) -> int:
        link = next(self.stack.log.newest_links(self.stack.lineage.chain("windows")), None)
        return link.end if link else 0

    def right(self) -> Content:
        """The visits that have closed: all but the last."""
        return oracle(VISITS, [reading for reading in self.readings if reading[1] < 90 * self.surges - 50])

    def seen(self) -> Content:
        return newest(VISITS, self.stack.rows("visits"))

    def check(self) -> None:
        """Every window is there, once, in revisions without a hole; nothing is visible that no commit names."""
        assert self.seen() == self.right()
        ours = {place for place in self.stack.curated("") if not place[1].startswith("tides_partials/")}
        loose = ours - named_files(self.stack.log, self.stack.lineage)
        assert not loose, sorted(loose)[:3]


@pytest.fixture
def tide(tmp_path: Path) -> Iterator[Tide]:
    with local_stack(tmp_path, visiting) as stack:
        yield Tide(stack)


def test_a_kill_at_any_call(tide: Tide, tmp_path: Path) -> None:
    """Each call that a commit consists of is the last of a life, and so is each kind of call before and after it; the
    next life goes on. After one call is before the next, so one side of each is tried, and both of the commit."""
    for name in READS:
        require_killed_at(tide, tmp_path, Death(0, after=False, name=name))
    for name in UPLOADS:
        require_killed_at_each(tide, tmp_path, name)
    require_killed_at(tide, tmp_path, Death(0, after=True, name=COMMIT))
    require_killed_at(tide, tmp_path, Death(0, after=False, name=COMPLETE))  # of what that one has left
    for name in AFTERWARDS:
        require_killed_at_each(tide, tmp_path, name, since=COMMIT)
    finish(tide, tmp_path)


def require_killed_at_each(tide: Tide, folder: Path, name: str, *, since: str = "") -> None:
    """Of the calls of this name in one life, the first and those after it, until there are no more."""
    require_killed_at(tide, folder, Death(0, after=False, name=name, since=since))
    for call in itertools.count(1):
        if killed_at(tide, folder, Death(call, call % 2 == 1, name, since)) != name:
            return


def require_killed_at(tide: Tide, folder: Path, death: Death) -> None:
    assert killed_at(tide, folder, death) == death.name


def killed_at(tide: Tide, folder: Path, death: Death) -> str:
    """The call that a life of this death has died at."""
    if tide.is_taken:
        tide.surge()
    with living(tide.stack.endpoint, folder / "doomed.log", death) as life:
        life.require_killed()
    return life.proxy.killed_at


def test_two_services_that_are_killed_at_random(tide: Tide, tmp_path: Path) -> None:
    """Both reach for the same events, and one is fenced; then one or both of them die, anywhere, while events come."""
    draw = random.Random(4)
    alive: list[Life] = []
    with ExitStack() as lives:
        for number in range(ROUNDS):
            while len(alive) < 2:
                log = tmp_path / f"round-{number}-{len(alive)}.log"
                alive.append(lives.enter_context(living(tide.stack.endpoint, log)))
            eventually(lambda: all(life.is_polling for life in alive) and tide.is_taken, "two services at rest")
            tide.surge()
            eventually(lambda: tide.is_taken, "a commit of either")
            victims = draw.sample(alive, draw.choice([1, 2]))
            for life in victims:
                life.proxy.death = Death(len(life.proxy.calls) + draw.randrange(20, 80), draw.choice([False, True]))
            tide.surge()
            for life in victims:
                life.require_killed()
                alive.remove(life)
            assert all(life.process.is_alive() for life in alive), "whoever is fenced starts over by itself"
        logs = "".join(log.read_text() for log in tmp_path.glob("round-*.log"))
    finish(tide, tmp_path)
    assert "starting over from the newest commit" in logs, "no two of them met"


def finish(tide: Tide, folder: Path) -> None:
    """A healthy service takes what is left."""
    tide.surge()
    with running(tide.stack.endpoint, folder / "healthy.log", PIPELINE) as healthy:
        eventually(lambda: tide.seen() == tide.right(), "the last window")
        healthy.process.terminate()
        assert healthy.process.wait(PATIENCE_S) == 0
    tide.check()
