"""Running a query job: its rows, chunk by chunk, into a result."""

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


def run(org: SalesforceOrg, job: QueryJob) -> Result:
    """The rows that the query finds now."""
    query = parse(job.text)
    compiled = compile_query(org, query, job.user_id, deleted=job.operation == "queryAll")
    ordered = bool(query.order) or query.limit is not None
    result = Result([".".join(one.names) for one in compiled.selected], job.dialect.sign, job.dialect.newline)
    columns = [_column(one.definition) for one in compiled.selected]
    for rows in _blocks(_found(org, compiled, ordered=ordered)):
        result.write(_shaped(rows, columns))
    return result


def _found(org: SalesforceOrg, compiled: Compiled, *, ordered: bool) -> Iterator[list[_Row]]:
    """All rows, in the order that Salesforce would give them in: by chunks of the primary key, which are not sorted."""
    store, columns = org.records.store, ", ".join(compiled.columns)
    for condition, parameters in [("", ())] if ordered else _chunks(org, compiled):
        sql = f"SELECT {columns} FROM {compiled.source} WHERE {compiled.condition}{condition}{compiled.tail}"  # noqa: S608  compiled
        yield from store.batches(sql, (*compiled.parameters, *parameters), _ROWS_AT_ONCE)


def _chunks(org: SalesforceOrg, compiled: Compiled) -> list[tuple[str, tuple[str, ...]]]:
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


def _blocks(found: Iterator[list[_Row]]) -> Iterator[list[_Row]]:
    """The rows again, in lists of whole blocks; the last one holds what is left."""
    held: list[_Row] = []
    for rows in found:
        held += rows
        whole = len(held) - len(held) % BLOCK
        if whole >= _ROWS_AT_ONCE:
            yield held[:whole]
            held = held[whole:]
    if held:
        yield held


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
