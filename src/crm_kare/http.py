"""What the CRM clients share: time-outs, retry policy, rate limiter, quota guard, redaction, loopback rule.

A client turns each foreign error into a `CallError` at its edge (`raise CallError(...) from error`); `call_with_retries`
decides what is repeated, and `translated` says what the caller meets when repeating did not help.
"""

import math
import re
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, proxy

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from crm_kare import __version__
from crm_kare.errors import AccessError, ConfigError, KareError, QuotaError, RetryError, StopError
from crm_kare.ports import Clock

T = TypeVar("T")

USER_AGENT: Final = f"crm-kare/{__version__}"
TIMEOUT: Final = (10.0, 120.0)
"""Seconds to connect and to wait for bytes, on every call."""

ATTEMPTS: Final = 6
LONGEST_WAIT: Final = 60.0
"""Seconds that a call waits before it is repeated, whatever the CRM asks for."""
_SHORTEST_WAIT: Final = 0.001
"""A wait shorter than the clock's resolution would never end."""
_SOON: Final = 50
"""A fiftieth of a limiter's period: calls that belong together wait no longer in between."""
_TICK: Final = 0.001
"""Seconds by which a whole wait may end early."""


@dataclass(frozen=True)
class Trouble:
    """What went wrong with one call, without its body.

    Attributes:
        kind: `login` (token refused), `permission`, `quota` (the day's allowance), `rate` (too fast), `server` (5xx,
            gateway pages), `network` (no answer), `gone` (404), `request` (our fault, or the mapping's), `shape` (an
            answer that cannot be read).
        status: HTTP status, 0 without an answer.
        code: the CRM's own code.
        message: the CRM's own message, redacted and cut.
        retry_after: seconds the CRM asked us to wait.
        applied: False when it is certain that nothing was written (refused, or never sent).
    """

    kind: str
    status: int = 0
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    applied: bool = False


