"""Commands that read labels: explain, overrides."""

from pathlib import Path
from typing import Annotated, Any

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, opened, print_json
from crm_kare.cli.project import Name
from crm_kare.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Read")(explain)
    app.command(rich_help_panel="Read")(overrides)


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
    from crm_kare.report.why import with_why  # noqa: PLC0415  heavy
    from crm_kare.sync.flow import score_only  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        judged = score_only(runtime, crm, as_of=day(as_of))
        row = _account(rows(labels_of([judged])), account)
        held = runtime.journal.labels.of_account(crm, row["account_id"])
    history = [{**plain(vars(one)), "why": why} for one, why in with_why(held)]
    document = {**{name: plain(value) for name, value in row.items()}, "history": history}
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
        screen.say(f"  {entry['as_of']}  {entry['why']}", "dim")


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


def overrides(
    crm: Annotated[str | None, typer.Argument(metavar="CRM", help="Name of a CRM; none = all.")] = None,
    project: ProjectOption = Path(),
    older_than: Annotated[
        int | None,
        typer.Option("--older-than", min=1, metavar="DAYS", help="Only those shown for more than so many days."),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the rows to a CSV file.")] = None,
    as_json: JsonOption = False,
) -> int:
    """What people have overridden: which of it holds, agrees with the rules by now, or has expired."""
    import pyarrow as pa  # noqa: PLC0415  heavy
    import pyarrow.compute as pc  # noqa: PLC0415  heavy

    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.report import exports  # noqa: PLC0415  heavy
    from crm_kare.report.overrides import overrides as listed  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        found = pa.concat_tables([listed(runtime, one) for one in ([crm] if crm else runtime.project.crms)])
    if older_than is not None:
        found = found.filter(pc.greater(found["days"], pa.scalar(older_than, pa.int64())))
    if output is not None:
        exports.write(found, "csv", output)
    if as_json:
        print_json({"overrides": found.to_pylist()})
    elif output is None:
        rows = (list(row.values()) for row in found.to_pylist())
        show.table(found.column_names, rows, f"{found.num_rows} overrides")
    else:
        show.say(f"{found.num_rows} overrides in {output}")
    return 0
