"""The steps of a run, each on one CRM: they take what the run holds, and leave what they found."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from zoneinfo import ZoneInfo

from crm_kare.config.mapping import HandEdits, Leaving, Mapping, label_fields, stream_specs
from crm_kare.errors import ConfigError
from crm_kare.labels import Editor
from crm_kare.method import portfolio_to_json
from crm_kare.model import Outcome, OutcomeStatus, Problem
from crm_kare.ports import LabelField, Organisation
from crm_kare.sync.apply import apply, settle
from crm_kare.sync.brakes import check, shrank
from crm_kare.sync.crm_run import CrmRun
from crm_kare.sync.judge import Judged, in_zone, judge, present_values
from crm_kare.sync.plan import Plan, make_plan
from crm_kare.sync.policy import Compared, Policy
from crm_kare.sync.pull import pull
from crm_kare.sync.saved_plan import SavedPlan, require_fresh

_UNKNOWN_SHARE, _APPROVED = "unknown_share", "approved"


def settle_left(run: CrmRun) -> None:
    """Read back what earlier runs left unknown."""
    mapping = run.mapping
    settle(
        run.connector,
        run.runtime.journal,
        run.crm,
        mapping.streams.accounts.source,
        label_fields(mapping, run.connector),
        run.runtime.clock.now(),
    )


def pull_in(run: CrmRun) -> None:
    """Bring the mirror up to date; where it shrank too much, it stays as it was and a brake is noted."""
    runtime, mapping = run.runtime, run.mapping
    mirror = runtime.mirror(run.crm)
    organisation = _organisation(run)
    there, missing = _fields(run, mapping)
    run.list_problems(_missing(run, mapping, missing))
    run.pulled = pull(
        run.connector,
        stream_specs(mapping, there),
        mirror,
        organisation,
        now=runtime.clock.now(),
        full=run.options.full,
        stop=run.asked_to_stop,
        progress=lambda stream, done, total: run.tell(f"pull {stream}", done, total),
    )
    run.list_problems(run.pulled.problems)
    tripped = shrank(run.pulled, runtime.project.brakes, run.options.leave)
    run.brakes += tripped
    if tripped:
        mirror.discard()
    else:
        mirror.accept()


def judge_all(run: CrmRun) -> Judged:
    """Facts, labels and reasons of every account, from the mirror."""
    run.tell("score", 0, None)
    judged = run.judged = judge(run.runtime, run.crm, as_of=run.options.as_of)
    run.as_of = judged.as_of
    run.list_problems(judged.problems)
    return judged


def plan_changes(run: CrmRun, judged: Judged) -> Plan:
    """What the CRM holds against what it should hold."""
    journal, mapping = run.runtime.journal, run.mapping
    run.tell("plan", 0, judged.labels.num_rows)
    held = journal.labels.held(run.crm)
    plan = run.plan = make_plan(
        run.crm,
        mapping.streams.accounts.source,
        judged.as_of,
        Compared(
            judged.labels,
            judged.present,
            journal.changes.last_written(run.crm),
            held if held.num_rows else None,
            ranked=judged.measured,
        ),
        _policy(run, mapping),
        scope=run.options.scope(journal.changes.waiting(run.crm, run.runtime.clock.now())),
    )
    run.list_problems(_conflicts(plan))
    run.list_problems(_waiting(run.crm, plan))
    return plan


def brake(run: CrmRun, plan: Plan) -> None:
    """Note every brake that the plan trips."""
    metrics = run.runtime.journal.notes.metrics(run.crm)
    run.brakes += check(
        plan,
        metrics.get(_UNKNOWN_SHARE),
        run.runtime.project.brakes,
        first_run=not metrics.get(_APPROVED),
        leave=run.options.leave,
    )


def take_saved(run: CrmRun, saved: SavedPlan) -> Plan:
    """Make a saved plan the run's plan; `UnsafePlan` where the CRM moved since."""
    mapping = run.mapping
    require_fresh(saved, run.crm, label_fields(mapping, run.connector), present_values(run.runtime, run.crm))
    run.plan, run.as_of = saved.plan, saved.plan.as_of
    run.runtime.journal.notes.mark_applied(run.crm, saved.digest, run.run_id, run.runtime.clock.now())
    return saved.plan


def write(run: CrmRun, plan: Plan) -> None:
    """Write the plan, then keep what the next run compares with."""
    runtime = run.runtime
    read_at = runtime.mirror(run.crm).pulled_at() or runtime.clock.now()
    _require_fields(run, plan)
    _keep_approval(run, plan)
    run.outcomes[OutcomeStatus.CONFLICT] += plan.conflict_accounts()
    done = 0
    for outcomes in apply(
        run.connector,
        runtime.journal,
        plan,
        run.run_id,
        runtime.clock,
        read_at=read_at,
        stop=run.asked_to_stop,
    ):
        done += len(outcomes)
        run.tally(outcomes)
        run.list_problems(_refusals(run, plan, outcomes))
        run.tell("apply", done, plan.accounts.num_rows)
    if run.judged is not None:
        _keep_judgement(run, run.judged)


