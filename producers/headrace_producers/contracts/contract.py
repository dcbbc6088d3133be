"""The only definition of an event: a msgspec class with a name, a version, a key and an event time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from headrace_producers.contracts.column import Column, ColumnType, read_columns
from headrace_producers.errors import ContractError

Event = TypeVar("Event", bound=msgspec.Struct)

MAX_SORT_COLUMNS = 400
"""Of a compound sort key in Redshift."""
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_declared: dict[type[msgspec.Struct], Contract] = {}


@dataclass(frozen=True, slots=True)
class Contract:
    """What producers promise and consumers check."""

    name: str
    version: int
    event: type[msgspec.Struct]
    partition_key: str
    """The column whose value chooses the shard; events of one value keep their order."""
    event_time: str
    """The column that says when it happened."""
    description: str
    columns: tuple[Column, ...]
    sort_key: tuple[str, ...] = ()
    """Columns by which the warehouse keeps its rows in order; the event time where none are named."""
    dist_key: str | None = None
    """The column whose value chooses the warehouse's slice; without one it decides itself."""

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return f"{self.name}.v{self.version}"

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when the contract has none."""
        for found in self.columns:
            if found.name == name:
                return found
        raise KeyError(name)


def contract(
    *,
    name: str,
    version: int,
    partition_key: str,
    event_time: str,
    sort_key: tuple[str, ...] = (),
    dist_key: str | None = None,
) -> Callable[[type[Event]], type[Event]]:
    """Declares a contract on a flat msgspec.Struct; ContractError says what is wrong with the declaration.

    `sort_key` and `dist_key` are how a table of the warehouse begins; they are no part of the contract's lock.
    """

    def declare(event: type[Event]) -> type[Event]:
        declared = Contract(
            name=name,
            version=version,
            event=event,
            partition_key=partition_key,
            event_time=event_time,
            description=" ".join((event.__doc__ or "").split()),
            columns=read_columns(event),
            sort_key=sort_key,
            dist_key=dist_key,
        )
        _check(declared)
        if any(
            other.type == declared.type and other.event.__module__ != event.__module__ for other in _declared.values()
        ):
            raise ContractError(f"contract {declared.type}: two modules declare it; give one another name or version")
        _declared[event] = declared
        return event

    return declare


def contract_of(event: type[msgspec.Struct]) -> Contract:
    """The contract that a class declares."""
    if event not in _declared:
        raise ContractError(f"{event.__name__} declares no contract; decorate it with @contract(...)")
    return _declared[event]


def declared_contracts() -> tuple[Contract, ...]:
    """All contracts of the modules imported so far, by type."""
    return tuple(sorted(_declared.values(), key=lambda declared: declared.type))


def _check(declared: Contract) -> None:
    where = f"contract {declared.type}"
    config = declared.event.__struct_config__
    if config.array_like or config.tag is not None or config.omit_defaults or not config.eq:
        raise ContractError(
            f"{where}: array_like, tag, omit_defaults and eq=False change what readers see; leave them out"
        )
    try:
        msgspec.json.Decoder(declared.event)
    except TypeError as error:
        raise ContractError(f"{where}: constraints belong inside: Annotated[int, column(..)] | None. {error}") from None
    if not _NAME.fullmatch(declared.name) or declared.version < 1:
        raise ContractError(f"{where}: names are lower-case words joined by dots, versions begin with 1")
    if bad := [column.name for column in declared.columns if not _COLUMN.fullmatch(column.name)]:
        raise ContractError(f"{where}: {bad} cannot be columns: lower-case letters, digits and _ please")
    needed = {declared.partition_key: ColumnType.STRING, declared.event_time: ColumnType.TIMESTAMP}
    for column, kind in needed.items():
        if not any((found.name, found.type, found.required) == (column, kind, True) for found in declared.columns):
            raise ContractError(f"{where}: {column!r} must be a required {kind} column")
    _check_physical(where, declared)


def _check_physical(where: str, declared: Contract) -> None:
    named = [*declared.sort_key, *([declared.dist_key] if declared.dist_key is not None else [])]
    if unknown := sorted(set(named) - {column.name for column in declared.columns}):
        raise ContractError(f"{where}: sort_key and dist_key name columns; there is no {', '.join(unknown)}")
    if len(set(declared.sort_key)) < len(declared.sort_key) or len(declared.sort_key) > MAX_SORT_COLUMNS:
        raise ContractError(f"{where}: sort_key names each column once, at most {MAX_SORT_COLUMNS}")
