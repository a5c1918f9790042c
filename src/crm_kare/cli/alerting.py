"""Commands on alerts: list, test."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, opened, print_json
from crm_kare.cli.groups import Grouped
from crm_kare.errors import ConfigError, KareError, RetryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_kare.daemon.alerts import Address
    from crm_kare.sync.result import RunResult
    from crm_kare.sync.runtime import Runtime


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        cls=Grouped, help="What is wrong now, and where alerts of it go.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list")(list_alerts)
    group.command("test")(try_addresses)
    app.add_typer(group, name="alerts", rich_help_panel="Read")


def list_alerts(project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """What is wrong now, since when, whether people were told, and the next command to type; as noted by `serve` and `sync --alert`."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        found = runtime.journal.alerts.active()
    rows = [
        {
            "crm": one.crm,
            "kind": one.kind,
            "since": one.since.isoformat(),
            "told": one.told == one.state,
            "what": one.body["told"],
            "next": one.body["command"],
        }
        for one in found
    ]
    if as_json:
        print_json({"alerts": rows})
    elif rows:
        show.table(tuple(rows[0]), (tuple(row.values()) for row in rows))
    else:
        show.say("Nothing is wrong, as far as was noted.")
    return 0


def try_addresses(project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """Send a test message to every address in CRM_KARE_ALERT_URLS, and tell which ones took it."""
    from crm_kare.cli import show  # noqa: PLC0415  heavy
    from crm_kare.daemon.alerts.post import reached  # noqa: PLC0415  heavy
    from crm_kare.daemon.alerts.words import trial_message  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        took, left = reached(where(runtime), trial_message(runtime.project.alerts.name))
    if as_json:
        print_json({"took": [one.shown for one in took], "failed": [one.shown for one in left]})
    else:
        for one in took:
            show.say(f"address {one.shown} took it", "green")
        for one in left:
            show.say(
                f"address {one.shown} did not take it, or did not answer: check it and the way to its service", "red"
            )
    return RetryError.exit_code if left else 0


def where(runtime: "Runtime") -> "tuple[Address, ...]":
    """The project's addresses for alerts; `ConfigError` where there is none, or a wrong one."""
    from crm_kare.config.alerting import ALERT_URLS  # noqa: PLC0415  heavy
    from crm_kare.daemon.alerts import alert_addresses  # noqa: PLC0415  heavy

    found = alert_addresses(runtime)
    if not found:
        raise ConfigError(
            "there is no address that alerts could go to.", where=ALERT_URLS, fix="docs/alerts.md tells how to set one."
        )
    return found


def tell(runtime: "Runtime", to: "Sequence[Address]", results: "Sequence[RunResult]") -> None:
    """Note what runs by hand or from cron tell, and tell people once; what nobody took is due at the next run. Alerts change no
    run's end: what goes wrong with them is told on stderr.
    """
    import structlog  # noqa: PLC0415  heavy

    from crm_kare.daemon.alerts import Teller, watch  # noqa: PLC0415  heavy

    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[structlog.processors.KeyValueRenderer(key_order=["event"])],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    looker = watch.Looker(runtime.clock.now())
    try:
        for one in results:
            watch.note_run(runtime, watch.WHOLE, one, looker)
            watch.look(runtime, one.crm, looker)
            watch.look_at_overrides(runtime, one.crm)
        Teller(runtime, to, log, lambda _outcome: None).deliver(pauses=())
    except KareError as error:
        log.warning("alerts wait", code=error.code, fix=error.fix)
