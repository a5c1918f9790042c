"""Commands that move data: pull, score, plan, apply, sync."""

import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, interrupted, opened, print_json, stoppable
from crm_kare.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from crm_kare.sync.plan import Plan
    from crm_kare.sync.result import RunResult

Name = Annotated[str, typer.Argument(metavar="CRM", help="Name of a CRM in crm-kare.yaml.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="CRM", help="Names of CRMs; none = all.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Judge as of the end of that day (YYYY-MM-DD): for trials."),
]
Full = Annotated[bool, typer.Option("--full", help="Pull everything anew instead of what changed.")]
Owner = Annotated[str | None, typer.Option("--owner", help="Write only the accounts of the owner of this name.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Write only the first n accounts that change.")]


class Format(StrEnum):
    """Forms of `score`."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Run")(sync)
    app.command(rich_help_panel="Run")(plan)
    app.command(rich_help_panel="Run")(apply)
    app.command(rich_help_panel="Run")(retry)
    app.command(rich_help_panel="Run")(pull)
    app.command(rich_help_panel="Run")(score)


def day(text: str | None, where: str = "--as-of") -> date | None:
    """A date typed by a person; `UsageError` where it is none."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a day, no moment
    except ValueError as error:
        raise UsageError(f"`{text}` is no date.", fix="Write it as YYYY-MM-DD.", where=where) from error


def sync(
    crms: Names = None,
    project: ProjectOption = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written; write nothing.")] = False,
    full: Full = False,
    force: Annotated[
        bool, typer.Option("--force", help="Approve the first run, or a plan that trips a brake on size.")
    ] = False,
    as_of: AsOf = None,
    owner: Owner = None,
    limit: Limit = None,
    alert: Annotated[
        bool,
        typer.Option("--alert", help="Tell CRM_KARE_ALERT_URLS what goes wrong, and when it is well again: for cron."),
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """One whole run: pull, score, plan, check the brakes, write.

    Running it again writes nothing: only what differs from what the CRM holds is written. Several CRMs are all planned before
    anything is written in any of them.
    """
    from crm_kare.cli import alerting, show  # noqa: PLC0415  heavy
    from crm_kare.sync.crm_run import Options  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import sync as run  # noqa: PLC0415  heavy

    if alert and dry_run:
        raise UsageError("a dry run tells nobody.", fix="Leave out --alert or --dry-run.", where="--alert")
    options = Options(dry_run=dry_run, full=full, force=force, as_of=day(as_of), owner=owner, limit=limit)
    with stoppable() as stop, opened(project, stop) as runtime, show.progress(quiet=as_json) as progress:
        to = alerting.where(runtime) if alert else ()
        results = run(runtime, crms or (), options, stop=stop, progress=progress)
        if alert:
            alerting.tell(runtime, to, results)
    return _told(results, stop.code, as_json=as_json)


def _told(results: "Sequence[RunResult]", signal_code: int, *, as_json: bool) -> int:
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.result import exit_code  # noqa: PLC0415  heavy

    if as_json:
        print_json({"runs": [one.to_json() for one in results]})
    else:
        for one in results:
            show.result(one)
    return signal_code or exit_code(results)


def pull(crm: Name, project: ProjectOption = Path(), full: Full = False, as_json: JsonOption = False) -> int:
    """Bring the local mirror of a CRM up to date. Nothing is judged, nothing is written to the CRM."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import pull_only  # noqa: PLC0415  heavy

    with stoppable() as stop, opened(project, stop) as runtime, show.progress(quiet=as_json) as progress:
        found = pull_only(runtime, crm, full=full, stop=stop, progress=progress)
    return _told([found], stop.code, as_json=as_json)


def plan(
    crm: Name,
    project: ProjectOption = Path(),
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Save the plan to a file that `apply` takes.")
    ] = None,
    full: Full = False,
    as_of: AsOf = None,
    owner: Owner = None,
    limit: Limit = None,
    redact: Annotated[bool, typer.Option("--redact", help="Show counts and ids, no names and values.")] = False,
    shown: Annotated[int, typer.Option("--show", min=0, help="Accounts to show one by one.")] = 20,
    as_json: JsonOption = False,
) -> int:
    """What a sync would write: account, field, the value the CRM holds now → the value it will hold, and why."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.crm_run import Options  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import plan_only  # noqa: PLC0415  heavy

    options = Options(full=full, as_of=day(as_of), owner=owner, limit=limit)
    with stoppable() as stop, opened(project, stop) as runtime, show.progress(quiet=as_json) as progress:
        found, made = plan_only(runtime, crm, options, stop=stop, progress=progress)
        interrupted(stop)
        digest = saved(made, output, runtime.clock.now()) if made is not None and output is not None else None
    if as_json:
        print_json({"runs": [found.to_json()], "plan": {"file": str(output) if digest else None, "hash": digest}})
    else:
        if made is not None:
            show.plan(made, redact=redact, shown=shown)
        show.result(found)
        if digest:
            show.say(f"Saved to {output} (hash {digest[:12]}…). Apply it with: crm-kare apply {crm} {output}")
    return found.exit_code


def saved(made: "Plan", path: Path, now: datetime) -> str:
    """Save a plan; its hash. `UsageError` where the file cannot be written."""
    from crm_kare.sync.saved_plan import save  # noqa: PLC0415  heavy

    try:
        return save(made, path, now)
    except OSError as error:
        raise UsageError(
            f"the plan cannot be saved: {error.strerror}.", where=str(path), fix="Name another file."
        ) from error


def apply(
    crm: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A plan saved by `plan -o`; applying it is the approval.")
    ] = None,
    project: ProjectOption = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Without a file: approve the first run, or a plan that trips a brake.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Write a saved plan exactly as it was looked at; refused where the CRM moved since. Without a file: plan anew and write."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.crm_run import Options  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import apply_saved  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import sync as run  # noqa: PLC0415  heavy

    with stoppable() as stop, opened(project, stop) as runtime, show.progress(quiet=as_json) as progress:
        if file is None:
            results = run(runtime, [crm], Options(force=force), stop=stop, progress=progress)
        else:
            results = [apply_saved(runtime, crm, file, stop=stop, progress=progress)]
    return _told(results, stop.code, as_json=as_json)


def retry(crm: Name, project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """Write again, at once, what the CRM refused: the waits of its rejected accounts end, and a whole run follows."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import retry as run  # noqa: PLC0415  heavy

    with stoppable() as stop, opened(project, stop) as runtime, show.progress(quiet=as_json) as progress:
        found = run(runtime, crm, stop=stop, progress=progress)
    return _told([found], stop.code, as_json=as_json)


def score(
    crm: Annotated[str | None, typer.Argument(metavar="CRM", help="Name of a CRM; none = all.")] = None,
    project: ProjectOption = Path(),
    as_of: AsOf = None,
    form: Annotated[Format, typer.Option("--format", help="Form of the labels.")] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write to a file instead of the screen.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Labels and reasons of every account, judged from the mirror. No network, nothing written to the CRM."""
    from crm_kare.report import exports  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import score_only  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        names = [crm] if crm else list(runtime.project.crms)
        judged = [score_only(runtime, name, as_of=day(as_of)) for name in names]
    labels = exports.labels_of(judged)
    chosen = Format.JSON if as_json else form
    if chosen is Format.TABLE and output is None:
        _table(labels)
    else:
        exports.write(labels, chosen.value, output or sys.stdout)
    return 0


def _table(labels: "pa.Table") -> None:
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.report import exports  # noqa: PLC0415  heavy

    columns = ("crm", "account_id", "name", "profile", "badge", "icp_score", "icp_tier", "reason")
    show.table(columns, ([row[name] for name in columns] for row in exports.rows(labels)))
