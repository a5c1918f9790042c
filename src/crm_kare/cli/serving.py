"""Commands that stay up: serve, sandbox, demo."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_kare.cli.door import ProjectOption, Stop, hangup, stoppable, traced
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


_HOST, _PORT = "127.0.0.1", 8731
"""Where many projects answer; one project's file sets its own."""

Only = Annotated[Vendor | None, typer.Option("--only", help="Only this vendor's CRM.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Run")(serve)
    app.command(rich_help_panel="Try")(demo)
    app.command(rich_help_panel="Try")(sandbox)


def serve(
    project: ProjectOption = Path(),
    projects: Annotated[
        Path | None,
        typer.Option(
            "--projects",
            help="Folder with many projects, each a subfolder with a crm-kare.yaml: all of them are run, in place of --project.",
            envvar="CRM_KARE_PROJECTS",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="Address to answer on, in place of crm-kare.yaml's; 0.0.0.0 in a container."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Port, in place of crm-kare.yaml's; 0 takes a free one."),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=1, max=64, help="Runs of many projects at a time; one project has half of them at most."
        ),
    ] = 4,
) -> int:
    """Run every CRM on its schedule until stopped; SIGTERM ends a run at its next batch border, and then the daemon, with 0.

    Health is at /healthz and /readyz on the address that crm-kare.yaml sets (127.0.0.1:8731), metrics for Prometheus at /metrics, and
    /webhooks/NAME takes in what a CRM tells of changes, where that is on (/webhooks/PROJECT/NAME of many projects). A first run waits for
    your approval: do it by hand with plan and apply.
    """
    import structlog  # noqa: PLC0415  heavy

    with stoppable() as stop:
        log = structlog.wrap_logger(structlog.PrintLogger(sys.stdout), processors=_log_steps())
        if projects is None:
            ended = _serve_one(project, stop, log, host, port)
        else:
            ended = _serve_many(projects, stop, log, host or _HOST, _PORT if port is None else port, workers)
    if not ended:
        sys.stdout.flush()
        os._exit(1)  # a call that hangs would hold the process back
    return 0


def _serve_one(project: Path, stop: Stop, log: Any, host: str | None, port: int | None) -> bool:
    from crm_kare.daemon.health import HealthServer, create_app  # noqa: PLC0415  heavy
    from crm_kare.daemon.running import RunningProject, Surroundings  # noqa: PLC0415  heavy

    with ExitStack() as stack:
        tracer = stack.enter_context(traced())
        running = RunningProject(project, Surroundings(os.environ, stop.clock, stop, log, tracer=tracer))
        service, receiver, settings = running.service, running.receiver, running.service.runtime.project.serve
        stack.callback(running.release)
        app = create_app(service, receiver)
        health = HealthServer(app, host or settings.host, settings.port if port is None else port)
        stack.enter_context(closing(health))
        stack.enter_context(hangup(service.reload))
        running.start()
        health.start()
        log.info("health", url=health.url)
        if receiver.addresses:
            log.info("webhooks", urls=receiver.addresses)
        _wait(stop)
        return service.stop()


def _serve_many(projects: Path, stop: Stop, log: Any, host: str, port: int, workers: int) -> bool:
    from crm_kare.daemon.fleet import Fleet, connections, create_app  # noqa: PLC0415  heavy
    from crm_kare.daemon.health import HealthServer  # noqa: PLC0415  heavy
    from crm_kare.daemon.running import Surroundings  # noqa: PLC0415  heavy
    from crm_kare.daemon.workers import Workers  # noqa: PLC0415  heavy
    from crm_kare.journal import Pools  # noqa: PLC0415  heavy

    environment = {**os.environ, "CRM_KARE_PROJECTS": str(projects.absolute())}
    with closing(Pools(connections(workers))) as pools, traced() as tracer:
        around = Surroundings(environment, stop.clock, stop, log, pools, tracer=tracer)
        fleet = Fleet(projects, around, Workers(workers, log))
        with closing(HealthServer(create_app(fleet), host, port)) as health, hangup(fleet.reload):
            fleet.start()
            health.start()
            log.info("health", url=health.url)
            _wait(stop)
            return fleet.stop()


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
