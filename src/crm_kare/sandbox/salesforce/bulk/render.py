"""Running a query job: its rows, chunk by chunk, into a result."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from crm_kare.sandbox.salesforce.bulk.jobs import BulkSettings, QueryJob
from crm_kare.sandbox.salesforce.bulk.result import BLOCK, Result
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.soql import Compiled, compile_query, parse
from crm_kare.sandbox.store import FieldDef

_ROWS_AT_ONCE: Final = 20 * BLOCK
_LEAST_CHUNKS: Final = 4
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e7
"""Java writes doubles outside of these with an exponent."""

_Row = tuple[Any, ...]
_Chunk = tuple[str, tuple[str, ...]]
"""A condition on the id, and its parameters."""


class Rendering:
    """A query being run: chunk by chunk, so that what people do between two looks shows in the chunks after."""

    def __init__(self, org: SalesforceOrg, job: QueryJob) -> None:
        query = parse(job.text)
        self._org = org
        self._compiled = compile_query(org, query, job.user_id, deleted=job.operation == "queryAll")
        self._columns = [_column(one.definition) for one in self._compiled.selected]
        self._held: list[_Row] = []
        ordered = bool(query.order) or query.limit is not None
        self._chunks: deque[_Chunk] = deque([("", ())] if ordered else _chunks(org, self._compiled))
        names = [".".join(one.names) for one in self._compiled.selected]
        self.result = Result(names, job.dialect.sign, job.dialect.newline)

    @property
    def rows(self) -> int:
        """How many were found so far."""
        return self.result.rows + len(self._held)

    def step(self, rows: int) -> bool:
        """Go on for so many rows or some more, in whole chunks; whether all of them are there now."""
        goal = self.rows + rows
        while self._chunks and self.rows < goal:
            for found in self._found(*self._chunks.popleft()):
                self._held += found
                self._write(len(self._held) - len(self._held) % BLOCK)
        if not self._chunks:
            self._write(len(self._held))
        return not self._chunks

    def _found(self, condition: str, parameters: tuple[str, ...]) -> Iterator[list[_Row]]:
        compiled = self._compiled
        columns = ", ".join(compiled.columns)
        sql = f"SELECT {columns} FROM {compiled.source} WHERE {compiled.condition}{condition}{compiled.tail}"  # noqa: S608  compiled
        return self._org.records.store.batches(sql, (*compiled.parameters, *parameters), _ROWS_AT_ONCE)

    def _write(self, number: int) -> None:
        if number:
            self.result.write(_shaped(self._held[:number], self._columns))
            self._held = self._held[number:]


def _chunks(org: SalesforceOrg, compiled: Compiled) -> list[_Chunk]:
    """Conditions on the id that cut the table into chunks: every second one first."""
    settings, table = org.settings.bulk, org.records.table(compiled.entity)
    if not settings.unsorted_from or _number(org, compiled) < settings.unsorted_from:
        return [("", ())]
    rows = int(org.records.store.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608
    borders = _borders(org, table, _chunk_rows(settings, rows))
    ranges = list(zip(["", *borders], [*borders, "~"], strict=True))
    return [(" AND main._id >= ? AND main._id < ?", one) for one in (*ranges[1::2], *ranges[::2])]


def _chunk_rows(settings: BulkSettings, rows: int) -> int:
    return max(1, min(settings.chunk_rows, rows // _LEAST_CHUNKS))


def _number(org: SalesforceOrg, compiled: Compiled) -> int:
    sql = f"SELECT count(*) FROM {compiled.source} WHERE {compiled.condition}"  # noqa: S608
    return int(org.records.store.rows(sql, compiled.parameters)[0][0])


def _borders(org: SalesforceOrg, table: str, rows: int) -> list[str]:
    """The id of every so manieth record."""
    sql = (
        f"SELECT _id FROM (SELECT _id, row_number() OVER (ORDER BY _id) AS place FROM {table})"  # noqa: S608
        " WHERE place % ? = 0"
    )
    return [str(row[0]) for row in org.records.store.rows(sql, (rows,))]


# cells

_Column = Callable[[Sequence[Any]], list[str]]


def _shaped(rows: list[_Row], columns: Sequence[_Column]) -> list[tuple[str, ...]]:
    """The rows with each cell as the text between the CSV's quotes. By columns, which is several times as quick."""
    shaped = (shape(held) for shape, held in zip(columns, zip(*rows, strict=True), strict=True))
    return list(zip(*shaped, strict=True))


def _column(definition: FieldDef | None) -> _Column:
    match definition.type if definition else "":
        case "boolean":
            return _known(_boolean)
        case "datetime":
            return _known(_moment)
        case "double" | "currency" | "percent":
            return _numbers
        case "id" | "reference" | "date":
            return _plain
        case _:
            return _texts


def _plain(values: Sequence[str | None]) -> list[str]:
    return [one or "" for one in values]


def _texts(values: Sequence[Any]) -> list[str]:
    return ["" if one is None else str(one).replace('"', '""') for one in values]


def _numbers(values: Sequence[float | None]) -> list[str]:
    return ["" if one is None else java_double(one) for one in values]


def _known(shape: Callable[[Any], str]) -> _Column:
    """A column of values that repeat: each is shaped once."""

    def shaped(values: Sequence[Any]) -> list[str]:
        texts = {one: "" if one is None else shape(one) for one in set(values)}
        return [texts[one] for one in values]

    return shaped


def _boolean(value: Any) -> str:
    return "true" if value else "false"


def _moment(value: int) -> str:
    return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def java_double(value: float) -> str:
    """A number as Java prints a double: `9.9213206E7` from ten million up, `1250.0` below."""
    number = float(value)
    if number == 0 or _PLAIN_FROM <= abs(number) < _PLAIN_BELOW:
        return repr(number)
    exact = Decimal(repr(number)).normalize().as_tuple()
    first, *more = exact.digits
    power = len(more) + int(exact.exponent)
    return f"{'-' * exact.sign}{first}.{''.join(map(str, more)) or '0'}E{power}"
