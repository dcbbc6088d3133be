"""Enumerated steps of the commit path: every call of a fake AWS client is one, before and after its effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

T = TypeVar("T")


class Crash(BaseException):
    """The process dies here: nothing may catch it."""


def client_error(code: str, operation: str, **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(answer, operation)


@dataclass
class Steps:
    """Counts calls; crashes at one of them, or answers some with a fault although they took effect (or did not)."""

    crash_at: int | None = None
    """Step number: even = before the effect of call n // 2, odd = after it."""
    lost_answers: frozenset[int] = frozenset()
    """Calls whose effect stands but whose answer times out."""
    refused: frozenset[int] = frozenset()
    """Calls that are throttled without effect."""
    calls: int = 0
    seen: list[str] = field(default_factory=list)
    before_call: Callable[[str], None] = lambda _name: None

    def run(self, name: str, effect: Callable[[], T]) -> T:
        number, self.calls = self.calls, self.calls + 1
        self.seen.append(name)
        self.before_call(name)
        if self.crash_at == 2 * number:
            raise Crash(f"before {name}")
        if number in self.refused:
            raise client_error("ThrottlingException", name)
        result = effect()
        if self.crash_at == 2 * number + 1:
            raise Crash(f"after {name}")
        if number in self.lost_answers:
            raise ReadTimeoutError(endpoint_url=name)
        return result
