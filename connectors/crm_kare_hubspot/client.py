"""Calls: HubSpot's official client as transport, with our time-outs, limits, retries and counts around it.

The client's own models and its retry setting are not used: decoding into models takes ten times the time, and its
retries leave out POST, which is most of what a sync does.
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from hubspot.crm.objects import ApiClient, Configuration
from hubspot.crm.objects.exceptions import ApiException
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationValueError, NewConnectionError

from crm_kare.errors import AccessError, ConfigError, KareError, QuotaError
from crm_kare.http import (
    TIMEOUT,
    USER_AGENT,
    CallError,
    RateLimiter,
    Trouble,
    call_with_retries,
    require_safe_url,
)
from crm_kare.ports import Calls, Context, Quota
from crm_kare_hubspot.answers import Json, meaning, refusal, shape_error
from crm_kare_hubspot.login import Login
from crm_kare_hubspot.paths import Paths

API_URL: Final = "https://api.hubapi.com"
_BURST: Final = 100
"""Calls per ten seconds on the smallest plan; the headers tell more where there is more."""
_BURST_PERIOD: Final = 10.0
_LOCAL_BURST: Final = 100_000
"""A stand-in on loopback is limited by what its headers say, and not at all where they say nothing."""
_SEARCHES: Final = 4
"""Searches per second: HubSpot allows five per portal, for all its apps together, and sends no headers about it."""
_POOL: Final = 8
_SAME_TIME: Final = timedelta(seconds=2)
_VERSION: Final = re.compile(r"v3|\d{4}-\d{2}")
_UNAUTHORISED: Final = 401


@dataclass(frozen=True)
class Call:
    """One request. `where` names it in errors; `writes` and `repeatable` say whether it may be sent again blindly, `raw`
    that the answer is wanted as it came, for somebody else to decode.
    """

    method: str
    path: str
    where: str
    query: tuple[tuple[str, str], ...] = ()
    body: Json | None = None
    writes: bool = False
    repeatable: bool = True
    search: bool = False
    raw: bool = False


@dataclass(frozen=True)
class Reply:
    """An answer that was no error: 200, 201, 204, or 207, which is read record by record."""

    status: int
    body: Json
    content: bytes = b""


class Client:
    """One connection pool, one login, one limiter. `send` raises `CallError`, `ask` our errors."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._clock = context.clock
        self._burst = RateLimiter(int(_BURST * context.burst_share), _BURST_PERIOD, context.clock)
        self._search = RateLimiter(_SEARCHES, 1.0, context.clock)
        self._login = Login(context.credentials, context.clock, self._exchange)
        self._lock = threading.Lock()
        self._calls = Calls()
        self._quota = Quota()
        self._ahead = timedelta()
        self._api: ApiClient | None = None

    def ask(self, call: Call) -> Reply:
        """The answer, or one of our errors naming `call.where`."""
        try:
            return self.send(call)
        except CallError as error:
            raise meaning(error, call.where) from error

    def send(self, call: Call) -> Reply:
        """The answer, or a `CallError` when repeating did not help.

        Raises:
            CallError: HubSpot refused, did not answer, or cannot be read.
            QuotaError: the set share of the day's allowance is used up; the call was not sent.
            AccessError, ConfigError: there is no login.
        """
        return call_with_retries(lambda: self._logged_in(call), clock=self._clock, safe=call.repeatable)

    def host(self) -> str:
        """The address of the API, checked.

        Raises:
            ConfigError: plain http to another machine.
        """
        given = self._context.credentials.get("HUBSPOT_API_URL")
        url = given.get_secret_value() if given else ""
        return require_safe_url(url or API_URL, setting="HUBSPOT_API_URL")

    @property
    def paths(self) -> Paths:
        """Addresses under the version that the option `api_version` names.

        Raises:
            ConfigError: it is neither `v3` nor a date.
        """
        version = str(self._context.options.get("api_version", "v3"))
        if not _VERSION.fullmatch(version):
            raise ConfigError(
                f"{version!r} is no version of HubSpot's API.",
                where="api_version",
                fix="Write v3, or a dated version such as 2026-09, or leave it out.",
            )
        return Paths(version)

    def now(self) -> datetime:
        """The present moment by our clock, or by HubSpot's where ours runs ahead of it: what changes there after this
        moment bears a later stamp.
        """
        return self._clock.now() - self._ahead

    def calls(self) -> Calls:
        """Calls so far, without those for tokens."""
        return self._calls

    def quota(self) -> Quota:
        """The day's allowance as last told."""
        return self._quota

    def close(self) -> None:
        """Close the pool."""
        api, self._api = self._api, None
        if api is not None:
            api.rest_client.pool_manager.clear()
            api.close()

    def _logged_in(self, call: Call) -> Reply:
        self._guard_quota()
        token = self._login.token()
        try:
            return self._once(call, token)
        except CallError as error:
            if error.trouble.status != _UNAUTHORISED or not self._login.renew(token):
                raise
        return self._once(call, self._login.token())

    def _once(self, call: Call, token: str) -> Reply:
        (self._search if call.search else self._burst).acquire()
        self._count(call)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, body, told = self._exchanged(call, headers)
        self._learn(told)
        if not 200 <= status <= 299:  # noqa: PLR2004  what HTTP calls success
            raise refusal(status, body, told, writes=call.writes)
        if call.raw:
            return Reply(status, {}, body)
        return Reply(status, _decoded(status, body, writes=call.writes))

    def _exchanged(
        self, call: Call, headers: dict[str, str], form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers, whatever they are; no answer is a `CallError`."""
        extra: dict[str, Any] = {"query_params": list(call.query)} if call.query else {}
        if form is not None:
            extra["post_params"] = list(form.items())
        elif call.body is not None:
            extra["body"] = call.body
        asked = {**headers, "Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}
        try:
            answer = self._transport().request(
                call.method,
                self.host() + call.path,
                headers=asked,
                _preload_content=False,
                _request_timeout=TIMEOUT,
                **extra,
            )
            body = answer.data
        except ApiException as error:
            if not error.status:  # the client's word for a failed TLS handshake
                raise CallError(Trouble("network", message="TLS")) from error
            return error.status, error.body or b"", error.headers or {}
        except (HTTPError, LocationValueError) as error:
            sent = not isinstance(error, NewConnectionError | ConnectTimeoutError)
            raise CallError(Trouble("network", message=type(error).__name__, applied=call.writes and sent)) from error
        return answer.status, body, answer.headers

    def _transport(self) -> ApiClient:
        with self._lock:
            if self._api is None:
                configuration = Configuration(host=self.host())
                configuration.retries = False  # ours; the pool's own would repeat a write whose answer was lost
                configuration.connection_pool_maxsize = _POOL
                self._api = ApiClient(configuration=configuration)
                if configuration.host.startswith("http://"):
                    self._burst.set_limit(_LOCAL_BURST)
            return self._api

    def _exchange(self, form: Mapping[str, str]) -> Json:
        """Post the token form; a refused one is a matter of login whatever its status."""
        call = Call("POST", "/oauth/v1/token", "HUBSPOT_REFRESH_TOKEN")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        def once() -> Json:
            status, body, told = self._exchanged(call, headers, form)
            if not 200 <= status <= 299:  # noqa: PLR2004  what HTTP calls success
                raise refusal(status, body, told, writes=False)
            return _decoded(status, body, writes=False)

        try:
            return call_with_retries(once, clock=self._clock, safe=True)
        except CallError as error:
            raise _login_error(error, call.where) from error

    def _guard_quota(self) -> None:
        used, limit = self._quota.used, self._quota.limit
        share = self._context.daily_share
        if used is not None and limit is not None and used >= limit * share:
            raise QuotaError(
                f"{used} of {limit} calls of the day are used, and the set share is {share:.0%}.",
                where="HubSpot",
                fix="Try after midnight of the portal's time zone, or raise `daily_share`.",
                code="DAILY_SHARE",
            )

    def _count(self, call: Call) -> None:
        with self._lock:
            done = self._calls
            one = 1 if call.writes else 0
            self._calls = Calls(read=done.read + 1 - one, write=done.write + one)

    def _learn(self, headers: Mapping[str, str]) -> None:
        """Follow the rate headers; search answers carry none, OAuth answers no daily pair."""
        burst = _number(headers.get("X-HubSpot-RateLimit-Max"))
        if burst:
            self._burst.set_limit(int(burst * self._context.burst_share))
        limit = _number(headers.get("X-HubSpot-RateLimit-Daily"))
        left = _number(headers.get("X-HubSpot-RateLimit-Daily-Remaining"))
        if limit is not None and left is not None:
            self._quota = Quota(used=limit - left, limit=limit)
        if dated := _moment(headers.get("Date")):
            # The header has whole seconds, so a second or two is no difference.
            ahead = self._clock.now() - dated
            self._ahead = ahead if ahead > _SAME_TIME else timedelta()


def _login_error(error: CallError, where: str) -> KareError:
    if error.trouble.kind in {"request", "login", "permission", "gone"}:
        return AccessError(
            f"HubSpot refused the refresh token ({error.trouble.code or error.trouble.status}).",
            where=where,
            fix="Check HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET, or install the app again for a new refresh token.",
            code=error.trouble.code,
        )
    return meaning(error, where)


def _decoded(status: int, body: bytes, *, writes: bool) -> Json:
    if not body:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise shape_error(status, len(body), writes=writes)
    return found


def _moment(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value) if value else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdigit() else None
