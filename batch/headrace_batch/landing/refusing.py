"""Why a file as a whole is refused. What is wrong with single rows makes dead letters instead."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    MISSING = "missing"
    """There is no such object."""
    OTHER_SIZE = "other_size"
    """The object is not the one that the event names."""
    EMPTY = "empty"
    TOO_BIG = "too_big"
    BOMB = "bomb"
    """Unpacks to more than the source's limits allow."""
    HALF = "half"
    """Ends in the middle of something."""
    WRONG_COMPRESSION = "wrong_compression"
    WRONG_ENCODING = "wrong_encoding"
    WRONG_HEADER = "wrong_header"
    WRONG_FORMAT = "wrong_format"
    UNKNOWN_SOURCE = "unknown_source"


class RefusedFileError(Exception):
    """Not a Headrace error: it becomes a verdict. The sentence quotes names, never a value."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
