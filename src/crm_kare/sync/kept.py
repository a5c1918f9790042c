"""What a run leaves for later ones: the labels' history, the portfolio figures, the rulebook that judged."""

import json
from collections.abc import Collection
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.method import portfolio_to_json
from crm_kare.model import PRESENT_PREFIX
from crm_kare.sync.crm_run import CrmRun
from crm_kare.sync.judge import Judged, present_values
from crm_kare.sync.plan import Plan

_NAMES: Final = ("account_id", "computed_profile", "shown_profile", "badge", "reason")
_LABELS: Final = {"computed_profile": "Computed_Profile", "shown_profile": "Profile", "badge": "Badge"}


def keep_judgement(run: CrmRun, judged: Judged) -> None:
    """After a whole run: every account's label, and the portfolio figures where they were measured anew."""
    journal, now, version = run.runtime.journal, run.runtime.clock.now(), run.runtime.rulebook.stamp
    _record(run, _told(judged), judged)
    if judged.measured:
        figures = json.loads(portfolio_to_json(judged.scored.portfolio))
        journal.notes.keep_portfolio(run.crm, judged.scored.portfolio.measured_on, version, figures, now)
    run.runtime.keep_rulebook()


def keep_landed(run: CrmRun, plan: Plan, landed: Collection[str]) -> None:
    """After a staged or a stopped run, or a saved plan: the labels of the accounts that the CRM holds by now, of those alone, for what is not
    written yet is still to pass the brakes.
    """
    if not landed or plan.undoes:
        return
    told = _told(run.judged) if run.judged is not None else _by_plan(run, plan)
    if told is not None:
        _record(run, told.filter(pc.is_in(told["account_id"], pa.array(sorted(landed), pa.string()))), plan)
        run.runtime.keep_rulebook()


def _record(run: CrmRun, labels: pa.Table, dated: Judged | Plan) -> None:
    run.runtime.journal.labels.record(
        run.run_id,
        run.crm,
        labels,
        as_of=dated.as_of,
        rules_version=run.runtime.rulebook.stamp,
        now=run.runtime.clock.now(),
    )


def _told(judged: Judged) -> pa.Table:
    labels = judged.labels.select(["account_id", "computed_profile", "profile", "badge", "reason"])
    return labels.rename_columns(list(_NAMES))


def _by_plan(run: CrmRun, plan: Plan) -> pa.Table | None:
    """What the accounts of a saved plan hold once it is written; None where the mapping does not write the profiles."""
    written = {one.label.name for one in plan.fields}
    if not {"Profile", "Computed_Profile"} <= written:
        return None
    present = present_values(run.runtime, run.crm)
    columns: dict[str, Any] = {"account_id": plan.accounts["account_id"]}
    for name, label in _LABELS.items():
        columns[name] = _after(plan, present, label)
    columns["reason"] = plan.accounts["why"]
    return pa.table(columns)


def _after(plan: Plan, present: pa.Table, label: str) -> Any:
    """A label's value on each account of the plan: the new one, or where the plan leaves it alone the one that is there."""
    ids = plan.accounts["account_id"]
    changes = plan.changes.filter(pc.equal(plan.changes["label"], pa.scalar(label)))
    place = pc.index_in(ids, changes["account_id"])
    name = f"{PRESENT_PREFIX}{label}"
    held: Any = pa.nulls(present.num_rows, pa.string()) if name not in present.column_names else present[name]
    there = held.take(pc.index_in(ids, present["account_id"]))
    return pc.if_else(pc.is_valid(place), changes["new"].take(place), there)
