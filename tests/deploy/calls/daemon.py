"""Notes what the Java daemon asks of DynamoDB, where its leases are: no hook of Python's hears it.

Of Kinesis it asks by HTTP/2, which this does not speak.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

DAEMON = "MultiLangDaemon"
_OURS_ALONE = frozenset({"transfer-encoding", "connection", "content-length", "date", "server"})


class Listener(ThreadingHTTPServer):
    """On a free port of the loopback address."""

    daemon_threads = True

    def __init__(self, upstream: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = str(urlsplit(upstream).netloc)
        self._file = folder / "daemon.jsonl"
        self._heard: set[str] = set()
        self._lock = threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """By which a worker's daemon comes here."""
        here = f"http://127.0.0.1:{self.server_port}"
        return {"AWS_ENDPOINT_URL_DYNAMODB": here, "AWS_ENDPOINT_URL_CLOUDWATCH": here}

    def note(self, target: str, body: bytes) -> None:
        said = json.loads(body)
        on = f"{said['TableName']}/index/{said['IndexName']}" if "IndexName" in said else said["TableName"]
        call = f"dynamodb:{target.removeprefix('DynamoDB_20120810.')}"
        line = json.dumps({"argv": [DAEMON], "call": call, "on": on, "items": []})
        with self._lock:
            if line not in self._heard:
                self._heard.add(line)
                with self._file.open("a") as file:
                    file.write(f"{line}\n")


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "java" in self.headers.get("User-Agent", "").lower():
            self.server.note(self.headers.get("X-Amz-Target", ""), body)
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OURS_ALONE:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@contextmanager
def listening(upstream: str, folder: Path) -> Iterator[Listener]:
    with Listener(upstream, folder) as listener:
        thread = threading.Thread(target=listener.serve_forever, name="listener")
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join()
