"""Columns of a contract, read from the annotations of its msgspec class."""

from __future__ import annotations

import enum
import re
import types
import typing
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from headrace_producers.errors import ContractError


class ColumnType(StrEnum):
    """The types that every reader of the lake and the warehouse shares."""

    STRING = "string"
    INT64 = "int64"
    FLOAT64 = "float64"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    """An instant, RFC 3339 with an offset in JSON, microseconds in UTC in the lake."""
    DECIMAL = "decimal"


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a value must satisfy; None where the contract says nothing. Lengths count characters."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    allowed: tuple[str | int, ...] | None = None

    def stated(self) -> dict[str, Any]:
        """The constraints that are there, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of an event, and one column of its table."""

    name: str
    type: ColumnType
    required: bool
    description: str = ""
    unit: str | None = None
    personal: bool = False
    precision: int = 0
    scale: int = 0
    constraints: Constraints = Constraints()

    @property
    def max_bytes(self) -> int:
        """Of a text in UTF-8: as its longest allowed value, or four per character that its rules let it have."""
        rules = self.constraints
        if rules.allowed is not None:
            return max(1, *(len(str(value).encode()) for value in rules.allowed))
        limits = [limit for limit in (rules.max_length, _code_length(rules.pattern)) if limit is not None]
        return min(max(1, 4 * min(limits)), MAX_TEXT_BYTES) if limits else MAX_TEXT_BYTES


MAX_PRECISION = 38
"""Decimal digits that Arrow's decimal128 and Redshift hold."""
MAX_TEXT_BYTES = 65_535
"""Of UTF-8 in one text, whatever its contract says: Redshift's VARCHAR holds no more."""

_CODE = re.compile(r"\^\[[^\]]+\]\{(?:[0-9]+,)?([0-9]+)\}\$")
"""A pattern of one class of characters and how many there may be, such as `^[A-Z]{3}$`."""


def _code_length(pattern: str | None) -> int | None:
    """One more than it says: `$` also matches before a last line feed."""
    found = _CODE.fullmatch(pattern or "")
    return int(found[1]) + 1 if found else None


_TYPES: dict[Any, ColumnType] = {
    str: ColumnType.STRING,
    int: ColumnType.INT64,
    float: ColumnType.FLOAT64,
    bool: ColumnType.BOOLEAN,
    date: ColumnType.DATE,
    datetime: ColumnType.TIMESTAMP,
    Decimal: ColumnType.DECIMAL,
}


def column(
    description: str,
    *,
    unit: str | None = None,
    personal: bool = False,
    precision: int = 0,
    scale: int = 0,
    **constraints: Any,
) -> msgspec.Meta:
    """Annotates a field: `Annotated[int, column("Distance flown", unit="mi", ge=0)]`.

    `constraints` are msgspec's: ge, gt, le, lt, pattern, min_length, max_length. `personal` marks personal data.
    """
    extra = {"unit": unit, "personal": personal, "precision": precision, "scale": scale}
    return msgspec.Meta(description=description, extra=extra, **constraints)


def read_columns(event: type[msgspec.Struct]) -> tuple[Column, ...]:
    """The columns of a flat class, in its order; ContractError names the field that no table can hold."""
    hints = typing.get_type_hints(event, include_extras=True)
    return tuple(_read(event, field, hints[field.name]) for field in msgspec.structs.fields(event))


def _read(event: type[msgspec.Struct], field: msgspec.structs.FieldInfo, hint: Any) -> Column:
    bare, metas, optional = _unwrap(hint)
    where = f"{event.__name__}.{field.name}"
    if field.encode_name != field.name:
        raise ContractError(f"{where}: a renamed field would have two names; call the field what the event calls it")
    allowed = _allowed(bare)
    kind = _TYPES.get(type(allowed[0]) if allowed else bare)
    if kind is None:
        raise ContractError(
            f"{where}: {bare!r} is no column type; "
            f"use {', '.join(kind.__name__ for kind in _TYPES)}, an Enum or a Literal"
        )
    said = {name: getattr(meta, name) for meta in metas for name in _META_NAMES if getattr(meta, name) is not None}
    extra = {name: value for meta in metas for name, value in (meta.extra or {}).items()}
    precision, scale = extra.get("precision", 0), extra.get("scale", 0)
    if kind is ColumnType.DECIMAL and not (1 <= precision <= MAX_PRECISION and 0 <= scale <= precision):
        raise ContractError(f"{where}: state a decimal's precision (1 to 38) and scale with column(...)")
    return Column(
        name=field.name,
        type=kind,
        required=not optional and field.required,
        description=next((meta.description for meta in metas if meta.description), ""),
        unit=extra.get("unit"),
        personal=bool(extra.get("personal")),
        precision=precision,
        scale=scale,
        constraints=Constraints(**said, allowed=allowed),
    )


_META_NAMES = ("ge", "gt", "le", "lt", "pattern", "min_length", "max_length")


def _unwrap(hint: Any) -> tuple[Any, list[msgspec.Meta], bool]:
    """The bare type under Annotated and `| None`, with all that was annotated on the way."""
    metas: list[msgspec.Meta] = []
    optional = False
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint, *more = typing.get_args(hint)
            metas += [meta for meta in more if isinstance(meta, msgspec.Meta)]
        elif typing.get_origin(hint) in (typing.Union, types.UnionType):
            members = [member for member in typing.get_args(hint) if member is not type(None)]
            if len(members) != 1:
                return hint, metas, optional
            hint, optional = members[0], True
        else:
            return hint, metas, optional


def _allowed(bare: Any) -> tuple[str | int, ...] | None:
    if typing.get_origin(bare) is typing.Literal:
        return typing.get_args(bare)
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        return tuple(member.value for member in bare)
    return None
