"""Runs each CRM on its schedule (APScheduler), never two runs of one CRM at a time, and answers health checks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from crm_kare.errors import KareError
from crm_kare.ports import Clock
from crm_kare.sync.flow import sync
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime, open_project

_JITTER: Final = 20
"""Seconds by which starts are spread, so that many CRMs do not all begin on the minute."""

Log = structlog.stdlib.BoundLogger


@dataclass(frozen=True)
class LastRun:
    """How a CRM's last run in this process ended."""

    status: str
    ended_at: datetime
    exit_code: int


class Service:
    """A daemon over one project. `start` it, wait, `stop` it.

    Args:
        folder: the project's folder.
        environment: environment variables.
        clock: time.
        stopping: asked at page and batch borders; a run ends there when it says yes.
        log: where events go; they hold ids, counts and codes, never customers' data.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], clock: Clock, stopping: Callable[[], bool], log: Log
    ) -> None:
        self._runtime = open_project(folder, environment, clock)
        self._clock, self._stopping, self._log = clock, stopping, log
        self._last: dict[str, LastRun] = {}
        self._lock = Lock()
        self._scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    @property
    def runtime(self) -> Runtime:
        """The open project."""
        return self._runtime

    def start(self) -> None:
        """Begin to run; returns at once."""
        for name, crm in self._runtime.project.crms.items():
            trigger = CronTrigger.from_crontab(crm.schedule, timezone=crm.timezone)
            trigger.jitter = _JITTER
            self._scheduler.add_job(self.run, trigger, args=[name], id=name)
        self._scheduler.start()
        self._log.info("started", crms=list(self._runtime.project.crms))

    def run(self, crm: str) -> None:
        """One run of a CRM. Whatever becomes of it, the schedule goes on."""
        if self._stopping():
            return
        log = self._log.bind(crm=crm)
        log.info("run begins")
        try:
            (result,) = sync(self._runtime, [crm], stop=self._stopping)
        except KareError as error:
            log.error(  # noqa: TRY400  a traceback may hold customers' data
                "run failed", code=error.code, message=error.message, fix=error.fix
            )
            self._note(crm, error.status, error.exit_code)
            return
        except Exception as error:  # noqa: BLE001  the door: one run's accident must not end the daemon
            log.error("run failed", code=type(error).__name__)  # noqa: TRY400  the same
            self._note(crm, "failed", 1)
            return
        self._tell(log, result)
        self._note(crm, result.status.value, result.exit_code)

    def stop(self) -> None:
        """Wait for the runs under way, which end at their next batch border, and close."""
        self._scheduler.shutdown(wait=True)
        self._runtime.close()
        self._log.info("stopped")

    def health(self) -> dict[str, Any]:
        """What `/healthz` tells: each CRM's last run and the next one."""
        with self._lock:
            last = dict(self._last)
        return {"crms": {name: self._health(name, last.get(name)) for name in self._runtime.project.crms}}

    def ready(self) -> bool:
        """Whether the scheduler runs."""
        return bool(self._scheduler.running)

    def _health(self, name: str, last: LastRun | None) -> dict[str, Any]:
        job = self._scheduler.get_job(name)
        upcoming = job.next_run_time.isoformat() if job and job.next_run_time else None
        told = (
            {"status": last.status, "ended_at": last.ended_at.isoformat(), "exit_code": last.exit_code}
            if last
            else None
        )
        return {"last": told, "next": upcoming}

    def _note(self, crm: str, status: str, exit_code: int) -> None:
        with self._lock:
            self._last[crm] = LastRun(status, self._clock.now(), exit_code)

    @staticmethod
    def _tell(log: Log, result: RunResult) -> None:
        told = result.to_json()
        codes = sorted({problem.code for problem in result.problems})
        log.info(
            "run ended",
            run_id=result.run_id,
            status=told["status"],
            planned=told["planned"]["accounts"],
            applied=told["applied"],
            problems=codes,
        )
