"""The judgement of a CRM whose companies stand in others too.

A company's label comes from the universe of the first CRM that holds it: that CRM's accounts, figures, mapped questions and
families, with what the others know of the companies they share. Each further CRM takes the label over, and judges the rest
of its accounts by itself. So whichever CRM is run, alone or with the others, from the same mirrors the same labels come.
"""
# ruff: noqa: S608  names of ours

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from crm_kare.config.identity import Identity
from crm_kare.method import SHARED, Scored, Workbench, placed, score
from crm_kare.model import Problem
from crm_kare.sync.grounds import engine, kept_portfolio, shown
from crm_kare.sync.identity.doubts import lay_out_doubts, problems
from crm_kare.sync.identity.matching import lay_out_companies
from crm_kare.sync.identity.parties import Parties, parties
from crm_kare.sync.identity.party import Party, union
from crm_kare.sync.identity.together import joined_streams, lay_out_links
from crm_kare.sync.runtime import Runtime


def _nobody() -> pa.Table:
    return pa.table({"account_id": pa.array([], pa.string())})


@dataclass(frozen=True)
class Together:
    """What `crm_kare.sync.judge.Judged` is made of. `scored` is None where the CRM is judged alone, and the problems say why."""

    as_of: date
    problems: tuple[Problem, ...]
    scored: Scored | None = None
    present: pa.Table = field(default_factory=_nobody)
    measured: bool = False


def judge_together(runtime: Runtime, identity: Identity, crm: str, as_of: date | None) -> Together:
    """Judge every account of a CRM, those that stand in other CRMs with what is known there.

    Args:
        runtime: the open project.
        identity: its `identity:` section.
        crm: one of its CRMs.
        as_of: as in `judge`.

    Raises:
        ConfigError: there is no mirror, or the mapping, the rulebook or the file of decisions is wrong.
        StopError: the mirror is damaged.
    """
    decisions = runtime.project.decisions()
    with engine() as con:
        taking = parties(runtime, con, identity, crm, as_of)
        party = taking.get(crm)
        if party is None:
            return Together(taking.day, taking.left_out)
        with Workbench.of(party.streams.accounts) as bench:
            for one in taking.listed:
                one.lay_out(bench)
            lay_out_companies(bench, taking.listed, identity, decisions)
            lay_out_links(bench, taking.listed)
            scored, measured = _judged(runtime, bench, taking, party, is_trial=as_of is not None)
            lay_out_doubts(bench)
            told = problems(bench, taking.listed, party, _sql(taking.day))
        present = shown(con, taking.accounts[crm])
    return Together(
        taking.day, (*taking.found[crm], *scored.problems, *taking.left_out, *told), scored, present, measured
    )


def _sql(day: date) -> str:
    return f"DATE '{day.isoformat()}'"


def _judged(
    runtime: Runtime, bench: Workbench, taking: Parties, party: Party, *, is_trial: bool
) -> tuple[Scored, bool]:
    """The labels of all accounts of the party, and whether its own figures were measured anew."""
    if not is_trial:
        _lay_out_held(runtime, bench, taking.listed)
    leads = [one for one in taking.listed if one.place < party.place and _shares(bench, one, party)]
    kept = kept_portfolio(runtime, party.crm)
    own = _scored(runtime, bench, taking, party, is_trial=is_trial, keyed=bool(leads))
    taken = [_scored(runtime, bench, taking, one, is_trial=is_trial, keyed=True, sharer=party) for one in leads]
    measured = kept is None or own.portfolio.measured_on != kept.measured_on
    if not leads:
        return own, measured
    return replace(own, labels=_merged(bench, runtime, own.labels, [one.labels for one in taken])), measured


def _scored(
    runtime: Runtime,
    bench: Workbench,
    taking: Parties,
    lead: Party,
    *,
    is_trial: bool,
    keyed: bool,
    sharer: Party | None = None,
) -> Scored:
    """The judgement in one CRM's universe: of its own accounts, or of those of another CRM that are the same companies."""
    streams = joined_streams(bench, lead, taking.listed, _sql(taking.day))
    shared = _shared(bench, lead, sharer) if sharer is not None else None
    return score(
        streams,
        runtime.rulebook,
        taking.day,
        kept_portfolio(runtime, lead.crm),
        None if is_trial else _held(bench, lead, taking.listed),
        next_steps=runtime.next_steps,
        own_fields=runtime.own_fields,
        shared=shared,
        keyed=keyed,
    )


def _led(lead: Party, sharer: Party) -> str:
    """Pairs of accounts of companies that no CRM before the lead holds."""
    earlier = f"SELECT account_id FROM same_with WHERE place = {lead.place} AND other_place < {lead.place}"
    return f"""
        SELECT w.account_id, w.other_id FROM same_with AS w
        WHERE w.place = {lead.place} AND w.other_place = {sharer.place} AND w.account_id NOT IN ({earlier})"""


def _shares(bench: Workbench, lead: Party, sharer: Party) -> bool:
    return bool(bench.rows(f"SELECT count(*) AS n FROM ({_led(lead, sharer)}) AS led")[0]["n"])


def _shared(bench: Workbench, lead: Party, sharer: Party) -> ir.Table:
    """The sharer's accounts of companies that the lead's universe judges, with what is their own (its streams are joined by now)."""
    own = ", ".join(f"a.{name}" for name in SHARED)
    return bench.lay(
        f"same_shared_{lead.place}_{sharer.place}",
        f"""SELECT l.account_id, l.other_id, {own} FROM ({_led(lead, sharer)}) AS l
            JOIN same_joined_{sharer.place} AS a ON l.other_id = a.account_id""",
    )


def _lay_out_held(runtime: Runtime, bench: Workbench, listed: Sequence[Party]) -> None:
    for one in listed:
        bench.keep(f"same_held_{one.place}", ibis.memtable(runtime.journal.labels.entries(one.crm)))


def _held(bench: Workbench, party: Party, listed: Sequence[Party]) -> pa.Table:
    """The labels held, by the party's ids: of a company the newest, whichever CRM it was written to."""
    own = f"SELECT account_id, computed_profile, entry FROM same_held_{party.place}"
    others = [
        f"""SELECT w.account_id, h.computed_profile, h.entry FROM same_held_{one.place} AS h
            JOIN same_with AS w ON w.place = {party.place} AND w.other_place = {one.place} AND w.other_id = h.account_id"""
        for one in listed
        if one is not party
    ]
    return bench.arrow(f"""
        SELECT account_id, last(computed_profile ORDER BY entry) AS computed_profile
        FROM ({union([own, *others])}) AS every GROUP BY account_id""")  # fmt: skip


def _merged(bench: Workbench, runtime: Runtime, own: pa.Table, taken: Sequence[pa.Table]) -> pa.Table:
    """The party's labels, those of shared companies as their lead has them; ranked among themselves."""
    theirs = pa.concat_tables(taken, promote_options="permissive")
    bench.keep("same_ids", ibis.memtable(theirs.select(["account_id"])))
    bench.keep("same_own", ibis.memtable(own))
    left = bench.arrow("SELECT * FROM same_own WHERE account_id NOT IN (SELECT account_id FROM same_ids)")
    bench.keep("same_labels", ibis.memtable(pa.concat_tables([left, theirs], promote_options="permissive")))
    return bench.arrow(placed("same_labels", runtime.rulebook))
