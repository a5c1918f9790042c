"""Facts and rulebook to labels with reasons: the rules core's one door."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from crm_kare.config.rulebook import Rulebook, expression_columns
from crm_kare.method.account_class import classed
from crm_kare.method.events import lay_out
from crm_kare.method.facts import lay_out_facts
from crm_kare.method.icp import Asked, criteria_on, lay_out_icp
from crm_kare.method.plan_test import planned
from crm_kare.method.portfolio import Portfolio, figures, is_due, proposals, renewed, usual_gap
from crm_kare.method.profile import lay_out_profile
from crm_kare.method.ranking import keys, placed
from crm_kare.method.reasons import lay_out_reasons
from crm_kare.method.room import lay_out_room
from crm_kare.method.sanity import data_problems, portfolio_problems
from crm_kare.method.streams import JUDGED_WITH, Streams
from crm_kare.method.words import day_of, unpacked
from crm_kare.method.workbench import Workbench, cases, quoted
from crm_kare.model import EXTRA_PREFIX, Kind, Motion, Problem

_EPOCH: Final = date(1970, 1, 1)
_MOTIONS: Final = {
    "Attain": Motion.ACQUIRE,
    "Expand": Motion.GROW,
    "Recapture": Motion.REACTIVATE,
    "Keep": Motion.RETAIN,
}
_FOR_SANITY: Final = "situation, undated, contract_months, renewal_on"
_ONLY_FOR_FACTS: Final = ("kare_days", "kare_events", "kare_lines", "kare_oddities", "kare_deals")
HELD: Final = pa.schema([("account_id", pa.string()), ("computed_profile", pa.string())])
"""What is read of the labels held; further columns do no harm."""


@dataclass(frozen=True)
class Scored:
    """Labels of every account, sorted by account id; the portfolio figures they rest on; what is wrong in the data."""

    labels: pa.Table
    portfolio: Portfolio
    problems: tuple[Problem, ...]


def score(
    streams: Streams,
    rulebook: Rulebook,
    as_of: date,
    portfolio: Portfolio | None = None,
    held: pa.Table | None = None,
    *,
    next_steps: Mapping[str, str] | None = None,
    own_fields: Mapping[str, Kind] | None = None,
    shared: ir.Table | None = None,
    keyed: bool = False,
) -> Scored:
    """Judge every account as of the end of a day.

    Args:
        streams: canonical tables of one CRM.
        rulebook: the rules.
        as_of: the day; nothing dated later counts as having happened.
        portfolio: figures measured earlier; measured anew where None or due.
        held: the labels held before (`HELD`), None on a first run, for `--as-of` and for a backtest.
        next_steps: text of `next_step` by profile, and `Retire`.
        own_fields: fields that the project's mappings add, with their kinds; those this CRM doesn't map are not asked.
        shared: accounts of another CRM that are the same companies: `account_id` here, `other_id` there, and what is
            their own (`SHARED`). The labels are then theirs alone.
        keyed: without ranks, and with the columns that `placed` ranks by.

    Returns:
        labels with the columns of the Contract's `score --format json`, less `crm`.
    """
    day = (as_of - _EPOCH).days
    with Workbench.of(streams.accounts) as bench:
        lay_out(bench, streams, day, rulebook.confirm_days)
        measured = _measured(bench, streams, rulebook, as_of, portfolio)
        bench.drop(*_ONLY_FOR_FACTS)
        columns = expression_columns({**(own_fields or {}), **_extras(streams)})
        on, off = criteria_on(rulebook, measured, streams.mapped, columns)
        bench.keep(
            "kare_held", ibis.memtable((held if held is not None else HELD.empty_table()).select(HELD.names).cast(HELD))
        )
        lay_out_icp(bench, on, rulebook, columns, "kare_held")
        lay_out_room(bench, rulebook, measured)
        lay_out_profile(bench, rulebook, measured, streams.mapped, on)
        source = "kare_profiled" if shared is None else _handed(bench, shared)
        _lay_out_labels(bench, source, rulebook, measured, on, day, streams, next_steps or {})
        labels = bench.arrow(_KEYED if keyed else placed("kare_labels", rulebook, but=_FOR_SANITY))
        problems = (*data_problems(bench, on, off), *portfolio_problems(labels, measured))
    return Scored(labels, measured, problems)


def _measured(bench: Workbench, streams: Streams, rulebook: Rulebook, as_of: date, held: Portfolio | None) -> Portfolio:
    """The portfolio figures, and `kare_facts` made with their usual gap.

    The figures held stay, unless there are none, or the measuring day has come and one of them moved enough.
    """
    day = (as_of - _EPOCH).days
    if held is not None and not is_due(held, as_of, rulebook.portfolio.measuring_day):
        lay_out_facts(bench, streams, held.usual_gap, day, rulebook)
        return held
    gap, is_measured, repeat = usual_gap(bench, rulebook)
    lay_out_facts(bench, streams, gap, day, rulebook)
    found = figures(bench, rulebook)
    proposed = proposals(bench, rulebook, streams.mapped)
    fresh = Portfolio(
        measured_on=as_of, usual_gap=gap, measured_gap=is_measured, repeat_accounts=repeat, proposed=proposed, **found
    )
    chosen = fresh if held is None else renewed(held, fresh, rulebook.portfolio.moved_by)
    if chosen.usual_gap != gap:
        lay_out_facts(bench, streams, chosen.usual_gap, day, rulebook)
    return chosen


_KEYED: Final = f"SELECT * EXCLUDE ({_FOR_SANITY}) FROM kare_labels ORDER BY account_id"

SHARED: Final = (
    "name",
    "owner",
    "owner_id",
    "override",
    "override_reason",
    "override_until",
    "class_override",
    JUDGED_WITH,
)
"""What an account of another CRM keeps of its own where it takes a company's labels."""


