"""put()'s work on one event: check it against its contract, encode it as one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from headrace_producers.contracts import Column, ColumnType, Contract, contract_of
from headrace_producers.contracts.column import MAX_TEXT_BYTES
from headrace_producers.errors import ContractError, InvalidRecordError
from headrace_producers.wire.envelope import MAX_ID_BYTES, encode_line

_MAX_SURE_CHARS = MAX_ID_BYTES // 4
_INT64_MAX = 2**63 - 1
_INT64_MIN = -(2**63)
_encode = msgspec.json.Encoder().encode


class EventEncoder:
    """Encodes the events of one contract."""

    def __init__(self, contract: Contract, source: str, max_event_bytes: int) -> None:
        self._type = contract.type
        self._source = source
        self._max_event_bytes = max_event_bytes
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(contract.event).decode
        self._event_time = contract.event_time
        self._partition_key = contract.partition_key
        self._checks = tuple(
            (column.name, check) for column in contract.columns for check in (_extra_check(column),) if check
        )
        self._unbounded = tuple(
            column.name
            for column in contract.columns
            if column.type is ColumnType.STRING and column.max_bytes == MAX_TEXT_BYTES
        )

    def encode(self, event: msgspec.Struct, event_id: str) -> tuple[str, bytes]:
        """Partition key and line. InvalidRecordError says which field breaks which rule, never with its value.

        msgspec checks constraints when it decodes, not when an object is built: so what goes out is decoded once, and
        compared, which also finds what JSON cannot carry (NaN becomes null).
        """
        if not event_id or type(event_id) is not str:
            raise InvalidRecordError("id", "must be a text that is not empty")
        if len(event_id) > _MAX_SURE_CHARS and len(event_id.encode()) > MAX_ID_BYTES:
            raise InvalidRecordError("id", f"larger than {MAX_ID_BYTES} bytes")
        data = self._check(event)
        key = getattr(event, self._partition_key)
        time: datetime = getattr(event, self._event_time)
        if time.tzinfo is not UTC:
            time = time.astimezone(UTC)
        line = encode_line(event_id, self._source, self._type, time, msgspec.Raw(data))
        if len(line) > self._max_event_bytes:
            raise InvalidRecordError(
                "event", f"larger than {self._max_event_bytes} bytes, the most that a record takes"
            )
        return key, line

    def _check(self, event: msgspec.Struct) -> bytes:
        try:
            data = _encode(event)
            decoded = self._decode(data)
        except msgspec.ValidationError as error:
            raise refusal(str(error)) from None
        except (TypeError, ValueError, OverflowError):
            raise InvalidRecordError("event", "holds a value that JSON cannot carry") from None
        for name, check in self._checks:
            value = getattr(event, name)
            if value is not None and (rule := check(value)):
                raise InvalidRecordError(name, rule)
        if decoded != event:
            raise _changed(event, decoded)
        if len(data) > MAX_TEXT_BYTES:
            self._check_widths(event)
        return data

    def _check_widths(self, event: msgspec.Struct) -> None:
        """Only asked of events that could break it: JSON is never shorter than its texts."""
        for name in self._unbounded:
            value: str | None = getattr(event, name)
            if value is not None and len(value.encode()) > MAX_TEXT_BYTES:
                raise InvalidRecordError(name, f"larger than {MAX_TEXT_BYTES} bytes, the most that the warehouse takes")


class EventEncoders:
    """One encoder per class of events, made at its first event."""

    def __init__(self, source: str, max_event_bytes: int) -> None:
        self._source = source
        self._max_event_bytes = max_event_bytes
        self._by_class: dict[type, EventEncoder] = {}

    def encode(self, event: msgspec.Struct, event_id: str) -> tuple[str, bytes]:
        """As EventEncoder.encode; ContractError when the class declares no contract."""
        encoder = self._by_class.get(type(event))
        if encoder is None:
            encoder = self._by_class[type(event)] = self._make(event)
        return encoder.encode(event, event_id)

    def _make(self, event: object) -> EventEncoder:
        if not isinstance(event, msgspec.Struct):
            raise ContractError(f"put() takes objects of contract classes, not {type(event).__name__}")
        return EventEncoder(contract_of(type(event)), self._source, self._max_event_bytes)


def refusal(message: str) -> InvalidRecordError:
    """A validation error of msgspec as ours, without values.

    It says `Expected `int` >= 0 - at `$.field``; of its messages only the one on enums quotes the value.
    """
    rule, _, path = message.rpartition(" - at `$")
    if rule.startswith("Invalid enum value"):
        rule = "not one of the allowed values"
    return InvalidRecordError(path.strip("`.") or "event", rule or "breaks its contract")


def _changed(event: msgspec.Struct, decoded: msgspec.Struct) -> InvalidRecordError:
    for name in event.__struct_fields__:
        if getattr(event, name) != getattr(decoded, name):
            return InvalidRecordError(name, "JSON cannot carry this value unchanged (a NaN, an infinity)")
    return InvalidRecordError("event", "JSON cannot carry this event unchanged")


def _extra_check(column: Column) -> Callable[[Any], str | None] | None:
    """What msgspec does not check by itself; None where there is nothing left to check."""
    said = column.constraints
    if column.type is ColumnType.TIMESTAMP:
        return _check_aware
    if column.type is ColumnType.DECIMAL:
        return _decimal_check(column)
    bounded = (said.ge, said.gt) != (None, None) and (said.le, said.lt) != (None, None)
    return _check_int64 if column.type is ColumnType.INT64 and not bounded and not said.allowed else None


def _check_aware(value: datetime) -> str | None:
    return None if value.tzinfo is not None else "a timestamp without a time zone"


def _check_int64(value: int) -> str | None:
    return None if _INT64_MIN <= value <= _INT64_MAX else "beyond 64 bits"


def _decimal_check(column: Column) -> Callable[[Decimal], str | None]:
    whole_digits = column.precision - column.scale

    def check(value: Decimal) -> str | None:
        _, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            return "not a finite number"
        if -exponent > column.scale or len(digits) + exponent > whole_digits:
            return f"more digits than decimal({column.precision}, {column.scale}) holds"
        return None

    return check
