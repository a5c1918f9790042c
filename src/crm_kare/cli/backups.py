"""Commands that keep the journal safe, and clean: backup, restore, erase."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, opened, print_json
from crm_kare.cli.project import Name
from crm_kare.errors import UsageError

if TYPE_CHECKING:
    from crm_kare.journal import Backup

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Keep safe")(backup)
    app.command(rich_help_panel="Keep safe")(restore)
    app.command(rich_help_panel="Keep safe")(erase)


def backup(file: File, project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """Write the journal to one file, as it is at one moment; the daemon and runs go on meanwhile."""
    from crm_kare.journal import back_up  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        made = back_up(runtime.journal.store, file, runtime.clock.now())
    return _tell(made, f"Backup with {made.runs} runs in {file}", file, as_json=as_json)


def restore(
    file: File,
    project: ProjectOption = Path(),
    yes: Annotated[
        bool, typer.Option("--yes", help="Even where the journal has runs that are newer than the backup.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Put a backup in the place of the journal. Refused while a run is under way, or where newer runs would be lost."""
    from crm_kare.journal import restore as put_back  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        made = put_back(runtime.journal.store, file, runtime.clock.now(), over_newer=yes)
    told = (
        f"Restored {made.runs} runs, as of {made.made_at:%Y-%m-%d %H:%M} UTC. The next run pulls what the mirror lacks."
    )
    return _tell(made, told, file, as_json=as_json)


def erase(
    crm: Name,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Id of an account that is deleted in the CRM.")],
    project: ProjectOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Erase what the journal keeps of a deleted account: changes, values written, label history, problems."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.judge import knows_account  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        runtime.project.crm(crm)
        if knows_account(runtime, crm, account):
            raise UsageError(
                "the account is still there.",
                where=account,
                fix=f"Delete it in the CRM, then run `crm-kare pull {crm}`.",
            )
        if not yes:
            typer.confirm(f"Erase what is kept of {account}? It cannot be brought back.", abort=True, err=True)
        gone = runtime.journal.retention.erase(crm, account)
    if as_json:
        print_json({"crm": crm, "account_id": account, "erased": gone})
    else:
        show.say(f"{gone} rows erased. Backups that you made before still hold them.")
    return 0


def _tell(made: "Backup", told: str, file: Path, *, as_json: bool) -> int:
    from crm_kare.cli import show  # noqa: PLC0415  heavy

    if as_json:
        newest = made.newest.isoformat() if made.newest else None
        document: dict[str, Any] = {"file": str(file), "made_at": made.made_at.isoformat(), "runs": made.runs}
        print_json({**document, "newest": newest})
    else:
        show.say(told)
    return 0
