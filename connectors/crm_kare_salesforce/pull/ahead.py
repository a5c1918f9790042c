"""A chain of pages, several fetched at a time: each tells at its head which one comes after it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from crm_kare.http import CallError, Trouble

_AT_ONCE: Final = 4
_HELD_BYTES: Final = 48 * 1024 * 1024


class Sized(Protocol):
    """A page."""

    @property
    def size(self) -> int:
        """Bytes it takes."""
        ...


PageT = TypeVar("PageT", bound=Sized)

Fetch = Callable[[str, Callable[[str], None]], PageT]
"""Given where a page is, and a function to tell where the next one is as soon as that is known (empty: nowhere)."""


class Ahead(Generic[PageT]):
    """Fetches ahead of whoever reads: at most four pages, and no more than about 48 MB of them.

    Args:
        fetch: called in threads; it should give up when `stopped` is set.
        stopped: set when nobody reads any more.
    """

    def __init__(self, fetch: Fetch[PageT], stopped: threading.Event) -> None:
        self._fetch, self._stopped = fetch, stopped
        self._lock = threading.Lock()
        self._begun: deque[Future[PageT]] = deque()
        self._after: dict[str, str] = {}
        self._waiting = ""
        self._room = 2  # until a page told how large they are

    def pages(self, first: str) -> Iterator[PageT]:
        """Pages in their order; raises what fetching one raised, in its place."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="salesforce-results") as self._pool:
            self._begin(first)
            try:
                while self._begun:
                    page = self._begun[0].result()
                    self._make_room(page)
                    yield page
            finally:
                self._stop()

    def _begin(self, where: str) -> None:
        self._begun.append(self._pool.submit(self._fetch, where, partial(self._tell, where)))

    def _tell(self, where: str, after: str) -> None:
        """A page's thread knows the next one; it says so again when it has to fetch its page again."""
        with self._lock:
            if not after or self._after.get(where) == after:
                return
            if after in self._after or after in self._after.values():
                raise CallError(Trouble("shape", 200, "same-page-again"))
            self._after[where] = after
            if len(self._begun) < self._room:
                self._begin(after)
            else:
                self._waiting = after

    def _make_room(self, page: PageT) -> None:
        with self._lock:
            self._room = max(1, min(_AT_ONCE, _HELD_BYTES // max(page.size, 1)))
            self._begun.popleft()
            if self._waiting and len(self._begun) < self._room:
                self._begin(self._waiting)
                self._waiting = ""

    def _stop(self) -> None:
        self._stopped.set()
        with self._lock:
            self._waiting, self._room = "", 0
            for one in self._begun:
                one.cancel()
