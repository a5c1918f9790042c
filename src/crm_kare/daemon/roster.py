"""Which CRM is to be run now. All daemons of a project's database share one roster, and time is what they are told it is.

A start that the schedule names is a *slot*. Who begins a slot takes it on in the database, and nobody else begins it; slots that passed
meanwhile (the machine slept, the run before took long, the CRM was paused) are taken on with it, as one. What was taken on and not done,
because its daemon was stopped or died, is gone on with by whoever looks next.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from zlib import crc32

from crm_kare.config.project import Project
from crm_kare.config.quiet import Window, parse_window, quiet_until
from crm_kare.daemon.schedule import Cron, cron
from crm_kare.journal import Daemon, Journal, Standing
from crm_kare.model import RunStatus
from crm_kare.ports import Clock
from crm_kare.sync.brakes import SHRANK
from crm_kare.sync.lease import TTL, died
from crm_kare.sync.result import RunResult

ALIVE: Final = TTL
"""A daemon that has not beaten for that long is taken for dead, as a run's lease is."""

_BEAT: Final = timedelta(seconds=20)
_SPREAD: Final = 20
"""Seconds over which starts are spread, so that many CRMs do not all begin on the minute."""

_WRONG: Final = timedelta(days=2)
"""What lies that far ahead was written by a clock that was wrong."""

_WAITS: Final = {RunStatus.BUSY.value: (60, 900), RunStatus.UNAVAILABLE.value: (60, 900), SHRANK: (3600, 86400)}
"""First and longest wait, in seconds, before a run that ended so is made again. A pull that the brake refused was a full one, and would be
the next time too.
"""

_DOUBLED: Final = 8
_INSTANT: Final = timedelta(microseconds=1)

Why = Literal["schedule", "asked", "goes on", "again"]


@dataclass(frozen=True)
class Timetable:
    """When a CRM may be run, and when it is to be.

    Attributes:
        crm: its name.
        cron: its schedule; None = it is run when somebody asks.
        zone: the time zone of the quiet times.
        quiet: times in which no run starts.
        seed: what moves its starts by some seconds.
    """

    crm: str
    cron: Cron | None = None
    zone: str = "UTC"
    quiet: tuple[Window, ...] = ()
    seed: str = ""

    def begins(self, slot: datetime) -> datetime:
        """When a slot's run begins: some seconds after it, the same for every daemon."""
        return slot + timedelta(seconds=crc32(f"{self.seed}/{self.crm} {slot.isoformat()}".encode()) % _SPREAD)

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet of this moment ends; None = it is not quiet."""
        return quiet_until(self.quiet, self.zone, now)

    def newest(self, after: datetime | None, now: datetime) -> datetime | None:
        """The newest slot whose run should have begun, of those after a moment."""
        if self.cron is None or after is None:
            return None
        slot = self.cron.newest(after, now)
        return slot if slot and self.begins(slot) <= now else None

    def count(self, after: datetime, until: datetime, most: int) -> int:
        """How many slots after a moment, up to another, fell into no quiet; counts to `most` at most."""
        found, slot = 0, self.cron.next(after) if self.cron else None
        while self.cron and found < most and slot is not None and slot <= until:
            end = self.quiet_until(slot)
            found, slot = found + (end is None), self.cron.next(max(slot, end - _INSTANT) if end else slot)
        return found


@dataclass(frozen=True)
class Start:
    """A run to be made: of which CRM, why, and of which slot of its schedule."""

    crm: str
    why: Why
    slot: datetime | None = None


def timetables(project: Project) -> dict[str, Timetable]:
    """Every CRM's timetable."""
    return {
        name: Timetable(
            name,
            cron(crm.schedule, crm.timezone) if crm.schedule else None,
            crm.timezone,
            tuple(map(parse_window, crm.quiet)),
            project.folder.name,
        )
        for name, crm in project.crms.items()
    }


