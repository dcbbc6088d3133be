"""Typed event contracts, the wire format and an idempotent Kinesis producer."""

from headrace_producers.contracts import Contract, column, contract, contract_of
from headrace_producers.counters import ProducerCounters
from headrace_producers.delivery import Delivery, Outcome
from headrace_producers.errors import (
    BufferFullError,
    ContractError,
    HeadraceError,
    InvalidRecordError,
    ProducerClosedError,
    SettingsError,
)
from headrace_producers.producer import Producer
from headrace_producers.settings import Compression, ProducerSettings

__all__ = [
    "BufferFullError",
    "Compression",
    "Contract",
    "ContractError",
    "Delivery",
    "HeadraceError",
    "InvalidRecordError",
    "Outcome",
    "Producer",
    "ProducerClosedError",
    "ProducerCounters",
    "ProducerSettings",
    "SettingsError",
    "column",
    "contract",
    "contract_of",
]