def _handed(bench: Workbench, shared: ir.Table) -> str:
    """Make the view `kare_handed`: the judgement of each company, once for every account of `shared`."""
    bench.keep("kare_shared", shared)
    own = ", ".join(["s.other_id AS account_id", *(f"s.{name} AS {name}" for name in SHARED)])
    return bench.view(
        "kare_handed",
        f"SELECT p.* REPLACE ({own}) FROM kare_profiled AS p JOIN kare_shared AS s ON p.account_id = s.account_id",
    )


def _lay_out_labels(
    bench: Workbench,
    source: str,
    rulebook: Rulebook,
    portfolio: Portfolio,
    on: tuple[Asked, ...],
    day: int,
    streams: Streams,
    steps: Mapping[str, str],
) -> None:
    """Override, motion, next step, plan test, class, reasons, and what the rank goes by: the step `kare_labels`."""
    motions = [(f"profile = '{profile}'", quoted(motion)) for profile, motion in _MOTIONS.items()]
    motions.append(("retired AND profile IS NULL AND NOT overridden", quoted(Motion.RETIRE)))
    next_steps = [
        (f"profile = {quoted(name)} OR motion = {quoted(name)}", quoted(text)) for name, text in sorted(steps.items())
    ]
    bench.view("kare_shown", f"""
        WITH chosen AS (
            SELECT *, override IS NOT NULL AND coalesce(override_until >= {day_of(str(day))}, TRUE) AS overridden FROM {source}
        ), shown AS (
            SELECT *, CASE WHEN overridden THEN nullif(override, 'None') ELSE computed_profile END AS profile FROM chosen
        ), moving AS (SELECT *, {cases(*motions)} AS motion FROM shown)
        SELECT *, CAST({cases(*next_steps)} AS VARCHAR) AS next_step FROM moving""")  # fmt: skip
    bench.view("kare_planned", planned("kare_shown", rulebook, portfolio, on))
    bench.view("kare_classed", classed("kare_planned", rulebook, portfolio, day))
    together = JUDGED_WITH in streams.accounts.columns
    lay_out_reasons(bench, "kare_classed", rulebook, portfolio, on, streams.currency, together=together)
    bench.step("kare_labels", _columns(on, rulebook, streams.currency))


def _extras(streams: Streams) -> dict[str, Kind]:
    """The admin's own fields with their kinds, read off the table."""
    kinds = {"string": Kind.TEXT, "boolean": Kind.BOOL, "date": Kind.DATE}
    return {
        name.removeprefix(EXTRA_PREFIX): kinds.get(str(kind), Kind.NUMBER)
        for name, kind in streams.accounts.schema().items()
        if name.startswith(EXTRA_PREFIX)
    }


def _columns(on: tuple[Asked, ...], rulebook: Rulebook, currency: str) -> str:
    """The Contract's columns, in its order; then what the planner and the checks need beside them."""
    answers = ", ".join(f"{quoted(one.name)}: icp_{one.name}" for one in on)
    icp = f"{{{answers}}}" if answers else "CAST(NULL AS STRUCT(none VARCHAR))"
    return f"""
        SELECT account_id, name, owner, profile, computed_profile, motion, badge, reason, {unpacked("reasons")} AS reasons, runner_up, {unpacked("unknown")} AS unknown,
               icp_score, icp_tier, icp_completeness, {icp} AS icp, plan_test, {unpacked("plan_answers")} AS plan_answers, plan_warranted, class, {unpacked("class_warnings")} AS class_warnings,
               lapsed, CASE WHEN lapsed THEN {day_of("lapsed_on")} END AS lapsed_since, CAST(events AS BIGINT) AS events,
               last_event_on, expected_gap_days, round(overdue, 3) AS overdue, round(effective_orders, 3) AS effective_orders,
               revenue_window, next_step, {quoted(rulebook.stamp)} AS rules_version, {quoted(currency)} AS currency,
               owner_id, CAST(NULL AS BIGINT) AS rank, window_days, overridden, class_override IS NOT NULL AS class_chosen, {_FOR_SANITY}, {keys()}
        FROM kare_reasoned"""
