"""What every command shares: options, the open project, signals, and how an error ends the program."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from crm_kare.cli import traces
from crm_kare.clock import SystemClock
from crm_kare.errors import InterruptedRun, KareError, UsageError

if TYPE_CHECKING:
    from crm_kare.sync.runtime import Runtime
    from crm_kare.sync.tracing import Tracer

ProjectOption = Annotated[
    Path,
    typer.Option(
        "--project", "-p", help="Folder of the project (the one with crm-kare.yaml).", envvar="CRM_KARE_PROJECT"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else there.")]

_SIGNALS: Final = {signal.SIGINT: 130, signal.SIGTERM: 143}
_BROKEN_PIPE: Final = 141
"""What a shell reports of a program that SIGPIPE ended."""


class Stop:
    """Whether somebody asked us to stop, and by which signal; a second signal ends the program at once.

    Who sleeps on its `clock` is woken by the signal.
    """

    def __init__(self) -> None:
        self._asked = Event()
        self.clock = SystemClock()
        self.code = 0

    def __call__(self) -> bool:
        """Whether a stop was asked for; steps ask at page and batch borders."""
        return self._asked.is_set()

    def listen(self) -> None:
        """Take SIGINT and SIGTERM."""
        for number in _SIGNALS:
            signal.signal(number, self._take)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set():
            os._exit(_SIGNALS[signal.Signals(number)])
        self.code = _SIGNALS[signal.Signals(number)]
        self._asked.set()
        self.clock.wake.set()
        with suppress(OSError):
            sys.stderr.write("\nStopping at the next batch border; once more to stop at once.\n")


@contextmanager
def opened(folder: Path, stop: Stop | None = None) -> Iterator["Runtime"]:
    """The project in a folder, open for the length of the block; `stop` wakes it from waiting."""
    from crm_kare.sync.runtime import open_project  # noqa: PLC0415  heavy: --help must not wait for it

    with traced() as tracer:
        runtime = replace(open_project(folder, os.environ, stop.clock if stop else SystemClock()), tracer=tracer)
        try:
            yield runtime
        finally:
            runtime.close()


@contextmanager
def traced() -> "Iterator[Tracer]":
    """Who is told of runs and their steps: OpenTelemetry's collector where the environment names one, else nobody."""
    from crm_kare.sync.tracing import UNTRACED  # noqa: PLC0415  heavy

    if not traces.wanted(os.environ):
        yield UNTRACED
        return
    with traces.tracing(_tell) as tracer:
        yield tracer


@contextmanager
def stoppable() -> Iterator[Stop]:
    """A stop that listens to signals for the length of the block."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    stop = Stop()
    stop.listen()
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def hangup(step: Callable[[], None]) -> Iterator[None]:
    """Take a step at SIGHUP for the length of the block, as daemons do to read their configuration; on a terminal it stays the terminal's."""
    if sys.stdout.isatty():
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: step())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def print_json(document: Any) -> None:
    """The one document on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")


def ended(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run the app; the exit code."""
    try:
        result = typer.main.get_command(app).main(
            args=list(arguments) if arguments is not None else None, prog_name="crm-kare", standalone_mode=False
        )
    except KareError as error:
        _tell(str(error))
        return error.exit_code
    except typer.TyperException as error:
        return _misused(error)
    except (typer.Abort, KeyboardInterrupt):
        return _SIGNALS[signal.SIGINT]
    except BrokenPipeError:
        return _unread()
    except Exception as error:  # noqa: BLE001  the door: whatever happens ends with one clear sentence
        return _unexpected(error)
    return _flushed(int(result) if isinstance(result, int) else 0)


def _flushed(code: int) -> int:
    """The code, once all is printed: a reader that went away is found out here at the latest."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _unread()
    return code


def _unread() -> int:
    """The reader of stdout went away; nothing is left to say to it, not even by Python at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _BROKEN_PIPE


def _misused(error: typer.TyperException) -> int:
    """What Typer says of wrong arguments, and the way to the help."""
    context, message = getattr(error, "ctx", None), error.format_message()
    command = context.command_path if context is not None else "crm-kare"
    is_help = "\n" in message  # called without a command: the message is the help itself
    _tell(message if is_help else f"{message.rstrip('.')}. See `{command} --help`.")
    return UsageError.exit_code


def interrupted(stop: Stop) -> None:
    """Raise where the run ended because it was asked to."""
    if stop():
        error = InterruptedRun("Stopped as asked; the next run goes on from here.")
        error.exit_code = stop.code
        raise error


def _unexpected(error: Exception) -> int:
    """One sentence, and the places in our code: no values, for a traceback may hold customers' data."""
    places = traceback.extract_tb(error.__traceback__)
    _tell(
        f"Something went wrong that should not: {type(error).__name__}. Nothing more is written. Please report it with these lines:"
    )
    for place in places[-6:]:
        _tell(f"  {Path(place.filename).name}:{place.lineno} in {place.name}")
    if os.environ.get("CRM_KARE_TRACEBACK") == "1":
        traceback.print_exception(error)
    return 1


def _tell(line: str) -> None:
    with suppress(OSError):  # nobody reads stderr any more
        typer.secho(line, err=True, fg="red" if sys.stderr.isatty() else None)
