"""A chain of list pages, fetched ahead of whoever reads them: the next one is asked for before this one is made use of."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, Queue
from typing import Final

from crm_kare.errors import StopError
from crm_kare_hubspot.rows import Answer

_HELD: Final = 8
"""Pages that may wait: while the mirror writes a file, which takes about a second, the chain goes on."""

_A_MOMENT: Final = 0.05


class Ahead:
    """Follows a chain of pages in one thread.

    Args:
        fetch: the page at a token; called in the thread.
        where: names the list in errors.
    """

    def __init__(self, fetch: Callable[[str], Answer], where: str) -> None:
        self._fetch, self._where = fetch, where
        self._pages: Queue[Answer | None] = Queue(_HELD)
        self._stopped = threading.Event()

    def pages(self, first: str) -> Iterator[Answer]:
        """Pages from a token on, in their order; then what stopped the chain before its end is raised.

        Closing it waits for the call under way.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="hubspot-list") as pool:
            chain = pool.submit(self._follow, first)
            try:
                while page := self._pages.get():
                    yield page
            finally:
                self._stopped.set()
                while not chain.done():  # somebody left in the middle: make room for the thread to see it
                    with contextlib.suppress(Empty):
                        self._pages.get(timeout=_A_MOMENT)
            chain.result()

    def _follow(self, after: str) -> None:
        seen = set[str]()
        try:
            while after and not self._stopped.is_set():
                if after in seen:
                    raise StopError("The list goes round: HubSpot gave the same page twice.", where=self._where)
                seen.add(after)
                page = self._fetch(after)
                self._pages.put(page)
                after = page.after
        finally:
            self._pages.put(None)
