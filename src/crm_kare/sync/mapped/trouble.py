"""What the mapping does not know about the data: stages without an outcome, currencies without a rate."""

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_kare.config.mapping import Mapping
from crm_kare.model import EXTRA_PREFIX, Problem

_MOST = 50


def not_pulled(tables: AbstractMapping[str, ir.Table], mapping: Mapping) -> Iterator[Problem]:
    """Columns and streams that are mapped and not in the mirror."""
    for name, stream in mapping.streams.mapped():
        wanted = [*stream.fields, *(EXTRA_PREFIX + one for one in stream.fields_of_own())]
        there = tables[name].columns if name in tables else ()
        missing = [one.removeprefix(EXTRA_PREFIX) for one in wanted if one not in there]
        if missing:
            yield Problem(
                "not-pulled",
                f"mapped, but not in the mirror: {', '.join(missing)}",
                "Run `crm-kare pull --full`.",
                where=name,
                level="warning",
            )


def stages(deals: ir.Table, mapping: Mapping) -> Iterator[Problem]:
    """Stages that neither the flags nor the map tell to be won, lost or open, with their counts."""
    fields = mapping.streams.opportunities.fields if mapping.streams.opportunities else {}
    told = ibis.coalesce(deals["outcome_raw"], deals["stage"]) if "outcome" in fields else deals["stage"]
    for stage, count in _counted(deals.filter(deals["outcome"].isnull()), told):
        named = f"stage `{stage}`" if stage is not None else "no stage"
        yield Problem(
            "stage-unknown",
            f"{count} opportunities with {named}: won, lost or open is unknown",
            "Name the stage under `streams.opportunities.fields.outcome.map`.",
            where="opportunities",
            level="warning",
        )


def rates(tables: AbstractMapping[str, ir.Table | None], reporting: str) -> Iterator[Problem]:
    """Currencies whose amounts could not be told in the reporting currency, with their counts."""
    for name, table in tables.items():
        if table is None:
            continue
        lost = table.filter(table["amount_own"].notnull() & table["amount"].isnull())
        for code, count in _counted(lost, lost["_code"]):
            yield Problem(
                "rate-missing",
                f"{count} {name} in {code or 'an unknown currency'} have no rate into {reporting or 'the home currency'} "
                "on their day: their amounts are unknown",
                f"Add rates for {code} under `currency.rates`." if code and reporting else "Set `currency.reporting`.",
                where=name,
                level="warning",
            )


def _counted(table: ir.Table, value: ir.Value) -> list[tuple[Any, int]]:
    """Values by how often they occur, the most frequent first."""
    counts = table.group_by(_value=value).aggregate(_count=table.count())
    top = counts.order_by(ibis.desc("_count"), "_value").limit(_MOST).to_pyarrow().to_pylist()
    return [(row["_value"], row["_count"]) for row in top]
