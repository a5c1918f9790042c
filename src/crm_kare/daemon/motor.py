"""What makes a daemon's steps happen in time: APScheduler. Tests have one of their own, on a clock that they move."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from crm_kare.ports import Clock

Work = Callable[[], None]

_RUNS: Final = 10
_LOOKS: Final = 2


class Motor(Protocol):
    """Does work now, later, and again and again."""

    @property
    def running(self) -> bool:
        """Whether it does anything."""
        ...

    def start(self) -> None:
        """Begin; nothing is done before."""
        ...

    def begin(self, work: Work) -> None:
        """Do work as soon as a worker is free: a run of a CRM, which may take hours."""
        ...

    def later(self, seconds: float, work: Work) -> None:
        """Begin work after so many seconds."""
        ...

    def every(self, seconds: float, look: Work) -> None:
        """Take a short look every so many seconds; never two of them at a time."""
        ...

    def stop(self) -> None:
        """Begin nothing more; what is under way goes on."""
        ...


class Ticker:
    """The clockwork: threads that look often and briefly. Several motors can share one."""

    def __init__(self, clock: Clock, looks: int = _LOOKS) -> None:
        self._clock = clock
        self.scheduler: Final = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(looks)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        quiet = logging.getLogger("apscheduler")  # what matters of it, we log ourselves
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False

    @property
    def running(self) -> bool:
        """Whether it ticks."""
        return bool(self.scheduler.running)

    def later(self, seconds: float, step: Work) -> str:
        """Take a step after so many seconds; the id of the job."""
        return str(self.scheduler.add_job(step, DateTrigger(self._clock.now() + timedelta(seconds=seconds))).id)

    def every(self, seconds: float, step: Work) -> str:
        """Take a step now and every so many seconds; the id of the job."""
        return str(self.scheduler.add_job(step, IntervalTrigger(seconds=seconds), next_run_time=self._clock.now()).id)

    def forget(self, job: str) -> None:
        """Take a step no more."""
        with suppress(JobLookupError):
            self.scheduler.remove_job(job)

    def stop(self) -> None:
        """Stop ticking."""
        if self.scheduler.running:
            self.scheduler.shutdown(wait=False)


class ApMotor:
    """A motor on a ticker.

    Args:
        clock: time.
        ticker: one that others use too, which its owner starts and stops; None = one of its own.
        begin: hands work to workers that others use too; None = threads of its own.
    """

    def __init__(self, clock: Clock, ticker: Ticker | None = None, begin: Callable[[Work], None] | None = None) -> None:
        self._own = ticker is None
        self._ticker = ticker or Ticker(clock)
        self._begin = begin
        self._jobs: list[str] = []
        self._stopped = False
        if begin is None:
            self._ticker.scheduler.add_executor(ThreadPoolExecutor(_RUNS), "runs")

    @property
    def running(self) -> bool:
        """Whether it does anything."""
        return self._ticker.running and not self._stopped

    def start(self) -> None:
        """Begin; a ticker that others use too is its owner's to start."""
        if self._own:
            self._ticker.scheduler.start()

    def begin(self, work: Work) -> None:
        """Do work as soon as a worker is free."""
        if self._stopped:
            return
        if self._begin is not None:
            self._begin(work)
        else:
            self._ticker.scheduler.add_job(work, executor="runs")

    def later(self, seconds: float, work: Work) -> None:
        """Begin work after so many seconds."""
        if not self._stopped:
            self._ticker.later(seconds, partial(self.begin, work))

    def every(self, seconds: float, look: Work) -> None:
        """Take a short look now and every so many seconds."""
        self._jobs.append(self._ticker.every(seconds, look))

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True
        for job in self._jobs:
            self._ticker.forget(job)
        if self._own:
            self._ticker.stop()
