"""The module's README says which kinds each service needs; the list is made of the table."""

from __future__ import annotations

from collections.abc import Iterable

from tests.deploy.calls.rows import TABLE, Row

README = TABLE.with_name("README.md")
_HEAD = "| service | kinds |\n|---|---|\n"


def with_kinds(text: str, table: Iterable[Row]) -> str:
    """The text with the list as the table has it."""
    kinds: dict[str, set[str]] = {}
    for row in table:
        kinds.setdefault(row.service, set()).add(row.on)
    before, _, rest = text.partition(_HEAD)
    after = rest[rest.index("\n\n") :]
    lines = "\n".join(f"| {service} | {', '.join(sorted(found))} |" for service, found in sorted(kinds.items()))
    return f"{before}{_HEAD}{lines}{after}"
