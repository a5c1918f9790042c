"""A small HubSpot account that foreign clients are pointed at, and how it is made to be one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from crm_kare.clock import SystemClock
from crm_kare.sandbox import serve
from crm_kare.sandbox.hubspot import Portal, portal_of
from crm_kare.sandbox.hubspot.portal import TOKEN
from crm_kare.sandbox.server import RunningSandbox

KEY = "foreign_key"
"""A property of companies whose values are unique."""

ACCOUNTS = 30


@dataclass(frozen=True)
class HubSpotTarget:
    """The sandbox, and the token it is asked with."""

    running: RunningSandbox
    token: str = TOKEN

    @property
    def portal(self) -> Portal:
        return portal_of(self.running.sandbox)

    @property
    def url(self) -> str:
        return self.running.url

    def ids(self, name: str, number: int = -1) -> list[str]:
        """Ids of the first live records."""
        return [str(one["_id"]) for one in self.portal.org.select(name, limit=number)]

    def record(self, name: str, record_id: str) -> dict[str, Any]:
        """A record as the store holds it."""
        found = self.portal.org.get(name, record_id)
        assert found is not None
        return found

    @contextmanager
    def settings(self, **changes: Any) -> Iterator[None]:
        """Another behaviour of the account for a while."""
        before = self.portal.settings
        self.portal.settings = replace(before, **changes)
        try:
            yield
        finally:
            self.portal.settings = before


@contextmanager
def hubspot_target() -> Iterator[HubSpotTarget]:
    """Serve one on the real clock: these clients have no other."""
    with serve(SystemClock(), accounts=ACCOUNTS, seed=3, vendors=("hubspot",)) as running:
        yield HubSpotTarget(running)