def due(table: Timetable, standing: Standing, now: datetime, at_work: Container[str]) -> Start | None:
    """What is to be begun of a CRM now; None = nothing. `at_work` are the daemons that do what they took on."""
    if standing.paused(now) or table.quiet_until(now) or (standing.pending and standing.holder in at_work):
        return None
    slot = table.newest(standing.slot, now) or standing.slot
    if standing.asked_at:
        return Start(table.crm, "asked", slot)
    if standing.pending:
        waits = standing.not_before is not None and now < standing.not_before < now + _WRONG
        return None if waits else Start(table.crm, "again" if standing.why else "goes on", slot)
    return Start(table.crm, "schedule", slot) if slot != standing.slot else None


def next_start(table: Timetable, standing: Standing, now: datetime) -> datetime | None:
    """When a CRM's next run begins, as far as it is known, or should have begun; None = when somebody asks, or resumes it."""
    earliest = _named(table, standing, now)
    if standing.paused(now):
        if standing.paused_until is None:
            return None
        earliest = max(earliest or standing.paused_until, standing.paused_until)
    return earliest and (table.quiet_until(earliest) or earliest)


def _named(table: Timetable, standing: Standing, now: datetime) -> datetime | None:
    if standing.asked_at:
        return now
    if standing.pending and not standing.holder:
        return standing.not_before or now
    after = now if standing.pending else standing.slot or now
    slot = table.cron.next(after) if table.cron else None
    return slot and table.begins(slot)


