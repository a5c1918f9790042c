"""Commands to whatever daemons serve the project, on this machine or another: pause, resume, run, status."""

import getpass
import os
import re
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from crm_kare.cli.door import JsonOption, ProjectOption, opened, print_json
from crm_kare.errors import RetryError, UsageError

if TYPE_CHECKING:
    from crm_kare.sync.runtime import Runtime

_SPAN: Final = re.compile(r"(\d{1,4})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}

Name = Annotated[str | None, typer.Argument(metavar="CRM", help="Name of a CRM.")]
All = Annotated[bool, typer.Option("--all", help="Every CRM of the project.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Run")(run)
    app.command(rich_help_panel="Run")(pause)
    app.command(rich_help_panel="Run")(resume)
    app.command(rich_help_panel="Read")(status)


def run(
    crm: Annotated[str, typer.Argument(metavar="CRM", help="Name of a CRM.")],
    project: ProjectOption = Path(),
) -> int:
    """Ask a daemon that is alive for a run as soon as possible; `sync` makes one here and now."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy
    from crm_kare.daemon.status import status as look  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        runtime.project.crm(crm)
        told = look(runtime)
        (now,) = (one for one in told["crms"] if one["crm"] == crm)
        _require(crm, now, told["daemons"])
        runtime.journal.schedules.change(crm, lambda was: replace(was, asked_at=runtime.clock.now(), asked_by=_who()))
    quiet = now["quiet_until"]
    screen.say(
        f"Asked. It is quiet until {quiet}; a run of {crm} begins then."
        if quiet
        else f"Asked: a run of {crm} begins soon."
    )
    return 0


def _require(crm: str, now: dict[str, Any], daemons: list[Any]) -> None:
    """Somebody is there to run it, and may."""
    if now["paused"]:
        until = f" until {now['paused']['until']}" if now["paused"]["until"] else ""
        raise UsageError(
            f"it is paused by {now['paused']['by']}{until}.", where=crm, fix=f"`crm-kare resume {crm}` first."
        )
    if not daemons:
        raise RetryError(
            "no daemon is alive that could run it.",
            where=crm,
            fix=f"Start `crm-kare serve`, or run `crm-kare sync {crm}`.",
        )


def pause(
    crm: Name = None,
    every: All = False,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", help="When it ends by itself: 2h, 3d, 2026-12-27 or 2026-12-27T08:00 (the CRM's time zone)."
        ),
    ] = None,
    project: ProjectOption = Path(),
) -> int:
    """No run of a CRM starts by schedule or webhook until `resume`; one under way ends at its next batch border. `sync` still runs."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        now = runtime.clock.now()
        ends = {
            name: _until(until, now, runtime.project.crms[name].timezone) for name in _named(runtime, crm, every=every)
        }
        for name, end in ends.items():
            runtime.journal.schedules.change(name, partial(replace, paused_at=now, paused_until=end, paused_by=_who()))
            screen.say(f"{name} is paused{f' until {end:%Y-%m-%d %H:%M} UTC' if end else ''}.")
    return 0


def resume(crm: Name = None, every: All = False, project: ProjectOption = Path()) -> int:
    """End a pause. A start that was missed meanwhile is made up for, once."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        now, standings = runtime.clock.now(), runtime.journal.schedules.all()
        for name in _named(runtime, crm, every=every):
            paused = name in standings and standings[name].paused(now)
            runtime.journal.schedules.change(
                name, lambda was: replace(was, paused_at=None, paused_until=None, paused_by="")
            )
            screen.say(f"{name} goes on." if paused else f"{name} was not paused.")
    return 0


def status(project: ProjectOption = Path(), as_json: JsonOption = False) -> int:
    """Every CRM's schedule, next start, pause, last run and success, open rejections; and the daemons that are alive."""
    from crm_kare.cli import show as screen  # noqa: PLC0415  heavy
    from crm_kare.daemon.status import status as look  # noqa: PLC0415  heavy

    with opened(project) as runtime:
        told = look(runtime)
    if as_json:
        print_json(told)
        return 0
    columns = ("crm", "schedule", "next start", "state", "last run", "last success", "rejected")
    screen.table(columns, map(_row, told["crms"]))
    for one in told["daemons"]:
        problem = f"; its configuration is the one before: {one['problem']}" if one["problem"] else ""
        screen.say(f"Daemon {one['name']}, since {one['started_at'][:16]}{problem}")
    if not told["daemons"]:
        screen.say("No daemon is alive: nothing starts by itself.", "yellow")
    return 0


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    last = one["last_run"] and f"{one['last_run']['status']} {one['last_run']['started_at'][:16]}"
    schedule = one["schedule"] and f"{one['schedule']} {one['timezone']}"
    success, upcoming = one["last_success"] or "", one["next_start"] or ""
    return one["crm"], schedule, upcoming[:16], _state(one), last, success[:16], one["open_rejections"]


def _state(one: dict[str, Any]) -> str:
    """Why nothing starts now, or that somebody asked for it."""
    if one["paused"]:
        until = f" until {one['paused']['until'][:16]}" if one["paused"]["until"] else ""
        return f"paused{until} by {one['paused']['by']}"
    if one["quiet_until"]:
        return f"quiet until {one['quiet_until'][:16]}"
    if one["waits"]:
        return f"tried again at {one['waits']['until'][:16]}: {one['waits']['why']}"
    return f"asked for by {one['asked']['by']}" if one["asked"] else ""


def _named(runtime: "Runtime", crm: str | None, *, every: bool) -> list[str]:
    if every == (crm is not None):
        raise UsageError("name one CRM, or --all.", fix="`crm-kare status` lists them.")
    if crm is None:
        return list(runtime.project.crms)
    runtime.project.crm(crm)
    return [crm]


def _until(text: str | None, now: datetime, timezone: str) -> datetime | None:
    if text is None:
        return None
    span = _SPAN.fullmatch(text)
    try:
        end = now + timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{text}` is no time.", where="--until", fix="Write 2h, 3d, or 2026-12-27T08:00.") from None
    end = end if end.tzinfo else end.replace(tzinfo=ZoneInfo(timezone))
    if end <= now:
        raise UsageError(f"`{text}` is over.", where="--until", fix="Name a time to come.")
    return end.astimezone(UTC)


def _who() -> str:
    """Who types: user and machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
