"""The socket of /metrics and /healthz; apart from its server, since whoever holds it need not serve."""

from __future__ import annotations

import socket

from headrace_producers.errors import SettingsError


def listen(host: str, port: int) -> socket.socket:
    """Port 0 draws a free one. Raises SettingsError."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise SettingsError(f"metrics cannot be served on {host}:{port}: {error.strerror}; set metrics_port") from None
