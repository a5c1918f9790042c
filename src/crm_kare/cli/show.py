"""How things look on a terminal: tables, problems, progress; plain lines where there is no terminal."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from crm_kare.model import Problem
    from crm_kare.sync.crm_run import Progress as Tell
    from crm_kare.sync.plan import Plan
    from crm_kare.sync.result import RunResult

COLOURS: Final = {"Keep": "green", "Attain": "cyan", "Recapture": "yellow", "Expand": "magenta"}
_LEVELS: Final = {"error": "red", "warning": "yellow", "info": "dim"}
_SHOWN: Final = 20


class Screen(Console):
    """Rich's console, but for the reader who goes away: the door says how that ends."""

    def on_broken_pipe(self) -> None:
        """Instead of Rich's own exit with 1."""
        raise BrokenPipeError


def console() -> Console:
    """Stdout; as wide as the terminal, or wide enough for a log."""
    return Screen(highlight=False, width=None if sys.stdout.isatty() else 160, soft_wrap=not sys.stdout.isatty())


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print a table; every cell is text from outside and is not read as markup."""
    drawn = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(cell) for cell in row))
    console().print(drawn)


def _cell(value: Any) -> str:
    text = "" if value is None else escape(str(value))
    return f"[{COLOURS[text]}]{text}[/]" if text in COLOURS else text


def say(line: str, style: str = "") -> None:
    """Print a line as it stands; the terminal wraps it, so that an address in it stays whole."""
    console().print(escape(line), style=style or None, soft_wrap=True)


def problems(found: "Iterable[Problem]") -> None:
    """One line per problem; its fix below it, once where several in a row have the same. Long ones are told in a column
    of their own on a terminal, and stay whole lines in a log.
    """
    rows = [row for fix, alike in groupby(found, key=lambda one: one.fix) for row in _told(fix, alike)]
    if not sys.stdout.isatty():
        for level, text in rows:
            console().print(f"{level} {text}" if level else f"      {text}")
        return
    drawn = Table.grid(padding=(0, 1))
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    for level, text in rows:
        drawn.add_row(level, text)
    console().print(drawn)


def _told(fix: str, alike: "Iterable[Problem]") -> Iterator[tuple[str, str]]:
    """Level and text of problems that have one fix, and the fix."""
    for problem in alike:
        where = f"{problem.where}: " if problem.where else ""
        account = f" (account {problem.account_id})" if problem.account_id else ""
        yield f"[{_LEVELS[problem.level]}]{problem.level}[/]", escape(f"{where}{problem.message}{account}")
    if fix:
        yield "", f"→ {escape(fix)}"


def result(one: "RunResult") -> None:
    """What a run did, every number with its name."""
    pulled, planned, applied = one.pulled, one.planned, one.applied
    say(f"{one.crm}: {one.status.value} (run {one.run_id}, {one.duration_s:.1f} s)", "bold")
    say(f"  pulled    {pulled.accounts} accounts, {pulled.opportunities} opportunities, {pulled.deleted} deleted")
    if one.scored:
        say(
            f"  scored    {one.scored} accounts: "
            + ", ".join(f"{name} {count}" for name, count in one.profiles.items())
        )
    if one.scored or planned.accounts:
        say(f"  planned   {planned.accounts} accounts, {planned.fields} fields" + _moves(planned.by_transition))
    counts = vars(applied)
    if any(counts.values()):
        say("  applied   " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    say(f"  API calls {one.calls.read} reading, {one.calls.write} writing")
    problems(one.problems)


def _moves(by_transition: Mapping[str, int]) -> str:
    return "; moves " + ", ".join(f"{key} {count}" for key, count in by_transition.items()) if by_transition else ""


def plan(made: "Plan", *, redact: bool = False, shown: int = _SHOWN) -> None:
    """The plan: moves first, then account by account, old → new."""
    moves = [(one.before, one.after, one.accounts) for one in made.transitions]
    if moves:
        table(("from", "to", "accounts"), moves, "Moves of the computed profile")
    rows: list[tuple[Any, ...]] = []
    for account, cells in made.by_account():
        if len(rows) >= shown:
            break
        name = "…" if redact else account["name"]
        changes = "\n".join(f"{cell.label}: {_shortly(cell.old)} → {_shortly(cell.new)}" for cell in cells)
        rows.append(
            (
                account["account_id"],
                name,
                changes if not redact else f"{len(cells)} fields",
                "" if redact else account["why"],
            )
        )
    if rows:
        table(
            ("account", "name", "change", "why"),
            rows,
            f"{min(shown, made.accounts.num_rows)} of {made.accounts.num_rows} accounts",
        )
    if made.conflicts.num_rows:
        say(f"Held back: {made.conflict_accounts()} accounts whose fields a person edited.", "yellow")
    if made.waiting:
        say(f"Waiting: {made.waiting} accounts that the CRM refused last time.", "yellow")


def _shortly(text: str | None) -> str:
    if text is None:
        return "–"
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"  # noqa: PLR2004  a cell


@contextmanager
def progress(*, quiet: bool) -> "Iterator[Tell]":
    """A bar per step on a terminal, a line per step in a log, nothing where quiet."""
    if quiet:
        yield lambda _crm, _step, _done, _total: None
    elif sys.stderr.isatty():
        yield from _bars()
    else:
        yield _lines()


def _bars() -> "Iterator[Tell]":
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        known: dict[tuple[str, str], Any] = {}

        def tell(crm: str, step: str, done: int, total: int | None) -> None:
            task = known.setdefault((crm, step), None)
            if task is None:
                task = known[(crm, step)] = bars.add_task(f"{crm} {step}", total=total)
            bars.update(task, completed=done, total=total)

        yield tell


def _lines() -> "Tell":
    said: set[tuple[str, str]] = set()

    def tell(crm: str, step: str, _done: int, total: int | None) -> None:
        if (crm, step) not in said:
            said.add((crm, step))
            sys.stderr.write(f"{crm}: {step}{f' ({total})' if total else ''}\n")

    return tell
