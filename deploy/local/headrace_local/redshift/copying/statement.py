"""`COPY ... FROM 's3://...'` read into what it asks for. Pure; credentials are passed over and kept nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headrace_local.redshift.copying.options import Format, Options
from headrace_local.redshift.copying.words import Words
from headrace_local.redshift.errors import SYNTAX_ERROR, NotImitatedError, RedshiftError

_S3 = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.*)", re.DOTALL)
_OTHER_SOURCES = ("dynamodb://", "emr://", "ssh://")


@dataclass(frozen=True, slots=True)
class S3Location:
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class CopyStatement:
    """`columns` is empty where the statement lists none: all of the table's in its order, but IDENTITY columns, which
    are among them with `explicit_ids` only."""

    schema: str | None
    table: str
    columns: tuple[str, ...]
    source: S3Location
    manifest: bool
    explicit_ids: bool
    format: Format


def parse_copy(sql: str) -> CopyStatement | None:
    """None if it is no COPY from a place outside the database. Raises RedshiftError or NotImitatedError."""
    words = Words(sql)
    if not words.skip("COPY") or words.skip_mark("("):
        return None
    schema, table = _table(words)
    columns = words.identifiers() if words.peek_mark("(") else ()
    if not words.skip("FROM") or not words.peek_text():
        return None
    source = s3_location(words.text(), "COPY")
    options = Options()
    while words:
        options.read_one(words)
    return CopyStatement(schema, table, columns, source, options.manifest, options.explicit_ids, options.format())


def s3_location(text: str, command: str) -> S3Location:
    """Where an `s3://` text points. Raises NotImitatedError for the other places that Redshift knows."""
    found = _S3.fullmatch(text)
    if found:
        return S3Location(found["bucket"], found["key"])
    if text.startswith(_OTHER_SOURCES):
        raise NotImitatedError(f"{command} from {text.split(':', 1)[0]} is not imitated locally")
    raise RedshiftError(f"{command}: a location must look like s3://bucket/key", SYNTAX_ERROR)


def _table(words: Words) -> tuple[str | None, str]:
    first = words.identifier()
    return (first, words.identifier()) if words.skip_mark(".") else (None, first)
