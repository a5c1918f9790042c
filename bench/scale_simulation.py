"""An installation of many organisations, played event by event: does the capacity model hold, and what happens on bad days?

Every organisation has a schedule. A run takes a place, waits for its CRM, waits for a core and computes, waits for its CRM again, and
gives the place back. A start that comes while a run is under way or waits is not added: it is made up for once. Each run picks up what
changed since the pull before; how old that is when its label is written is the freshness. The same seed plays the same day.
`scale.py` plays the scenes of docs/scale.md.
"""

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from scale_figures import DAY, HOUR, Figures, Vendor, Work, work
from scale_model import Plant

GOLDEN: Final = 0.6180339887
"""Multiples of it lie evenly between whole numbers, however many there are."""


@dataclass(frozen=True)
class Scene:
    """What is played.

    Attributes:
        every: seconds between an organisation's starts.
        lasts: seconds that are played.
        counted: seconds after which it is counted: what comes before fills the plant.
        together: whether all start on the same minutes.
        down: when HubSpot does not answer: from, until.
        joins: whether all organisations are new: each one's first run writes every account.
        nightly: hour of the day at which everybody pulls in full, in place of once every some days at any hour; None = so.
    """

    every: float
    lasts: float = DAY
    counted: float = 0.0
    together: bool = True
    down: tuple[float, float] = (0.0, 0.0)
    joins: bool = False
    nightly: float | None = None


@dataclass
class Organisation:
    """One organisation's state."""

    vendor: Vendor
    pulled: float
    full_at: float
    at_work: bool = False
    missed: bool = False
    new: bool = False
    tries: int = 0


@dataclass
class Played:
    """What came of it."""

    runs: int = 0
    failed: int = 0
    coalesced: int = 0
    computed: float = 0.0
    held: float = 0.0
    waited: int = 0
    changes: float = 0.0
    first_at: float = 0.0
    caught_up: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    ages: list[tuple[float, float]] = field(default_factory=list)

    def fresh(self) -> float:
        """Seconds from a change to its label, on average."""
        weight = sum(one for _, one in self.ages)
        return sum(age * one for age, one in self.ages) / weight if weight else 0.0

    def quantile(self, share: float) -> float:
        """Seconds within which so many of the changes had their label."""
        ages, left = sorted(self.ages), share * sum(one for _, one in self.ages)
        for age, weight in ages:
            left -= weight
            if left <= 0:
                return age
        return ages[-1][0] if ages else 0.0

    def stale(self) -> float:
        """The oldest change that got its label."""
        return max((age for age, _ in self.ages), default=0.0)


