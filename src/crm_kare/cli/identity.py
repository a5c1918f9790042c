"""`identity`: which accounts of several CRMs are one company, which may be, and what stands in the way."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, opened, print_json
from crm_kare.errors import ConfigError

_COLUMNS: Final = ("status", "crm", "account_id", "name", "other_crm", "other_account_id", "other_name", "why")
_PLURALS: Final = {"match": "matches", "proposal": "proposals", "conflict": "conflicts", "different": "different"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Read")(identity)


def identity(
    project: ProjectOption = Path(),
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write every pair to a CSV file, to be decided and kept as identity.csv."),
    ] = None,
    shown: Annotated[int, typer.Option("--show", min=0, help="Pairs to show.")] = 50,
    as_json: JsonOption = False,
) -> int:
    """Which accounts of several CRMs are one company: matches, proposals, conflicts. No network, nothing written to a CRM."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.report import exports  # noqa: PLC0415  heavy
    from crm_kare.sync.identity import listing  # noqa: PLC0415  heavy
    from crm_kare.sync.result import problem_to_json  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        settings = runtime.project.identity
        if settings is None:
            fix = "Add `identity: {crms: [NAME, NAME]}` to crm-kare.yaml."
            raise ConfigError("The project has no `identity:` section.", fix=fix, where="crm-kare.yaml")
        found = listing(runtime, settings)
    if output is not None:
        exports.write(found.pairs, "csv", output)
    pairs = found.pairs.to_pylist()
    if as_json:
        by_status = {name: [_plain(one) for one in pairs if one["status"] == key] for key, name in _PLURALS.items()}
        told = {"crowds": found.crowds.to_pylist(), "problems": [problem_to_json(one) for one in found.problems]}
        print_json(by_status | told)
        return 0
    open_first = sorted(pairs, key=lambda one: one["status"] in {"match", "different"})
    show.table(_COLUMNS, ([one[name] for name in _COLUMNS] for one in open_first[:shown]))
    counts = Counter(one["status"] for one in pairs)
    show.say(", ".join(f"{counts[key]} {name}" for key, name in _PLURALS.items()) + _written(output))
    for one in found.crowds.to_pylist():
        show.say(f"{one['domain']} stands on {one['accounts']} accounts of {one['crm']}: it identifies nobody.")
    show.problems(found.problems)
    return 0


def _plain(pair: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in pair.items() if name != "status"}


def _written(output: Path | None) -> str:
    return f", in {output}" if output else ""
