"""Commands that read labels and the journal: explain, history, show."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, opened, print_json
from crm_kare.cli.project import Name
from crm_kare.errors import UsageError

if TYPE_CHECKING:
    from crm_kare.journal import Journal


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Read")(explain)
    app.command(rich_help_panel="Read")(history)
    app.command(rich_help_panel="Read")(show)


def explain(
    crm: Name,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id, or its name.")],
    project: ProjectOption = Path(),
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Judge as of the end of that day.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Why an account has its profile: the rules that fired, the runner-up, what is unknown, the ICP by criterion, its history."""
    from crm_kare.cli.runs import day  # noqa: PLC0415  heavy
    from crm_kare.report.exports import labels_of, plain, rows  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import score_only  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        judged = score_only(runtime, crm, as_of=day(as_of))
        row = _account(rows(labels_of([judged])), account)
        held = runtime.journal.labels.of_account(crm, row["account_id"])
    document = {**{name: plain(value) for name, value in row.items()}, "history": [plain(vars(one)) for one in held]}
    if as_json:
        print_json(document)
    else:
        _tell(document)
    return 0


def _account(labels: Any, wanted: str) -> dict[str, Any]:
    listed = list(labels)
    found = [row for row in listed if wanted in {row["account_id"], row["name"]}]
    found = found or [row for row in listed if (row["name"] or "").casefold() == wanted.casefold()]
    if not found:
        raise UsageError(
            "there is no account of that id or name in the mirror.",
            fix="Look it up in the CRM, or run `crm-kare pull`.",
        )
    if len(found) > 1:
        ids = ", ".join(row["account_id"] for row in found[:5])
        raise UsageError(f"{len(found)} accounts have that name: {ids}.", fix="Give the id.")
    row: dict[str, Any] = found[0]
    return row


def _tell(row: dict[str, Any]) -> None:
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy

    badge = f", {row['badge']}" if row["badge"] else ""
    screen.say(
        f"{row['name'] or 'Account'} ({row['account_id']}): {row['profile'] or 'no profile'}{badge} → {row['motion'] or 'no motion'}",
        "bold",
    )
    for reason in row["reasons"]:
        screen.say(f"  · {reason}")
    screen.say(f"Next step: {row['next_step'] or '–'}")
    screen.say(f"Otherwise: {row['runner_up']}")
    if row["unknown"]:
        screen.say("Unknown: " + ", ".join(row["unknown"]))
    if row["plan_test"]:
        screen.say(f"Plan test {row['plan_test']} (plan warranted: {row['plan_warranted']})")
        for answer in row["plan_answers"]:
            screen.say(f"  {answer}")
    screen.say(f"Class: {row['class'] or '–'}" + "".join(f"; {warning}" for warning in row["class_warnings"]))
    screen.say(f"Today: {_figures(row)}")
    for entry in row["history"]:
        screen.say(f"  {entry['since']}  {entry['computed_profile'] or 'no profile'}: {entry['reason']}", "dim")


def _figures(row: dict[str, Any]) -> str:
    """The facts of today behind the label; they move, so they are not written to the CRM."""
    told = {
        "orders": row["events"],
        "last": row["last_event_on"],
        "expected gap": row["expected_gap_days"] and f"{row['expected_gap_days']:.0f} days",
        "overdue": row["overdue"] and f"{row['overdue']:.1f} gaps",
        "revenue of the window": row["revenue_window"] and f"{row['revenue_window']} {row['currency'] or ''}".strip(),
    }
    return ", ".join(f"{name} {value}" for name, value in told.items() if value is not None) or "nothing known"


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
        runs = runtime.journal.runs.newest(crm, newest)
    if as_json:
        print_json({"runs": [_run(one) for one in runs]})
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
    return 0


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `history` lists it.")],
    project: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> int:
    """What a run did: its numbers, its problems, and every change with from, to, why and outcome."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        found = runtime.journal.runs.get(run)
        if found is None:
            raise UsageError("there is no run of that id.", fix="`crm-kare history` lists them.", where=run)
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
