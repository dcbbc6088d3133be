"""The seam to the warehouse: SQL in, rows out. `redshift.py` is behind it."""

from __future__ import annotations

from typing import Any, Protocol


class WarehouseSession(Protocol):
    """One connection, of one thread. Each statement commits by itself, but between `begin` and `commit` or `rollback`.

    Parameters stand as `%s` in the text, outside of quotes; a percent sign there is `%%`. Every call blocks on the
    network, and raises WarehouseAwayError (the session is then of no more use), WarehouseBusyError (roll back, then
    begin anew) or WarehouseStatementError.
    """

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a statement that has some."""
        ...

    def run(self, sql: str, *parameters: object) -> int:
        """Runs a statement; how many rows it touched, 0 where it does not say."""
        ...

    def begin(self) -> None: ...

    def commit(self) -> None:
        """WarehouseAwayError: it may have been committed or not."""
        ...

    def rollback(self) -> None:
        """Never raises: where the connection is lost, the server rolls back by itself."""
        ...

    def close(self) -> None:
        """Never raises; what was not committed is rolled back. May be called again."""
        ...


class Warehouse(Protocol):
    """Where sessions come from."""

    def connect(self) -> WarehouseSession:
        """Raises WarehouseAwayError; a refused user, password or database is a TerminalError."""
        ...
