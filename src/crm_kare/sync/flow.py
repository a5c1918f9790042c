"""The way of the data, in order: pull, mirror, facts and score, plan, brakes, apply. Doors call this and nothing below."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from crm_kare.errors import UsageError
from crm_kare.journal import UNDO
from crm_kare.model import Problem
from crm_kare.sync.crm_run import CrmRun, Options, Progress
from crm_kare.sync.judge import Judged, judge
from crm_kare.sync.people import know_overrides
from crm_kare.sync.plan import Plan, plan_hash
from crm_kare.sync.refresh import pull_in
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime
from crm_kare.sync.saved_plan import SavedPlan, load
from crm_kare.sync.steps import brake, forget_old, judge_all, plan_changes, plan_undo, settle_left, take_saved, write
from crm_kare.sync.undone import Undoing

__all__ = [
    "Options",
    "Progress",
    "apply_saved",
    "plan_only",
    "pull_only",
    "retry",
    "score_only",
    "sync",
    "undo",
    "undo_plan",
]

_PLAIN: Final = Options()
_BRAKED: Final = 6


def _never() -> bool:
    return False


def _silent(_crm: str, _step: str, _done: int, _total: int | None) -> None:
    """Tell nobody."""


def sync(
    runtime: Runtime,
    crms: Sequence[str] = (),
    options: Options = _PLAIN,
    *,
    stop: Callable[[], bool] = _never,
    progress: Progress = _silent,
) -> list[RunResult]:
    """One whole run over the CRMs named, or all: every plan is made and every brake asked before anything is written.

    Args:
        runtime: the open project.
        crms: names of CRMs; none = all.
        options: what the caller asks.
        stop: asked at page and batch borders; the run then ends there, and the next one goes on.
        progress: told as the work goes on.

    Returns:
        One result per CRM, whatever became of it: an error of one CRM is in its result, and the others go on.

    Raises:
        UsageError: there is no CRM of that name.
    """
    with _runs(runtime, crms, options, _verb(options), stop, progress) as runs:
        for run in runs:
            run.attempt(_bring_in)
        for run in runs:  # once all mirrors are new: a company may stand in several CRMs
            run.attempt(_decide)
        if not options.dry_run:
            _refuse_braked(runs)
        for run in runs:
            if options.dry_run:
                run.list_problems(run.brakes)
            elif run.plan is not None:
                run.attempt(_write)
            run.finish()
    return [run.result() for run in runs]


def _verb(options: Options) -> str:
    """What the journal calls the run."""
    if options.dry_run:
        return "plan"
    return "webhook" if options.touched else "sync"


def _prepare(run: CrmRun) -> None:
    """All steps before the first write."""
    _bring_in(run)
    if not run.ended:
        _decide(run)


def _bring_in(run: CrmRun) -> None:
    """What the CRM holds by now."""
    settle_left(run)
    pull_in(run)
    if not run.ended:
        know_overrides(run)


def _decide(run: CrmRun) -> None:
    """What it should hold, and whether that may be written."""
    judged = judge_all(run)
    plan = plan_changes(run, judged)
    brake(run, plan)


def _write(run: CrmRun) -> None:
    if run.plan is not None:
        write(run, run.plan)
        forget_old(run)


def plan_only(
    runtime: Runtime,
    crm: str,
    options: Options = _PLAIN,
    *,
    stop: Callable[[], bool] = _never,
    progress: Progress = _silent,
) -> tuple[RunResult, Plan | None]:
    """Pull and plan; brakes are among the problems. No plan where the run failed."""
    with _runs(runtime, [crm], replace(options, dry_run=True), "plan", stop, progress) as runs:
        (run,) = runs
        run.attempt(_prepare)
        run.list_problems(run.brakes)
        run.finish()
    return run.result(), None if run.failed else run.plan


def pull_only(
    runtime: Runtime,
    crm: str,
    *,
    full: bool = False,
    stop: Callable[[], bool] = _never,
    progress: Progress = _silent,
) -> RunResult:
    """Bring the mirror up to date; refused where it would shrink too much, unless everything is pulled anew."""
    with _runs(runtime, [crm], Options(full=full, force=full), "pull", stop, progress) as runs:
        (run,) = runs
        run.attempt(pull_in)
        _refuse_braked(runs)
        run.finish()
    return run.result()


def retry(runtime: Runtime, crm: str, *, stop: Callable[[], bool] = _never, progress: Progress = _silent) -> RunResult:
    """A whole run in which the accounts that the CRM refused wait no longer.

    Raises:
        UsageError: there is no CRM of that name.
    """
    runtime.project.crm(crm)
    runtime.journal.changes.retry_now(crm, runtime.clock.now())
    (result,) = sync(runtime, [crm], stop=stop, progress=progress)
    return result


def score_only(runtime: Runtime, crm: str, *, as_of: date | None = None) -> Judged:
    """Judge from the mirror: no network, nothing written.

    Raises:
        ConfigError: nothing was pulled yet, or the mapping or the rulebook is wrong.
    """
    runtime.project.crm(crm)
    return judge(runtime, crm, as_of=as_of)


def apply_saved(
    runtime: Runtime,
    crm: str,
    path: Path,
    *,
    stop: Callable[[], bool] = _never,
    progress: Progress = _silent,
) -> RunResult:
    """Pull, then apply a saved plan exactly as it was looked at; that somebody applies it is the approval.

    Refused, with nothing written, where it was altered, is another CRM's, or the CRM moved since.

    Raises:
        UsageError: there is no such file, it is no plan, or there is no CRM of that name.
    """
    with _runs(runtime, [crm], _PLAIN, "apply", stop, progress) as runs:
        (run,) = runs
        run.attempt(lambda one: _apply_saved(one, path))
        _refuse_braked(runs)
        run.attempt(_write)
        run.finish()
    return run.result()


def undo_plan(
    runtime: Runtime, run_id: str, *, stop: Callable[[], bool] = _never, progress: Progress = _silent
) -> tuple[RunResult, Undoing | None]:
    """Pull, and plan what would take back the changes of a run; nothing is written. No plan where the run failed.

    Raises:
        UsageError: there is no such run, or its CRM is no longer in the project.
    """
    crm = _undoable(runtime, run_id)
    found: list[Undoing] = []
    with _runs(runtime, [crm], replace(_PLAIN, dry_run=True), "plan", stop, progress) as runs:
        (run,) = runs
        run.attempt(lambda one: found.append(_plan_undo(one, run_id)))
        run.list_problems(run.brakes)
        run.finish()
    return run.result(), found[0] if found and not run.failed else None


def undo(
    runtime: Runtime,
    run_id: str,
    looked_at: Plan | None = None,
    *,
    stop: Callable[[], bool] = _never,
    progress: Progress = _silent,
) -> tuple[RunResult, Undoing | None]:
    """Pull, then take back what a run changed, wherever the CRM still holds our value; the rest is among the problems.

    From then on every run of that CRM which would write anything needs approval: it would write the same again.

    Args:
        runtime: the open project.
        run_id: the run to undo.
        looked_at: the plan of `undo_plan` that was approved; refused where the CRM moved since. None = a new one.
        stop: as in `sync`.
        progress: as in `sync`.

    Returns:
        How it went, and what was planned and left; None where the run failed before.

    Raises:
        UsageError: as in `undo_plan`.
    """
    crm = _undoable(runtime, run_id)
    found: list[Undoing] = []
    with _runs(runtime, [crm], _PLAIN, UNDO, stop, progress) as runs:
        (run,) = runs
        run.attempt(lambda one: found.append(_undo(one, run_id, looked_at)))
        _refuse_braked(runs)
        run.attempt(_write)
        run.finish()
    return run.result(), found[0] if found else None


def _undo(run: CrmRun, run_id: str, looked_at: Plan | None) -> Undoing:
    undoing = _plan_undo(run, run_id)
    if looked_at is not None and not run.brakes:
        take_saved(run, SavedPlan(looked_at, plan_hash(looked_at), run.runtime.clock.now()))
    return undoing


def _plan_undo(run: CrmRun, run_id: str) -> Undoing:
    settle_left(run)
    pull_in(run)
    return plan_undo(run, run_id)


def _undoable(runtime: Runtime, run_id: str) -> str:
    """The CRM of a run that can be undone."""
    found = runtime.journal.runs.get(run_id)
    if found is None:
        raise UsageError("there is no run of that id.", fix="`crm-kare history` lists them.", where=run_id)
    runtime.project.crm(found.crm)
    return found.crm


def _apply_saved(run: CrmRun, path: Path) -> None:
    saved: SavedPlan = load(path)
    settle_left(run)
    pull_in(run)
    take_saved(run, saved)


def _refuse_braked(runs: Sequence[CrmRun]) -> None:
    """Where one CRM trips a brake, nothing is written in any CRM of the run."""
    tripped = [run.crm for run in runs if run.brakes and not run.ended]
    if not tripped:
        return
    other = Problem(
        "brake-elsewhere",
        f"Nothing was written, because {', '.join(tripped)} tripped a brake in the same run.",
        "See its problems, or run this CRM alone.",
    )
    for run in runs:
        if not run.ended:
            run.refuse(run.brakes or [other], _BRAKED)


@contextmanager
def _runs(
    runtime: Runtime,
    crms: Sequence[str],
    options: Options,
    verb: str,
    stop: Callable[[], bool],
    progress: Progress,
) -> Iterator[list[CrmRun]]:
    """The runs with their leases and records, which end with the block."""
    names = tuple(dict.fromkeys(crms or runtime.project.crms))
    for name in names:
        runtime.project.crm(name)
    with ExitStack() as stack:
        runs = [CrmRun(runtime, name, options, stop=stop, progress=progress) for name in names]
        for run in runs:
            run.attempt(lambda one: one.open(stack, verb))
        yield runs
