"""From the mirror to labels: what a CRM's accounts are judged by, and the judgement."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from tempfile import TemporaryDirectory
from typing import Final
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

from crm_kare.config.mapping import Mapping
from crm_kare.errors import ConfigError
from crm_kare.method import Portfolio, Scored, portfolio_from_json, score
from crm_kare.model import PRESENT_PREFIX, Problem
from crm_kare.ports import Organisation
from crm_kare.sync.mapped import streams
from crm_kare.sync.overrides import held as held_overrides
from crm_kare.sync.overrides import unsigned, without
from crm_kare.sync.runtime import Runtime

_MEMORY: Final = "700MB"
"""What the engine may hold; with Python, the libraries and the labels themselves, the process stays below 1 GB."""

_SHOWN: Final = frozenset({"account_id", "name", "parent_id"})


@dataclass(frozen=True)
class Judged:
    """The judgement of one CRM.

    Attributes:
        crm: its name.
        as_of: the day.
        scored: labels, portfolio figures, problems in the data.
        present: the mirror's accounts: account_id, name, parent_id where mapped, and the label fields as the CRM holds them.
        measured: whether the portfolio figures were measured anew; `Rank` and `Class` move only then.
        problems: everything the mapping and the rules found wrong.
    """

    crm: str
    as_of: date
    scored: Scored
    present: pa.Table
    measured: bool
    problems: tuple[Problem, ...]

    @property
    def labels(self) -> pa.Table:
        """One row per account, sorted by id."""
        return self.scored.labels


def judge(runtime: Runtime, crm: str, *, as_of: date | None = None) -> Judged:
    """Judge every account of a CRM from its mirror; no network, nothing written.

    Args:
        runtime: the open project.
        crm: the CRM's name.
        as_of: the day; None = today in the organisation's time zone. A day that is given makes a trial: no held labels.

    Raises:
        ConfigError: there is no mirror, or the mapping or the rulebook is wrong.
        StopError: the mirror is damaged.
    """
    mapping, organisation = runtime.mapping(crm), known_organisation(runtime, crm)
    day = as_of or today(runtime, organisation)
    kept = _portfolio(runtime, crm)
    held = None if as_of else runtime.journal.labels.held(crm)
    with engine() as con:
        tables = runtime.mirror(crm).tables(con)
        unfollowed = unsigned(runtime, crm, held_overrides(tables["accounts"]))
        followed = {**tables, "accounts": without(tables["accounts"], unfollowed)}
        canonical, found = streams(followed, mapping, organisation, day)
        scored = score(
            canonical, runtime.rulebook, day, kept, held,
            next_steps=runtime.next_steps, own_fields=runtime.own_fields,
        )  # fmt: skip
        present = _shown(con, tables["accounts"])
    measured = kept is None or scored.portfolio.measured_on != kept.measured_on
    return Judged(crm, day, scored, present, measured, (*found, *scored.problems, *(one.problem() for one in unfollowed)))


def present_values(runtime: Runtime, crm: str) -> pa.Table:
    """The mirror's accounts: account_id, name, parent_id where mapped, and the label fields as the CRM holds them."""
    with engine() as con:
        return _shown(con, runtime.mirror(crm).tables(con)["accounts"])


def knows_account(runtime: Runtime, crm: str, account_id: str) -> bool:
    """Whether the mirror has an account of that id; not where nothing was pulled yet."""
    mirror = runtime.mirror(crm)
    if not mirror.exists():
        return False
    with engine() as con:
        accounts = mirror.tables(con)["accounts"]
        found = con.to_pyarrow(accounts.filter(accounts["account_id"] == account_id).select("account_id"))
    return bool(found.num_rows)


@contextmanager
def engine() -> Iterator[Backend]:
    """An engine for one judgement. What does not fit into its memory goes to a folder of its own on disk."""
    with TemporaryDirectory(prefix="crm-kare-") as spill:
        con = ibis.duckdb.connect(memory_limit=_MEMORY, temp_directory=spill, preserve_insertion_order=False)
        try:
            yield con
        finally:
            con.disconnect()


def _shown(con: Backend, accounts: ir.Table) -> pa.Table:
    names = [name for name in accounts.columns if name in _SHOWN or name.startswith(PRESENT_PREFIX)]
    table: pa.Table = con.to_pyarrow(accounts.select(names))
    return table


def today(runtime: Runtime, organisation: Organisation) -> date:
    """The present day where the organisation is."""
    return runtime.clock.now().astimezone(ZoneInfo(organisation.timezone)).date()


def known_organisation(runtime: Runtime, crm: str) -> Organisation:
    """What the CRM last said about itself, with the rates that stand, in the mapping's time zone where it sets one.

    Raises:
        ConfigError: nothing was pulled yet.
    """
    found = runtime.journal.notes.organisation(crm)
    if found is None:
        raise ConfigError(f"Nothing was pulled from {crm} yet.", fix=f"Run `crm-kare pull {crm}`.", where=crm)
    rates = runtime.journal.rates.held(crm, found[0].currency)
    return in_zone(runtime.mapping(crm), replace(found[0], rates=rates))


def in_zone(mapping: Mapping, organisation: Organisation) -> Organisation:
    """The organisation with the time zone that the mapping sets, where it sets one."""
    return replace(organisation, timezone=mapping.timezone or organisation.timezone)


def _portfolio(runtime: Runtime, crm: str) -> Portfolio | None:
    """The figures kept, unless they belong to another rulebook."""
    kept = runtime.journal.notes.portfolio(crm)
    if kept is None or kept.rules_version != runtime.rulebook.stamp:
        return None
    return portfolio_from_json(json.dumps(dict(kept.figures)))