class Roster:
    """One daemon's part in the roster.

    Args:
        journal: where the roster is.
        clock: time; daemons' clocks may differ by some seconds.
        name: the daemon's own, unlike every other's: process@machine#number.
        tables: every CRM's timetable.
    """

    def __init__(self, journal: Journal, clock: Clock, name: str, tables: Mapping[str, Timetable]) -> None:
        self._journal, self._clock, self.name = journal, clock, name
        self._tables = dict(tables)
        self._seen: dict[str, Standing] = {}
        self._at_work: set[str] = set()
        now = clock.now()
        self._self = Daemon(name, now, now, now)
        self._beaten = False

    def follow(self, tables: Mapping[str, Timetable]) -> None:
        """Go by other timetables from now on; what a new or changed one named before now is not made up for."""
        changed = [one for crm, one in tables.items() if self._tables.get(crm, Timetable(crm)).cron != one.cron]
        for table in changed:
            self._journal.schedules.change(table.crm, lambda was: replace(was, slot=self._clock.now()))
        self._tables = dict(tables)

    def due(self) -> list[Start]:
        """Look at the roster: what is to be begun now. Nothing is taken on; the look is a sign of life too.

        Raises:
            KareError: the database does not answer.
        """
        now = self._clock.now()
        self._beat(now)
        self._seen = self._journal.schedules.all()
        for table in self._tables.values():
            self._settle(table, now)
        at_work = self._others(now) if self._taken_elsewhere() else set()
        found = (
            due(one, self.standing(one.crm), now, at_work)
            for one in self._tables.values()
            if one.crm not in self._at_work
        )
        return [one for one in found if one is not None]

    def take(self, crm: str) -> Start | None:
        """Take on what is to be begun of a CRM; None where nothing is any more: another daemon was first."""
        now, table = self._clock.now(), self._tables.get(crm)
        if table is None or crm in self._at_work:
            return None
        at_work, found = self._others(now), list[Start]()

        def step(was: Standing) -> Standing | None:
            found[:] = filter(None, [due(table, was, now, at_work)])
            return self._taken(was, found[0]) if found else None

        if self._journal.schedules.change(crm, step) is None:
            return None
        self._at_work.add(crm)
        return found[0]

    def _taken(self, was: Standing, start: Start) -> Standing:
        tries = was.tries if was.pending else 0
        return replace(
            was, slot=start.slot, holder=self.name, pending=True, asked_at=None, asked_by="", not_before=None, tries=tries
        )  # fmt: skip

    def ended(self, crm: str, result: RunResult) -> Standing | None:
        """Write down how a run ended that was taken on; the new standing, None where another daemon has taken it over."""
        self._at_work.discard(crm)
        now, why = self._clock.now(), _again(result)

        def step(was: Standing) -> Standing | None:
            return _after(was, why, now) if was.holder == self.name else None

        return self._journal.schedules.change(crm, step)

    def timetable(self, crm: str) -> Timetable:
        """A CRM's timetable; one that names nothing where it is no longer in the project."""
        return self._tables.get(crm, Timetable(crm))

    def standing(self, crm: str) -> Standing:
        """A CRM's standing, as the last look found it."""
        return self._seen.get(crm, Standing(crm))

    def rests(self, crm: str) -> bool:
        """Whether no run of a CRM may be under way: it is paused, or quiet. Asks no database."""
        now = self._clock.now()
        return self.standing(crm).paused(now) or self.timetable(crm).quiet_until(now) is not None

    def quiet_until(self, crm: str) -> datetime | None:
        """When the quiet of this moment ends for a CRM."""
        return self.timetable(crm).quiet_until(self._clock.now())

    def next_start(self, crm: str) -> datetime | None:
        """When a CRM's next run begins."""
        return next_start(self.timetable(crm), self.standing(crm), self._clock.now())

    def configured(self, loaded_at: datetime, problem: str) -> None:
        """Tell the others by what configuration this daemon runs, at its next sign of life."""
        self._self = replace(self._self, loaded_at=loaded_at, problem=problem)
        self._beaten = False

    def leave(self) -> None:
        """Give back what was taken on and is under way, and beat no more."""
        for crm in sorted(self._at_work):
            self._journal.schedules.change(
                crm, lambda was: replace(was, holder="") if was.holder == self.name else None
            )
        self._journal.daemons.leave(self.name)

    def _beat(self, now: datetime) -> None:
        if not self._beaten or not timedelta() <= now - self._self.beat_at < _BEAT:
            self._self = replace(self._self, beat_at=now)
            self._journal.daemons.beat(self._self)
            self._beaten = True

    def _taken_elsewhere(self) -> bool:
        return any(one.pending and one.holder not in {"", self.name} for one in self._seen.values())

    def _others(self, now: datetime) -> set[str]:
        """Daemons that live, but for this one: it knows by itself what it is at."""
        names = (one.name for one in living(self._journal, now))
        return {name for name in names if name != self.name}

    def _settle(self, table: Timetable, now: datetime) -> None:
        """Begin a schedule with now; so too where a clock that was wrong had written it. What was done by hand need not be again."""
        was = self.standing(table.crm)
        if table.cron and (was.slot is None or was.slot > now + _WRONG):
            new = self._journal.schedules.change(table.crm, lambda one: replace(one, slot=now) if one == was else None)
            self._seen[table.crm] = new or was
        elif was.pending and was.tried_at and was.why and was.holder != self.name:
            self._lift(was)

    def _lift(self, was: Standing) -> None:
        last = self._journal.runs.last_success(was.crm)
        if last and last.ended_at and was.tried_at and last.ended_at > was.tried_at:
            new = self._journal.schedules.change(was.crm, lambda one: _done(one) if one == was else None)
            self._seen[was.crm] = new or was


def living(journal: Journal, now: datetime) -> Iterable[Daemon]:
    """Daemons that have beaten lately, by a clock that is not far off ours, but for those of this machine whose process is no more."""
    return [one for one in journal.daemons.since(now - ALIVE) if one.beat_at <= now + ALIVE and not died(one.name)]


def _again(result: RunResult) -> str:
    """Why the run is to be made again; empty where it is not."""
    if result.status is RunStatus.REFUSED and any(one.code == SHRANK for one in result.problems):
        return SHRANK
    return result.status.value if result.status.value in {*_WAITS, RunStatus.INTERRUPTED.value} else ""


def _after(was: Standing, why: str, now: datetime) -> Standing:
    if not why:
        return _done(was)
    if why == RunStatus.INTERRUPTED.value:
        return replace(was, holder="", why="")
    tries = was.tries if why == was.why else 0
    first, longest = _WAITS[why]
    wait = min(first * 2 ** min(tries, _DOUBLED), longest)
    return replace(
        was, holder="", tries=tries + 1, why=why, tried_at=now, not_before=now + timedelta(seconds=wait)
    )  # fmt: skip


def _done(was: Standing) -> Standing:
    return replace(was, holder="", pending=False, tried_at=None, not_before=None, tries=0, why="")
