"""What CRMs told of, until a run takes it in: all that came in the meantime at once, one run of a CRM after the other."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from threading import Lock
from typing import Final

import structlog

from crm_kare.ports import Clock
from crm_kare.sync.single import MOST

QUIET: Final = 2.0
"""Seconds that the first record told of waits for others. After a run it is as long as that run took, if that is more: so at
most half of the time goes into such runs, whatever the CRM's size.
"""

_AGAIN: Final = 15.0
_LONGEST: Final = 1800.0
_DOUBLED: Final = 8

Log = structlog.stdlib.BoundLogger
Records = Mapping[str, Collection[str]]
Run = Callable[[str, Records], bool]
Later = Callable[[float, Callable[[], None]], None]


class Inbox:
    """Collects records by CRM and stream.

    Args:
        run: takes a CRM's records in; False where it could not now, and they shall wait for another try.
        later: does something after so many seconds.
        clock: time.
        log: told where too many came.
    """

    def __init__(self, run: Run, later: Later, clock: Clock, log: Log) -> None:
        self._run, self._later, self._clock, self._log = run, later, clock, log
        self._waiting: dict[str, dict[str, set[str]]] = {}
        self._due: set[str] = set()
        self._tries: dict[str, int] = {}
        self._lock = Lock()

    def put(self, crm: str, records: Records) -> None:
        """Add records; a run in a moment takes them in."""
        self._add(crm, records)
        with self._lock:
            begin = crm in self._waiting and crm not in self._due
            if begin:
                self._due.add(crm)
        if begin:
            self._later(QUIET, partial(self.turn, crm))

    def count(self, crm: str) -> int:
        """How many records of a CRM wait."""
        with self._lock:
            return sum(map(len, self._waiting.get(crm, {}).values()))

    def turn(self, crm: str) -> None:
        """Let a run take in what waits now; what comes while it runs has its turn afterwards."""
        with self._lock:
            records = self._waiting.pop(crm, {})
        wait = self._tried(crm, records) if records else QUIET
        with self._lock:
            if not self._waiting.get(crm):
                self._due.discard(crm)
                return
        self._later(wait, partial(self.turn, crm))

    def _tried(self, crm: str, records: Records) -> float:
        """Run; how long the next turn has to wait."""
        began = self._clock.monotonic()
        if self._run(crm, records):
            self._tries.pop(crm, None)
            return max(QUIET, self._clock.monotonic() - began)
        self._add(crm, records)
        self._tries[crm] = min(self._tries.get(crm, 0) + 1, _DOUBLED)
        return min(_AGAIN * 2.0 ** (self._tries[crm] - 1), _LONGEST)

    def _add(self, crm: str, records: Records) -> None:
        with self._lock:
            waiting = self._waiting.setdefault(crm, {})
            for stream, ids in records.items():
                waiting.setdefault(stream, set()).update(ids)
            many = sum(map(len, waiting.values()))
            if many > MOST or not many:
                del self._waiting[crm]
        if many > MOST:
            self._log.warning("webhooks left to the next sync", crm=crm, records=many, message="They are too many.")
