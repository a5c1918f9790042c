"""Commands that stay up: serve, sandbox, demo."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_kare.cli.door import ProjectOption, Stop, hangup, opened, stoppable
from crm_kare.errors import UsageError

if TYPE_CHECKING:
    from crm_kare.sandbox import RunningSandbox

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")]
Accounts = Annotated[int, typer.Option("--accounts", min=1, max=200_000, help="Accounts in each CRM.")]
Seed = Annotated[
    int, typer.Option("--seed", help="Seed of the invented business: the same seed gives the same business.")
]


Opportunities = Annotated[
    int | None, typer.Option("--opportunities", min=1, help="Opportunities in each CRM, at most; about nine an account are invented.")
]  # fmt: skip


class Vendor(StrEnum):
    """Whose CRM."""

    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"


Only = Annotated[Vendor | None, typer.Option("--only", help="Only this vendor's CRM.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Run")(serve)
    app.command(rich_help_panel="Try")(demo)
    app.command(rich_help_panel="Try")(sandbox)


def serve(
    project: ProjectOption = Path(),
    host: Annotated[
        str | None,
        typer.Option("--host", help="Address to answer on, in place of crm-kare.yaml's; 0.0.0.0 in a container."),
    ] = None,
) -> int:
    """Run every CRM on its schedule until stopped; SIGTERM ends a run at its next batch border, and then the daemon, with 0.

    Health is at /healthz and /readyz on the address that crm-kare.yaml sets (127.0.0.1:8731), metrics for Prometheus at /metrics, and
    /webhooks/NAME takes in what a CRM tells of changes, where that is on. A first run waits for your approval:
    do it by hand with plan and apply.
    """
    import structlog  # noqa: PLC0415  heavy

    from crm_kare.daemon.health import HealthServer, create_app  # noqa: PLC0415  heavy
    from crm_kare.daemon.service import Service  # noqa: PLC0415  heavy
    from crm_kare.daemon.webhooks import Receiver  # noqa: PLC0415  heavy
    from crm_kare.sync.runtime import reread  # noqa: PLC0415  heavy

    with stoppable() as stop, opened(project, stop) as runtime:
        log = structlog.wrap_logger(structlog.PrintLogger(sys.stdout), processors=_log_steps())
        service = Service(runtime, stop, log, reread=partial(reread, environment=os.environ))
        settings = runtime.project.serve
        with (
            hangup(service.reload),
            closing(Receiver(runtime, service.told, stop, log)) as receiver,
            closing(HealthServer(create_app(service, receiver), host or settings.host, settings.port)) as health,
        ):
            service.listeners.append(receiver)
            service.start()
            health.start()
            log.info("health", url=health.url)
            if receiver.addresses:
                log.info("webhooks", urls=receiver.addresses)
            _wait(stop)
            ended = service.stop()
    if not ended:
        sys.stdout.flush()
        os._exit(1)  # a call that hangs would hold the process back
    return 0


def _log_steps() -> list[Any]:
    """Readable lines on a terminal, JSON elsewhere."""
    import structlog  # noqa: PLC0415  heavy

    shared = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    last = structlog.dev.ConsoleRenderer() if sys.stdout.isatty() else structlog.processors.JSONRenderer()
    return [*shared, last]


def _wait(stop: Stop) -> None:
    while not stop():
        stop.clock.sleep(3600)


def sandbox(
    port: Port = 8732,
    accounts: Accounts = 1000,
    opportunities: Opportunities = None,
    seed: Seed = 1,
    only: Only = None,
) -> int:
    """A local Salesforce and HubSpot with an invented business, on 127.0.0.1; ends with Ctrl-C.

    Strict in what it accepts: it speaks both vendors' HTTP as their documents describe it. The first page shows the accounts.
    """
    from crm_kare.cli import show  # noqa: PLC0415  heavy

    size = {"accounts": accounts, "opportunities": opportunities, "seed": seed}
    with stoppable() as stop, _sandbox(stop, port, only, size) as running:
        show.say(f"Accounts and their pages: {running.url}/", "bold")
        show.say("To use it from a project, put this into its .env:")
        for name, value in running.environment().items():
            show.say(f"{name}={value}")
        sys.stdout.flush()
        _wait(stop)
    return 0


@contextmanager
def _sandbox(stop: Stop, port: int, only: Vendor | None, size: dict[str, Any]) -> "Iterator[RunningSandbox]":
    from crm_kare.sandbox import serve as serve_sandbox  # noqa: PLC0415  heavy

    with ExitStack() as stack:
        try:
            vendors = tuple(str(one) for one in ([only] if only else Vendor))
            running = stack.enter_context(serve_sandbox(stop.clock, port=port, vendors=vendors, **size))
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be used: {error.strerror}.",
                where="--port",
                fix="Name another; 0 takes a free one.",
            ) from error
        yield running


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the local CRMs running, to look at them in the browser.")
    ] = False,
    accounts: Accounts = 300,
    seed: Seed = 1,
) -> int:
    """The main job, end to end, on a local Salesforce and HubSpot: provision, pull, plan, apply, what to look at; needs nothing."""
    from crm_kare.cli.demo import run  # noqa: PLC0415  heavy

    with stoppable() as stop:
        code = run(accounts, seed, stop, wait=(lambda: _wait(stop)) if keep else None)
    return stop.code if stop() and not keep else code
