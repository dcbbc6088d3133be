"""What every service's command does around its work: metrics, health, a watchdog, an end on signals."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Protocol

from headrace_consumers.runtime.watchdog import Watchdog
from headrace_consumers.telemetry.health import Health
from headrace_consumers.telemetry.http import Exposed, TelemetryServer
from headrace_consumers.telemetry.listening import listen
from headrace_consumers.telemetry.logs import configure_logs

_log = logging.getLogger(__name__)


class Watched(Exposed, Protocol):
    """Metrics that know how the service is."""

    def health(self, limit_s: float) -> Health: ...


class Served(Protocol):
    """Settings of a service that is watched."""

    @property
    def metrics_host(self) -> str: ...

    @property
    def metrics_port(self) -> int: ...

    @property
    def stall_limit_s(self) -> float: ...


@contextmanager
def served(what: str, pipeline: str, settings: Served, metrics: Watched) -> Iterator[Event]:
    """Serves /metrics and /healthz, and ends the process where no step ends any more. The event is set by SIGTERM and
    SIGINT."""
    limit_s = settings.stall_limit_s
    with listen(settings.metrics_host, settings.metrics_port) as listening:
        configure_logs()
        stop = _stop_on_signals()
        port = listening.getsockname()[1]
        _log.info("%s starts", what, extra={"fields": {"pipeline": pipeline, "metrics_port": port}})
        server = TelemetryServer(listening, metrics, lambda: metrics.health(limit_s))
        watchdog = Watchdog(lambda: metrics.health(limit_s), min(5.0, limit_s / 4))
        try:
            yield stop
        finally:
            watchdog.close()
            server.close()


def _stop_on_signals() -> Event:
    """Set by a thread, which hears of signals through a socket: a handler runs in the midst of the main thread, and
    setting an event on which that thread begins to wait may hang."""
    stop = Event()
    heard, wakeup = socket.socketpair()
    wakeup.setblocking(False)  # noqa: FBT003 -- the library's own signature

    def listen_to_signals() -> None:
        with heard, wakeup:
            while heard.recv(1):
                stop.set()

    Thread(target=listen_to_signals, name="signals", daemon=True).start()
    signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return stop
