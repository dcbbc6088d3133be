"""A load that fails: what the client is told, and what Redshift's system tables keep of it."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.errors import RedshiftError

SPECTRUM_SCAN_ERROR = 15007
NULL_IN_NOT_NULL = 8007
S3_ERROR = 8001
FILE_NOT_FOUND = 1212
MAX_RAW_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class LoadError:
    """One row of stl_load_errors and sys_load_error_detail, but for what only the session knows."""

    file_name: str
    error_code: int
    error_message: str
    line_number: int = 0
    """Of a text file the line, of a Parquet file the row; both from 1, and 0 where the whole file is meant."""
    column: TableColumn | None = None
    position: int = 0
    raw_line: str = ""
    raw_field_value: str = ""

    def system_row(self) -> dict[str, str | int]:
        """By the column names of stl_load_errors, cut to their lengths."""
        return {
            "filename": self.file_name[:256],
            "line_number": self.line_number,
            "colname": self.column.name[:127] if self.column else "",
            "type": _type_name(self.column)[:10],
            "col_length": _length(self.column)[:10],
            "position": self.position,
            "raw_line": self.raw_line[:MAX_RAW_CHARACTERS],
            "raw_field_value": self.raw_field_value[:MAX_RAW_CHARACTERS],
            "err_code": self.error_code,
            "err_reason": self.error_message[:512],
        }


class CopyFailure(RedshiftError):  # noqa: N818 -- Redshift's word for it
    """A file cannot be loaded; nothing of the statement is. The first of `load_errors` names file, column and row."""

    def __init__(self, sentence: str, *load_errors: LoadError) -> None:
        super().__init__(sentence, detail=_block(sentence, load_errors[0]))
        self.load_errors = load_errors

    @property
    def load_error(self) -> LoadError:
        return self.load_errors[0]


def scan_failure(load_error: LoadError) -> CopyFailure:
    """As Redshift reports what it finds in columnar files."""
    return CopyFailure("Spectrum Scan Error", load_error)


def null_failure(load_error: LoadError) -> CopyFailure:
    return CopyFailure(load_error.error_message, load_error)


def text_failure(table: str, *load_errors: LoadError) -> CopyFailure:
    """As Redshift reports what it finds in text files: the sentence only says where to look."""
    sentence = f"Load into table '{table}' failed.  Check 'stl_load_errors' system table for details."
    return CopyFailure(sentence, *load_errors)


def _block(sentence: str, error: LoadError) -> str:
    rule = "-" * 47
    lines = [rule, f"error:  {sentence}", f"code:      {error.error_code}", f"context:   {error.error_message}", rule]
    return "\n  ".join(["", *lines]) + "\n"


def _type_name(column: TableColumn | None) -> str:
    return str(column.type).split("(")[0].lower() if column else ""


def _length(column: TableColumn | None) -> str:
    if column is None or column.type.size is None:
        return ""
    size, scale = column.type.size, column.type.scale
    return f"{size}, {scale}" if column.type.name == "numeric" else str(size)
