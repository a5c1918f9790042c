"""Whatever pulls, edits, stops and crashes come in whatever order: a reader sees exactly what was accepted, and a clean
pull afterwards makes the mirror equal to the CRM.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sync_store.kit import NOW, SPEC, batch, names_of

from crm_kare.errors import ConfigError
from crm_kare.journal import Pointers, open_journal
from crm_kare.ports import Page
from crm_kare.sync.mirror import Mirror, intake
from crm_kare.sync.mirror import mirror as mirror_module

PAGE = 2


class CrashError(BaseException):
    """The process dies here."""


@dataclass
class Crm:
    """A CRM with a log of what happened: full pulls list by id, incremental ones replay the log."""

    now: dict[str, str] = field(default_factory=dict)
    log: list[tuple[str, str | None]] = field(default_factory=list)

    def edit(self, edits: Sequence[tuple[str, str | None]]) -> None:
        for name, value in edits:
            self.log.append((name, value))
            if value is None:
                self.now.pop(name, None)
            else:
                self.now[name] = value

    def pull(self, cursor: str | None) -> Iterator[Page]:
        if cursor is None or cursor.startswith("list:"):
            yield from self._listed(*(cursor or f"list:{len(self.log)}:").split(":")[1:])
        else:
            yield from self._replayed(int(cursor.removeprefix("log:")))

    def _listed(self, began: str, last: str) -> Iterator[Page]:
        while chosen := sorted(name for name in self.now if name > last)[:PAGE]:
            last = chosen[-1]
            yield Page(batch([(name, self.now[name], None) for name in chosen]), f"list:{began}:{last}")
        yield Page(batch([]), f"log:{began}")

    def _replayed(self, start: int) -> Iterator[Page]:
        end = len(self.log)
        for first in range(start, end, PAGE):
            events = dict(self.log[first : first + PAGE])
            rows = [(name, value, None) for name, value in events.items() if value is not None]
            gone = tuple(name for name, value in events.items() if value is None)
            yield Page(batch(rows), f"log:{min(first + PAGE, end)}", gone)
        yield Page(batch([]), f"log:{end}")


@contextmanager
def dying_at(step: int | None) -> Iterator[None]:
    """Die at the n-th of the points where something becomes durable: sync, rename, before and after the pointer."""
    left = [step]

    def reached() -> None:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise CrashError

    def before(real: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any) -> Any:
            reached()
            return real(*arguments)

        return dying

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any) -> Any:
            reached()
            result = real(*arguments)
            reached()
            return result

        return dying

    with (
        patch.object(os, "fsync", before(os.fsync)),
        patch.object(Path, "replace", before(Path.replace)),
        patch.object(Pointers, "swap", around(Pointers.swap)),
    ):
        yield


@dataclass(frozen=True)
class Step:
    """One pull: what happens in the CRM before and amid it, whether and where it dies, what is decided at its end."""

    before: list[tuple[str, str | None]]
    amid: list[tuple[str, str | None]]
    full: bool = False
    dies_at: int | None = None
    accept: bool = True


names = st.sampled_from("abcdef")
edits = st.lists(st.tuples(names, st.none() | st.sampled_from(["x", "y", "z"])), max_size=6)
steps = st.builds(Step, edits, edits, st.booleans(), st.none() | st.integers(0, 14), st.booleans())


def run_pull(mirror: Mirror, crm: Crm, step: Step) -> None:
    full = step.full or bool(mirror.needs_full("accounts", "shape"))
    taken = mirror.intake(SPEC, "shape", full=full, now=NOW, convert=lambda table: table)
    amid = list(step.amid)
    for page in crm.pull(taken.cursor):
        taken.add(page.records, page.deleted, page.cursor)
        crm.edit(amid[:2])
        del amid[:2]
    taken.finish()


def seen(mirror: Mirror) -> dict[str, str | None]:
    try:
        return names_of(mirror)
    except ConfigError:
        return {}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "SEGMENT_ROWS", 3)
    monkeypatch.setattr(mirror_module, "_DELTA_FILES", 2)
    monkeypatch.setattr(mirror_module, "_DELTA_SHARE", 1.5)


@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=2, max_size=6))
def test_the_mirror_is_what_was_accepted_whatever_happens(plan: list[Step]) -> None:
    check(plan)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=2, max_size=10))
def test_the_mirror_is_what_was_accepted_over_many_histories(plan: list[Step]) -> None:
    check(plan)


def check(plan: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, crm = Path(name), Crm()
        journal = open_journal(f"sqlite:///{folder}/journal.db")
        for step in plan:
            mirror = Mirror(folder / "mirror", journal, "acme")
            crm.edit(step.before)
            visible = seen(mirror)
            try:
                with dying_at(step.dies_at):
                    run_pull(mirror, crm, step)
            except CrashError:
                assert seen(mirror) == visible
                continue
            finally:
                mirror.rest()
            assert seen(mirror) == visible
            if not step.accept:
                mirror.discard()
                assert seen(mirror) == visible
                continue
            mirror.accept()
            assert len(seen(mirror)) == mirror.counts()["accounts"]
        settled = Mirror(folder / "mirror", journal, "acme")
        for _ in range(2):  # a full pull that went on may have begun before the last edits
            run_pull(settled, crm, Step([], []))
            settled.accept()
        settled.rest()
        assert seen(settled) == crm.now
        assert settled.counts() == {"accounts": len(crm.now)}
        journal.close()


EVERY, SOME, OTHERS = range(30), range(0, 30, 4), range(2, 30, 4)


@pytest.mark.parametrize(
    ("full", "points"),
    [(True, SOME), (False, OTHERS), *(pytest.param(full, EVERY, marks=pytest.mark.slow) for full in (True, False))],
)
def test_dying_at_any_point_of_pull_and_accept_leaves_the_old_or_the_new(
    tmp_path: Path, points: range, *, full: bool
) -> None:
    for point in points:
        folder, crm = tmp_path / str(point), Crm()
        folder.mkdir()
        journal = open_journal(f"sqlite:///{folder}/journal.db")
        mirror = Mirror(folder / "mirror", journal, "acme")
        crm.edit([(name, "old") for name in "abcde"])
        run_pull(mirror, crm, Step([], []))
        mirror.accept()
        old = seen(mirror)
        crm.edit([("a", "new"), ("b", None), ("f", "new"), ("a", "newer")])
        died = True
        try:
            with dying_at(point):
                run_pull(mirror, crm, Step([], [], full=full))
                mirror.accept()
                died = False
        except CrashError:
            mirror.rest()
            assert seen(mirror) in (old, crm.now)
        restarted = Mirror(folder / "mirror", journal, "acme")
        run_pull(restarted, crm, Step([], []))
        restarted.accept()
        assert seen(restarted) == crm.now
        journal.close()
        if not died:
            return
    pytest.fail("there are more points than were tried")
