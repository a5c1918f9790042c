"""The daemon's workers: a few threads in which all runs take place, shared fairly among projects.

Projects take turns: a project that was served goes to the end of the line, whatever it still wants. No project has more than its share of
the workers at a time, so that one with many or endless runs leaves room for the others.
"""

from collections import Counter, deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Final

import structlog

WORKERS: Final = 4
"""Runs at a time; each may take the memory that docs/organisations.md names."""

Log = structlog.stdlib.BoundLogger
Work = Callable[[], None]


class Workers:
    """So many threads; `submit` work to them, `close` when nobody wants them any more.

    Args:
        count: how many.
        log: told where work ends with an accident; nothing of its words, which may hold customers' data.
        share: how many one project may have at a time; half of them where nothing is said, and one at least.
    """

    def __init__(self, count: int, log: Log, share: int | None = None) -> None:
        self.count: Final = count
        self.share: Final = share or max(1, count // 2)
        self._log = log
        self._line: dict[str, deque[Work]] = {}
        """Work that waits, by project; who comes first here has the next turn."""
        self._busy: Counter[str] = Counter()
        self._changed = Condition()
        self._closed = False
        self._threads = [Thread(target=self._serve, name=f"worker {one + 1}", daemon=True) for one in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, project: str, work: Work) -> None:
        """Do something for a project when it has its turn; what one project submits begins in that order. Nothing after `close`."""
        with self._changed:
            if not self._closed:
                self._line.setdefault(project, deque()).append(work)
                self._changed.notify_all()

    def forget(self, project: str) -> None:
        """Drop what waits for a project; what is under way goes on."""
        with self._changed:
            self._line.pop(project, None)

    def waiting(self, project: str) -> int:
        """How much waits for a project."""
        with self._changed:
            return len(self._line.get(project, ()))

    def busy(self, project: str | None = None) -> int:
        """How many are at work, for a project or in all."""
        with self._changed:
            return self._busy.total() if project is None else self._busy[project]

    def settled(self, patience: float, but: frozenset[str] = frozenset()) -> bool:
        """Wait until nothing waits and nobody is at work, for all projects `but` some; whether that came about in so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: {*self._line, *self._busy} <= but, patience)

    def close(self, patience: float) -> bool:
        """Begin nothing more, and wait so many seconds for what is under way; whether all of it ended."""
        with self._changed:
            self._closed = True
            self._line.clear()
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._busy.total(), patience)

    def _serve(self) -> None:
        while (taken := self._take()) is not None:
            project, work = taken
            try:
                work()
            except Exception as error:  # noqa: BLE001  the door: one accident must not cost all projects a worker
                self._log.error("work failed", project=project, code=type(error).__name__)
            finally:
                self._give_back(project)

    def _take(self) -> tuple[str, Work] | None:
        """The next work and whose it is; waits for some; None when closed."""
        with self._changed:
            while not self._closed:
                project = next((one for one in self._line if self._busy[one] < self.share), None)
                if project is not None:
                    return project, self._begin(project)
                self._changed.wait()
            return None

    def _begin(self, project: str) -> Work:
        waiting = self._line.pop(project)
        work = waiting.popleft()
        if waiting:
            self._line[project] = waiting  # at the end of the line
        self._busy[project] += 1
        return work

    def _give_back(self, project: str) -> None:
        with self._changed:
            self._busy[project] -= 1
            if not self._busy[project]:
                del self._busy[project]
            self._changed.notify_all()
