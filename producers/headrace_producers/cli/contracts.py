"""`contracts list | show | check`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from headrace_producers.contracts import Column, Contract, json_schema
from headrace_producers.contracts.lock import compare, read_lock, write_lock
from headrace_producers.errors import ContractError


def find(name: str, contracts: Sequence[Contract]) -> Contract:
    """By type, or by name alone: then the newest version."""
    found = [one for one in contracts if name in (one.type, one.name)]
    if not found:
        known = ", ".join(one.type for one in contracts) or "none"
        raise ContractError(f"no contract is called {name!r}; declared are {known} (--module loads more)")
    return max(found, key=lambda one: one.version)


def list_all(options: argparse.Namespace, contracts: Sequence[Contract]) -> int:
    del options
    width = max((len(one.type) for one in contracts), default=0)
    for one in contracts:
        print(f"{one.type:{width}}  {len(one.columns):2} columns  key {one.partition_key}  {one.description}")
    return 0


def show(options: argparse.Namespace, contracts: Sequence[Contract]) -> int:
    contract = find(options.name, contracts)
    if options.json_schema:
        print(json.dumps(json_schema(contract), indent=2))
        return 0
    print(f"{contract.type}: {contract.description}")
    print(f"partition key {contract.partition_key}, event time {contract.event_time}\n")
    rows = [("column", "type", "", "rules", "meaning"), *(_row(column) for column in contract.columns)]
    widths = [max(len(row[index]) for row in rows) for index in range(4)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip())
    return 0


def _row(column: Column) -> tuple[str, str, str, str, str]:
    kind = f"decimal({column.precision}, {column.scale})" if column.precision else str(column.type)
    rules = ", ".join(f"{name} {value}" for name, value in column.constraints.stated().items())
    meaning = " ".join(
        [column.description, f"[{column.unit}]" if column.unit else "", "(personal)" if column.personal else ""]
    )
    return column.name, kind, "" if column.required else "optional", rules, meaning.strip()


def check(options: argparse.Namespace, contracts: Sequence[Contract]) -> int:
    lock = {} if options.write and not options.lock.exists() else read_lock(options.lock)
    changes = compare(lock, contracts)
    for change in changes:
        print(f"{'BREAKS' if change.breaks else 'ok    '}  {change}")
    breaks = any(change.breaks for change in changes)
    if breaks and not (options.write and options.allow_breaking):
        print("Published data or its readers would break: declare a new version beside the old one.")
        return 1
    if options.write:
        write_lock(options.lock, contracts)
        print(f"{options.lock}: {len(contracts)} contracts written")
        return 0
    if changes:
        print(f"{options.lock} is behind: run `headrace-producers contracts check --write` and commit it.")
        return 1
    print(f"{len(contracts)} contracts are as locked.")
    return 0
