"""Queries: a batch at a time, the rest by a locator."""

import json
import threading
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.sandbox.salesforce.errors import bad_request, not_found
from crm_kare.sandbox.salesforce.ids import with_checks
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.soql import Compiled, compile_query, parse
from crm_kare.sandbox.salesforce.values import shown

SMALLEST_BATCH: Final = 200
LARGEST_BATCH: Final = 2000
_LOCATOR_LIFE: Final = 2 * 86_400.0


@dataclass(frozen=True)
class _Cursor:
    """A result being read: the query, the ids of all its rows, who reads, batch size, and until when."""

    compiled: Compiled
    ids: tuple[str, ...]
    user_id: str
    batch: int
    ends: float


class Cursors:
    """Results that were not read to their end."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._open: dict[str, _Cursor] = {}
        self._lock = threading.Lock()

    def keep(self, cursor: _Cursor) -> str:
        """A locator for the rest of a result."""
        locator = with_checks(f"0r8KE{self._org.serial():010d}")
        with self._lock:
            self._open[locator] = cursor
        return locator

    def find(self, locator: str, user_id: str) -> _Cursor:
        """The result that a locator stands for.

        Raises:
            SalesforceError: INVALID_QUERY_LOCATOR where it is unknown, another user's, or too old.
        """
        with self._lock:
            cursor = self._open.get(locator)
        if cursor is None or cursor.user_id != user_id or cursor.ends <= self._org.clock.now().timestamp():
            raise bad_request("INVALID_QUERY_LOCATOR", "invalid query locator")
        return cursor


@dataclass(frozen=True)
class Reader:
    """What a query runs with: the org, who asks, the address that record links begin with."""

    org: SalesforceOrg
    cursors: Cursors
    user_id: str
    root: str


def run(reader: Reader, text: str, *, batch: int, deleted: bool = False, tooling: bool = False) -> dict[str, Any]:
    """The first batch of a query's result."""
    compiled = compile_query(reader.org, parse(text), reader.user_id, deleted=deleted, tooling=tooling)
    if compiled.counts_only:
        return {"totalSize": _rows(reader, compiled, "count(*)")[0][0], "done": True, "records": []}
    if compiled.aggregate:
        return _aggregated(reader, compiled)
    found = tuple(str(row[0]) for row in _rows(reader, compiled, "main._id"))
    if compiled.limited:
        found = found[:batch]
    ends = reader.org.clock.now().timestamp() + _LOCATOR_LIFE
    return _batch(reader, _Cursor(compiled, found, reader.user_id, batch, ends), 0, None)


def resume(reader: Reader, address: str) -> dict[str, Any]:
    """The next batch, by what stands behind `/query/` in `nextRecordsUrl`."""
    locator, _, offset = address.partition("-")
    cursor = reader.cursors.find(locator, reader.user_id)
    if not offset.isdigit() or int(offset) >= len(cursor.ids):
        raise bad_request("INVALID_QUERY_LOCATOR", "invalid query locator")
    return _batch(reader, cursor, int(offset), locator)


def batch_size(header: str | None, limit: int) -> int:
    """Rows in a batch, from `Sforce-Query-Options`; a size out of range is brought into it."""
    asked = LARGEST_BATCH
    for part in (header or "").split(","):
        name, _, value = part.partition("=")
        if name.strip().lower() == "batchsize" and value.strip().isdigit():
            asked = int(value)
    return min(max(asked, SMALLEST_BATCH), LARGEST_BATCH, limit)


def _batch(reader: Reader, cursor: _Cursor, start: int, locator: str | None) -> dict[str, Any]:
    end = start + cursor.batch
    done = end >= len(cursor.ids)
    answer: dict[str, Any] = {"totalSize": len(cursor.ids), "done": done}
    if not done:
        locator = locator or reader.cursors.keep(cursor)
        answer["nextRecordsUrl"] = f"{reader.root}/query/{locator}-{end}"
    answer["records"] = _records(reader, cursor.compiled, cursor.ids[start:end])
    return answer


