"""Commands that set things up: init, doctor, provision, deprovision."""

import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, opened, print_json
from crm_kare.errors import UsageError

Name = Annotated[str, typer.Argument(metavar="CRM", help="Name of a CRM in crm-kare.yaml.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; do nothing.")]


class Business(StrEnum):
    """Answers to how one sells."""

    REPEAT = "repeat"
    CONTRACTS = "contracts"
    PROJECTS = "projects"


_BUSINESS: Final = {
    Business.REPEAT: "repeat orders",
    Business.CONTRACTS: "yearly contracts",
    Business.PROJECTS: "projects",
}
_DEFAULT_CRMS: Final = ("salesforce=salesforce", "hubspot=hubspot", "files=files")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Set up")(init)
    app.command(rich_help_panel="Set up")(doctor)
    app.command(rich_help_panel="Set up")(provision)
    app.command(rich_help_panel="Set up")(deprovision)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write the project; made where missing.")
    ] = Path(),
    crm: Annotated[
        list[str] | None,
        typer.Option(
            "--crm",
            metavar="NAME=CONNECTOR",
            help="A CRM and its kind: salesforce, hubspot or files. May be given several times.",
        ),
    ] = None,
    business: Annotated[
        Business | None,
        typer.Option(
            help="How you sell: repeat (orders, every 90 days or so), contracts (yearly), projects (every 18 months or so). "
            "It decides how long silence may last, while too few of your accounts have bought twice to measure it."
        ),
    ] = None,
) -> int:
    """Write a commented starter project: crm-kare.yaml, mappings/, rulebook.yaml, playbooks/.

    Asks how you sell, where there is a terminal and --business is not given. A file that is there already is never overwritten.
    """
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.config.starters import starter_files  # noqa: PLC0415  heavy

    files = starter_files(_crms(crm or list(_DEFAULT_CRMS)), _BUSINESS[business or _asked()])
    present = sorted(path for path in files if (folder / path).exists())
    if present:
        raise UsageError(
            f"{', '.join(present[:5])} {'is' if len(present) == 1 else 'are'} there already.",
            fix="Name an empty folder.",
            where=str(folder),
        )
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    show.say(f"Wrote {len(files)} files to {folder.resolve()}. Next:", "bold")
    show.say("  1. Fill in the login: copy .env.example to .env (files need none).")
    show.say("  2. crm-kare doctor            finds what is missing, each with its fix")
    show.say("  3. crm-kare provision CRM     creates our fields in the CRM")
    show.say("  4. crm-kare plan CRM -o plan  shows what would be written, and why; crm-kare apply CRM plan writes it")
    return 0


def _asked() -> Business:
    """How the user sells; repeat orders where there is nobody to ask."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Business.REPEAT
    question = "How do you sell? repeat (orders), contracts (yearly) or projects"
    answer: Business = typer.prompt(question, Business.REPEAT.value, value_proc=_business)
    return answer


def _business(answer: str) -> Business:
    """An answer typed; anything else is asked again."""
    if answer not in set(Business):
        raise typer.BadParameter(f"Answer one of {', '.join(Business)}.")
    return Business(answer)


def _crms(given: list[str]) -> dict[str, str]:
    from crm_kare.config.project import CRM_NAME  # noqa: PLC0415  heavy

    pairs = [one.partition("=") for one in given]
    wrong = [name for name, sign, connector in pairs if not (name and sign and connector)]
    if wrong:
        raise UsageError(
            f"`{wrong[0]}` is not NAME=CONNECTOR.", fix="Write for example --crm acme=salesforce.", where="--crm"
        )
    names = [name for name, _, _ in pairs]
    unsafe = [name for name in names if not CRM_NAME.fullmatch(name)]
    if unsafe:
        fix = "Use lower-case letters, digits, - and _."
        raise UsageError(f"`{unsafe[0]}` is no name for a CRM.", fix=fix, where="--crm")
    if len(set(names)) != len(names):
        raise UsageError("a name is given twice.", fix="Give every CRM a name of its own.", where="--crm")
    return {name: connector for name, _, connector in pairs}


def doctor(
    crm: Annotated[str | None, typer.Argument(metavar="CRM", help="Name of a CRM; none = all.")] = None,
    project: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> int:
    """Everything that would stop or spoil a run, all at once, each with its fix: login, permissions, fields, picklists, quota."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.setup import examine  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        names = [crm] if crm else list(runtime.project.crms)
        reports = [examine(runtime, name) for name in names]
    if as_json:
        print_json({"crms": [report.to_json() for report in reports]})
    else:
        for report in reports:
            show.say(f"{report.crm}: " + (report.organisation or "not reached"), "bold")
            show.problems(report.problems)
            levels = Counter(one.level for one in report.problems)
            counted = [
                f"{levels[one]} {one}{'' if levels[one] == 1 else 's'}" for one in ("error", "warning") if levels[one]
            ]
            show.say(f"  {', '.join(counted)}." if counted else "  Nothing to mend.", "" if counted else "green")
    return next((report.exit_code for report in reports if report.exit_code), 0)


def provision(crm: Name, project: ProjectOption = Path(), dry_run: DryRun = False, as_json: JsonOption = False) -> int:
    """Create our fields, their group and permission set in the CRM. Running it again changes nothing."""
    from crm_kare.sync.setup import provision as run  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        steps = run(runtime, crm, dry_run=dry_run)
    return _told(steps, crm, dry_run=dry_run, as_json=as_json)


def deprovision(
    crm: Name,
    project: ProjectOption = Path(),
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Take our fields away again, after showing what would be lost."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.sync.setup import deprovision as run  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        steps = run(runtime, crm, dry_run=True)
        if dry_run:
            return _told(steps, crm, dry_run=True, as_json=as_json)
        if not yes:
            show.table(
                ("action", "what", "detail"),
                ((one.action, one.what, one.detail) for one in steps),
                "Would be lost, with every value in it",
            )
            typer.confirm(f"Take all of this out of {crm}?", abort=True)
        steps = run(runtime, crm, dry_run=False)
    return _told(steps, crm, dry_run=False, as_json=as_json)


def _told(steps: list[Any], crm: str, *, dry_run: bool, as_json: bool) -> int:
    from crm_kare.cli import show  # noqa: PLC0415  heavy

    if as_json:
        print_json({"crm": crm, "dry_run": dry_run, "steps": [vars(one) for one in steps]})
        return 0
    left = [one for one in steps if one.action == "by hand"]
    changing = [one for one in steps if one.action not in {"none", "by hand"}]
    if changing:
        show.table(("action", "what", "detail"), ((one.action, one.what, one.detail) for one in changing))
    if left:
        show.table(("what", "detail"), ((one.what, one.detail) for one in left), "Left to do by hand")
    there = len(steps) - len(changing) - len(left)
    by_hand = f", {len(left)} left to do by hand" if left else ""
    show.say(f"{len(changing)} {'to do' if dry_run else 'done'}, {there} there already{by_hand}.")
    return 0
