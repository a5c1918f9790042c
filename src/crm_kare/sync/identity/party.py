"""One CRM that takes part: its streams, and where it stands in the order of the `identity:` section."""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.types as ir

from crm_kare.method import Streams, Workbench


@dataclass(frozen=True)
class Party:
    """A CRM whose companies may stand in others too.

    Attributes:
        crm: its name.
        place: its number; of a field that several have filled, the lowest one's counts.
        streams: canonical tables, all parties' on one engine and in one currency.
    """

    crm: str
    place: int
    streams: Streams

    def lay_out(self, bench: Workbench) -> None:
        """Name its streams for queries: `same_accounts_0`, `same_opportunities_0` and so on."""
        for name in ("accounts", "opportunities", "purchases", "line_items", "contacts"):
            table: ir.Table | None = getattr(self.streams, name)
            if table is not None:
                bench.look(self.named(name), table)

    def named(self, stream: str) -> str:
        """What `lay_out` called a stream."""
        return f"same_{stream}_{self.place}"


def union(queries: Sequence[str]) -> str:
    """The rows of all queries."""
    return " UNION ALL ".join(queries)
