"""Canonical text (see `crm_kare.ports`) to typed columns, a table at a time, by DuckDB's casts.

Columns of the plainest form go by Arrow's (`crm_kare.sync.plain`), which cost a tenth.

| kind | becomes | unreadable, so null and a problem |
|---|---|---|
| text | text; NUL bytes taken out, empty = null | – |
| number, money | DECIMAL(18, 4), the fifth decimal rounded half away from zero | no number; 10^14 and above |
| date | a plain date is never shifted; a point in time with zone is the day it was in the organisation's zone; one without zone is its own day | no date |
| bool | `true`, `false` in any case | anything else |
"""

from contextlib import closing
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache, reduce
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.errors import ConfigError
from crm_kare.model import Kind, Problem
from crm_kare.ports import SourceField, StreamSpec
from crm_kare.sync.plain import is_instant, plain_column

ARROW_TYPES: Final[dict[Kind, pa.DataType]] = {
    Kind.TEXT: pa.string(),
    Kind.NUMBER: pa.decimal128(18, 4),
    Kind.MONEY: pa.decimal128(18, 4),
    Kind.DATE: pa.date32(),
    Kind.BOOL: pa.bool_(),
}
"""The type of a mirrored column, by kind."""

_EXPECTED: Final[dict[Kind, str]] = {
    Kind.NUMBER: "a number below 10^14",
    Kind.MONEY: "an amount below 10^14",
    Kind.DATE: "a date",
    Kind.BOOL: "true or false",
}

# DuckDB alone would read more than canonical text: `1_000`, `2026/1/5`, a time without date.
_NUMBER: Final = r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})"
_EXPONENT: Final = rf"^\s*{_NUMBER}[eE][+-]?[0-9]{{1,2}}\s*$"
_DATE: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE: Final = "([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)"


@dataclass
class _Unread:
    count: int = 0
    example: str = ""


class Typer:
    """Types the records of one stream, and remembers what it could not read.

    Args:
        spec: the stream's columns.
        timezone: the organisation's IANA zone.
    """

    def __init__(self, spec: StreamSpec, timezone: str) -> None:
        self._spec, self._timezone = spec, timezone
        self._unread: dict[str, _Unread] = {}
        self._engine: duckdb.DuckDBPyConnection | None = None

    def convert(self, records: pa.Table) -> pa.Table:
        """Records with the stream's utf8 columns, typed; columns that are not the stream's pass as they are.

        Raises:
            ConfigError: the organisation's time zone is not known.
        """
        if not _is_known(self._timezone):
            raise ConfigError(
                f"the organisation's time zone {self._timezone!r} is not known",
                fix="Set an IANA name such as Europe/Berlin as `timezone`.",
            )
        plain = {field.column: plain_column(records[field.column], field.kind) for field in self._spec.fields}
        odd = [field for field in self._spec.fields if plain[field.column] is None or is_instant(plain[field.column])]
        typed = plain | self._by_engine(odd, records, plain)
        made = reduce(lambda table, name: _put(table, name, typed[name]), typed, records)
        for field in odd:
            self._note_unread(field, records, made)
        return made

    def _by_engine(self, fields: list[SourceField], records: pa.Table, plain: dict[str, Any]) -> dict[str, Any]:
        """Columns that are not of the plainest form; of points in time, the day."""
        if not fields:
            return {}
        given = records.select([field.column for field in fields])
        for field in fields:
            moments = plain[field.column]
            given = _without_exponents(given, field) if moments is None else _put(given, field.column, moments)
        casts = ", ".join(
            f"{_cast(field, self._timezone, read=plain[field.column] is not None)} AS {quoted(field.column)}"
            for field in fields
        )
        bounded = ", ".join(_bounded(field) for field in fields)
        con = self._connected()
        con.register("records", given)
        made: Any = con.sql(f"SELECT {bounded} FROM (SELECT {casts} FROM records)").to_arrow_table()  # noqa: S608  names are quoted
        con.unregister("records")
        return {field.column: made[field.column] for field in fields}

    def problems(self) -> list[Problem]:
        """One problem per column with values that could not be read: how many, and in which record for example."""
        fields = [field for field in self._spec.fields if field.column in self._unread]
        return [_problem(self._spec, field, self._unread[field.column]) for field in fields]

    def close(self) -> None:
        """Give back the engine."""
        if self._engine is not None:
            self._engine.close()

    def _connected(self) -> duckdb.DuckDBPyConnection:
        """The engine, started at the first use: most streams of most runs bring nothing, or plain columns only."""
        if self._engine is None:
            self._engine = _engine()
        return self._engine

    def _note_unread(self, field: SourceField, records: pa.Table, typed: pa.Table) -> None:
        before: Any = records[field.column]
        after: Any = typed[field.column]
        if field.kind is Kind.TEXT or after.null_count == before.null_count:
            return
        filled = pc.invert(pc.equal(pc.utf8_trim_whitespace(before), pa.scalar("")))
        ids = typed[self._spec.fields[0].column].filter(pc.and_(filled, pc.is_null(after)))
        if len(ids):
            unread = self._unread.setdefault(field.column, _Unread(example=str(ids[0])))
            unread.count += len(ids)


