"""COPY's options: which there are, which this one imitates, and which do not go with which format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from headrace_local.redshift.copying.words import Words
from headrace_local.redshift.errors import NOT_SUPPORTED, SYNTAX_ERROR, NotImitatedError, RedshiftError

Compression = Literal["GZIP", "ZSTD", "BZIP2"]
FormatName = Literal["PARQUET", "CSV", "TEXT", "JSON"]
Value = str | int | bool


@dataclass(frozen=True, slots=True)
class ParquetFormat:
    serialize_to_json: bool = False
    fill_record: bool = False
    replacement: str | None = None
    """ACCEPTINVCHARS: stands where a text is not UTF-8."""


@dataclass(frozen=True, slots=True)
class FieldRules:
    """What becomes of a field's text, whichever format it came in."""

    null_as: str = "\\N"
    blanks_as_null: bool = False
    empty_as_null: bool = False
    truncate_columns: bool = False
    trim_blanks: bool = False
    replacement: str | None = None
    date_format: str = "YYYY-MM-DD"
    time_format: str = "YYYY-MM-DD HH:MI:SS"
    max_errors: int = 0


@dataclass(frozen=True, slots=True)
class DelimitedFormat:
    """CSV, or Redshift's default: fields between delimiters, without quotes."""

    delimiter: str
    quote: str | None
    """None: not CSV; quotes are characters as any other."""
    fields: FieldRules
    ignore_header: int = 0
    ignore_blank_lines: bool = False
    compression: Compression | None = None


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """`auto`: members by column name; `auto ignorecase`; `noshred`: the object whole, into one SUPER column."""

    mapping: Literal["auto", "auto ignorecase", "noshred"]
    fields: FieldRules
    compression: Compression | None = None


Format = ParquetFormat | DelimitedFormat | JsonFormat


class Options:
    """Reads one option after the other; `format()` then says what they come to."""

    manifest = False

    def __init__(self) -> None:
        self._format: FormatName = "TEXT"
        self._authorized = False
        self._values: dict[str, Value] = {}

    def read_one(self, words: Words) -> None:
        """Raises RedshiftError for what Redshift does not know, NotImitatedError for what only it knows."""
        if words.skip("WITH") or words.skip("FORMAT"):
            words.skip("AS")
        token = words.peek()
        keyword = token.keyword if token else ""
        if keyword in _NOT_IMITATED:
            raise NotImitatedError(f"COPY's {keyword} is not imitated locally")
        if keyword not in _READERS:
            raise words.unexpected()
        words.take()
        _READERS[keyword](self, words)

    def format(self) -> Format:
        """Raises RedshiftError where options exclude each other or authorization is missing."""
        if not self._authorized:
            raise RedshiftError("COPY needs an authorization: IAM_ROLE, or CREDENTIALS", SYNTAX_ERROR)
        if self._format == "PARQUET":
            return self._parquet()
        if "ACCEPTANYDATE" in self._values:
            raise NotImitatedError("COPY's ACCEPTANYDATE is not imitated locally")
        if self._format == "JSON":
            return self._json()
        return self._delimited()

    @property
    def explicit_ids(self) -> bool:
        return self._flag("EXPLICIT_IDS")

    def _parquet(self) -> ParquetFormat:
        for keyword in self._values:
            if keyword not in _WITH_PARQUET:
                raise RedshiftError(f"{keyword} argument is not supported for PARQUET based COPY", NOT_SUPPORTED)
        return ParquetFormat(
            serialize_to_json=self._flag("SERIALIZETOJSON"),
            fill_record=self._flag("FILLRECORD"),
            replacement=self._replacement(),
        )

    def _json(self) -> JsonFormat:
        for keyword in _NOT_WITH_JSON:
            if keyword in self._values:
                raise RedshiftError(f"{keyword} option is not supported with JSON format", NOT_SUPPORTED)
        mapping = self._text("JSON", "auto")
        if mapping not in ("auto", "auto ignorecase", "noshred"):
            raise NotImitatedError("COPY's JSON with a jsonpaths file is not imitated locally")
        return JsonFormat(mapping, self._fields(), self._compression())  # type: ignore[arg-type]  # just checked

    def _delimited(self) -> DelimitedFormat:
        csv = self._format == "CSV"
        if "FILLRECORD" in self._values:
            raise NotImitatedError("COPY's FILLRECORD for text files is not imitated locally")
        delimiter = one_character("DELIMITER", self._text("DELIMITER", "," if csv else "|"))
        return DelimitedFormat(
            delimiter=delimiter,
            quote=one_character("QUOTE", self._text("QUOTE", '"')) if csv else None,
            fields=self._fields(),
            ignore_header=int(self._values.get("IGNOREHEADER", 0)),
            ignore_blank_lines=self._flag("IGNOREBLANKLINES"),
            compression=self._compression(),
        )

    def _fields(self) -> FieldRules:
        return FieldRules(
            null_as=self._text("NULL", "\\N").replace("\\\\", "\\"),
            blanks_as_null=self._flag("BLANKSASNULL"),
            empty_as_null=self._flag("EMPTYASNULL"),
            truncate_columns=self._flag("TRUNCATECOLUMNS"),
            trim_blanks=self._flag("TRIMBLANKS"),
            replacement=self._replacement(),
            date_format=self._text("DATEFORMAT", "YYYY-MM-DD"),
            time_format=self._text("TIMEFORMAT", "YYYY-MM-DD HH:MI:SS"),
            max_errors=int(self._values.get("MAXERROR", 0)),
        )

    def _compression(self) -> Compression | None:
        return next((name for name in _COMPRESSIONS if name in self._values), None)

    def _replacement(self) -> str | None:
        return self._text("ACCEPTINVCHARS", "?") if "ACCEPTINVCHARS" in self._values else None

    def _flag(self, keyword: str) -> bool:
        return keyword in self._values

    def _text(self, keyword: str, default: str) -> str:
        return str(self._values.get(keyword, default))

    def set(self, keyword: str, value: Value) -> None:
        if keyword in self._values:
            raise RedshiftError(f"conflicting or redundant options: {keyword}", SYNTAX_ERROR)
        self._values[keyword] = value

    def choose(self, name: FormatName) -> None:
        self._format = name

    def authorize(self) -> None:
        self._authorized = True


