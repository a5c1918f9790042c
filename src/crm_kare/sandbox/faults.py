"""Faults to order, and a count of calls: what a test tells the sandbox to do wrong, and what it asks afterwards."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

STATUS: Final = "status"
DROP: Final = "drop"
SLOW: Final = "slow"
TRUNCATE: Final = "truncate"
EVENT: Final = "event"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        path: pattern of the path it hits (`/services/data/*/query*`).
        method: `GET`, `POST` … or `*`.
        kind: `status` (this answer instead of the real one), `drop` (the connection breaks without an answer),
            `truncate` (the connection breaks in the middle of the answer), `slow` (the call is held for `seconds`, or
            until `release` or `clear`, and carried out then), `event` (`action` happens first, then the call is carried out).
        after: the request is carried out first, and only its answer is lost.
        times: how often, then it is over; 0 = until it is cleared.
        skip: so many calls pass untouched first.
        share: the part of the calls that it hits, drawn from `seed`.
        status, headers, body: the answer of a `status` fault.
        seconds: of a `slow` one.
        action: of an `event`; it may call the sandbox.
    """

    path: str = "*"
    method: str = "*"
    kind: str = STATUS
    after: bool = False
    times: int = 1
    skip: int = 0
    share: float = 1.0
    seed: int = 0
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    seconds: float = 0.0
    action: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        if self.kind not in {STATUS, DROP, SLOW, TRUNCATE, EVENT}:
            raise ValueError(f"no such kind of fault: {self.kind}")
        if (self.kind == EVENT) != callable(self.action):
            raise ValueError("an event, and nothing else, has an action")

    def matches(self, method: str, path: str) -> bool:
        """Whether a call is of the kind that this fault is about."""
        return self.method in {"*", method} and fnmatchcase(path, self.path)


@dataclass(frozen=True)
class Call:
    """One call that reached the sandbox; `status` is 0 where the connection was dropped."""

    method: str
    path: str
    status: int
    seconds: float


class Faults:
    """What goes wrong, and what was called. Safe from any thread.

    Vendors' sides ask `hits(name)` for faults inside an answer (a locked row): those are ordered with `order_inside`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: list[tuple[Fault, random.Random]] = []
        self._inside: Counter[str] = Counter()
        self._calls: list[Call] = []
        self._held = 0
        self._releases = 0

    def order(self, *faults: Fault) -> None:
        """From now on these go wrong; where several match a call, the first ordered does."""
        with self._lock:
            self._ordered += [(fault, random.Random(fault.seed)) for fault in faults]  # noqa: S311  no secret

    def order_inside(self, name: str, times: int = 1) -> None:
        """So many of the vendor side's own fault of this name.

        Salesforce: `lock_row:<id>`, `lock_row:<object>`; those of bulk jobs are told in `salesforce/bulk/__init__.py`.
        """
        with self._lock:
            self._inside[name] += times

    def clear(self) -> None:
        """Nothing goes wrong any more, and what was held goes on. The calls stay counted."""
        with self._lock:
            self._ordered.clear()
            self._inside.clear()
            self._releases += 1

    def release(self) -> None:
        """Calls that are held go on; what is ordered stays so."""
        with self._lock:
            self._releases += 1

    @property
    def held(self) -> int:
        """How many calls have come to a `slow` fault and are not answered yet."""
        return self._held

    @contextmanager
    def holding(self) -> Iterator[Callable[[], bool]]:
        """For the length of the block a call is held; what is given tells whether it was released since."""
        with self._lock:
            self._held, before = self._held + 1, self._releases
        try:
            yield lambda: self._releases > before
        finally:
            with self._lock:
                self._held -= 1

    def next_for(self, method: str, path: str) -> Fault | None:
        """The fault that hits this call, used up by one."""
        with self._lock:
            for place, (fault, draw) in enumerate(self._ordered):
                if not fault.matches(method, path):
                    continue
                if fault.skip:
                    self._ordered[place] = (replace(fault, skip=fault.skip - 1), draw)
                elif draw.random() < fault.share:
                    self._use_up(place)
                    return fault
        return None

    def _use_up(self, place: int) -> None:
        fault, draw = self._ordered[place]
        if fault.times == 1:
            del self._ordered[place]
        elif fault.times:
            self._ordered[place] = (replace(fault, times=fault.times - 1), draw)

    def hits(self, name: str) -> bool:
        """Whether the vendor side's own fault of this name was ordered, used up by one."""
        with self._lock:
            if not self._inside[name]:
                return False
            self._inside[name] -= 1
            return True

    def record(self, call: Call) -> None:
        """Count a call."""
        with self._lock:
            self._calls.append(call)

    def calls(self, path: str = "*", method: str = "*") -> list[Call]:
        """The calls so far, in order, whose path fits the pattern."""
        with self._lock:
            return [one for one in self._calls if method in {"*", one.method} and fnmatchcase(one.path, path)]

    def forget_calls(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._calls.clear()
