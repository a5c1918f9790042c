"""Where the rules run: named, materialised SQL steps on the engine that holds the streams.

The steps are written in DuckDB's SQL. Why SQL text and not Ibis expressions: docs/decisions/0001-rules-as-sql.md.
"""

import re
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, Self

import ibis
import ibis.expr.types as ir
import pyarrow as pa

_WORD: Final = re.compile(r"\w+")


class Workbench:
    """Temporary tables of one judgement on a DuckDB backend; they are dropped when it ends.

    A step that several others read is a table. One that is read once is a view: a named query that becomes part of the
    step that reads it, so that only what is asked of it is computed, and the engine reads its text once.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._made: dict[str, str] = {}
        self._views: dict[str, str] = {}

    @classmethod
    def of(cls, table: ir.Table) -> "Workbench":
        """On the engine that holds `table`."""
        return cls(ibis.get_backend(table))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, kind_made in reversed(self._made.items()):
            self._backend.con.execute(f"DROP {kind_made} IF EXISTS {name}")

    def step(self, name: str, query: str) -> str:
        """Materialise a query under a name that later queries use; returns the name."""
        self._backend.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {self._with_views(query)}")
        self._made[name] = "TABLE"
        return name

    def view(self, name: str, query: str) -> str:
        """Name a query for later ones, without running it; returns the name."""
        self._views[name] = query
        return name

    def _with_views(self, query: str) -> str:
        """The query behind the views that it reads, and those that they read."""
        needed: set[str] = set()
        texts = [query]
        while texts:
            found = {name for name in _WORD.findall(texts.pop()) if name in self._views} - needed
            needed |= found
            texts += [self._views[name] for name in found]
        named = ", ".join(f"{name} AS ({self._views[name]})" for name in self._views if name in needed)
        return f"WITH {named} SELECT * FROM ({query}) AS asked" if named else query

    def keep(self, name: str, table: ir.Table) -> str:
        """Materialise an Ibis table under a name that later queries use; returns the name."""
        self._backend.create_table(name, table, temp=True)
        self._made[name] = "TABLE"
        return name

    def look(self, name: str, table: ir.Table) -> str:
        """Name an Ibis table for later queries without running it; returns the name."""
        self._backend.create_view(name, table, overwrite=True)
        self._made[name] = "VIEW"
        return name

    def lay(self, name: str, query: str) -> ir.Table:
        """Name a query for later ones and for Ibis, without running it."""
        self._backend.con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {self._with_views(query)}")
        self._made[name] = "VIEW"
        return self.table(name)

    def drop(self, *names: str) -> None:
        """Give back the memory of steps that no later query reads."""
        for name in names:
            self._backend.con.execute(f"DROP {self._made.pop(name)} {name}")

    def table(self, name: str) -> ir.Table:
        """A step as an Ibis table."""
        return self._backend.table(name)

    def arrow(self, query: str) -> pa.Table:
        """A query's rows."""
        result: pa.Table = self._backend.con.sql(self._with_views(query)).to_arrow_table()
        return result

    def rows(self, query: str) -> list[dict[str, Any]]:
        """A small query's rows."""
        rows: list[dict[str, Any]] = self.arrow(query).to_pylist()
        return rows


def quoted(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def any_of(column: str, values: Iterable[str]) -> str:
    """Whether a text column holds one of the values; unknown where it is empty, or where there are no values."""
    listed = ", ".join(quoted(value) for value in sorted(values))
    return f"({column} IN ({listed}))" if listed else "CAST(NULL AS BOOLEAN)"


def cases(*branches: tuple[str, str], otherwise: str = "NULL") -> str:
    """`CASE WHEN … THEN … ELSE … END`."""
    if not branches:
        return otherwise
    return "CASE " + " ".join(f"WHEN {when} THEN {then}" for when, then in branches) + f" ELSE {otherwise} END"