def _rows(reader: Reader, compiled: Compiled, columns: str) -> list[tuple[Any, ...]]:
    sql = f"SELECT {columns} FROM {compiled.source} WHERE {compiled.condition}{compiled.tail}"  # noqa: S608  compiled
    return reader.org.records.store.rows(sql, compiled.parameters)


def _records(reader: Reader, compiled: Compiled, ids: tuple[str, ...]) -> list[dict[str, Any]]:
    columns = ", ".join(["main._id", *compiled.columns, *(sql for _, _, sql in compiled.ways)])
    sql = f"SELECT {columns} FROM {compiled.source} WHERE main._id IN (SELECT value FROM json_each(?))"  # noqa: S608
    rows = {str(row[0]): row for row in reader.org.records.store.rows(sql, (json.dumps(ids),))}
    return [_record(reader, compiled, rows[one]) for one in ids if one in rows]


def _record(reader: Reader, compiled: Compiled, row: tuple[Any, ...]) -> dict[str, Any]:
    record: dict[str, Any] = {"attributes": attributes(reader.root, compiled.entity, row[0])}
    related = dict(zip((way for way, _, _ in compiled.ways), row[1 + len(compiled.columns) :], strict=True))
    objects = {way: entity for way, entity, _ in compiled.ways}
    for one, value in zip(compiled.selected, row[1:], strict=False):
        inside: dict[str, Any] | None = record
        for length in range(1, len(one.names)):
            inside = inside and _step(reader, inside, one.names[:length], related, objects)
        if inside is not None:
            inside[one.names[-1]] = _field(value, one.definition)
    return record


def _step(
    reader: Reader,
    inside: dict[str, Any],
    way: tuple[str, ...],
    related: dict[tuple[str, ...], Any],
    objects: dict[tuple[str, ...], str],
) -> dict[str, Any] | None:
    """The related record in `inside` at the end of `way`; null where there is none."""
    if way[-1] not in inside:
        found = related[way]
        inside[way[-1]] = {"attributes": attributes(reader.root, objects[way], found)} if found else None
    step: dict[str, Any] | None = inside[way[-1]]
    return step


def _field(value: Any, definition: Any) -> Any:
    if definition is not None and definition.type == "complexvalue":
        return json.loads(value) if value else None
    return shown(definition, value)


def _aggregated(reader: Reader, compiled: Compiled) -> dict[str, Any]:
    rows = _rows(reader, compiled, ", ".join(compiled.columns))
    if len(rows) > LARGEST_BATCH:  # there is no queryMore for aggregates
        raise bad_request(
            "EXCEEDED_ID_LIMIT", "Aggregate query does not support queryMore(), use LIMIT to restrict the results"
        )
    records = [
        {"attributes": {"type": "AggregateResult"}}
        | {one.names[-1]: shown(one.definition, value) for one, value in zip(compiled.selected, row, strict=True)}
        for row in rows
    ]
    return {"totalSize": len(records), "done": True, "records": records}


def attributes(root: str, name: str, record_id: str) -> dict[str, str]:
    """What every record says of itself."""
    return {"type": name, "url": f"{root}/sobjects/{name}/{record_id}"}


def one_record(reader: Reader, name: str, record_id: str, fields: list[str] | None) -> dict[str, Any]:
    """All fields of a record, or those named.

    Raises:
        SalesforceError: 404 where it is not there, or deleted.
    """
    visible = reader.org.visible(name, reader.user_id)
    names = fields or [one.name for one in visible.values()]
    parsed = parse(f"SELECT {', '.join(names)} FROM {name} WHERE Id = '{record_id}'")  # noqa: S608  SOQL
    compiled = compile_query(reader.org, parsed, reader.user_id, deleted=False, tooling=reader.org.is_tooling(name))
    found = _records(reader, compiled, tuple(str(row[0]) for row in _rows(reader, compiled, "main._id")))
    if not found:
        raise not_found()
    return found[0]
