"""What the CRM holds, by the mirror: as canonical text, in an engine of its own, in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import pyarrow as pa

from crm_kare.labels import Label
from crm_kare.model import PRESENT_PREFIX

CANONICAL: Final = {
    "number": r"coalesce(regexp_replace(TRY_CAST({0} AS DECIMAL(18, 4))::VARCHAR, '\.?0+$', ''), {0})",
    "date": "coalesce(TRY_CAST({0} AS DATE)::VARCHAR, {0})",
    "text": "trim(replace(replace({0}, chr(13) || chr(10), chr(10)), chr(13), chr(10)), ' ' || chr(9) || chr(10))",
}
"""So that `87` and `87.0`, and a text with other line ends, compare as equal; blank is null."""

_TOPS: Final = """
CREATE OR REPLACE TABLE tops AS
SELECT one.account_id, coalesce(up.top, one.top) AS top FROM tops AS one LEFT JOIN tops AS up ON one.top = up.account_id
"""
_CLIMBS: Final = 4
"""Each doubles the steps climbed: groups up to 16 deep are found whole, and a cycle ends somewhere in itself."""


_MEMORY: Final = "384MB"
"""What the engine may hold of 200,000 accounts: left to itself it takes a GB and more, beside labels and plan."""


@contextmanager
def comparing() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine for one comparison. What does not fit into its memory goes to a folder of its own on disk."""
    with TemporaryDirectory(prefix="crm-kare-") as spill:
        engine = duckdb.connect(":memory:", config={"memory_limit": _MEMORY, "temp_directory": spill})
        try:
            yield engine
        finally:
            engine.close()


def get(engine: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """What a query yields, as Arrow."""
    table: pa.Table = engine.sql(query).to_arrow_table()
    return table


def ids(table: pa.Table) -> tuple[str, ...]:
    """The accounts of a table."""
    return tuple(str(one) for one in table["account_id"].to_pylist())


def canonical(value: str, kind: str) -> str:
    """SQL for a value of a label's type as it is compared."""
    return f"nullif({CANONICAL.get(kind, CANONICAL['text']).format(value)}, '')"


def old_table(present: pa.Table, names: Sequence[Label], *, extra: Sequence[str] = ()) -> str:
    """SQL for the table `old` from the mirror's accounts, `present`: a column per label, and those of `extra` at any rate; a field
    that the mirror does not have is blank.
    """
    there = set(present.column_names)

    def column(source: str, kind: str, name: str) -> str:
        value = canonical(f"{source}::VARCHAR", kind) if source in there else "NULL::VARCHAR"
        return f"{value} AS {name}"

    kinds = {label.name: str(label.type) for label in names}
    history = {name: kinds.get(name, "picklist") for name in extra}
    columns = [
        column("name", "text", "name"),
        column(f"{PRESENT_PREFIX}Override", "picklist", "override"),
        column(f"{PRESENT_PREFIX}Override_Until", "date", "override_until"),
        column(f"{PRESENT_PREFIX}Computed_Profile", "picklist", "old_judged"),
        *(column(PRESENT_PREFIX + name, kind, f"old_{name}") for name, kind in (history | kinds).items()),
    ]
    return f"CREATE TABLE old AS SELECT account_id::VARCHAR AS account_id, {', '.join(columns)} FROM present"  # noqa: S608  names of `LABELS`


def tops(present: pa.Table) -> tuple[str, ...]:
    """SQL, step by step, for the table `tops` from `present`: the account at the top of each one's group; an account without parent is its own."""
    parent = "nullif(parent_id::VARCHAR, '')" if "parent_id" in present.column_names else "NULL"
    start = f"CREATE TABLE tops AS SELECT account_id::VARCHAR AS account_id, coalesce({parent}, account_id::VARCHAR) AS top FROM present"  # noqa: S608  no values
    return (start, *(_CLIMBS * [_TOPS] if "parent_id" in present.column_names else ()))
