"""Workers that projects share: turns, shares, accidents. Work waits for events, never for time."""

from collections.abc import Callable, Iterator
from threading import Event, Lock

import pytest
import structlog
from structlog.testing import CapturingLogger

from crm_kare.daemon.workers import Workers

_PATIENCE = 60.0


class Book:
    """Who was served in which order, and gates that hold work back."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self._lock = Lock()

    def work(self, name: str, begun: Event | None = None, gate: Event | None = None) -> Callable[[], None]:
        """Write down that it was served; say so, and wait, where that is asked."""

        def run() -> None:
            with self._lock:
                self.served.append(name)
            if begun:
                begun.set()
            if gate:
                assert gate.wait(_PATIENCE)

        return run


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


@pytest.fixture
def make(log: CapturingLogger) -> Iterator[Callable[[int], Workers]]:
    made: list[Workers] = []

    def one(count: int) -> Workers:
        made.append(Workers(count, structlog.wrap_logger(log, processors=[lambda _l, _m, event: event])))
        return made[-1]

    yield one
    for workers in made:
        assert workers.close(_PATIENCE)


def _end(workers: Workers, project: str) -> Event:
    """Set when all that a project submitted before has begun."""
    reached = Event()
    workers.submit(project, reached.set)
    return reached


def test_projects_take_turns_whatever_one_of_them_wants(make: Callable[[int], Workers]) -> None:
    workers, book, begun, gate = make(1), Book(), Event(), Event()
    workers.submit("many", book.work("many 0", begun, gate))
    assert begun.wait(_PATIENCE)
    for number in range(1, 4):
        workers.submit("many", book.work(f"many {number}"))
    workers.submit("one", book.work("one 1"))
    workers.submit("other", book.work("other 1"))
    workers.submit("other", book.work("other 2"))
    assert workers.waiting("many") == 3
    done = _end(workers, "many")
    gate.set()
    assert done.wait(_PATIENCE)
    assert book.served == ["many 0", "many 1", "one 1", "other 1", "many 2", "other 2", "many 3"]


def test_a_project_with_endless_runs_leaves_the_others_their_workers(make: Callable[[int], Workers]) -> None:
    workers, book, gate = make(4), Book(), Event()
    begun = [Event() for _ in range(2)]
    for event in begun:
        workers.submit("endless", book.work("endless", event, gate))
    assert all(event.wait(_PATIENCE) for event in begun)
    for _ in range(8):
        workers.submit("endless", book.work("endless", None, gate))
    for number in range(20):
        reached = Event()
        workers.submit(f"small {number}", reached.set)
        assert reached.wait(_PATIENCE)
    assert (workers.busy("endless"), workers.waiting("endless")) == (2, 8)
    gate.set()


def test_an_accident_costs_nobody_a_worker_and_tells_no_values(
    make: Callable[[int], Workers], log: CapturingLogger
) -> None:
    def broken() -> None:
        raise RuntimeError("Ann Secret")

    workers = make(1)
    workers.submit("broken", broken)
    assert _end(workers, "broken").wait(_PATIENCE)
    (call,) = log.calls
    assert (call.method_name, call.kwargs) == (
        "error",
        {"event": "work failed", "project": "broken", "code": "RuntimeError"},
    )


def test_what_waits_for_a_project_that_went_away_is_dropped(make: Callable[[int], Workers]) -> None:
    workers, book, begun, gate = make(1), Book(), Event(), Event()
    workers.submit("gone", book.work("gone", begun, gate))
    assert begun.wait(_PATIENCE)
    workers.submit("gone", book.work("never"))
    workers.forget("gone")
    done = _end(workers, "here")
    gate.set()
    assert done.wait(_PATIENCE)
    assert book.served == ["gone"]


def test_a_close_waits_for_what_is_under_way_and_begins_nothing_more(make: Callable[[int], Workers]) -> None:
    workers, book, begun, gate = make(1), Book(), Event(), Event()
    workers.submit("one", book.work("under way", begun, gate))
    assert begun.wait(_PATIENCE)
    workers.submit("one", book.work("waits"))
    assert not workers.close(0)
    workers.submit("one", book.work("too late"))
    gate.set()
    assert workers.close(_PATIENCE)
    assert book.served == ["under way"]
