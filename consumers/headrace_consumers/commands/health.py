"""`headrace-consumers health`. Runs every few seconds beside a service: nothing is imported that starts slowly."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

LOCALHOST = "127.0.0.1"
TIMEOUT_S = 5.0
_ANSWER_LIMIT_BYTES = 64 * 1024


class Answer(NamedTuple):
    well: bool
    sentence: str


def health(*, metrics_host: str = LOCALHOST, metrics_port: int = 0) -> int:
    """Ask a service of this machine how it is: exit code 0 where it is well, 1 where it is not, or does not answer.

    For health checks of containers: the settings are those that the service itself has.

    Parameters
    ----------
    metrics_host
        Where the service serves /healthz.
    metrics_port
        Its port; one that the service drew is in the first line of its log.
    """
    if not metrics_port:
        from headrace_producers.errors import SettingsError

        raise SettingsError("say which port the service has: HEADRACE_METRICS_PORT is not set, or 0")
    answer = ask(metrics_host, metrics_port)
    sys.stdout.write(f"{answer.sentence}\n")
    return 0 if answer.well else 1


def ask(host: str, port: int, timeout_s: float = TIMEOUT_S) -> Answer:
    """One question to /healthz. Never raises."""
    connection = HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        return _understood(response.status, response.read(_ANSWER_LIMIT_BYTES))
    except (OSError, OverflowError, HTTPException) as error:
        why = str(error) or type(error).__name__
        return Answer(well=False, sentence=f"no answer on {host}:{port} ({why}): does the service run, on this port?")
    finally:
        connection.close()


def _understood(status: int, body: bytes) -> Answer:
    try:
        said = json.loads(body)
        sentence = f"{said['state']}: {said['sentence']}"
    except (ValueError, TypeError, KeyError):
        return Answer(
            well=False, sentence=f"status {status}, and not as a service of Headrace says it: whose port is it?"
        )
    return Answer(well=status == HTTPStatus.OK, sentence=sentence)
