"""Event contracts: declare them once, derive every schema."""

from headrace_producers.contracts.column import Column, ColumnType, Constraints, column
from headrace_producers.contracts.contract import Contract, contract, contract_of, declared_contracts
from headrace_producers.contracts.schema import json_schema

__all__ = [
    "Column",
    "ColumnType",
    "Constraints",
    "Contract",
    "column",
    "contract",
    "contract_of",
    "declared_contracts",
    "json_schema",
]
