"""ALTER TABLE: what Redshift alters."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from headrace_local.redshift.errors import NOT_SUPPORTED, SYNTAX_ERROR, NotImitatedError, RedshiftError
from headrace_local.redshift.rewrite.masking import DOTTED, NAME, Sql, unquote
from headrace_local.redshift.rewrite.plan import Physical, Rewritten, literal
from headrace_local.redshift.rewrite.tables import Storage, column, column_type, take_attributes

_HEAD: Final = rf"ALTER\s+TABLE\s+(?P<table>{DOTTED})\s+"
_NO_CHANGE: Final = "REPLICA IDENTITY DEFAULT"
"""Of a table whose storage alone is altered: it changes nothing, and the event trigger sees it."""


def alter_table(sql: Sql) -> Rewritten | None:
    """None where it is no ALTER TABLE."""
    head = sql.match(_HEAD)
    if head is None:
        return None
    table, action = sql.of(head, "table"), Sql(sql.text[head.end() :].rstrip(" \t\r\n;"))
    _require_imitated(action)
    done = _add_column(table, action) or _retype(table, action) or _storage(table, action) or _key(table, action)
    done = done or _plain(table, action.text)
    return replace(done, before=(unbind(table), *_renaming(table, action), *done.before))


def unbind(table: str) -> str:
    """Late-binding views let go of a table before it changes."""
    return f"SELECT headrace_redshift.unbind({literal(table)})"


def _renaming(table: str, action: Sql) -> tuple[str, ...]:
    """A late-binding view keeps being one under its new name."""
    found = action.match(rf"RENAME\s+TO\s+({NAME})\s*$")
    if found is None:
        return ()
    return (f"SELECT headrace_redshift.rename_late({literal(table)}, {literal(unquote(action.of(found, 1)))})",)


def _plain(table: str, action: str, physical: Physical | None = None) -> Rewritten:
    physical = physical or Physical()
    return Rewritten(f"ALTER TABLE {table} {action}", before=(physical.before(),), logged=str(physical))


def _require_imitated(action: Sql) -> None:
    if found := action.match(r"(APPEND\s+FROM|SET\s+LOCATION|SET\s+FILE\s+FORMAT|ROW\s+LEVEL\s+SECURITY)\b"):
        raise NotImitatedError(f"ALTER TABLE {found[1].upper()} is not imitated locally")
    if action.match(r"(?:ADD|DROP)\b") and len(action.items()) > 1:
        raise RedshiftError('syntax error at or near ","', SYNTAX_ERROR)


def _add_column(table: str, action: Sql) -> Rewritten | None:
    found = action.match(rf"ADD\s+(?:COLUMN\s+)?(?!CONSTRAINT\b|PRIMARY\b|UNIQUE\b|FOREIGN\b)(?={NAME})")
    if found is None:
        return None
    if action.search(r"\bNOT\s+NULL\b") and not action.search(r"\bDEFAULT\b"):
        raise RedshiftError(
            "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression", NOT_SUPPORTED
        )
    storage = Storage()
    text = column(action.cut(found.end()), storage)
    return _plain(table, f"ADD COLUMN {text}", storage.physical())


def _retype(table: str, action: Sql) -> Rewritten | None:
    """Redshift changes the length of a VARCHAR, and nothing else."""
    found = action.match(rf"ALTER\s+COLUMN\s+(?P<column>{NAME})\s+TYPE\s+")
    if found is None:
        return None
    column_name = action.of(found, "column")
    wanted = column_type(action.cut(found.end()))
    if not wanted.match(r"(?:N?VARCHAR|CHARACTER\s+VARYING)\s*\("):
        raise RedshiftError(f'ALTER COLUMN TYPE: column "{unquote(column_name)}" can only become a VARCHAR', "0A000")
    require = f"SELECT headrace_redshift.require_varchar({literal(table)}, {literal(unquote(column_name))})"
    altered = _plain(table, f"ALTER COLUMN {column_name} TYPE {wanted.text}")
    return replace(altered, before=(require, *altered.before), alone="ALTER TABLE ALTER COLUMN")


def _storage(table: str, action: Sql) -> Rewritten | None:
    """ALTER DISTSTYLE, DISTKEY, SORTKEY, ENCODE."""
    storage = Storage()
    if found := action.match(rf"ALTER\s+COLUMN\s+({NAME})\s+ENCODE\s+(\w+)\s*$"):
        storage.encodings[unquote(action.of(found, 1))] = found[2].lower()
        return _plain(table, _NO_CHANGE, storage.physical())
    found = action.match(r"ALTER\s+(?=DIST|SORT|COMPOUND|INTERLEAVED|ENCODE)")
    if found is None:
        return None
    written = action.cut(found.end())
    if named := written.search(rf"\bDISTKEY\s+({NAME})\s*$"):
        written = written.replace(named.start(1), named.end(1), f"({written.of(named, 1)})")
    left = take_attributes(written, storage).text.strip()
    if left:
        raise NotImitatedError(f"ALTER TABLE ... ALTER {left} is not imitated locally")
    return _plain(table, _NO_CHANGE, storage.physical())


def _key(table: str, action: Sql) -> Rewritten | None:
    """Keys are not enforced: there is none to add or to drop."""
    key = r"(?:PRIMARY\s+KEY|UNIQUE|FOREIGN\s+KEY)\b"
    if action.match(rf"ADD\s+(?:CONSTRAINT\s+{NAME}\s+)?{key}") or action.match(r"DROP\s+CONSTRAINT\b"):
        return _plain(table, _NO_CHANGE)
    return None
