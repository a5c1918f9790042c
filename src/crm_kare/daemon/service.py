"""Runs each CRM on its schedule (APScheduler), never two runs of one CRM at a time, until it is told to stop."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Condition, Lock
from typing import Any, Final

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from crm_kare.config.project import PROJECT_FILE
from crm_kare.daemon.inbox import Inbox, Log, Records
from crm_kare.daemon.metrics import WEBHOOK, WHOLE, Metrics, Now
from crm_kare.daemon.schedule import trigger
from crm_kare.errors import ConfigError, KareError
from crm_kare.model import Problem, RunStatus
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime

PATIENCE: Final = 30.0
"""Seconds that a stop waits for the runs under way to reach a batch border."""

_LEVELS: Final = {
    RunStatus.DONE: "info",
    RunStatus.INTERRUPTED: "info",
    RunStatus.BUSY: "info",
    RunStatus.FAILED: "error",
}
"""How loudly a status is told; the rest wants somebody to look: warning."""

_NOT_NOW: Final = {RunStatus.BUSY.value, RunStatus.UNAVAILABLE.value}
"""Ends of a run after which the same may go well a little later."""


@dataclass(frozen=True)
class LastRun:
    """How a CRM's last run in this process ended."""

    status: str
    ended_at: datetime
    exit_code: int


class Service:
    """A daemon over one open project. `start` it, wait, `stop` it.

    Args:
        runtime: the open project; whoever opened it closes it afterwards.
        stopping: asked at page and batch borders; a run ends there when it says yes.
        log: where events go; they hold ids, counts and codes, never customers' data.

    Attributes:
        metrics: what Prometheus is told.
    """

    def __init__(self, runtime: Runtime, stopping: Callable[[], bool], log: Log) -> None:
        self._runtime, self._stopping, self._log = runtime, stopping, log
        self._last: dict[str, LastRun] = {}
        self._running: dict[str, float] = {}
        self._changed = Condition()
        self._turns = {name: Lock() for name in runtime.project.crms}
        self._inbox = Inbox(self._take_in, self._later, runtime.clock, log)
        self._scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        logging.getLogger("apscheduler").addHandler(logging.NullHandler())  # what matters of it, we log ourselves
        self._scheduler.add_listener(self._skipped, EVENT_JOB_MAX_INSTANCES)
        self.metrics: Final = Metrics(runtime, Now(self._next, self._inbox.count))

    def start(self) -> None:
        """Begin to run; returns at once.

        Raises:
            ConfigError: a mapping is wrong, a connector is not installed, or no CRM has a schedule.
        """
        crms = self._runtime.project.crms
        scheduled = {name: crm.schedule for name, crm in crms.items() if crm.schedule}
        if not scheduled:
            raise ConfigError("no CRM has a schedule.", where=PROJECT_FILE, fix='Add one, like "*/15 * * * *".')
        for name, schedule in scheduled.items():
            self._runtime.mapping(name)
            self._runtime.find_connector(crms[name].connector)
            self._scheduler.add_job(self.run, trigger(schedule, crms[name].timezone), args=[name], id=name)
        self._scheduler.start()
        self._log.info("started", crms=list(scheduled), left_out=[name for name in crms if name not in scheduled])

    def run(self, crm: str) -> None:
        """One run of a CRM. Whatever becomes of it, the schedule goes on."""
        with self._turns[crm]:  # a run for webhooks is short, and must not cost the CRM its whole one
            if not self._stopping():
                self._run(crm, Options())

    def told(self, crm: str, records: Records) -> None:
        """A CRM told that records changed: a run in a moment takes them in, by stream, with all that is told until then."""
        self._inbox.put(crm, records)

    def take_in(self, crm: str) -> None:
        """Take in at once what a CRM told of; without a call of this it happens in a moment by itself."""
        self._inbox.turn(crm)

    def _take_in(self, crm: str, records: Records) -> bool:
        """A run for single records; False where another one has the CRM, or it is unavailable."""
        if self._stopping() or not self._turns[crm].acquire(blocking=False):
            return False
        try:
            return self._run(crm, Options(touched=records)) not in _NOT_NOW
        finally:
            self._turns[crm].release()

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        self._scheduler.add_job(step, DateTrigger(self._runtime.clock.now() + timedelta(seconds=seconds)))

    def _run(self, crm: str, options: Options) -> str:
        """A run, and how it ended."""
        log = self._log.bind(crm=crm, records=_count(options.touched)) if options.touched else self._log.bind(crm=crm)
        kind = WEBHOOK if options.touched else WHOLE
        log.info("run begins")
        self._enter(crm)
        try:
            (result,) = sync(self._runtime, [crm], options, stop=self._stopping)
        except KareError as error:
            log.error(  # noqa: TRY400  a traceback may hold customers' data
                "run failed", code=error.code, message=error.message, fix=error.fix
            )
            return self._leave(crm, kind, error.status, error.exit_code)
        except Exception as error:  # noqa: BLE001  the door: one run's accident must not end the daemon
            log.error("run failed", code=type(error).__name__)  # noqa: TRY400  the same
            return self._leave(crm, kind, RunStatus.FAILED.value, 1)
        _tell(log, result)
        self.metrics.count(result)
        return self._leave(crm, kind, result.status.value, result.exit_code)

    def stop(self, patience: float = PATIENCE) -> bool:
        """Begin no more runs, and wait for those under way, which end at their next batch border.

        Returns:
            Whether all of them ended in time.
        """
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._changed:
            ended = self._changed.wait_for(lambda: not self._running, patience)
            left = sorted(self._running)
        if left:
            self._log.warning(
                "stopped in the middle of a run", crms=left, fix="The next run reads back what is unknown."
            )
        else:
            self._log.info("stopped")
        return ended

    def health(self) -> dict[str, Any]:
        """What `/healthz` tells: each CRM's last run and the next one."""
        with self._changed:
            last, running = dict(self._last), frozenset(self._running)
        crms = self._runtime.project.crms
        return {"crms": {name: {**self._health(name, last.get(name)), "running": name in running} for name in crms}}

    def ready(self) -> bool:
        """Whether the scheduler runs and the state database answers."""
        return bool(self._scheduler.running) and self._runtime.journal.store.answers()

    def page(self, accept: str) -> tuple[bytes, str]:
        """What Prometheus is answered, and its content type."""
        return self.metrics.page(accept)

    def _health(self, name: str, last: LastRun | None) -> dict[str, Any]:
        upcoming = self._next(name)
        told = (
            {"status": last.status, "ended_at": last.ended_at.isoformat(), "exit_code": last.exit_code}
            if last
            else None
        )
        return {"last": told, "next": upcoming and upcoming.isoformat()}

    def _next(self, name: str) -> datetime | None:
        """When the schedule starts a CRM's next run."""
        job = self._scheduler.get_job(name)
        return getattr(job, "next_run_time", None)  # a job has none before the scheduler runs

    def _enter(self, crm: str) -> None:
        self.metrics.begins(crm)
        with self._changed:
            self._running[crm] = self._runtime.clock.monotonic()

    def _leave(self, crm: str, kind: str, status: str, exit_code: int) -> str:
        with self._changed:
            self._last[crm] = LastRun(status, self._runtime.clock.now(), exit_code)
            began = self._running.pop(crm)
            self._changed.notify_all()
        self.metrics.ends(crm, kind, status, self._runtime.clock.monotonic() - began)
        return status

    def _skipped(self, event: JobSubmissionEvent) -> None:
        self._log.warning("run left out", crm=event.job_id, message="The one before still runs.")


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
    return {"code": first.code, "message": first.message, "fix": first.fix}