class Play:
    """A scene on a plant."""

    def __init__(self, figures: Figures, plant: Plant, scene: Scene, seed: int) -> None:
        self._figures, self._plant, self._scene = figures, plant, scene
        self._chance = random.Random(seed)  # noqa: S311  chance, not secrets
        self._events: list[tuple[float, int, Callable[[int], None], int]] = []
        self._number = 0
        self._now = 0.0
        self._queue: deque[int] = deque()
        self._places, self._cores = plant.places, plant.cores
        self._ready: deque[int] = deque()
        self._work: dict[int, tuple[Work, float, float]] = {}
        self._known: dict[tuple[str, int, bool], Work] = {}
        self._new = 0
        self.told = Played()
        self._organisations = [self._organisation(number) for number in range(figures.organisations)]

    def run(self) -> Played:
        """Play it to its end; where all are new, until none is."""
        for number in range(self._figures.organisations):
            offset = 0.0 if self._scene.together else self._chance.random() * self._scene.every
            self._at(offset + self._jitter(), self._start, number)
        while self._events and self._events[0][0] <= self._scene.lasts and (self._new or not self._scene.joins):
            self._now, _, step, number = heappop(self._events)
            step(number)
        return self.told

    def _organisation(self, number: int) -> Organisation:
        scene, week = self._scene, self._figures.full_days * DAY
        evenly = number // len(self._figures.vendors) * GOLDEN % 1.0
        full_at = scene.nightly * HOUR if scene.nightly is not None else evenly * week
        since = self._chance.random() * scene.every
        self._new += scene.joins
        return Organisation(self._figures.vendor(number), -since, full_at, new=scene.joins)

    def _at(self, moment: float, step: Callable[[int], None], number: int) -> None:
        self._number += 1
        heappush(self._events, (moment, self._number, step, number))

    def _jitter(self) -> float:
        return self._chance.random() * self._figures.spread if self._scene.together else 0.0

    # -- one run ------------------------------------------------------------------------------------------------

    def _start(self, number: int) -> None:
        """The schedule names a start."""
        slots = round((self._now - self._now % self._scene.every) / self._scene.every) if self._scene.together else 0
        following = (slots + 1) * self._scene.every if self._scene.together else self._now + self._scene.every
        self._at(following + self._jitter(), self._start, number)
        one = self._organisations[number]
        if one.at_work:
            one.missed = True
        if one.at_work or one.tries:  # what is to be made again is made when its wait is over
            self.told.coalesced += 1
        else:
            self._enqueue(number)

    def _enqueue(self, number: int) -> None:
        self._organisations[number].at_work = True
        self._queue.append(number)
        self.told.waited = max(self.told.waited, len(self._queue))
        self._fill()

    def _fill(self) -> None:
        while self._places and self._queue:
            self._places -= 1
            self._pull(self._queue.popleft())

    def _pull(self, number: int) -> None:
        one, scene = self._organisations[number], self._scene
        if one.vendor.name == "hubspot" and scene.down[0] <= self._now < scene.down[1]:
            self._at(self._now + self._figures.hold, self._fail, number)
            self.told.held += self._figures.hold
            return
        full = self._now >= one.full_at and not one.new
        done = self._of(one, self._now - one.pulled, full=full)
        if full:
            one.full_at = self._now + (DAY if scene.nightly is not None else self._figures.full_days * DAY)
        self._work[number] = done, one.pulled, self._now
        one.pulled = self._now
        self._at(self._now + done.pull, self._compute, number)

    def _of(self, one: Organisation, since: float, *, full: bool) -> Work:
        """The work of a run; minutes apart are near enough."""
        if one.new:
            return work(self._figures, one.vendor, 0.0, first=True)
        key = (one.vendor.name, round(since / 10), full)
        if key not in self._known:
            self._known[key] = work(self._figures, one.vendor, since, full=full)
        return self._known[key]

    def _compute(self, number: int) -> None:
        if not self._cores:
            self._ready.append(number)
            return
        self._cores -= 1
        self._at(self._now + self._work[number][0].cpu, self._write, number)

    def _write(self, number: int) -> None:
        if self._ready:
            following = self._ready.popleft()
            self._at(self._now + self._work[following][0].cpu, self._write, following)
        else:
            self._cores += 1
        self._at(self._now + self._work[number][0].write, self._end, number)

    def _end(self, number: int) -> None:
        done, before, pulled = self._work.pop(number)
        one, told = self._organisations[number], self.told
        if self._now >= self._scene.counted:
            self._count(done, one, pulled)
            when = before + self._chance.random() * (pulled - before)
            told.ages.extend([] if one.new else [(self._now - when, pulled - before)])
        if one.new:
            one.new, self._new = False, self._new - 1
            told.first_at = self._now
        if before < self._scene.down[1] <= pulled:
            told.caught_up = self._now - self._scene.down[1]
        one.tries = 0
        self._leave(number, again=one.missed)

    def _count(self, done: Work, one: Organisation, pulled: float) -> None:
        told = self.told
        told.runs += 1
        told.computed += done.cpu
        told.held += self._now - pulled
        told.calls[one.vendor.name] += round(done.calls)
        told.changes += done.changes

    def _fail(self, number: int) -> None:
        """The CRM did not answer; it is tried again before the next start, after growing waits."""
        one, (first, longest) = self._organisations[number], self._figures.again
        self.told.failed += 1
        self._at(self._now + min(first * 2**one.tries, longest), self._again, number)
        one.tries = min(one.tries + 1, 8)
        self._leave(number, again=False)

    def _again(self, number: int) -> None:
        self._enqueue(number)

    def _leave(self, number: int, *, again: bool) -> None:
        one = self._organisations[number]
        one.at_work = one.missed = False
        self._places += 1
        if again:
            self._enqueue(number)
        else:
            self._fill()
