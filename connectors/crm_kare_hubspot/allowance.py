"""How many calls may be made: by the ten seconds, by the day, and by the second for search.

All clients of a process that use one token share what is counted, whatever connector object they belong to; searches
are counted for the portal, as soon as somebody knows which it is.
"""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from crm_kare.errors import QuotaError
from crm_kare.http import Place, RateLimiter, Trouble, shared_limiter
from crm_kare.ports import Context, Quota

_BURST: Final = 100
"""Calls per ten seconds on the smallest plan; the headers tell more where there is more."""
_BURST_PERIOD: Final = 10.0
_LOCAL_BURST: Final = 100_000
"""A stand-in on loopback is limited by what its headers say, and not at all where they say nothing."""
_SEARCHES: Final = 5
"""Searches per second of a portal, for all its apps together; answers tell nothing about it (HubSpot's search guide)."""
_SEARCH_PERIOD: Final = 1.0
_NEW_DAY: Final = 100
"""Calls used today are fewer by more than this: a new day has begun."""
_IDENTITY: Final = ("HUBSPOT_ACCESS_TOKEN", "HUBSPOT_CLIENT_ID", "HUBSPOT_REFRESH_TOKEN")


class Allowance:
    """What one client may call: a `place` around each call, and in it `learn` what the answer said."""

    def __init__(self, context: Context, host: str) -> None:
        self._context, self._host = context, host
        app = _digest(host, *(_secret(context, name) for name in _IDENTITY))
        burst = _LOCAL_BURST if host.startswith("http://") else _BURST
        self._burst = shared_limiter(f"burst {app}", burst, _BURST_PERIOD, context.clock)
        self._search = self._searches(app)
        self._quota = Quota()
        self._under_way = 0
        self._searched = 0
        """Searches since the day's figure was told: they count for it, and tell none."""
        self._lock = threading.Lock()

    @property
    def quota(self) -> Quota:
        """The day's allowance as last told."""
        return self._quota

    def of_portal(self, portal: str) -> None:
        """Now we know which portal it is: share its searches with the other apps that this process logs in as."""
        self._search = self._searches(_digest(self._host, portal))

    @contextmanager
    def place(self, *, search: bool) -> Iterator[Place]:
        """Wait for a place among the calls, or among the searches, and keep it for one call.

        Raises:
            QuotaError: the set share of the day's allowance is used up.
            RetryError: the wait was cut short.
        """
        with self._lock:
            self._guard()
            self._under_way += 1
        try:
            place = (self._search if search else self._burst).take(self._context.burst_share)
            try:
                yield place
            finally:
                place.ended()
        finally:
            with self._lock:
                self._under_way -= 1
                self._searched += search

    @contextmanager
    def together(self, count: int) -> Iterator[None]:
        """Calls of this thread inside the block follow each other without waiting for places in between."""
        with self._burst.together(count, self._context.burst_share):
            yield

    def learn(self, place: Place, headers: Mapping[str, str]) -> None:
        """Follow the rate headers; search answers carry none, OAuth answers no daily pair."""
        if most := _number(headers.get("X-HubSpot-RateLimit-Max")):
            self._burst.learn(place, most, _number(headers.get("X-HubSpot-RateLimit-Remaining")))
        limit = _number(headers.get("X-HubSpot-RateLimit-Daily"))
        left = _number(headers.get("X-HubSpot-RateLimit-Daily-Remaining"))
        if limit is not None and left is not None:
            with self._lock:
                self._follow_day(limit - left, limit)

    def slow_down(self, trouble: Trouble, *, search: bool) -> None:
        """After a 429: no client sends anything before its wait is over."""
        if trouble.kind == "rate" and trouble.retry_after:
            (self._search if search else self._burst).hold(trouble.retry_after)

    def _searches(self, name: str) -> RateLimiter:
        return shared_limiter(f"search {name}", _SEARCHES, _SEARCH_PERIOD, self._context.clock)

    def _follow_day(self, used: int, limit: int) -> None:
        """Answers overtake each other: the highest figure is the newest, unless a new day has begun."""
        known = self._quota.used or 0
        if used >= known or known - used > _NEW_DAY:
            self._quota, self._searched = Quota(used=used, limit=limit), 0

    def _guard(self) -> None:
        """Threads must not overrun the share together, so that calls which nobody counted yet count too."""
        used, limit, share = self._quota.used, self._quota.limit, self._context.daily_share
        if used is not None and limit is not None and used + self._under_way + self._searched >= limit * share:
            raise QuotaError(
                f"{used} of {limit} calls of the day are used, and the set share is {share:.0%}.",
                where="HubSpot",
                fix="Try after midnight of the portal's time zone, or raise `daily_share`.",
                code="DAILY_SHARE",
            )


def _secret(context: Context, name: str) -> str:
    given = context.credentials.get(name)
    return given.get_secret_value() if given else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdigit() else None
