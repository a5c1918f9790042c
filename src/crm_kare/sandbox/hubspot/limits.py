"""HubSpot's rate limits: a rolling ten-second window and a day per app, and search per second and account."""

from collections import deque
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from crm_kare.ports import Clock
from crm_kare.sandbox.hubspot.errors import HubSpotError


@dataclass(frozen=True)
class Limits:
    """Calls allowed: of a private app in ten seconds, of an OAuth app in ten seconds, in a day, of search in a second."""

    burst: int = 190
    oauth_burst: int = 110
    daily: int = 650_000
    search: int = 5


class Meter:
    """Counts the calls of the portal; refused ones count for nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}
        self._day: date | None = None
        self.used_today = 0

    def count_day(self, timezone: str) -> None:
        """One more call of the day, which begins at midnight in the portal's time zone."""
        today = self._clock.now().astimezone(ZoneInfo(timezone)).date()
        if today != self._day:
            self._day, self.used_today = today, 0
        self.used_today += 1

    def admit(self, limits: Limits, app: str, *, oauth: bool, timezone: str, group: str) -> dict[str, str]:
        """Let one ordinary call of an app in; the headers that tell what is left.

        Raises:
            HubSpotError: 429 by the rolling window or the day; without Retry-After, as HubSpot does.
        """
        limit = limits.oauth_burst if oauth else limits.burst
        if not self._take(app, limit, 10.0):
            raise _too_many("ten_secondly_rolling", "TEN_SECONDLY_ROLLING", group)
        self.count_day(timezone)
        if self.used_today > limits.daily and not oauth:
            raise _too_many("daily", "DAILY", group)
        left = limit - len(self._sent[app])
        headers = {
            "X-HubSpot-RateLimit-Max": str(limit),
            "X-HubSpot-RateLimit-Remaining": str(left),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
        if not oauth:
            headers["X-HubSpot-RateLimit-Daily"] = str(limits.daily)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(limits.daily - self.used_today)
        return headers

    def admit_search(self, limits: Limits, timezone: str) -> None:
        """Let one search in; its replies carry no rate headers.

        Raises:
            HubSpotError: 429; the body names no policy.
        """
        if not self._take("search", limits.search, 1.0):
            raise HubSpotError(429, "You have reached your secondly limit.", errorType="RATE_LIMIT")
        self.count_day(timezone)

    def _take(self, window: str, limit: int, seconds: float) -> bool:
        now = self._clock.monotonic()
        sent = self._sent.setdefault(window, deque())
        while sent and now - sent[0] >= seconds:
            sent.popleft()
        if len(sent) >= limit:
            return False
        sent.append(now)
        return True


def _too_many(words: str, policy: str, group: str) -> HubSpotError:
    return HubSpotError(
        429, f"You have reached your {words} limit.", errorType="RATE_LIMIT", policyName=policy, groupName=group
    )