def _engine() -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 1})
    engine.execute("SET TimeZone = 'UTC'")
    return engine


@cache
def _is_known(timezone: str) -> bool:
    """Whether the engine knows a time zone; asked once, as starting it takes longer than typing a small page."""
    with closing(_engine()) as engine:
        query = "SELECT count(*) FROM pg_timezone_names() WHERE name = ?"
        return engine.execute(query, [timezone]).fetchall() != [(0,)]


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def _put(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def _cast(field: SourceField, timezone: str, *, read: bool) -> str:
    """The SQL of one column; `read` where it holds points in time already."""
    name = quoted(field.column)
    zone = timezone.replace("'", "''")
    if read:
        return f"CAST({name} AT TIME ZONE '{zone}' AS DATE)"
    match field.kind:
        case Kind.TEXT:
            return f"nullif(replace({name}, chr(0), ''), '')"
        case Kind.NUMBER | Kind.MONEY:
            text = f"trim({name})"
            return f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') THEN TRY_CAST({text} AS DECIMAL(18, 4)) END"
        case Kind.BOOL:
            return f"CASE lower(trim({name})) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case Kind.DATE:
            return _cast_date(f"trim({name})", zone)


def _cast_date(text: str, timezone: str) -> str:
    zoned = f"regexp_full_match({text}, '{_DATE}{_TIME}{_ZONE}')"
    naive = f"regexp_full_match({text}, '{_DATE}{_TIME}')"
    plain = f"regexp_full_match({text}, '{_DATE}')"
    return (
        f"CASE WHEN {plain} THEN TRY_CAST({text} AS DATE) "
        f"WHEN {zoned} THEN CAST(TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE '{timezone}' AS DATE) "
        f"WHEN {naive} THEN CAST(TRY_CAST({text} AS TIMESTAMP) AS DATE) END"
    )


def _bounded(field: SourceField) -> str:
    """A typed column within Python's calendar, which is shorter than DuckDB's."""
    name = quoted(field.column)
    if field.kind is not Kind.DATE:
        return name
    return f"CASE WHEN {name} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {name} END AS {name}"


def _without_exponents(records: pa.Table, field: SourceField) -> pa.Table:
    """Numbers with exponent rewritten without: DuckDB rounds some of them wrongly."""
    if field.kind not in (Kind.NUMBER, Kind.MONEY):
        return records
    column: Any = records[field.column].combine_chunks()
    mask = pc.fill_null(pc.match_substring_regex(column, _EXPONENT), pa.scalar(value=False))
    if not pc.any(mask).as_py():
        return records
    plain = pa.array([_without_exponent(text.as_py()) for text in column.filter(mask)], pa.string())
    return _put(records, field.column, pc.replace_with_mask(column, mask, plain))


def _without_exponent(text: str) -> str:
    with localcontext(prec=200):
        return f"{Decimal(text).quantize(Decimal('0.0001'), ROUND_HALF_UP):f}"


def _problem(spec: StreamSpec, field: SourceField, unread: _Unread) -> Problem:
    values = "1 value" if unread.count == 1 else f"{unread.count} values"
    return Problem(
        code="value-unreadable",
        message=f"{values} cannot be read as {_EXPECTED[field.kind]}: unknown (for example in record {unread.example}).",
        fix=f"Correct this in the CRM, or map `{field.column}` to another field.",
        where=f"{spec.source}.{field.source}",
        level="warning",
    )
