"""All commands, in the order in which a newcomer meets them."""

from typing import Annotated

import typer

from crm_kare import __version__
from crm_kare.cli import (
    alerting,
    backups,
    digests,
    identity,
    journal,
    labels,
    mapping,
    project,
    rules,
    runs,
    schedules,
    serving,
)
from crm_kare.cli.groups import Grouped

app = typer.Typer(
    name="crm-kare",
    cls=Grouped,
    help=(
        "Tags every account of your CRM with its KARE profile (Keep, Attain, Recapture, Expand) and an ICP score, with reasons, "
        "and writes the tags back as custom fields.\n\n"
        "New here? `crm-kare demo` shows everything on a local CRM. With a CRM of your own: init, doctor, provision, plan, apply, serve."
    ),
    epilog=(
        "Exit codes: 0 done; 1 failed, unexpected; 2 usage; 3 configuration, mapping or rulebook is wrong; 4 login or permission; "
        "5 done, with some records rejected; 6 stopped by a brake, nothing written; 7 the CRM is unavailable or out of quota, "
        "try later; 130, 143 on signals."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:  # noqa: FBT001  Typer calls it with the flag
    if asked:
        typer.echo(f"crm-kare {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before the command."""


project.register(app)
mapping.register(app)
runs.register(app)
labels.register(app)
identity.register(app)
journal.register(app)
alerting.register(app)
digests.register(app)
backups.register(app)
rules.register(app)
schedules.register(app)
serving.register(app)
