"""The steps of a run, each on one CRM: they take what the run holds, and leave what they found."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from crm_kare.config.mapping import HandEdits, Leaving, Mapping, label_fields
from crm_kare.errors import BusyError, ConfigError, KareError
from crm_kare.model import Outcome, OutcomeStatus, Problem
from crm_kare.sync.apply import apply, settle
from crm_kare.sync.brakes import check
from crm_kare.sync.crm_run import CrmRun
from crm_kare.sync.judge import Judged, judge, known_organisation, present_values, today
from crm_kare.sync.kept import keep_judgement, keep_landed
from crm_kare.sync.people import conflicts
from crm_kare.sync.placed import begin, settle_moved, written_elsewhere
from crm_kare.sync.plan import Plan, make_plan
from crm_kare.sync.policy import Compared, Policy
from crm_kare.sync.saved_plan import SavedPlan, require_fresh
from crm_kare.sync.traced import traced
from crm_kare.sync.undone import GONE, MOVED, UNMAPPED, Undoing
from crm_kare.sync.undone import undo_plan as make_undo
from crm_kare.sync.unmapped import Unmapped, unmapped

_UNKNOWN_SHARE, _APPROVED = "unknown_share", "approved"
_LANDED = (OutcomeStatus.CHANGED, OutcomeStatus.SAME)


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


@traced("score")
def judge_all(run: CrmRun) -> Judged:
    """Facts, labels and reasons of every account, from the mirror."""
    run.tell("score", 0, None)
    judged = run.judged = judge(run.runtime, run.crm, as_of=run.options.as_of)
    run.as_of = judged.as_of
    run.list_problems(judged.problems)
    return judged


@traced("plan")
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
            elsewhere=written_elsewhere(run),
        ),
        _policy(run, mapping),
        scope=run.options.scope(journal.changes.waiting(run.crm, run.runtime.clock.now())),
    )
    run.list_problems(conflicts(run, plan))
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
        undone=run.runtime.journal.undos.holding(run.crm),
        appeared=_appeared(run) if not plan.empty() else (),
        leave=run.options.leave,
    )


def _appeared(run: CrmRun) -> tuple[Unmapped, ...]:
    """Values that the mapping does not know, and that were not there at the last run that passed."""
    known = run.runtime.journal.notes.unmapped(run.crm)
    if known is None:
        return ()
    return tuple(one for one in unmapped(run.runtime, run.crm) if one.key not in known)


def take_saved(run: CrmRun, saved: SavedPlan) -> Plan:
    """Make a saved plan the run's plan; `UnsafePlan` where the CRM moved since."""
    mapping = run.mapping
    require_fresh(saved, run.crm, label_fields(mapping, run.connector), present_values(run.runtime, run.crm))
    run.plan, run.as_of = saved.plan, saved.plan.as_of
    run.runtime.journal.notes.mark_applied(run.crm, saved.digest, run.run_id, run.runtime.clock.now())
    return saved.plan


def plan_undo(run: CrmRun, run_id: str) -> Undoing:
    """What takes back the changes of a run, and what it has to leave."""
    runtime, mapping = run.runtime, run.mapping
    run.as_of = today(runtime, known_organisation(runtime, run.crm))
    undoing = make_undo(
        run_id,
        run.crm,
        mapping.streams.accounts.source,
        run.as_of,
        runtime.journal.undos.changed_by(run_id),
        present_values(runtime, run.crm),
        tuple(one for one in _policy(run, mapping).owned if one.field not in run.missing),
    )
    run.plan = undoing.plan
    run.list_problems(_left(undoing))
    return undoing


def _left(undoing: Undoing) -> Iterator[Problem]:
    """One problem per account with values that an undo leaves as they are."""
    for (account_id, why), cells in groupby(undoing.left.to_pylist(), key=itemgetter("account_id", "why")):
        told, fix = _LEAVES[why]
        labels = ", ".join(cell["label"] for cell in cells)
        yield Problem("undo-left", told.format(labels=labels), fix, account_id, level="warning")


_LEAVES = {
    MOVED: ("The CRM no longer holds what the run wrote: {labels} stay as they are.", "Mend them by hand, if need be."),
    GONE: ("The account is gone.", ""),
    UNMAPPED: (
        "The mapping no longer writes the fields that the run wrote, or they are gone: {labels} stay as they are.",
        "Put them back into the mapping, and undo again.",
    ),
}


@traced("apply")
def write(run: CrmRun, plan: Plan) -> None:
    """Write the plan, then keep what the next run compares with."""
    runtime = run.runtime
    read_at = runtime.mirror(run.crm).pulled_at() or runtime.clock.now()
    _require_fields(run, plan)
    if not plan.undoes:
        _keep_approval(run, plan)
    elif not plan.empty():
        runtime.journal.undos.begin(run.run_id, run.crm, plan.undoes, runtime.clock.now())
    begin(run)
    run.outcomes[OutcomeStatus.CONFLICT] += plan.conflict_accounts()
    landed: set[str] = set()
    try:
        _apply(run, plan, read_at, landed)
    except BusyError:
        raise
    except KareError:
        keep_landed(run, plan, landed)
        raise
    if plan.whole:
        settle_moved(run)
    if run.judged is not None and plan.whole:
        keep_judgement(run, run.judged)
    else:
        keep_landed(run, plan, landed)
    if plan.undoes:
        runtime.journal.undos.restore_labels(run.run_id, run.crm, plan.undoes, plan.as_of, runtime.clock.now())


def _apply(run: CrmRun, plan: Plan, read_at: datetime, landed: set[str]) -> None:
    """Write batch after batch; `landed` takes the accounts that hold what was planned."""
    done = 0
    for outcomes in apply(
        run.connector,
        run.runtime.journal,
        plan,
        run.run_id,
        run.runtime.clock,
        read_at=read_at,
        stop=run.asked_to_stop,
    ):
        done += len(outcomes)
        landed.update(one.account_id for one in outcomes if one.status in _LANDED)
        run.tally(outcomes)
        run.list_problems(_refusals(run, plan, outcomes))
        run.tell("apply", done, plan.accounts.num_rows)


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
            told = one.message or "The account changed while we wrote it."
            yield Problem(
                one.code or "moved", told, one.fix or "The next run looks again.", one.account_id, level="info"
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
    if plan.whole:
        run.runtime.journal.undos.release(run.crm)
    if plan.whole and not plan.empty():
        notes.keep_unmapped(run.crm, [one.key for one in unmapped(run.runtime, run.crm)], now)


def forget_old(run: CrmRun) -> None:
    """Forget what the project's retention says, a part at every run."""
    runtime, kept = run.runtime, run.runtime.project.retention
    now = runtime.clock.now()
    runtime.journal.retention.forget_runs(run.crm, now - timedelta(days=kept.runs_days))
    if kept.labels_days:
        runtime.journal.retention.forget_labels(run.crm, (now - timedelta(days=kept.labels_days)).date())
