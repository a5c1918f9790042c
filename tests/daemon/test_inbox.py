"""What CRMs told of waits a moment, and is then taken in at once: turns are called by hand, nothing waits."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger

from crm_kare.daemon.inbox import QUIET, Inbox
from crm_kare.sync.single import MOST
from crm_kare.testing.clock import FakeClock


def _as_is(_logger: object, _method: str, event: Any) -> Any:
    return event


class Post:
    """An inbox whose turns the test calls; `runs` holds what was taken in."""

    def __init__(self) -> None:
        self.clock, self.log = FakeClock(), CapturingLogger()
        self.runs: list[tuple[str, dict[str, list[str]]]] = []
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.meanwhile: list[Callable[[], bool]] = []
        self.inbox = Inbox(
            self._run,
            lambda wait, step: self.due.append((wait, step)),
            self.clock,
            structlog.wrap_logger(self.log, processors=[_as_is]),
        )

    def _run(self, crm: str, records: Any) -> bool:
        self.runs.append((crm, {stream: sorted(ids) for stream, ids in records.items()}))
        return self.meanwhile.pop(0)() if self.meanwhile else True

    def turn(self) -> float:
        """Let the next turn come; how long it waited."""
        wait, step = self.due.pop(0)
        step()
        return wait


@pytest.fixture
def post() -> Post:
    return Post()


def test_what_comes_within_a_moment_is_one_run(post: Post) -> None:
    post.inbox.put("acme", {"accounts": ["1"]})
    post.inbox.put("acme", {"accounts": ["2", "1"], "opportunities": ["7"]})
    assert (len(post.due), post.inbox.count("acme"), post.runs) == (1, 3, [])
    assert post.turn() == QUIET
    assert post.runs == [("acme", {"accounts": ["1", "2"], "opportunities": ["7"]})]
    assert (post.due, post.inbox.count("acme")) == ([], 0)


def test_each_crm_has_turns_of_its_own(post: Post) -> None:
    post.inbox.put("one", {"accounts": ["1"]})
    post.inbox.put("two", {"accounts": ["1"]})
    post.turn()
    post.turn()
    assert [crm for crm, _ in post.runs] == ["one", "two"]


def test_what_comes_during_a_run_has_its_turn_after_as_long_again(post: Post) -> None:
    def slow() -> bool:
        post.inbox.put("acme", {"accounts": ["2"]})
        post.clock.advance(40)
        post.inbox.put("acme", {"accounts": ["3"]})
        assert post.due == []
        return True

    post.meanwhile.append(slow)
    post.inbox.put("acme", {"accounts": ["1"]})
    post.turn()
    assert post.turn() == 40
    assert post.runs[1:] == [("acme", {"accounts": ["2", "3"]})]
    assert post.due == []


def test_what_could_not_be_taken_in_is_tried_again_with_what_came_since_and_waits_longer_each_time(post: Post) -> None:
    post.meanwhile += [lambda: False] * 10
    post.inbox.put("acme", {"accounts": ["1"]})
    waits = [post.turn()]
    post.inbox.put("acme", {"accounts": ["2"]})
    waits += [post.turn() for _ in range(10)]
    assert waits == [QUIET, 15, 30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert post.runs[-1] == ("acme", {"accounts": ["1", "2"]})
    post.inbox.put("acme", {"accounts": ["3"]})
    assert post.turn() == QUIET


def test_too_many_are_left_to_the_next_sync(post: Post) -> None:
    post.inbox.put("acme", {"accounts": [str(number) for number in range(MOST)]})
    post.inbox.put("acme", {"opportunities": ["1"]})
    (told,) = post.log.calls
    assert (told.method_name, told.kwargs["crm"], told.kwargs["records"]) == ("warning", "acme", MOST + 1)
    post.turn()
    assert (post.runs, post.due) == ([], [])
    post.inbox.put("acme", {"accounts": ["1"]})
    post.turn()
    assert post.runs == [("acme", {"accounts": ["1"]})]


def test_nothing_told_is_no_run(post: Post) -> None:
    post.inbox.put("acme", {})
    post.inbox.put("acme", {"accounts": []})
    assert (post.due, post.inbox.count("acme")) == ([], 0)
