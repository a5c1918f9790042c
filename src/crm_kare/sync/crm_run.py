"""One CRM's run: the thing with a life that the flow drives. It holds what the steps found and tells how it ended."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

import pyarrow as pa

from crm_kare.config.mapping import Mapping as CrmMapping
from crm_kare.errors import BusyError, InterruptedRun, KareError, RetryError
from crm_kare.model import Outcome, OutcomeStatus, Problem, RunStatus
from crm_kare.ports import Calls, Connector, Quota
from crm_kare.sync.brakes import Leave
from crm_kare.sync.judge import Judged
from crm_kare.sync.lease import Lease
from crm_kare.sync.plan import Plan
from crm_kare.sync.policy import Scope
from crm_kare.sync.pull import Pulled
from crm_kare.sync.result import Applied, Planned, PulledCounts, RunResult, done_code, profile_counts
from crm_kare.sync.runtime import Runtime
from crm_kare.sync.tracing import UNTRACED, Span

Progress = Callable[[str, str, int, int | None], None]
"""Told as the work goes on: the CRM, the step, how much is done, and of how much (None = not known)."""

SHOWN: Final = 1000
"""Problems of one kind that a result lists one by one; the rest are counted."""


@dataclass(frozen=True)
class Options:
    """What the caller asks of a run.

    Attributes:
        dry_run: show the plan, write nothing to the CRM.
        full: pull everything anew.
        force: lift the brakes on size and on the first run.
        as_of: judge as of that day, without the labels held before.
        owner: write only accounts of the owner of that name.
        limit: write only the first so many accounts that change.
        touched: take in these records alone, by stream, in place of a pull: the CRM told that they changed.
    """

    dry_run: bool = False
    full: bool = False
    force: bool = False
    as_of: date | None = None
    owner: str | None = None
    limit: int | None = None
    touched: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def leave(self) -> Leave:
        """What the brakes are told."""
        return Leave(self.force, self.full)

    def scope(self, waiting: frozenset[str]) -> Scope:
        """Which accounts may be written."""
        return Scope(self.owner, self.limit, waiting)


class CrmRun:
    """A run of one CRM. Steps read and set its attributes; after the first error the other steps are left out."""

    def __init__(
        self, runtime: Runtime, crm: str, options: Options, *, stop: Callable[[], bool], progress: Progress
    ) -> None:
        self.runtime, self.crm, self.options = runtime, crm, options
        self.run_id = ""
        self.as_of = options.as_of
        self.pulled: Pulled | None = None
        self.judged: Judged | None = None
        self.plan: Plan | None = None
        self.missing: frozenset[str] = frozenset()
        self.brakes: list[Problem] = []
        self.problems: list[Problem] = []
        self.outcomes: Counter[OutcomeStatus] = Counter()
        self.span: Span = UNTRACED
        self._status: RunStatus | None = None
        self._exit_code = 0
        self._stop, self._progress = stop, progress
        self._connector: Connector | None = None
        self._lease: Lease | None = None
        self._began = runtime.clock.monotonic()
        self._took = 0.0
        self._listed: Counter[str] = Counter()

    @cached_property
    def mapping(self) -> CrmMapping:
        """The CRM's mapping, read once a run."""
        return self.runtime.mapping(self.crm)

    @property
    def connector(self) -> Connector:
        """The CRM's connector, constructed when first asked for."""
        if self._connector is None:
            self._connector = self.runtime.connector(self.crm)
        return self._connector

    @property
    def ended(self) -> bool:
        """Whether it is over: done, refused or failed."""
        return self._status is not None

    @property
    def failed(self) -> bool:
        """Whether an error or a brake ended it."""
        return self._exit_code not in {0, 5}

    def open(self, stack: ExitStack, verb: str) -> None:
        """Take the lease and start the run's record; both end with the stack, whatever happens."""
        self._lease = stack.enter_context(Lease(self.runtime.journal, self.crm, self.runtime.clock))
        runs, now = self.runtime.journal.runs, self.runtime.clock.now()
        runs.close_dead(self.crm, now)
        self.run_id = _new_id(self.runtime, self.crm)
        runs.start(self.run_id, self.crm, now, verb=verb, as_of=self.as_of)
        self.span = stack.enter_context(self.runtime.tracer.run(self.crm, self.run_id, verb))
        stack.push(lambda kind, _error, _trace: self._close(failed=kind is not None))

    def attempt(self, step: "Callable[[CrmRun], None]") -> None:
        """Do a step unless the run is over; one of our errors ends it.

        A wait for the CRM that a stop cut short is a stop, not the CRM's failure.
        """
        if self.ended:
            return
        try:
            step(self)
        except BusyError as error:
            self.fail(error)
        except RetryError as error:
            self.fail(_stopped() if self._stop() else error)
        except KareError as error:
            self.fail(error)

    def asked_to_stop(self) -> bool:
        """Whether somebody asked for it; `BusyError` where another run took over. Asked at batch and page borders."""
        if self._lease is not None:
            self._lease.require()
        return self._stop()

    def tell(self, step: str, done: int, total: int | None) -> None:
        """Tell how far it is."""
        self._progress(self.crm, step, done, total)

    def fail(self, error: KareError) -> None:
        """End it by an error."""
        self._end(RunStatus(error.status), error.exit_code)
        self.problems.insert(0, Problem(error.code, error.message, error.fix, where=error.where))

    def refuse(self, problems: Sequence[Problem], code: int) -> None:
        """End it by a brake."""
        self._end(RunStatus.REFUSED, code)
        self.problems[:0] = problems

    def finish(self) -> None:
        """End it well, or in part where records were rejected."""
        if not self.ended:
            self._end(*done_code(self._applied()))

    def list_problems(self, problems: Iterable[Problem]) -> None:
        """Add problems to the result, of each kind `SHOWN` at most."""
        for problem in problems:
            self._listed[problem.code] += 1
            if self._listed[problem.code] <= SHOWN:
                self.problems.append(problem)

    def tally(self, outcomes: Iterable[Outcome]) -> None:
        """Count what became of accounts."""
        self.outcomes.update(outcome.status for outcome in outcomes)

    def result(self) -> RunResult:
        """How it went, as far as it went."""
        plan, pulled, judged = self.plan, self.pulled, self.judged
        return RunResult(
            run_id=self.run_id,
            crm=self.crm,
            status=self._status or RunStatus.RUNNING,
            as_of=self.as_of,
            pulled=PulledCounts(pulled.accounts, pulled.opportunities, pulled.deleted) if pulled else PulledCounts(),
            scored=judged.labels.num_rows if judged else 0,
            profiles=profile_counts(judged.labels if judged else _NOBODY),
            planned=Planned(plan.accounts.num_rows, plan.changes.num_rows, plan.by_transition()) if plan else Planned(),
            applied=self._applied(),
            calls=self._connector.calls() if self._connector else Calls(),
            quota=self._connector.quota() if self._connector else Quota(),
            duration_s=self._took or self.runtime.clock.monotonic() - self._began,
            problems=(*self.problems, *self._left_out()),
            exit_code=self._exit_code,
        )

    def _applied(self) -> Applied:
        return Applied(**{status.value: self.outcomes[status] for status in OutcomeStatus})

    def _left_out(self) -> list[Problem]:
        more = {code: count - SHOWN for code, count in self._listed.items() if count > SHOWN}
        return [Problem(code, f"{count} more of these.", "See the journal.") for code, count in more.items()]

    def _end(self, status: RunStatus, code: int) -> None:
        self._status, self._exit_code = status, code

    def _close(self, *, failed: bool) -> None:
        """Give back the connector, and write down how it ended. Where the journal refuses that, the result says so, and
        the next run notes this one as interrupted.
        """
        self._took = self.runtime.clock.monotonic() - self._began
        if self._connector is not None:
            self._connector.close()
        if failed or not self.ended:
            self._end(RunStatus.FAILED, 1)
        result = self.result()
        try:
            self.runtime.journal.runs.end(self.run_id, result.status, self.runtime.clock.now(), result.to_json())
        except KareError as error:
            if not self.failed:
                self.fail(error)
        self._tell_end(self._status or RunStatus.FAILED)

    def _tell_end(self, status: RunStatus) -> None:
        calls = self._connector.calls() if self._connector else Calls()
        self.span.note(status=status.value, read_calls=calls.read, write_calls=calls.write)
        if self.failed:
            self.span.fail(self.problems[0].code if self.problems else status.value)


_NOBODY: Final = pa.schema([("profile", pa.string()), ("motion", pa.string())]).empty_table()


def _stopped() -> InterruptedRun:
    return InterruptedRun("The run was stopped while it waited for the CRM.", fix="The next run goes on.")


def _new_id(runtime: Runtime, crm: str) -> str:
    """An id that sorts by time; numbered where several fall into one second. The lease keeps others from taking it."""
    stem = f"{runtime.clock.now():%Y%m%dT%H%M%SZ}-{crm}"
    number = 1
    while runtime.journal.runs.get(f"{stem}-{number:03d}") is not None:
        number += 1
    return f"{stem}-{number:03d}"
