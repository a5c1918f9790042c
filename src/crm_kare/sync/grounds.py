"""What a judgement rests on besides the rules: an engine, the organisation and its day, the figures measured before."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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
from crm_kare.method import Portfolio, portfolio_from_json
from crm_kare.model import PRESENT_PREFIX
from crm_kare.ports import Organisation
from crm_kare.sync.runtime import Runtime

_MEMORY: Final = "700MB"
"""What the engine may hold; with Python, the libraries and the labels themselves, the process stays below 1 GB."""

_SHOWN: Final = frozenset({"account_id", "name", "parent_id"})


@contextmanager
def engine() -> Iterator[Backend]:
    """An engine for one judgement. What does not fit into its memory goes to a folder of its own on disk."""
    with TemporaryDirectory(prefix="crm-kare-") as spill:
        con = ibis.duckdb.connect(memory_limit=_MEMORY, temp_directory=spill, preserve_insertion_order=False)
        try:
            yield con
        finally:
            con.disconnect()


def shown(con: Backend, accounts: ir.Table) -> pa.Table:
    """The mirror's accounts: account_id, name, parent_id where mapped, and the label fields as the CRM holds them."""
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


def kept_portfolio(runtime: Runtime, crm: str) -> Portfolio | None:
    """The figures kept, unless they belong to another rulebook."""
    kept = runtime.journal.notes.portfolio(crm)
    if kept is None or kept.rules_version != runtime.rulebook.stamp:
        return None
    return portfolio_from_json(json.dumps(dict(kept.figures)))
