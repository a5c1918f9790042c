"""The owners' digest on the screen, in a file, or sent."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_kare.cli.door import ProjectOption, opened
from crm_kare.errors import RetryError

if TYPE_CHECKING:
    from crm_kare.report.digest import Digest


class Form(StrEnum):
    """Forms of the digest."""

    TEXT = "text"
    HTML = "html"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Read")(digest)


def digest(
    crm: Annotated[str | None, typer.Argument(metavar="CRM", help="Name of a CRM; none = all.")] = None,
    project: ProjectOption = Path(),
    owner: Annotated[str | None, typer.Option("--owner", help="Only the part of the owner of this name.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Changes after that day (YYYY-MM-DD); default: `digest.days`."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="Form of the digest.")] = Form.TEXT,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write to a file instead of the screen.")
    ] = None,
    send: Annotated[
        bool,
        typer.Option(
            "--send", help="Send it to CRM_KARE_DIGEST_URLS (else CRM_KARE_ALERT_URLS); it holds customers' names."
        ),
    ] = False,
) -> int:
    """What changed for each owner's accounts and why, the top of each profile, overrides that end: judged from the mirror."""
    from crm_kare.cli.runs import day  # noqa: PLC0415  heavy
    from crm_kare.report import digest as report  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        names = [crm] if crm else list(runtime.project.crms)
        found = [report.collect(runtime, name, since=day(since, "--since")) for name in names]
        found = [one.of(owner) for one in found] if owner else found
        if send:
            from crm_kare.daemon.digests import send_all  # noqa: PLC0415  heavy

            failed = send_all(runtime, found)
    if send:
        return _told(failed)
    _write(found, form, output)
    return 0


def _told(failed: list[str]) -> int:
    from crm_kare.cli import show  # noqa: PLC0415  heavy

    for one in failed:
        show.say(f"address {one} did not take it, or did not answer: check it and the way to its service", "red")
    return RetryError.exit_code if failed else 0


def _write(found: "list[Digest]", form: Form, output: Path | None) -> None:
    from crm_kare.report import digest as report  # noqa: PLC0415  heavy
    from crm_kare.report.exports import write_text  # noqa: PLC0415  heavy

    told = {Form.TEXT: report.text, Form.HTML: report.page, Form.JSON: report.document}[form](found)
    if output is None:
        sys.stdout.write(told)
    else:
        write_text(told, output)
