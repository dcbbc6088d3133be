"""An HTTP proxy in front of Kinesis that makes PutRecords fail in the ways that a network and a service can."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PUT_RECORDS = "Kinesis_20131202.PutRecords"
_DROPPED_HEADERS = frozenset({"transfer-encoding", "connection", "content-length", "date", "server"})


class Fault(Enum):
    """What becomes of one PutRecords call."""

    NONE = auto()
    ACCEPTED_THEN_SILENCE = auto()
    """All records are taken; the answer does not come before the client's patience is over."""
    ACCEPTED_THEN_RESET = auto()
    """All records are taken; the connection ends instead of an answer."""
    IN_PART = auto()
    """Every second record is refused as throttled; the others are taken."""
    REFUSED = auto()
    """The call fails as a whole; nothing is taken."""
    NO_SERVICE = auto()
    """The connection ends before anything is read on."""


Choose = Callable[[int], Fault]
"""The number of a PutRecords call, from 1, to its fault. Called from several threads."""


class FaultProxy(ThreadingHTTPServer):
    """Listens on a free port of the loopback address."""

    daemon_threads = True

    def __init__(self, upstream: str, choose: Choose) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = str(urlsplit(upstream).netloc)
        self.faults: list[Fault] = []
        """One for each PutRecords call so far."""
        self.closing = threading.Event()
        self._choose = choose
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self) -> Fault:
        with self._lock:
            fault = self._choose(len(self.faults) + 1)
            self.faults.append(fault)
            return fault


@contextmanager
def fault_proxy(upstream: str, choose: Choose) -> Iterator[FaultProxy]:
    with FaultProxy(upstream, choose) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, name="fault proxy")
        thread.start()
        try:
            yield proxy
        finally:
            proxy.closing.set()
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: FaultProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("X-Amz-Target") == PUT_RECORDS:
            self._put_records(body, self.server.next_fault())
        else:
            self._answer(*self._forward(body))

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""

    def _put_records(self, body: bytes, fault: Fault) -> None:
        match fault:
            case Fault.NONE:
                self._answer(*self._forward(body))
            case Fault.IN_PART:
                self._answer(200, *self._forward_in_part(body))
            case Fault.REFUSED:
                self._answer(500, [], json.dumps({"__type": "InternalFailure"}).encode())
            case Fault.ACCEPTED_THEN_SILENCE | Fault.ACCEPTED_THEN_RESET | Fault.NO_SERVICE:
                if fault is not Fault.NO_SERVICE:
                    self._forward(body)
                if fault is Fault.ACCEPTED_THEN_SILENCE:
                    self.server.closing.wait()
                self.close_connection = True

    def _forward_in_part(self, body: bytes) -> tuple[list[tuple[str, str]], bytes]:
        request = json.loads(body)
        taken = request["Records"][::2]
        _, headers, answered = self._forward(json.dumps({**request, "Records": taken}).encode())
        taken_answers = iter(json.loads(answered)["Records"])
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
        answers: list[Any] = [refused if index % 2 else next(taken_answers) for index in range(len(request["Records"]))]
        failed = sum("ErrorCode" in answer for answer in answers)
        return headers, json.dumps({"FailedRecordCount": failed, "Records": answers}).encode()

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _DROPPED_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
