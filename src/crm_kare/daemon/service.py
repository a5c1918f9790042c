"""Runs each CRM on its schedule, never two runs of one CRM at a time, until it is told to stop."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import count
from operator import methodcaller
from threading import Condition, Lock
from typing import Any, Final

from crm_kare.daemon.inbox import Inbox, Log, Records
from crm_kare.daemon.listeners import Listener
from crm_kare.daemon.metrics import WEBHOOK, WHOLE, Metrics, Now
from crm_kare.daemon.motor import ApMotor, Motor
from crm_kare.daemon.reload import Reload, Reread, checked
from crm_kare.daemon.roster import Roster, Start, timetables
from crm_kare.daemon.status import pause_words
from crm_kare.daemon.steplog import Several, StepLog
from crm_kare.errors import KareError
from crm_kare.journal import Standing
from crm_kare.model import Problem, RunStatus
from crm_kare.sync.brakes import APPEARED
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.lease import numbering
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime

PATIENCE: Final = 30.0
"""Seconds that a stop waits for the runs under way to reach a batch border."""

LOOK: Final = 5.0
"""Seconds between looks at what is to be done: at the roster, and at the configuration's files."""

_LEVELS: Final = {
    RunStatus.DONE: "info",
    RunStatus.INTERRUPTED: "info",
    RunStatus.BUSY: "info",
    RunStatus.FAILED: "error",
}
"""How loudly a status is told; the rest wants somebody to look: warning."""

_NOT_NOW: Final = {RunStatus.BUSY, RunStatus.UNAVAILABLE}
"""Ends of a run after which the same may go well a little later."""

_NUMBERS: Final = count(1)


@dataclass(frozen=True)
class LastRun:
    """How a CRM's last run in this process ended."""

    status: str
    ended_at: datetime
    exit_code: int


