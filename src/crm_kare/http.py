"""What the CRM clients share: time-outs, retry policy, rate limiter, quota guard, redaction, loopback rule.

A client turns each foreign error into a `CallError` at its edge (`raise CallError(...) from error`); `call_with_retries`
decides what is repeated, and `translated` says what the caller meets when repeating did not help.
"""

import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from crm_kare import __version__
from crm_kare.errors import AccessError, ConfigError, KareError, QuotaError, RetryError, StopError
from crm_kare.ports import Clock

T = TypeVar("T")

USER_AGENT: Final = f"crm-kare/{__version__}"
TIMEOUT: Final = (10.0, 120.0)
"""Seconds to connect and to wait for bytes, on every call."""

ATTEMPTS: Final = 6
_LONGEST_WAIT: Final = 60.0
_SHORTEST_WAIT: Final = 0.001
"""A wait shorter than the clock's resolution would never end."""


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
    asked = error.trouble.retry_after if isinstance(error, CallError) else None
    growing = float(2 ** (state.attempt_number - 1))
    return min(asked if asked is not None else growing, _LONGEST_WAIT)


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


class RateLimiter:
    """At most `limit` calls in any `period` seconds, across threads; waits on the clock it is given."""

    def __init__(self, limit: int, period: float, clock: Clock) -> None:
        self._limit, self._period, self._clock = max(1, limit), period, clock
        self._sent: deque[float] = deque()
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Wait for a free place and take it."""
        while (wait := self._take()) > 0:
            self._clock.sleep(wait)

    def set_limit(self, limit: int) -> None:
        """Follow what the CRM's headers say."""
        with self._lock:
            self._limit = max(1, limit)

    def _take(self) -> float:
        with self._lock:
            now = self._clock.monotonic()
            while self._sent and now - self._sent[0] >= self._period:
                self._sent.popleft()
            if len(self._sent) < self._limit:
                self._sent.append(now)
                return 0.0
            return max(self._period - (now - self._sent[0]), _SHORTEST_WAIT)


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
    return _SECRETS.sub("***", " ".join(text.split()))[:longest]
