"""CREATE TABLE: storage and unenforced keys out, types as PostgreSQL names them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from headrace_local.redshift.errors import NotImitatedError, RedshiftError
from headrace_local.redshift.rewrite.masking import DOTTED, NAME, Sql, unquote
from headrace_local.redshift.rewrite.plan import Physical, Rewritten

_HEAD: Final = (
    r"CREATE\s+(?P<temporary>(?:LOCAL\s+)?TEMP(?:ORARY)?\s+)?TABLE\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?"
    rf"(?P<name>{DOTTED})\s*"
)
_TABLE_KEY: Final = rf"(?:CONSTRAINT\s+{NAME}\s+)?(?P<kind>PRIMARY\s+KEY|UNIQUE|FOREIGN\s+KEY)\s*\("
_IDENTITY: Final = (
    r"(?P<how>GENERATED\s+BY\s+DEFAULT\s+AS\s+)?IDENTITY\s*\(\s*(?P<seed>-?\d+)\s*,\s*(?P<step>-?\d+)\s*\)"
)
_REFERENCES: Final = rf"\bREFERENCES\s+{DOTTED}(?:\s*\([^)]*\))?"
_SORT: Final = r"(?:(?P<order>COMPOUND|INTERLEAVED)\s+)?SORTKEY\s*\((?P<columns>[^)]*)\)"


@dataclass
class Storage:
    """What is found on the way through a statement."""

    diststyle: str | None = None
    distkey: str | None = None
    sortkey: tuple[str, ...] | None = None
    interleaved: bool = False
    encodings: dict[str, str] = field(default_factory=dict)
    not_null: list[str] = field(default_factory=list)
    like: str | None = None

    def physical(self) -> Physical:
        diststyle = self.diststyle or ("key" if self.distkey else None)
        if diststyle == "key" and not self.distkey:
            raise RedshiftError("DISTSTYLE KEY requires a DISTKEY column")
        return Physical(
            diststyle=diststyle,
            distkey=self.distkey,
            sortkey=self.sortkey,
            interleaved=self.interleaved,
            encodings=self.encodings,
            not_null=tuple(self.not_null),
            like=self.like,
        )


def create_table(sql: Sql) -> Rewritten | None:
    """None where it is no CREATE TABLE."""
    head = sql.match(_HEAD)
    if head is None:
        return None
    storage = Storage()
    start, body = head.end(), Sql("")
    if sql.masked[start : start + 1] == "(":
        end = sql.closing(start)
        body, start = sql.cut(start + 1, end), end + 1
    tail = sql.cut(start)
    query = tail.search(r"\bAS\b")
    attributes, rest = (tail.cut(0, query.start()), tail.text[query.start() :]) if query else (tail, "")
    left = take_attributes(attributes, storage).text.strip(" \t\r\n;")
    if left:
        raise NotImitatedError(f"CREATE TABLE with {left} is not imitated locally")
    listed = ", ".join(_names_only(body) if query else _items(body, storage))
    text = f"{sql.text[: head.end()]}{f'({listed})' if body.text else ''} {rest}"
    physical = storage.physical()
    return Rewritten(text.rstrip(), before=(physical.before(),), logged=str(physical))


def take_attributes(sql: Sql, storage: Storage) -> Sql:
    """The table's attributes, noted and taken out."""

    def sort(found: re.Match[str]) -> str:
        storage.sortkey = tuple(unquote(item.text) for item in Sql(sql.of(found, "columns")).items())
        storage.interleaved = (found["order"] or "").upper() == "INTERLEAVED"
        return " "

    if found := sql.search(_SORT):
        sort(found)
        sql = sql.replace(found.start(), found.end(), " ")
    if found := sql.search(r"\bSORTKEY\s+(?:AUTO|NONE)\b"):
        storage.sortkey = ()
        sql = sql.replace(found.start(), found.end(), " ")
    if found := sql.search(rf"\bDISTKEY\s*\(\s*({NAME})\s*\)"):
        storage.distkey = unquote(sql.of(found, 1))
        sql = sql.replace(found.start(), found.end(), " ")
    if found := sql.search(r"\bDISTSTYLE\s+(AUTO|EVEN|KEY|ALL)\b"):
        storage.diststyle = found[1].lower()
        sql = sql.replace(found.start(), found.end(), " ")
    return sql.sub(r"\bBACKUP\s+(?:YES|NO)\b|\bENCODE\s+AUTO\b", " ")


def _names_only(body: Sql) -> list[str]:
    """CREATE TABLE t (a, b) AS ...: names and nothing else."""
    return [item.text for item in body.items()] if body.text.strip() else []


def _items(body: Sql, storage: Storage) -> list[str]:
    written = (_item(item, storage) for item in body.items())
    return [text for text in written if text]


def _item(item: Sql, storage: Storage) -> str:
    """A column, LIKE, or nothing for a key."""
    if found := item.match(_TABLE_KEY):
        if found["kind"].upper().startswith("PRIMARY"):
            inside = item.cut(found.end(), item.closing(found.end() - 1))
            storage.not_null += [unquote(name.text) for name in inside.items()]
        return ""
    if found := item.match(rf"LIKE\s+({DOTTED})"):
        storage.like = item.of(found, 1)
        return item.text
    return column(item, storage)


def column(item: Sql, storage: Storage) -> str:
    """A column's definition."""
    found = item.match(rf"({NAME})")
    if found is None:
        return item.text
    name = unquote(item.of(found, 1))
    rest = column_type(item.cut(found.end()))
    if words := rest.search(r"\bENCODE\s+(\w+)"):
        storage.encodings[name] = words[1].lower()
        rest = rest.replace(words.start(), words.end(), " ")
    if words := rest.search(r"\bDISTKEY\b"):
        storage.distkey = name
        rest = rest.replace(words.start(), words.end(), " ")
    if words := rest.search(r"\bSORTKEY\b"):
        storage.sortkey = (name,)
        rest = rest.replace(words.start(), words.end(), " ")
    if rest.search(r"\bCOLLATE\s+CASE_INSENSITIVE\b"):
        raise NotImitatedError(f'COLLATE CASE_INSENSITIVE of column "{name}" is not imitated locally')
    rest = rest.sub(r"\bCOLLATE\s+CASE_SENSITIVE\b|\bUNIQUE\b", " ").sub(_REFERENCES, " ")
    rest = rest.sub(r"\bPRIMARY\s+KEY\b", "NOT NULL").sub(_IDENTITY, _identity)
    return f"{item.text[: found.end()]}{rest.text.rstrip()}"


def _identity(found: re.Match[str]) -> str:
    how = "BY DEFAULT" if found["how"] else "ALWAYS"
    return f"GENERATED {how} AS IDENTITY (START WITH {found['seed']} INCREMENT BY {found['step']})"


def column_type(rest: Sql) -> Sql:
    """The type at the beginning: a text without a length has Redshift's own."""
    texts = r"(?:CHARACTER\s+VARYING|VARCHAR|TEXT)"
    rest = Sql(rest.sub(rf"^\s*{texts}(?!\s*\(|\w)", " VARCHAR(256)").text)
    rest = Sql(rest.sub(r"^\s*BPCHAR(?!\s*\(|\w)", " CHAR(256)").text)
    rest = rest.sub(r"^\s*DATETIME\b", " TIMESTAMP")
    if found := rest.match(r"(GEOMETRY|GEOGRAPHY|HLLSKETCH|SERIAL|BIGSERIAL|JSONB?|UUID|MONEY|BYTEA)\b"):
        raise NotImitatedError(f"columns of type {found[1].upper()} are not imitated locally")
    return rest