def _organisation(run: CrmRun) -> Organisation:
    """Who we are logged in to, and its rates; asked by the first run of a day, so that deals closed that day meet its rate.

    Files are asked at every run: their mapping tells it, and may have changed.
    """
    journal, now = run.runtime.journal, run.runtime.clock.now()
    kept = journal.notes.organisation(run.crm)
    if kept is not None and run.connector.capabilities.provisions:
        organisation = in_zone(run.mapping, kept[0])
        if _day(kept[1], organisation) == _day(now, organisation):
            return organisation
    told = run.connector.organisation()
    organisation = in_zone(run.mapping, told)
    journal.rates.remember(run.crm, told.currency, told.rates, day=_day(now, organisation), now=now)
    journal.notes.keep_organisation(run.crm, told, now)
    return organisation


def _day(moment: datetime, organisation: Organisation) -> date:
    return moment.astimezone(ZoneInfo(organisation.timezone)).date()


def _fields(run: CrmRun, mapping: Mapping) -> tuple[list[LabelField], list[LabelField]]:
    """The label fields that are in the CRM, and those that are not. A connector that needs no fields has them all."""
    fields = label_fields(mapping, run.connector)
    if not run.connector.capabilities.provisions:
        return list(fields), []
    there = {info.name.casefold() for info in run.connector.schema(mapping.streams.accounts.source)}
    return (
        [one for one in fields if one.field.casefold() in there],
        [one for one in fields if one.field.casefold() not in there],
    )


def _missing(run: CrmRun, mapping: Mapping, missing: list[LabelField]) -> Iterator[Problem]:
    source = mapping.streams.accounts.source
    run.missing = frozenset(one.field for one in missing)
    for one in missing:
        yield Problem(
            "label-missing",
            f"{source}.{one.field} ({one.label.title}) is not there, or this user may not see it.",
            f"Run `crm-kare provision {run.crm}`.",
            level="error" if one.label.editor is Editor.OURS else "warning",
        )


def _require_fields(run: CrmRun, plan: Plan) -> None:
    absent = [one.field for one in plan.fields if one.field in run.missing]
    if absent and not plan.empty():
        raise ConfigError(
            f"{plan.source} has no field {', '.join(absent)}, or this user may not see it; nothing was written.",
            fix=f"Run `crm-kare provision {run.crm}`.",
            where=run.crm,
            code="label-missing",
        )


def _policy(run: CrmRun, mapping: Mapping) -> Policy:
    return Policy(
        label_fields(mapping, run.connector),
        restore=mapping.labels.hand_edits is HandEdits.RESTORE,
        clear_leavers=mapping.labels.leaving is Leaving.CLEAR,
    )


def _conflicts(plan: Plan) -> Iterator[Problem]:
    """One problem per account that is held back."""
    for account_id, cells in groupby(plan.conflicts.to_pylist(), key=itemgetter("account_id")):
        labels = ", ".join(cell["label"] for cell in cells)
        yield Problem(
            "conflict",
            f"A person changed {labels} since our last write; the labels of this account are held back.",
            "Empty the field, set an override instead, or set `hand_edits: restore` in the mapping.",
            account_id,
            level="warning",
        )


def _waiting(crm: str, plan: Plan) -> list[Problem]:
    if not plan.waiting:
        return []
    told = f"{plan.waiting} accounts wait, because the CRM refused their last write."
    return [Problem("waiting", told, f"Mend what it said, then run `crm-kare retry {crm}`.", level="info")]


def _refusals(run: CrmRun, plan: Plan, outcomes: list[Outcome]) -> Iterator[Problem]:
    """What the CRM refused, what a person moved in the meantime, and what nobody knows."""
    for one in outcomes:
        if one.status is OutcomeStatus.REJECTED:
            where = f"{run.connector.record_url(plan.source, one.account_id)} {one.field}".strip()
            yield Problem(one.code or "rejected", one.message, one.fix, one.account_id, where)
        elif one.status is OutcomeStatus.CONFLICT:
            yield Problem(
                "moved",
                "The account changed while we wrote it.",
                "The next run looks again.",
                one.account_id,
                level="info",
            )
        elif one.status is OutcomeStatus.UNKNOWN:
            yield Problem(
                "unknown",
                "The CRM's answer was lost.",
                "The next run reads the account back.",
                one.account_id,
                level="warning",
            )


def _keep_approval(run: CrmRun, plan: Plan) -> None:
    """From the first write of the whole CRM on, later runs need no approval; noted before it, so that a stopped run goes on."""
    notes, now = run.runtime.journal.notes, run.runtime.clock.now()
    approved = notes.metrics(run.crm).get(_APPROVED, 0.0) or float(plan.whole and not plan.empty())
    notes.keep_metrics(run.crm, {_UNKNOWN_SHARE: plan.unknown_share, _APPROVED: approved}, now)


def _keep_judgement(run: CrmRun, judged: Judged) -> None:
    """The labels' history, and the portfolio figures where they were measured anew."""
    journal, now, version = run.runtime.journal, run.runtime.clock.now(), run.runtime.rulebook.stamp
    labels = judged.labels.select(["account_id", "computed_profile", "profile", "badge", "reason"])
    names = ["account_id", "computed_profile", "shown_profile", "badge", "reason"]
    journal.labels.record(
        run.run_id, run.crm, labels.rename_columns(names), as_of=judged.as_of, rules_version=version, now=now
    )
    if judged.measured:
        figures = json.loads(portfolio_to_json(judged.scored.portfolio))
        journal.notes.keep_portfolio(run.crm, judged.scored.portfolio.measured_on, version, figures, now)
