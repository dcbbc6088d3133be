"""The lock file: what the published contracts promise, so that a change which breaks readers or data is noticed.

Compatible within a version: an optional column more, a constraint wider, a description, unit or personal mark changed.
Everything else needs a new version. A contract that is declared no more stays in the file: its data is in the lake.
Sort and distribution keys are not in the lock: they change how fast the warehouse answers, never what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from headrace_producers.contracts.column import Column
from headrace_producers.contracts.contract import Contract
from headrace_producers.errors import ContractError

LOCK_NAME = "contracts.lock.json"


class LockedColumn(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is promised of one column."""

    name: str
    type: str
    required: bool
    precision: int = 0
    scale: int = 0
    constraints: dict[str, Any] = {}


class LockedContract(msgspec.Struct, frozen=True):
    """What is promised of one contract."""

    type: str
    partition_key: str
    event_time: str
    columns: tuple[LockedColumn, ...]


class Change(msgspec.Struct, frozen=True):
    """One difference between the lock and the declaration."""

    contract: str
    breaks: bool
    what: str

    def __str__(self) -> str:
        return f"{self.contract}: {self.what}"


def locked(contract: Contract) -> LockedContract:
    """The promises of a declared contract."""
    columns = tuple(_locked(column) for column in contract.columns)
    return LockedContract(contract.type, contract.partition_key, contract.event_time, columns)


def read_lock(path: Path) -> dict[str, LockedContract]:
    """By contract type; ContractError when the file is missing or unreadable."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=tuple[LockedContract, ...])
    except FileNotFoundError:
        raise ContractError(f"{path}: there is no lock file; make it with `contracts check --write`") from None
    except msgspec.MsgspecError as error:
        raise ContractError(f"{path}: this is no lock file: {error}") from None
    return {contract.type: contract for contract in found}


def write_lock(path: Path, contracts: Iterable[Contract]) -> None:
    """Adds and updates; what is declared no more is kept."""
    kept = read_lock(path) if path.exists() else {}
    kept |= {contract.type: locked(contract) for contract in contracts}
    ordered = [kept[name] for name in sorted(kept)]
    path.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=2) + b"\n")


def compare(lock: dict[str, LockedContract], contracts: Iterable[Contract]) -> list[Change]:
    """What changed since the lock was written, contract by contract."""
    changes: list[Change] = []
    for contract in contracts:
        now = locked(contract)
        before = lock.get(contract.type)
        if before is None:
            changes.append(Change(contract.type, breaks=False, what="is new"))
        else:
            changes += [Change(contract.type, breaks, what) for breaks, what in _differences(before, now)]
    return changes


def _differences(before: LockedContract, now: LockedContract) -> Iterator[tuple[bool, str]]:
    if before.partition_key != now.partition_key:
        yield (
            True,
            f"the partition key was {before.partition_key} and is {now.partition_key}: order per key would break",
        )
    if before.event_time != now.event_time:
        yield True, f"the event time was {before.event_time} and is {now.event_time}: windows and partitions would move"
    then = {column.name: column for column in before.columns}
    here = {column.name: column for column in now.columns}
    for name in sorted(then.keys() - here.keys()):
        yield True, f"column {name} was removed"
    for name, column in here.items():
        if name in then:
            yield from _column_differences(then[name], column)
        else:
            yield column.required, f"column {name} is new" + (" and required: older events lack it" * column.required)
    kept = [column.name for column in now.columns if column.name in then]
    if kept != [column.name for column in before.columns if column.name in here]:
        yield True, "columns changed their order: new ones are appended last"
    if any(name not in then for name in list(here)[: len(kept)]):
        yield True, "a new column stands before older ones: new ones are appended last"


def _column_differences(before: LockedColumn, now: LockedColumn) -> Iterator[tuple[bool, str]]:
    if (before.type, before.precision, before.scale) != (now.type, now.precision, now.scale):
        yield True, f"column {now.name} was {_type(before)} and is {_type(now)}"
    if now.required and not before.required:
        yield True, f"column {now.name} was optional and is required: older events lack it"
    if before.required and not now.required:
        yield True, f"column {now.name} was required and is optional: readers do not expect nulls"
    for rule in sorted(before.constraints.keys() | now.constraints.keys()):
        then, here = before.constraints.get(rule), now.constraints.get(rule)
        if then != here:
            tighter = _is_tighter(rule, then, here)
            yield tighter, f"column {now.name}: {rule} was {then} and is {here}" + (" (tighter)" * tighter)


def _is_tighter(rule: str, then: Any, here: Any) -> bool:
    """Whether values that were right are wrong now; two patterns cannot be compared, so they count as tighter."""
    if here is None:
        return False
    if then is None:
        return True
    if rule in ("ge", "gt", "min_length"):
        return bool(here > then)
    if rule in ("le", "lt", "max_length"):
        return bool(here < then)
    return rule != "allowed" or not set(then) <= set(here)


def _type(column: LockedColumn) -> str:
    return f"{column.type}({column.precision}, {column.scale})" if column.precision else column.type


def _locked(column: Column) -> LockedColumn:
    said = {name: list(v) if isinstance(v, tuple) else v for name, v in column.constraints.stated().items()}
    return LockedColumn(column.name, column.type.value, column.required, column.precision, column.scale, said)
