"""`rules`: the rulebooks that were used, their differences, and the way back to one of them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, print_json
from crm_kare.cli.groups import Grouped

if TYPE_CHECKING:
    from crm_kare.journal import KeptRulebook
    from crm_kare.sync.rulebooks import Shelf

Version = Annotated[str, typer.Argument(metavar="VERSION", help="As `rules list` tells it, or its beginning.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        cls=Grouped,
        help="The rulebooks that were used, what changed between them, and the way back to one of them.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list")(listed)
    group.command()(show)
    group.command()(diff)
    group.command()(use)
    app.add_typer(group, name="rules", rich_help_panel="Keep safe")


def listed(project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """The rulebooks by version: when runs first and last judged by each, and whose labels came under it."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy
    from crm_kare.sync.rulebooks import shelf  # noqa: PLC0415  heavy

    with shelf(project, os.environ) as kept:
        rows = _rows(kept)
    if as_json:
        print_json({"rules": rows})
        return 0
    columns = ("version", "present", "first_used", "last_used", "accounts")
    cells = ([_cell(row[name]) for name in columns] for row in rows)
    screen.table(("version", "present", "first used (UTC)", "last used", "labels that stand"), cells)
    return 0


def _rows(kept: "Shelf") -> list[dict[str, Any]]:
    """A row per version; the present one is among them, used or not."""
    found = [_row(one, present=one.version == kept.version) for one in kept.journal.rulebooks.listed()]
    if not any(row["present"] for row in found):
        unused = {"version": kept.version, "first_used": None, "last_used": None, "accounts": 0, "present": True}
        found.insert(0, unused)
    return found


def _row(one: "KeptRulebook", *, present: bool) -> dict[str, Any]:
    moments = {
        name: moment.isoformat() if moment else None
        for name, moment in (("first_used", one.first_used), ("last_used", one.last_used))
    }
    return {"version": one.version, **moments, "accounts": one.accounts, "present": present}


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value or "")[:16].replace("T", " ") if isinstance(value, str | None) else str(value)


def show(version: Version, project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """A rulebook's file as it stood, comments included."""
    from crm_kare.sync.rulebooks import find, shelf  # noqa: PLC0415  heavy

    with shelf(project, os.environ) as kept:
        found = find(kept, version)
    if as_json:
        print_json({"version": found.version, "rulebook": found.text, "playbooks": dict(found.playbooks)})
    else:
        typer.echo(found.text, nl=not found.text.endswith("\n"))
    return 0


def diff(
    version: Version,
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="The later version; none = the project's present rulebook.")
    ] = None,
    project: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> int:
    """What changed from one version to another, line by line."""
    from crm_kare.sync.rulebooks import difference, shelf  # noqa: PLC0415  heavy

    with shelf(project, os.environ) as kept:
        told = difference(kept, version, other)
    if as_json:
        print_json({"from": version, "to": other, "diff": told})
    else:
        typer.echo(told or "They are the same.")
    return 0


def use(
    version: Version,
    project: ProjectOption = Path(),
    playbooks: Annotated[
        bool, typer.Option("--playbooks", help="Put back the playbooks that stood beside it, too.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Put a rulebook back in the place of the present one, which is kept; nothing is judged or written to a CRM yet."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy
    from crm_kare.sync.rulebooks import put_back, shelf  # noqa: PLC0415  heavy

    with shelf(project, os.environ) as kept:
        before, path = kept.version, kept.project.rulebook_path
        found = put_back(kept, version, playbooks=playbooks)
        crms = list(kept.project.crms)
    if as_json:
        print_json({"version": found.version, "before": before, "rulebook": str(path)})
        return 0
    screen.say(f"{path} is version {found.version} again; {before} is kept.")
    screen.say("See what it would change: " + "; ".join(f"crm-kare plan {crm}" for crm in crms))
    return 0
