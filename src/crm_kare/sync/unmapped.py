"""Values of the CRM that the mapping does not know: stages and picklist values that somebody added, and nobody mapped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import ibis
import ibis.expr.types as ir

from crm_kare.config.mapping import Mapping as CrmMapping
from crm_kare.config.mapping import StreamMap
from crm_kare.model import EXTRA_PREFIX, STREAMS, Kind
from crm_kare.sync.judge import engine
from crm_kare.sync.mapped.columns import folded
from crm_kare.sync.runtime import Runtime

_MOST: Final = 200


@dataclass(frozen=True)
class Unmapped:
    """A value that means nothing to the mapping: where it stands, and in how many records of the mirror."""

    stream: str
    column: str
    value: str
    records: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return self.stream, self.column, self.value


def unmapped(runtime: Runtime, crm: str) -> tuple[Unmapped, ...]:
    """By the mirror, without a call. Of a field with `otherwise` every value is known; of more than 200 unknown values of one field the
    most frequent.
    """
    mapping = runtime.mapping(crm)
    with engine() as con:
        return tuple(_unmapped(runtime.mirror(crm).tables(con), mapping))


def _unmapped(tables: Mapping[str, ir.Table], mapping: CrmMapping) -> Iterator[Unmapped]:
    for stream, mapped in mapping.streams.mapped():
        if stream in tables:
            for column, known in _lists(stream, mapped):
                if column in tables[stream].columns:
                    yield from _strangers(tables[stream], stream, column, known)


def _lists(stream: str, mapped: StreamMap) -> Iterator[tuple[str, list[str]]]:
    """The columns in which a value that is not mapped is unknown, with those that are mapped. A text stays as it is, and where
    the flags tell how a deal ended its stage need not be known.
    """
    own = {EXTRA_PREFIX + name: one for name, one in mapped.fields_of_own().items()}
    kinds = {one.name: one.kind for one in STREAMS[stream].columns} | {name: one.type for name, one in own.items()}
    flags = {"is_won", "is_closed"} <= mapped.fields.keys()
    for column, field in {**mapped.fields, **own}.items():
        closed = not flags if column == "outcome" else kinds[column] is not Kind.TEXT
        if closed and field.values is not None and field.otherwise is None:
            yield column, sorted({one.strip().lower() for one in field.values})


def _strangers(table: ir.Table, stream: str, column: str, known: list[str]) -> Iterator[Unmapped]:
    value = table[column].cast("string").strip()
    strange = table.mutate(_value=value).filter((value != "") & folded(table[column]).notin(known))
    counts = strange.group_by("_value").aggregate(_records=strange.count())
    for row in counts.order_by(ibis.desc("_records"), "_value").limit(_MOST).to_pyarrow().to_pylist():
        yield Unmapped(stream, column, row["_value"], row["_records"])
