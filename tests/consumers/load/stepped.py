"""A session that fails at a statement that is chosen before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from headrace_consumers.warehouse.session import WarehouseSession
from tests.fakes.steps import Crash

T = TypeVar("T")


@dataclass
class Stepped:
    """A session whose statements are counted; at one of them the process dies, or its connection is lost."""

    session: WarehouseSession
    at: int | None = None
    """Even: before statement at // 2 reaches the warehouse; odd: after it was done."""
    fault: BaseException = field(default_factory=lambda: Crash("the loader dies"))
    seen: list[str] = field(default_factory=list)
    dead: bool = False

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._do(sql, lambda: self.session.query(sql, *parameters))

    def run(self, sql: str, *parameters: object) -> int:
        return self._do(sql, lambda: self.session.run(sql, *parameters))

    def begin(self) -> None:
        self._do("BEGIN", self.session.begin)

    def commit(self) -> None:
        self._do("COMMIT", self.session.commit)

    def rollback(self) -> None:
        """A dead process sends nothing; its connection ends, and the warehouse rolls back."""
        if not self.dead:
            self.session.rollback()

    def close(self) -> None:
        self.session.close()

    def _do(self, sql: str, call: Callable[[], T]) -> T:
        assert not self.dead
        number = len(self.seen)
        self.seen.append(" ".join(sql.split()[:3]))
        self._fail_at(2 * number)
        result = call()
        self._fail_at(2 * number + 1)
        return result

    def _fail_at(self, half_step: int) -> None:
        if self.at == half_step:
            self.dead = True
            self.session.close()
            raise self.fault
