"""The template of a contract's lines: which bytes stand around the values when our producer writes an event."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_consumers.stages.schemas import arrow_type
from headrace_producers.contracts import Column, ColumnType, Contract

TYPE_PIECE = 3
"""Cut at its commas, the fourth piece of a line names its type."""
_QUOTED = frozenset({ColumnType.STRING, ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.DECIMAL})
_END = b"}}"


@dataclass(frozen=True)
class Slot:
    """One value of the line: in which piece between two commas it stands, and what stands around it there."""

    name: str
    piece: int
    before: bytes
    after: bytes
    type: ColumnType
    column: Column | None = None
    """None for the envelope's."""

    @property
    def optional(self) -> bool:
        return self.column is not None and not self.column.required

    @property
    def arrow_type(self) -> pa.DataType:
        return pa.string() if self.column is None else arrow_type(self.column)

    @property
    def is_text(self) -> bool:
        """Whether it may hold anything that a JSON text may, so that it must be looked at for quotes and escapes."""
        return self.type is ColumnType.STRING

    @property
    def keeps_quotes(self) -> bool:
        """Where null may stand instead of a text, the quotes belong to the value."""
        return self.optional and self.type in _QUOTED


@dataclass(frozen=True)
class Template:
    """The lines of one contract as our producer writes them: values in slots, and fixed bytes between them."""

    type: str
    slots: tuple[Slot, ...]
    between: bytes
    """All that stands around the values of one line, joined."""

    @cached_property
    def type_attribute(self) -> bytes:
        return _type_attribute(self.type)

    @property
    def commas(self) -> int:
        return self.slots[-1].piece

    @cached_property
    def cuts(self) -> npt.NDArray[np.intp]:
        """From which cut each edge is counted: the line's begin, each value's begin and end, the line's end. The cuts
        are the line feed before the line, its commas, its own line feed."""
        inner = (cut for slot in self.slots for cut in (slot.piece, slot.piece + 1))
        return np.array([0, *inner, self.commas + 1], np.intp)

    @cached_property
    def shifts(self) -> npt.NDArray[np.int32]:
        """How far each edge lies from its cut."""
        inner = (shift for slot in self.slots for shift in (1 + len(slot.before), -len(slot.after)))
        return np.array([1, *inner, 1], np.int32)


@lru_cache(maxsize=256)
def template_of(contract: Contract) -> Template:
    """Of the contract's CloudEvents lines, attributes in the order of `wire/envelope.py`."""
    slots = (*_envelope(), *_columns(contract))
    between = b'{"specversion":"1.0"'
    for slot in slots:
        between += (
            (b"," + _type_attribute(contract.type) if slot.name == " time" else b"") + b"," + slot.before + slot.after
        )
    return Template(contract.type, slots, between + b"\n")


def _type_attribute(event_type: str) -> bytes:
    return b'"type":"%s"' % event_type.encode()


def _envelope() -> list[Slot]:
    """Their names begin with a space, so that no column's name is like them."""
    return [
        Slot(f" {name}", piece, b'"%s":"' % name.encode(), b'"', ColumnType.STRING)
        for name, piece in (("id", 1), ("source", 2), ("time", TYPE_PIECE + 1))
    ]


def _columns(contract: Contract) -> list[Slot]:
    last = len(contract.columns) - 1
    found = []
    for place, column in enumerate(contract.columns):
        quote = b'"' if column.type in _QUOTED and column.required else b""
        key = (b'"data":{' if place == 0 else b"") + b'"%s":' % column.name.encode() + quote
        end = quote + (_END if place == last else b"")
        found.append(Slot(column.name, TYPE_PIECE + 2 + place, key, end, column.type, column))
    return found