class CallError(Exception):
    """One HTTP call failed; never leaves a connector."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(f"{trouble.kind} {trouble.status} {trouble.code}".strip())
        self.trouble = trouble


def call_with_retries(call: Callable[[], T], *, clock: Clock, safe: bool, attempts: int = ATTEMPTS) -> T:
    """Run `call`, repeating it with growing waits where that is safe and may help.

    A write that may have been applied (`safe=False` and an answer lost after sending) is not repeated.

    Raises:
        CallError: the last trouble.
    """

    def worth_it(error: BaseException) -> bool:
        if not isinstance(error, CallError):
            return False
        trouble = error.trouble
        if trouble.kind == "rate":
            return True
        return trouble.kind in {"server", "network"} and (safe or not trouble.applied)

    retrying = Retrying(
        retry=retry_if_exception(worth_it),
        wait=_wait,
        stop=stop_after_attempt(attempts),
        sleep=clock.sleep,
        reraise=True,
    )
    return retrying(call)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    trouble = error.trouble if isinstance(error, CallError) else Trouble("")
    growing = float(2 ** (state.attempt_number - 1))
    wait = growing if trouble.retry_after is None else trouble.retry_after
    if trouble.kind == "rate":  # other apps may be as quick to take what is free again
        wait = max(wait, growing)
    return min(wait, LONGEST_WAIT)


_LATER: Final = "Run again later: the next run goes on where this one ended."

_TRANSLATION: Final[dict[str, tuple[type[KareError], str, str]]] = {
    "login": (AccessError, "The CRM refused the login.", "Renew the credentials in the environment or .env file."),
    "permission": (
        AccessError,
        "The CRM refused permission.",
        "Run `crm-kare doctor`: it lists what is to be granted.",
    ),
    "quota": (QuotaError, "The CRM's API allowance is used up.", _LATER),
    "rate": (RetryError, "The CRM keeps answering that calls come too fast.", _LATER),
    "server": (RetryError, "The CRM is unavailable.", _LATER),
    "network": (RetryError, "The CRM does not answer.", _LATER),
    "gone": (
        ConfigError,
        "The CRM has nothing at this address.",
        "Run `crm-kare doctor`: it checks address and mapping.",
    ),
    "request": (
        ConfigError,
        "The CRM refused the request.",
        "Run `crm-kare map check`: it tells what does not fit the CRM.",
    ),
    "shape": (
        StopError,
        "The CRM's answer cannot be read.",
        "Look whether a proxy or login page answers instead of the CRM.",
    ),
}


def translated(error: CallError, *, where: str, fix: str = "") -> KareError:
    """Our error for a call that stayed failed; `where` names object or endpoint, never a value.

    `fix` is what to do about this answer, where that is known better than for its kind.
    """
    trouble = error.trouble
    kind, sentence, way_on = _TRANSLATION[trouble.kind]
    told = " ".join(part for part in (str(trouble.status or ""), trouble.code, trouble.message) if part)
    text = f"{sentence} ({told})" if told else sentence
    return kind(text, fix=fix or way_on, where=where, code=trouble.code or trouble.kind)


def pause(clock: Clock, seconds: float) -> None:
    """Wait so long.

    Raises:
        RetryError: the wait was cut short, because a stop was asked for.
    """
    until = clock.monotonic() + seconds - _TICK
    clock.sleep(seconds)
    if clock.monotonic() < until:
        raise RetryError("The wait for the CRM was cut short.", code="STOPPED")


class Place:
    """A call's place in a limiter's window: taken before it is sent, given back with `ended` or `unused`."""

    def __init__(self, limiter: "RateLimiter", among: int, number: int) -> None:
        self._limiter, self.among, self.number = limiter, among, number

    def ended(self) -> None:
        """The call was answered, or nobody waits for its answer any more."""
        self._limiter.leave(used=True)

    def unused(self) -> None:
        """It was not sent."""
        self._limiter.leave(used=False)


class RateLimiter:
    """At most `limit` calls in any `period` seconds, as the server counts them; shared by threads and clients.

    The server counts a call when it arrives, somewhere between sending and answer, so its place is free again one period
    after its *answer*: the window is never overrun, whatever the latency does, and its use is period / (period + latency).
    Calls that had to wait go at a distance, at twice the rate that lasts: places that come back all at once would all be
    used at once again, the answers would come late, and the places free later every time.
    """

    def __init__(self, limit: int, period: float, clock: Clock) -> None:
        self._limit, self._period, self._clock = limit, period, clock
        self._changed = threading.Condition()
        self._ends: deque[float] = deque()
        """When the places of calls that were answered are free again."""
        self._under_way = 0
        self._given = 0
        self._promised = 0
        self._next = -math.inf
        """Before that, nobody new is let in."""
        self._others, self._others_until = 0, 0.0
        self._held_until = 0.0
        self._thread = threading.local()

    def take(self, share: float = 1.0) -> Place:
        """Wait for a place within this share of the limit, and take it.

        Raises:
            RetryError: the wait was cut short, because a stop was asked for.
        """
        promise = 1 if getattr(self._thread, "promised", 0) else 0
        with self._admitted(1, share, promise):
            self._thread.promised = getattr(self._thread, "promised", 0) - promise
            self._promised -= promise
            self._under_way += 1
            self._given += 1
            return Place(self, len(self._ends) + self._under_way, self._given)

    @contextmanager
    def together(self, count: int, share: float = 1.0) -> Iterator[None]:
        """Wait until there are so many places, now or within a fiftieth of the period, and promise them to the calls that
        this thread makes in the block: those come before anybody else's.
        """
        with self._admitted(count, share):
            self._thread.promised = min(count, self._share(share))
            self._promised += self._thread.promised
        try:
            yield
        finally:
            with self._changed:
                self._promised -= self._thread.promised
                self._thread.promised = 0
                self._changed.notify_all()

    def learn(self, place: Place, limit: int, left: int | None) -> None:
        """Follow what the answer to the call at this place told: the limit, and how many calls were left on its arrival.
        What is missing beyond our own calls, others made: they are gone a period later at the latest.
        """
        with self._changed:
            self._limit = limit
            ours = place.among + self._given - place.number
            self._others = 0 if left is None else max(0, limit - left - ours)
            self._others_until = self._clock.monotonic() + self._period

    def hold(self, seconds: float) -> None:
        """Send nothing for so long: the server says that calls come too fast."""
        with self._changed:
            self._held_until = max(self._held_until, self._clock.monotonic() + seconds)

    def leave(self, *, used: bool) -> None:
        """Give a place back: at once, or a period from now. For `Place`."""
        with self._changed:
            self._under_way -= 1
            if used:
                self._ends.append(self._clock.monotonic() + self._period)
            self._changed.notify_all()

    @contextmanager
    def _admitted(self, count: int, share: float, promise: int = 0) -> Iterator[None]:
        """Wait for so many places, or for one that was promised; the block then has the limiter to itself."""
        waited = False
        while True:
            with self._changed:
                wait = self._wait(count, share, promise)
                if wait is None:
                    self._changed.wait()
                elif wait <= 0:
                    if waited and not promise:
                        self._next = self._clock.monotonic() + count * self._period / (2 * self._limit)
                    yield
                    return
            waited = True
            if wait is not None:
                pause(self._clock, wait)

    def _wait(self, count: int, share: float, promise: int) -> float | None:
        """Seconds until it is worth looking again, 0 where there is room; `None`: when something has changed."""
        now = self._clock.monotonic()
        while self._ends and self._ends[0] <= now:
            self._ends.popleft()
        if (closed := max(self._held_until, now if promise else self._next)) > now:
            return max(closed - now, _SHORTEST_WAIT)
        others = self._others if now < self._others_until else 0
        most = self._share(share)
        room = min(most, self._limit - others) - len(self._ends) - self._under_way
        coming = bisect_right(self._ends, now + self._period / _SOON)
        missing = 0 if promise else self._promised + min(count, most) - room
        if room > 0 and missing <= coming:
            return 0.0
        moments = [self._others_until] if others else []
        if max(1 - room, missing) <= len(self._ends):  # else somebody has to be answered first
            first = self._ends[-room] if room <= 0 else now
            last = self._ends[missing - 1] - self._period / _SOON if missing > 0 else now
            moments.append(max(first, last))
        return max(min(moments) - now, _SHORTEST_WAIT) if moments else None

    def _share(self, share: float) -> int:
        return max(1, int(self._limit * share))


_LIMITERS: Final[WeakKeyDictionary[Clock, dict[str, RateLimiter]]] = WeakKeyDictionary()
_LIMITERS_LOCK: Final = threading.Lock()


def shared_limiter(name: str, limit: int, period: float, clock: Clock) -> RateLimiter:
    """The one limiter of this name on this clock: all clients of a process that draw on one allowance share it, and the
    next run finds it as the last one left it. `limit` and `period` hold where it is new.
    """
    with _LIMITERS_LOCK:
        # by proxy: a limiter that held its clock would keep both for ever
        return _LIMITERS.setdefault(clock, {}).setdefault(name, RateLimiter(limit, period, proxy(clock)))


def require_safe_url(url: str, *, setting: str) -> str:
    """`url` without trailing slash; plain http is accepted for loopback addresses only.

    Raises:
        ConfigError: naming the setting.
    """
    parts = urlsplit(url)
    loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme == "https" or (parts.scheme == "http" and loopback):
        return url.rstrip("/")
    raise ConfigError(
        "The address must begin with https:// (plain http only for loopback).",
        where=setting,
        fix="Correct it in the environment or .env file.",
    )


_SECRETS: Final = re.compile(
    r"(00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]+|pat-[a-z0-9-]{10,}|(?i:bearer)\s+[A-Za-z0-9._~+/=-]+|[\w.+-]+@[\w-]+\.[\w.]+)"
)


def redacted(text: str, *, longest: int = 300) -> str:
    """`text` without tokens and e-mail addresses, on one line, cut to `longest` characters."""
    looked_at = text[: 4 * longest]  # an answer may quote a value of 60,000 characters, and the pattern looks far ahead
    return _SECRETS.sub("***", " ".join(looked_at.split()))[:longest]
