"""Dates and times in the form that a sender states, read strictly: the 31st of April is none.

Arrow's own strptime makes it the 1st of May, so the form becomes a pattern whose pieces are put together as ISO 8601.
"""

from __future__ import annotations

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

_DIGITS = {"m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_PIECES = {
    "Y": "[0-9]{4}",
    "b": "[A-Za-z]{3}",
    "f": "[0-9]{1,9}",
    "z": "Z|z|[+-][0-9]{2}:?[0-9]{2}",
    **dict.fromkeys(_DIGITS, "[0-9]{1,2}"),
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def iso_date(texts: pa.Array, form: str) -> pa.Array:
    """`2013-01-31`, which may be no day of any calendar; null where a text has another form."""
    found = pc.extract_regex(texts, _pattern(form))
    return pc.binary_join_element_wise(*(_piece(found, name, form) for name in ("Y", "m", "d")), "-")


def iso_time(texts: pa.Array, form: str) -> pa.Array:
    """`2013-01-31T23:59:59.000000`, behind it the offset where the form has one."""
    found = pc.extract_regex(texts, _pattern(form))
    clock = pc.binary_join_element_wise(*(_piece(found, name, form) for name in "HMS"), ":")
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(_piece(found, "f", form), 6, "0"), 0, 6)
    moment = pc.binary_join_element_wise(iso_date(texts, form), clock, "T")
    return pc.binary_join_element_wise(pc.binary_join_element_wise(moment, fraction, "."), _offset(found, form), "")


def has_offset(form: str) -> bool:
    return "%z" in form


@lru_cache(maxsize=64)
def _pattern(form: str) -> str:
    parts = re.split(r"%(.)", form)
    literal, names = parts[0::2], [*parts[1::2], None]
    groups = [f"(?P<{name}>{_PIECES[name]})" if name else "" for name in names]
    return f"^{''.join(re.escape(text) + group for text, group in zip(literal, groups, strict=True))}$"


def _piece(found: pa.StructArray, name: str, form: str) -> pa.Array | pa.Scalar:
    """As wide as ISO 8601 wants it; what the form does not have is naught."""
    if name == "m" and "%b" in form:
        place = pc.index_in(pc.utf8_lower(pc.struct_field(found, "b")), pa.array(_MONTHS))
        return pc.utf8_lpad(pc.add(place, 1).cast(pa.string()), 2, "0")
    if f"%{name}" not in form:
        return pc.if_else(pc.is_valid(found), "0" * _DIGITS.get(name, 1), pa.scalar(None, pa.string()))
    piece = pc.struct_field(found, name)
    return pc.utf8_lpad(piece, _DIGITS[name], "0") if name in _DIGITS else piece


def _offset(found: pa.StructArray, form: str) -> pa.Array | pa.Scalar:
    if not has_offset(form):
        return pa.scalar("")
    piece = pc.replace_substring(pc.ascii_upper(pc.struct_field(found, "z")), ":", "")
    return pc.replace_substring_regex(piece, r"^([+-][0-9]{2})([0-9]{2})$", r"\1:\2")
