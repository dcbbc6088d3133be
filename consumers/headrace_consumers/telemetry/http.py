"""/metrics and /healthz, served on a thread of their own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Protocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from headrace_consumers.telemetry.health import Health

_REQUEST_LIMIT_S = 10


class Exposed(Protocol):
    """Metrics in Prometheus's text format. Thread-safe."""

    def exposition(self) -> bytes: ...


class TelemetryServer:
    """Answers on `listening` until closed: 200 or 503 and a sentence on /healthz, Prometheus's text on /metrics."""

    def __init__(self, listening: socket.socket, metrics: Exposed, health: Callable[[], Health]) -> None:
        address = listening.getsockname()[:2]
        self._server = _Server(address, _handler(metrics, health), bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening
        self._thread = Thread(target=self._server.serve_forever, name="telemetry", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is its own affair: no traceback on stderr, which carries JSON lines."""


def _handler(metrics: Exposed, health: Callable[[], Health]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_LIMIT_S

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, metrics.exposition())
                case "/healthz":
                    now = health()
                    status = HTTPStatus.OK if now.well else HTTPStatus.SERVICE_UNAVAILABLE
                    body = msgspec.json.encode({"ok": now.well, "state": now.state, "sentence": now.sentence})
                    self._answer(status, "application/json", body)
                case _:
                    self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics or /healthz\n")

        def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Scrapes are not worth a line each."""

    return Handler
