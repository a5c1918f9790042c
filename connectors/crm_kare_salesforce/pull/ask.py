"""What a pull asks for, and what came of it: one question whether it goes over REST or as a query job."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.http import CallError, Trouble
from crm_kare.ports import SourceField, StreamSpec
from crm_kare_salesforce import soql
from crm_kare_salesforce.columns import canonical_column, long_ids
from crm_kare_salesforce.pull.csv_page import Columns
from crm_kare_salesforce.values import at_path, canonical

_MERGED: Final = frozenset({"account", "contact"})
"""Objects whose records can be merged, as far as others refer to them; the loser names the winner."""

_GONE, _WINNER = "IsDeleted", "MasterRecordId"


@dataclass(frozen=True)
class Ask:
    """A question about one stream.

    Attributes:
        spec: the stream.
        since: what changed from here on; None for everything.
        last: only ids after this one.
        deletions: deleted records are wanted too, and marked.
    """

    spec: StreamSpec
    since: datetime | None = None
    last: str = ""
    deletions: bool = False

    @property
    def columns(self) -> list[str]:
        """What is selected: the mapped fields, the id, and what tells a deletion from an edit."""
        marks = [_GONE, *([_WINNER] if self.spec.source.lower() in _MERGED else [])] if self.deletions else []
        return ["Id", *(one.source for one in self.spec.fields), *marks]

    def text(self, *tests: str, ordered: bool = False) -> str:
        """The query, with further tests."""
        where = [soql.since(self.since)] if self.since and not tests else []
        where += [f"Id > '{self.last}'"] if self.last and not tests else []
        return soql.select(self.columns, self.spec.source, *where, *tests, order="Id" if ordered else "")


@dataclass(frozen=True)
class Found:
    """Records that came.

    Attributes:
        records: as the stream's page takes them, without the deleted ones.
        gone: ids of the deleted ones.
        winners: ids of records that others were merged into.
    """

    records: pa.RecordBatch
    gone: tuple[str, ...] = ()
    winners: tuple[str, ...] = ()


def none_found(spec: StreamSpec) -> Found:
    """No records."""
    return Found(pa.RecordBatch.from_pylist([], schema=spec.arrow_schema()))


def from_records(ask: Ask, records: list[dict[str, Any]]) -> Found:
    """Found in the records of a REST answer."""
    if not ask.deletions:
        return Found(_batch(ask.spec, records))
    gone = [one for one in records if one.get(_GONE) is True]
    key = ask.spec.fields[0]
    return Found(
        _batch(ask.spec, [one for one in records if one.get(_GONE) is not True]),
        tuple(str(canonical(at_path(one, key.source), key.kind, is_id=True)) for one in gone),
        tuple(str(one[_WINNER]) for one in gone if one.get(_WINNER)),
    )


def from_columns(ask: Ask, columns: Columns) -> Found:
    """Found in a page of a job's results."""
    made = [canonical_column(columns[one.source.lower()], one) for one in ask.spec.fields]
    records = pa.RecordBatch.from_arrays(made, schema=ask.spec.arrow_schema())
    if not ask.deletions:
        return Found(records)
    gone: Any = pc.equal(columns[_GONE.lower()], pa.scalar("true"))
    if not pc.any(gone).as_py():
        return Found(records)
    winners: Any = columns.get(_WINNER.lower(), pa.nulls(len(gone), pa.string()))
    return Found(
        records.filter(pc.invert(gone)),
        tuple(long_ids(made[0].filter(gone)).to_pylist()),
        tuple(winners.filter(gone).drop_null().to_pylist()),
    )


def last_id(records: list[dict[str, Any]], before: str) -> str:
    """The id after which a REST pull goes on."""
    if not records:
        return before
    if not isinstance(records[-1].get("Id"), str):
        raise CallError(Trouble("shape", 200, "record-without-id"))
    return str(records[-1]["Id"])


def _batch(spec: StreamSpec, records: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_column(one, records) for one in spec.fields], schema=spec.arrow_schema())


def _column(field: SourceField, records: list[dict[str, Any]]) -> Any:
    """One column: as a whole where it holds texts and nulls alone, else value by value."""
    path = field.source
    flat = "." not in path and all(path in record for record in records)
    values = [record[path] if flat else at_path(record, path) for record in records]
    if all(value is None or (type(value) is str and value) for value in values):
        return canonical_column(_texts(values), field)
    is_id = field.column.endswith("_id")
    return _texts([canonical(value, field.kind, is_id=is_id) for value in values])


def _texts(values: list[str | None]) -> pa.StringArray:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half an emoji, cut at a field's length by whoever wrote it
        return pa.array([value and value.encode("utf-8", "replace").decode() for value in values], pa.string())