class Service:
    """A daemon over one open project. `start` it, wait, `stop` it. Several may serve one project, on one machine or many.

    Args:
        runtime: the open project; whoever opened it closes it afterwards.
        stopping: asked at page and batch borders; a run ends there when it says yes.
        log: where events go; they hold ids, counts and codes, never customers' data.
        motor: what makes its steps happen; None = threads of its own. Services that share workers are each given an
            `ApMotor(clock, ticker, begin)` over one `Ticker`.
        reread: reads the project's changed files anew; None = changes wait for a restart.
        name: this daemon's, unlike every other's on the database; `process@machine#number`, so that others of the machine see when it died.

    Attributes:
        metrics: what Prometheus is told.
        listeners: told of runs, pauses and the configuration; add to it before `start`.
    """

    def __init__(
        self,
        runtime: Runtime,
        stopping: Callable[[], bool],
        log: Log,
        *,
        motor: Motor | None = None,
        reread: Reread | None = None,
        name: str = "",
    ) -> None:
        self._runtime, self._stopping, self._log = runtime, stopping, log
        self.listeners: list[Listener] = []
        self._last: dict[str, LastRun] = {}
        self._running: dict[str, float] = {}
        self._queued: set[str] = set()
        self._changed = Condition()
        self._turns = {crm: Lock() for crm in runtime.project.crms}
        self._motor = motor or ApMotor(runtime.clock)
        self._inbox = Inbox(self._take_in, self._motor.later, runtime.clock, log)
        self.name: Final = name or f"{os.getpid()}@{numbering()}#{next(_NUMBERS)}"
        self._roster = Roster(runtime.journal, runtime.clock, self.name, timetables(runtime.project))
        self._reload = Reload(runtime, reread)
        self._told: dict[str, Standing] = {}
        self._blind = self._stopped = False
        now = Now(
            lambda: self._runtime,
            self._next,
            self._inbox.count,
            self._paused,
            lambda: self._reload,
            self._roster.timetable,
        )
        self.metrics: Final = Metrics(now)

    @property
    def runtime(self) -> Runtime:
        """The project by the configuration that is in force."""
        return self._runtime

    def start(self) -> None:
        """Begin to run; returns at once.

        Raises:
            ConfigError: a mapping is wrong, a connector is not installed, or no CRM has a schedule.
        """
        self._runtime = checked(self._runtime)
        crms = self._runtime.project.crms
        scheduled = [name for name, crm in crms.items() if crm.schedule]
        self._motor.start()
        self._motor.every(LOOK, self.look)
        self._log.info("started", crms=scheduled, left_out=[name for name in crms if name not in scheduled])

    def look(self) -> None:
        """Do what is to be done now: begin runs that are due, hear of pauses, take in a changed configuration.

        It happens every `LOOK` seconds by itself; a database that does not answer is told once, and asked again next time.
        """
        try:
            self._look()
        except Exception as error:  # noqa: BLE001  the door: the next look may go well, and none may end them all
            self._log.error("look failed", code=type(error).__name__)  # no traceback: it may hold customers' data

    def _look(self) -> None:
        if self._stopped or self._stopping():
            return
        self._configure()
        try:
            starts = self._roster.due()
        except KareError as error:
            if not self._blind:
                self._log.error("database lost", message=error.message, fix=error.fix)
            self._blind = True
            return
        if self._blind:
            self._log.info("database back")
        self._blind = False
        self._tell_pauses()
        for start in starts:
            self._queue(start)

    def reload(self) -> None:
        """Read the configuration anew at the next look, whether its files changed or not."""
        self._reload.ask()

    def _queue(self, start: Start) -> None:
        with self._changed:
            new = start.crm not in self._queued
            self._queued.add(start.crm)
        if new:
            self._motor.begin(partial(self._turn, start.crm))

    def _turn(self, crm: str) -> None:
        """A worker is free for a CRM that is due: take it on, where no other daemon did meanwhile, and run it."""
        try:
            if self._stopped or self._stopping():
                return
            with self._turns[crm]:  # a run for webhooks is short, and must not cost the CRM its whole one
                start = self._roster.take(crm)
                if start is not None:
                    self._settled(crm, self._run(crm, Options(), why=start.why))
        except KareError as error:
            self._log.error("database lost", crm=crm, message=error.message, fix=error.fix)
        finally:
            with self._changed:
                self._queued.discard(crm)

    def _settled(self, crm: str, result: RunResult) -> None:
        """Let the roster know; where it is made again, say when."""
        standing = self._roster.ended(crm, result)
        if standing and standing.pending and standing.not_before:
            until = standing.not_before.isoformat()
            self._log.warning(
                "run put off", crm=crm, until=until, why=standing.why, fix=f"`crm-kare run {crm}` makes it at once."
            )

    def run(self, crm: str) -> None:
        """One run of a CRM now, whatever its schedule and the other daemons are at."""
        with self._turns[crm]:
            if not self._stopping():
                self._run(crm, Options())

    def told(self, crm: str, records: Records) -> None:
        """A CRM told that records changed: a run in a moment takes them in, by stream, with all that is told until then."""
        self._inbox.put(crm, records)

    def take_in(self, crm: str) -> None:
        """Take in at once what a CRM told of; without a call of this it happens in a moment by itself."""
        self._inbox.turn(crm)

    def _take_in(self, crm: str, records: Records) -> bool:
        """A run for single records; False where it is not to be now, another one has the CRM, or it is unavailable."""
        turn = self._turns.get(crm)
        if turn is None:
            return True  # no longer in the project
        if self._stopping() or self._roster.rests(crm) or not turn.acquire(blocking=False):
            return False
        try:
            return self._run(crm, Options(touched=records)).status not in _NOT_NOW
        finally:
            turn.release()

    def _run(self, crm: str, options: Options, *, why: str = "") -> RunResult:
        """A run, and how it ended. A pause, or quiet that begins, ends it at its next batch border."""
        runtime, kind = self._runtime, WEBHOOK if options.touched else WHOLE
        resting = bool(why or options.touched)
        bound: dict[str, Any] = {"records": _count(options.touched)} if options.touched else {}
        log = self._log.bind(crm=crm, **bound)
        log.info("run begins", **({"why": why} if why else {}))
        self._enter(crm)
        told = replace(runtime, tracer=Several([StepLog(log), runtime.tracer]))
        try:
            (result,) = sync(
                told, [crm], options, stop=lambda: self._stopping() or (resting and self._roster.rests(crm))
            )
        except KareError as error:
            log.error("run failed", code=error.code, message=error.message, fix=error.fix)  # noqa: TRY400  a traceback may hold customers' data
            result = _broken(crm, RunStatus(error.status), error.exit_code, error.code, error.message, error.fix)
        except Exception as error:  # noqa: BLE001  the door: one run's accident must not end the daemon
            log.error("run failed", code=type(error).__name__)  # noqa: TRY400  the same
            result = _broken(
                crm, RunStatus.FAILED, 1, type(error).__name__, "The run broke by an accident.", "See the log."
            )
        else:
            _tell(log, result)
            self.metrics.count(result)
        self._leave(crm, kind, result)
        return result

    def stop(self, patience: float = PATIENCE) -> bool:
        """Begin no more runs, and wait for those under way, which end at their next batch border.

        Returns:
            Whether all of them ended in time.
        """
        self._stopped = True
        self._motor.stop()
        with self._changed:
            ended = self._changed.wait_for(lambda: not self._running, patience)
            left = sorted(self._running)
        self._go()
        if left:
            self._log.warning(
                "stopped in the middle of a run", crms=left, fix="The next run reads back what is unknown."
            )
        else:
            self._log.info("stopped")
        return ended

    def _go(self) -> None:
        """What is left of this daemon's work, another one or the next start goes on with at once."""
        try:
            self._roster.leave()
        except KareError as error:
            self._log.warning("database lost", message=error.message, fix=error.fix)

    def health(self) -> dict[str, Any]:
        """What `/healthz` tells, by what the last look found: each CRM's last run and the next one, pauses, the configuration."""
        with self._changed:
            last, running = dict(self._last), frozenset(self._running)
        problem, crms = self._reload.problem, self._runtime.project.crms
        config = {"loaded_at": self._reload.loaded_at.isoformat(), "problem": problem and _words(problem)}
        told = {name: {**self._health(name, last.get(name)), "running": name in running} for name in crms}
        return {"daemon": self.name, "config": config, "crms": told}

    def ready(self) -> bool:
        """Whether the scheduler runs and the state database answers."""
        return self._motor.running and self._runtime.journal.store.answers()

    def page(self, accept: str) -> tuple[bytes, str]:
        """What Prometheus is answered, and its content type."""
        return self.metrics.page(accept)

    def _health(self, name: str, last: LastRun | None) -> dict[str, Any]:
        upcoming, quiet = self._next(name), self._roster.quiet_until(name)
        told = (
            {"status": last.status, "ended_at": last.ended_at.isoformat(), "exit_code": last.exit_code}
            if last
            else None
        )
        return {
            "last": told,
            "next": upcoming and upcoming.isoformat(),
            "paused": pause_words(self._roster.standing(name), self._runtime.clock.now()),
            "quiet_until": quiet and quiet.isoformat(),
        }

    def _next(self, name: str) -> datetime | None:
        """When a CRM's next run begins by its schedule."""
        return self._roster.next_start(name) if self._motor.running else None

    def _paused(self, name: str) -> bool:
        return self._roster.standing(name).paused(self._runtime.clock.now())

    def _configure(self) -> None:
        """Take in a changed configuration; say so where it is wrong."""
        before = self._reload.problem
        new, problem = self._reload.look(self._runtime), self._reload.problem
        if problem is not None and problem != before:
            self._log.error(
                "configuration refused", message=_words(problem), fix="Mend it; until then the one before is in force."
            )
            self._each(lambda one: one.misconfigured(problem))
        if new is not None:
            self._adopt(new)
        if new is not None or problem != before:
            self._roster.configured(self._reload.loaded_at, _words(problem) if problem else "")

    def _adopt(self, new: Runtime) -> None:
        try:
            self._roster.follow(timetables(new.project))
        except KareError:
            self._reload.ask()  # the database does not answer now
            return
        for crm in new.project.crms:
            self._turns.setdefault(crm, Lock())
        self._runtime = new
        self.metrics.adopt()
        self._log.info("configuration loaded", crms=[name for name, crm in new.project.crms.items() if crm.schedule])
        self._each(lambda one: one.configured(new))

    def _tell_pauses(self) -> None:
        """Say which pauses began and ended since the last look; what came by webhooks meanwhile has its turn."""
        for crm in self._runtime.project.crms:
            was, standing = self._told.get(crm), self._roster.standing(crm)
            if self._paused(crm):
                if standing.paused_at != (was and was.paused_at):
                    self._log.info("paused", crm=crm, **(pause_words(standing, self._runtime.clock.now()) or {}))
                    self._each(methodcaller("paused", crm, standing))
                self._told[crm] = standing
            elif self._told.pop(crm, None):
                self._log.info("resumed", crm=crm)
                self._each(methodcaller("resumed", crm))
                if self._inbox.count(crm):
                    self._motor.later(0, partial(self._inbox.turn, crm))

    def _each(self, tell: Callable[[Listener], None]) -> None:
        for listener in self.listeners:
            try:
                tell(listener)
            except Exception as error:  # noqa: BLE001  the door: who listens must not harm the runs
                self._log.error("listener failed", code=type(error).__name__)

    def _enter(self, crm: str) -> None:
        self.metrics.begins(crm)
        with self._changed:
            self._running[crm] = self._runtime.clock.monotonic()

    def _leave(self, crm: str, kind: str, result: RunResult) -> None:
        clock = self._runtime.clock
        with self._changed:
            self._last[crm] = LastRun(result.status.value, clock.now(), result.exit_code)
            began = self._running.pop(crm)
            self._changed.notify_all()
        self.metrics.ends(crm, kind, result.status.value, clock.monotonic() - began)
        self._each(lambda one: one.ended(crm, kind, result))


