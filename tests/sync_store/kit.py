"""What the tests of mirror and pull share: a scripted connector, and what a reader sees."""

import atexit
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import ibis
import pyarrow as pa
from ibis.backends.duckdb import Backend

from crm_kare.model import Kind
from crm_kare.ports import Capabilities, Connector, Organisation, Page, SourceField, StreamSpec
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.pull import Pulled, pull

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
SPEC = StreamSpec(
    "accounts",
    "Account",
    (
        SourceField("account_id", "Id", Kind.TEXT),
        SourceField("name", "Name", Kind.TEXT),
        SourceField("annual_revenue", "AnnualRevenue", Kind.MONEY),
    ),
)
ORGANISATION = Organisation("00D1", "Acme", timezone="Europe/Berlin", currency="EUR")

Row = tuple[str | None, str | None, str | None]


def batch(rows: Sequence[Row], spec: StreamSpec = SPEC) -> pa.RecordBatch:
    """Rows of text as a connector hands them over."""
    columns = list(zip(*rows, strict=True)) or [()] * len(spec.fields)
    return pa.RecordBatch.from_arrays([pa.array(one, pa.string()) for one in columns], schema=spec.arrow_schema())


def page(*rows: Row, gone: Sequence[str] = (), cursor: str = "c") -> Page:
    """A page of the stream `SPEC`."""
    return Page(batch(rows), cursor, tuple(gone))


def named(*names: str, gone: Sequence[str] = (), cursor: str = "c") -> Page:
    """A page of accounts whose id and name are one word each: `a=Ann`, or `a` for both."""
    pairs = [name.partition("=") for name in names]
    return page(*((one, name or one, "1") for one, _, name in pairs), gone=gone, cursor=cursor)


@dataclass
class Script:
    """A connector that yields the pages it was given; an exception among them is raised in its place."""

    pages: list[Page | Exception] = field(default_factory=list)
    incremental: bool = True
    asked: list[str | None] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(frozenset({"accounts", "opportunities"}), 200, incremental=self.incremental)

    def pull(self, _spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        self.asked.append(cursor)
        for one in self.pages:
            if isinstance(one, Exception):
                raise one
            yield one


def pulled(mirror: Mirror, *pages: Page | Exception, incremental: bool = True, **options: Any) -> Pulled:
    """Pull scripted pages; nothing is accepted."""
    script = Script(list(pages), incremental)
    return pull(cast("Connector", script), [SPEC], mirror, ORGANISATION, **{"now": NOW, **options})


def taken(mirror: Mirror, *pages: Page | Exception, **options: Any) -> Pulled:
    """Pull scripted pages and accept them."""
    result = pulled(mirror, *pages, **options)
    mirror.accept()
    return result


@cache
def _reader() -> Backend:
    con = ibis.duckdb.connect()
    atexit.register(_reader.cache_clear)  # DuckDB complains of connections that are held when Python ends
    atexit.register(con.disconnect)
    return con


def rows_of(mirror: Mirror, stream: str = "accounts") -> list[dict[str, Any]]:
    """What a reader sees, by id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Ibis 12 calls what DuckDB 2.0 deprecates
        table = mirror.tables(_reader())[stream].to_pyarrow()
    return cast("list[dict[str, Any]]", table.sort_by(table.column_names[0]).to_pylist())


def names_of(mirror: Mirror) -> dict[str, str | None]:
    """What a reader sees: names by id."""
    return {row["account_id"]: row["name"] for row in rows_of(mirror)}
