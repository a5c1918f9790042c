"""The log's lines of a run's steps, each with the run's id; and several tracers as one."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from crm_kare.daemon.inbox import Log
from crm_kare.sync.tracing import Fact, Span, Tracer

_DONE: Final = {"pull": "pulled", "score": "scored", "plan": "planned", "apply": "applied"}


class StepLog:
    """Logs every step of a run as it ends, with its counts; of one that an error ended, the run's own end tells."""

    def __init__(self, log: Log) -> None:
        self._log = log

    @contextmanager
    def run(self, crm: str, run_id: str, verb: str) -> Iterator[Span]:
        """A run, whose steps are logged under its id."""
        del crm, verb  # the log is bound to the CRM already
        yield _Logged(self._log.bind(run_id=run_id))


class _Logged:
    """A run's log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._facts: dict[str, Fact] = {}
        self._failed = False

    def note(self, **facts: Fact) -> None:
        self._facts |= facts

    def fail(self, code: str) -> None:
        del code
        self._failed = True

    @contextmanager
    def step(self, name: str) -> Iterator[Span]:
        span = _Logged(self._log)
        yield span
        if not span._failed:
            self._log.info(_DONE.get(name, name), **span._facts)


class Several:
    """Tracers that are told the same."""

    def __init__(self, tracers: Sequence[Tracer]) -> None:
        self._tracers = tracers

    @contextmanager
    def run(self, crm: str, run_id: str, verb: str) -> Iterator[Span]:
        """A run in each of them."""
        with ExitStack() as stack:
            yield _Spans([stack.enter_context(one.run(crm, run_id, verb)) for one in self._tracers])


class _Spans:
    """Spans of several tracers for one stretch of time."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans

    def note(self, **facts: Fact) -> None:
        for one in self._spans:
            one.note(**facts)

    def fail(self, code: str) -> None:
        for one in self._spans:
            one.fail(code)

    @contextmanager
    def step(self, name: str) -> Iterator[Span]:
        with ExitStack() as stack:
            yield _Spans([stack.enter_context(one.step(name)) for one in self._spans])
