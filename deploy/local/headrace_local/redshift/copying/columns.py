"""Columns of the target table, as PostgreSQL's format_type names their types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from headrace_local.redshift.errors import NotImitatedError

MAX_TEXT_BYTES = 65_535


@dataclass(frozen=True, slots=True)
class RedshiftType:
    """`name` as Redshift's catalog spells it; `size` is bytes of a text or digits of a number."""

    name: str
    size: int | None = None
    scale: int = 0

    @property
    def is_text(self) -> bool:
        return self.name in ("character varying", "character")

    def __str__(self) -> str:
        """As Redshift's messages name types."""
        if self.name == "numeric":
            return f"DECIMAL({self.size}, {self.scale})"
        short = _SHORT.get(self.name, self.name.upper())
        return short if self.size is None else f"{short}({self.size})"


@dataclass(frozen=True)
class TableColumn:
    """One of the columns that COPY fills, in COPY's order."""

    name: str
    type_name: str
    not_null: bool = False

    @cached_property
    def type(self) -> RedshiftType:
        """Raises NotImitatedError for a type that COPY does not fill here."""
        return redshift_type(self.type_name)


def redshift_type(type_name: str) -> RedshiftType:
    found = _TYPE.fullmatch(type_name.strip().lower())
    base = _NAMES.get(" ".join(f"{found['base']} {found['rest'] or ''}".split())) if found else None
    if found is None or base is None:
        raise NotImitatedError(f"COPY and UNLOAD of a column of type {type_name} are not imitated locally")
    sizes = [int(size) for size in (found["sizes"] or "").split(",") if size]
    if base == "numeric":
        return RedshiftType(base, *(sizes or (18, 0)))
    if base in ("character varying", "varbyte"):
        return RedshiftType(base, sizes[0] if sizes else MAX_TEXT_BYTES)
    return RedshiftType(base, sizes[0] if sizes and base == "character" else None)


_TYPE = re.compile(r"(?P<base>[a-z_0-9 ]+?)\s*(?:\((?P<sizes>[\d, ]+)\)(?P<rest>[a-z ]*))?")
_SHORT = {
    "character varying": "VARCHAR",
    "character": "CHAR",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
    "double precision": "DOUBLE",
    "real": "FLOAT",
}
_NAMES = {
    **{
        name: name
        for name in (
            "bigint", "boolean", "character varying", "character", "date", "double precision", "integer", "numeric",
            "real", "smallint", "super", "timestamp with time zone", "timestamp without time zone", "varbyte",
        )
    },
    "bpchar": "character",
    "bytea": "varbyte",
    "json": "super",
    "jsonb": "super",
    "text": "character varying",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "varchar": "character varying",
}  # fmt: skip
