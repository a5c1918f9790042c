"""Commands on the journal: history, show, rejected, undo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, interrupted, opened, print_json, stoppable
from crm_kare.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from crm_kare.journal import Journal
    from crm_kare.sync.result import RunResult
    from crm_kare.sync.runtime import Runtime
    from crm_kare.sync.undone import Undoing

RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `history` lists it.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write what was refused to a CSV file.")]

_LEFT: Final = ("account_id", "label", "before", "ours", "present", "why")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Run")(undo)
    app.command(rich_help_panel="Read")(history)
    app.command(rich_help_panel="Read")(show)
    app.command(rich_help_panel="Read")(rejected)


def history(
    crm: Annotated[str | None, typer.Argument(metavar="CRM", help="Name of a CRM; none = all.")] = None,
    project: ProjectOption = Path(),
    newest: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many runs.")] = 20,
    as_json: JsonOption = False,
) -> int:
    """The runs so far, newest first."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        if crm:
            runtime.project.crm(crm)
        runs, now = runtime.journal.runs.newest(crm, newest), runtime.clock.now()
        standings = runtime.journal.schedules.all()
        paused = [
            name
            for name in ([crm] if crm else runtime.project.crms)
            if name in standings and standings[name].paused(now)
        ]
    if as_json:
        print_json({"runs": [_run(one) for one in runs], "paused": paused})
        return 0
    rows = []
    for one in runs:
        planned, applied = one.summary.get("planned", {}), one.summary.get("applied", {})
        wrote = ", ".join(f"{name} {count}" for name, count in applied.items() if count)
        rows.append(
            (
                one.run_id,
                one.crm,
                one.verb,
                one.status.value,
                f"{one.started_at:%Y-%m-%d %H:%M:%S}",
                planned.get("accounts"),
                wrote,
            )
        )
    screen.table(("run", "crm", "verb", "status", "started (UTC)", "planned", "written"), rows)
    for name in paused:
        screen.say(f"{name} is paused: `crm-kare status`.", "yellow")
    return 0


def show(
    run: RunId,
    project: ProjectOption = Path(),
    refused: Annotated[bool, typer.Option("--rejected", help="Only what the CRM refused, with cause and fix.")] = False,
    output: Output = None,
    as_json: JsonOption = False,
) -> int:
    """What a run did: its numbers, its problems, and every change with from, to, why and outcome."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        found = runtime.journal.runs.get(run)
        if found is None:
            raise UsageError("there is no run of that id.", fix="`crm-kare history` lists them.", where=run)
        if refused or output is not None:
            return _tell_rejected(_of_run(runtime, found.crm, run), output, as_json=as_json)
        changes = _changes(runtime.journal, run)
    if as_json:
        print_json({**_run(found), "changes": changes})
        return 0
    screen.say(f"{found.verb} of {found.crm}: {found.status.value}", "bold")
    for problem in found.summary.get("problems", []):
        screen.say(f"  {problem['code']}: {problem['message']} {problem['fix']}")
    columns = ("account_id", "label", "old", "new", "outcome", "code")
    screen.table(columns, ([change[name] for name in columns] for change in changes), f"{len(changes)} changes")
    return 0


def _of_run(runtime: "Runtime", crm: str, run: str) -> "pa.Table":
    from crm_kare.report.rejections import rejections  # noqa: PLC0415  heavy

    return rejections(runtime, crm, runtime.journal.refusals.of_run(run))


def _run(run: Any) -> dict[str, Any]:
    times = {"started_at": run.started_at.isoformat(), "ended_at": run.ended_at.isoformat() if run.ended_at else None}
    return {
        **dict(run.summary),
        "run_id": run.run_id,
        "crm": run.crm,
        "verb": run.verb,
        "status": run.status.value,
        **times,
    }


def _changes(journal: "Journal", run: str) -> list[dict[str, Any]]:
    listed = []
    for one in journal.changes.of_run(run):
        change, outcome = one.change, one.outcome
        told = {
            "outcome": outcome.status.value if outcome else "unknown",
            "code": outcome.code if outcome else "",
            "message": outcome.message if outcome else "",
        }
        listed.append({**change._asdict(), **told})
    return listed


def rejected(
    crm: Annotated[str | None, typer.Argument(metavar="CRM", help="Name of a CRM; none = all.")] = None,
    project: ProjectOption = Path(),
    output: Output = None,
    as_json: JsonOption = False,
) -> int:
    """What the CRM refuses at present: the account with its link, field and value, why, what to do, when it is tried again."""
    import pyarrow as pa  # noqa: PLC0415  heavy

    from crm_kare.report.rejections import rejections  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        names = [crm] if crm else list(runtime.project.crms)
        for name in names:
            runtime.project.crm(name)
        found = pa.concat_tables([rejections(runtime, one, runtime.journal.refusals.standing(one)) for one in names])
    return _tell_rejected(found, output, as_json=as_json)


def _tell_rejected(found: "pa.Table", output: Path | None, *, as_json: bool) -> int:
    """Rejected rows, on the screen, as JSON, or in a file whose formulas are neutralised."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy
    from crm_kare.report import exports  # noqa: PLC0415  heavy

    if output is not None:
        exports.write(found, "csv", output)
    if as_json:
        print_json({"rejected": found.to_pylist()})
    elif output is None:
        columns = ("crm", "account_id", "field", "value", "code", "cause", "fix", "next_try")
        screen.table(
            columns, ([row[name] for name in columns] for row in found.to_pylist()), f"{found.num_rows} rejected"
        )
    else:
        screen.say(f"{found.num_rows} rejected rows in {output}")
    return 0


