"""`map suggest` and `map check`: from the CRM's live fields to a mapping."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, opened, print_json
from crm_kare.cli.groups import Grouped
from crm_kare.cli.project import Name

if TYPE_CHECKING:
    from crm_kare.config.mapping.suggest import Suggestion


_NOT_ABOUT_IT = ("label-", "picklist-", "automation-", "record-type", "records-read-only")
"""Beginnings of the codes of what `doctor` finds and the mapping has no part in."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        cls=Grouped, help="From the CRM's live fields to a mapping.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command()(suggest)
    group.command()(check)
    app.add_typer(group, name="map", rich_help_panel="Set up")


def suggest(crm: Name, project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """Fields of the live CRM for columns that the mapping leaves open, with the share of records that fill them.

    Nothing is changed: copy the lines that you agree with into the mapping.
    """
    from crm_kare.config.mapping.suggest import suggestions  # noqa: PLC0415  heavy
    from crm_kare.sync.setup import live_schema  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        found = suggestions(runtime.mapping(crm), live_schema(runtime, crm))
    if as_json:
        print_json({"crm": crm, "suggestions": [vars(one) for one in found]})
    else:
        _tell(crm, found)
    return 0


def _tell(crm: str, found: "list[Suggestion]") -> None:
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.config.mapping.suggest import EXTRA  # noqa: PLC0415  heavy

    if not found:
        show.say(f"{crm} has no further field whose name fits a column of ours. docs/mapping.md lists the columns.")
        return
    rows = ((one.stream, one.column, one.field, one.type_words(), one.fill_words()) for one in found)
    show.table(("stream", "our column", "their field", "type", "filled"), rows, f"{len(found)} proposals")
    show.say("\nTo take one, put it into the mapping's `fields:`, for example:")
    show.say(f"  {found[0].column.removeprefix(EXTRA)}: {found[0].field}")
    if any(one.column.startswith(EXTRA) for one in found):
        show.say(
            f"Those that begin with {EXTRA} go into the accounts' `extra:`, and conditions in the rulebook name them."
        )


def check(crm: Name, project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """Whether the mapping fits the live CRM: every mapped field is there, visible, and of the right type."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.setup import examine  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        report = examine(runtime, crm)
    found = [one for one in report.problems if not one.code.startswith(_NOT_ABOUT_IT)]
    if as_json:
        print_json({**report.to_json(), "problems": [vars(one) for one in found]})
    else:
        show.problems(found)
        wrong = sum(one.level == "error" for one in found)
        show.say(f"To mend: {wrong}." if wrong else "The mapping fits.", "" if wrong else "green")
    return report.exit_code if any(one.level == "error" for one in found) else 0
