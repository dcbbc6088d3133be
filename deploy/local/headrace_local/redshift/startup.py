"""How a connection begins: what a Redshift client says and is told before its first statement. It knows no sockets."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from headrace_local.redshift import wire
from headrace_local.redshift.wire import Message, Splitter

DATABASE: Final = "headrace"
USER: Final = "headrace"
SERVER_VERSION: Final = "8.0.2"
REFUSE_ENCRYPTION: Final = b"N"
ASK_PASSWORD: Final = Message(b"R", struct.pack("!i", 3))
NO_PASSWORD: Final = wire.error("password authentication failed: the password is empty", "28000", "FATAL")

_PROTOCOL: Final = 196608
_ENCRYPTION: Final = frozenset({80877103, 80877104})
_CANCEL: Final = 80877102
_FORWARDED: tuple[str, ...] = ("user", "database", "application_name")


@dataclass(frozen=True, slots=True)
class EncryptionRequest:
    """TLS or GSS is wanted: neither is offered."""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """To be passed on as it came."""

    packet: bytes


@dataclass(frozen=True, slots=True)
class StartupRequest:
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class UnknownRequest:
    """Of another protocol."""


Request = EncryptionRequest | CancelRequest | StartupRequest | UnknownRequest


def request(body: bytes) -> Request:
    """A client's first packet, without its length."""
    (code,) = struct.unpack_from("!i", body)
    if code in _ENCRYPTION:
        return EncryptionRequest()
    if code == _CANCEL:
        return CancelRequest(struct.pack("!i", len(body) + 4) + body)
    return StartupRequest(_parameters(body[4:])) if code == _PROTOCOL else UnknownRequest()


def forwarded(parameters: dict[str, str]) -> dict[str, str]:
    """What PostgreSQL knows of a Redshift client's parameters; the drivers send many that it refuses."""
    kept = {name: parameters[name] for name in _FORWARDED if name in parameters}
    return {"user": USER, "database": DATABASE, **kept}


def is_password(message: Message) -> bool:
    """Any password is taken, but one must be given."""
    return message.code == b"p" and len(message.body) > 1


def greeting(said: bytes) -> Iterator[Message]:
    """PostgreSQL's answer to the startup as Redshift gives it: of another version."""
    for message in Splitter().feed(said):
        if message.code == b"S" and wire.cut_text(message.body)[0] == "server_version":
            yield wire.parameter("server_version", SERVER_VERSION)
        else:
            yield message


def _parameters(body: bytes) -> dict[str, str]:
    words = body.rstrip(b"\0").decode().split("\0")
    return dict(zip(words[::2], words[1::2], strict=False))