def one_character(keyword: str, text: str) -> str:
    r"""One character; also `\t` and octal `\ddd`."""
    short = text.replace("\\\\", "\\")
    if short == "\\t":
        return "\t"
    if len(short) == 4 and short[0] == "\\" and short[1:].isdecimal():  # noqa: PLR2004 -- \ddd
        return chr(int(short[1:], 8))
    if len(short) != 1:
        raise NotImitatedError(f"COPY's {keyword} of more than one character is not imitated locally")
    return short


Reader = Callable[[Options, Words], None]


def _format(name: FormatName) -> Reader:
    return lambda options, _: options.choose(name)


def _csv(options: Options, words: Words) -> None:
    options.choose("CSV")
    if words.skip("QUOTE"):
        options.set("QUOTE", words.text())


def _json(options: Options, words: Words) -> None:
    options.choose("JSON")
    words.skip("AS")
    if words.peek_text():
        options.set("JSON", words.text())


def _flag(keyword: str) -> Reader:
    return lambda options, _: options.set(keyword, True)  # noqa: FBT003 -- a flag's value


def _text(keyword: str) -> Reader:
    return lambda options, words: options.set(keyword, words.text())


def _number(keyword: str) -> Reader:
    return lambda options, words: options.set(keyword, words.number())


def _accept_invalid(options: Options, words: Words) -> None:
    words.skip("AS")
    options.set("ACCEPTINVCHARS", words.text() if words.peek_text() else "?")


def _switch(*values: str) -> Reader:
    """Taken and without effect: the local tables have neither compression nor Redshift's statistics."""

    def read(_: Options, words: Words) -> None:
        next((value for value in values if words.skip(value)), None)

    return read


def _manifest(options: Options, _: Words) -> None:
    options.manifest = True


def _iam_role(options: Options, words: Words) -> None:
    if not words.skip("DEFAULT"):
        words.text()
    options.authorize()


def _credentials(options: Options, words: Words) -> None:
    words.text()
    options.authorize()


_FLAGS = (
    "ACCEPTANYDATE", "BLANKSASNULL", "BZIP2", "EMPTYASNULL", "EXPLICIT_IDS", "FILLRECORD", "GZIP",
    "IGNOREBLANKLINES", "SERIALIZETOJSON", "TRIMBLANKS", "TRUNCATECOLUMNS", "ZSTD",
)  # fmt: skip
_READERS: Mapping[str, Reader] = {
    "PARQUET": _format("PARQUET"),
    "CSV": _csv,
    "JSON": _json,
    "MANIFEST": _manifest,
    "IAM_ROLE": _iam_role,
    "CREDENTIALS": _credentials,
    "ACCESS_KEY_ID": _credentials,
    "SECRET_ACCESS_KEY": _credentials,
    "SESSION_TOKEN": _credentials,
    "COMPUPDATE": _switch("ON", "OFF", "TRUE", "FALSE", "PRESET"),
    "STATUPDATE": _switch("ON", "OFF", "TRUE", "FALSE"),
    "ACCEPTINVCHARS": _accept_invalid,
    "REGION": _text("REGION"),
    "DELIMITER": _text("DELIMITER"),
    "QUOTE": _text("QUOTE"),
    "NULL": _text("NULL"),
    "DATEFORMAT": _text("DATEFORMAT"),
    "TIMEFORMAT": _text("TIMEFORMAT"),
    "IGNOREHEADER": _number("IGNOREHEADER"),
    "MAXERROR": _number("MAXERROR"),
    **{keyword: _flag(keyword) for keyword in _FLAGS},
}
_COMPRESSIONS: tuple[Compression, ...] = ("GZIP", "ZSTD", "BZIP2")
_WITH_PARQUET = frozenset({"ACCEPTINVCHARS", "EXPLICIT_IDS", "FILLRECORD", "SERIALIZETOJSON"})
_NOT_WITH_JSON = ("DELIMITER", "QUOTE", "FILLRECORD", "IGNOREHEADER", "SERIALIZETOJSON")
_NOT_IMITATED = frozenset({
    "AVRO", "COMPROWS", "ENCODING", "ENCRYPTED", "ESCAPE", "FIXEDWIDTH", "IGNOREALLERRORS", "JOB", "LZOP",
    "MASTER_SYMMETRIC_KEY", "NOLOAD", "ORC", "READRATIO", "REMOVEQUOTES", "ROUNDEC", "SHAPEFILE", "SSH",
})  # fmt: skip