def _words(problem: Problem) -> str:
    place = f"{problem.where}: " if problem.where else ""
    return f"{place}{problem.message} {problem.fix}".strip()


def _broken(crm: str, status: RunStatus, exit_code: int, code: str, message: str, fix: str) -> RunResult:
    return RunResult("", crm, status, problems=(Problem(code, message, fix),), exit_code=exit_code)


def _count(records: Records) -> int:
    return sum(map(len, records.values()))


def _tell(log: Log, result: RunResult) -> None:
    told = result.to_json()
    counts = {"planned": told["planned"]["accounts"], "applied": told["applied"], "problems": _codes(result)}
    level = _LEVELS.get(result.status, "warning")
    getattr(log, level)("run ended", run_id=result.run_id, status=result.status.value, **counts, **_way_on(result))


def _codes(result: RunResult) -> list[str]:
    return sorted({problem.code for problem in result.problems})


def _way_on(result: RunResult) -> dict[str, str]:
    """What stopped the run, and what to do about it."""
    if result.status in {RunStatus.DONE, RunStatus.PARTIAL} or not result.problems:
        return {}
    first: Problem = result.problems[0]
    message = {} if first.code == APPEARED else {"message": first.message}  # that one quotes values of the CRM
    return {"code": first.code, **message, "fix": first.fix}