def undo(
    run: RunId,
    project: ProjectOption = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken back; write nothing.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Save the plan to a file that `apply` takes; write nothing now."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Take back what a run changed, wherever the CRM still holds its values, after showing the plan; the rest is listed.

    What a person or a later run wrote since stays as it is. Afterwards a run of that CRM that would write anything needs approval, by
    --force or a saved plan: with the same rulebook and mapping it would write the same again.
    """
    looking = dry_run or output is not None
    if as_json and not (looking or yes):
        raise UsageError("with --json nobody can be asked.", fix="Add --yes, --dry-run or -o FILE.", where="--json")
    if yes and not looking:
        return _undo(run, project, None, as_json=as_json)
    planned, undoing = _plan_undo(run, project, output, as_json=as_json)
    if looking or undoing is None or undoing.plan.empty():
        return planned.exit_code
    typer.confirm(f"Take this back in {planned.crm}?", abort=True)
    return _undo(run, project, undoing, as_json=as_json)


def _plan_undo(run: str, project: Path, output: Path | None, *, as_json: bool) -> "tuple[RunResult, Undoing | None]":
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy
    from crm_kare.cli.runs import saved  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import undo_plan  # noqa: PLC0415  heavy

    with stoppable() as stop, opened(project, stop) as runtime, screen.progress(quiet=as_json) as progress:
        planned, undoing = undo_plan(runtime, run, stop=stop, progress=progress)
        interrupted(stop)
        digest = (
            saved(undoing.plan, output, runtime.clock.now()) if undoing is not None and output is not None else None
        )
    if as_json:
        print_json(
            {**_undone(run, planned, undoing), "plan": {"file": str(output) if digest else None, "hash": digest}}
        )
        return planned, undoing
    if undoing is not None:
        screen.plan(undoing.plan)
    _tell_undone(planned, undoing)
    if digest:
        screen.say(f"Saved to {output} (hash {digest[:12]}…). Apply it with: crm-kare apply {planned.crm} {output}")
    return planned, undoing


def _undo(run: str, project: Path, looked_at: "Undoing | None", *, as_json: bool) -> int:
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import undo  # noqa: PLC0415  heavy

    plan = looked_at.plan if looked_at is not None else None
    with stoppable() as stop, opened(project, stop) as runtime, screen.progress(quiet=as_json) as progress:
        result, undoing = undo(runtime, run, plan, stop=stop, progress=progress)
        held = runtime.journal.undos.holding(result.crm)
    if as_json:
        print_json(_undone(run, result, undoing))
    else:
        _tell_undone(result, undoing)
        if held:
            screen.say(
                f"Runs of {result.crm} that would write anything now wait for approval: with the same rulebook and mapping they would"
                f" write the same again. Mend those, look at `crm-kare plan {result.crm}`, then sync with --force.",
                "yellow",
            )
    return stop.code or result.exit_code


def _tell_undone(result: "RunResult", undoing: "Undoing | None") -> None:
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy

    if undoing is not None and undoing.left.num_rows:
        rows = ([row[name] for name in _LEFT] for row in undoing.left.to_pylist())
        screen.table(("account", "label", "before", "the run's", "holds now", "left because"), rows, "Left as it is")
    screen.result(result)
    if undoing is not None and undoing.plan.empty():
        screen.say("There is nothing to take back.")


def _undone(run: str, result: "RunResult", undoing: "Undoing | None") -> dict[str, Any]:
    left = undoing.left.to_pylist() if undoing is not None else []
    return {"runs": [result.to_json()], "undo": {"run": run, "left": left}}
