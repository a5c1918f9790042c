"""Calls: HubSpot's official client as transport, with our time-outs, limits, retries and counts around it.

The client's own models and its retry setting are not used: decoding into models takes ten times the time, and its
retries leave out POST, which is most of what a sync does.
"""

import json
import re
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import IO, Any, Final
from urllib.parse import urljoin

from hubspot.crm.objects import ApiClient, Configuration
from hubspot.crm.objects.exceptions import ApiException
from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationValueError, NewConnectionError
from urllib3.util import Timeout

from crm_kare.errors import ConfigError
from crm_kare.http import (
    ATTEMPTS,
    TIMEOUT,
    USER_AGENT,
    CallError,
    Trouble,
    call_with_retries,
    require_safe_url,
)
from crm_kare.ports import Calls, Context, Quota
from crm_kare_hubspot.allowance import Allowance
from crm_kare_hubspot.answers import Json, meaning, refusal, shape_error
from crm_kare_hubspot.login import Login, renewed
from crm_kare_hubspot.paths import Paths

API_URL: Final = "https://api.hubapi.com"
_POOL: Final = 32
"""Connections kept; threads that read and write at the same time are fewer."""
SAME_TIME: Final = timedelta(seconds=2)
"""By so much our clock may run ahead of HubSpot's without being taken for ahead."""
_VERSION: Final = re.compile(r"v3|\d{4}-\d{2}")
_UNAUTHORISED: Final = 401
_REDIRECTS: Final = 4
_PIECE: Final = 1024 * 1024
"""Bytes of a file that are held at once."""


@dataclass(frozen=True)
class Call:
    """One request. `where` names it in errors; `writes` and `repeatable` say whether it may be sent again blindly, and
    `attempts` how often at most; `raw` that the answer is wanted as it came, for somebody else to decode.
    """

    method: str
    path: str
    where: str
    query: tuple[tuple[str, str], ...] = ()
    body: Json | None = None
    writes: bool = False
    repeatable: bool = True
    attempts: int = ATTEMPTS
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
        self._login = Login(
            context.credentials, context.clock, lambda form: renewed(self._post_form, self.paths.tokens(), form)
        )
        self._lock = threading.Lock()
        self._calls = Calls()
        self._allowance: Allowance | None = None
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
        return call_with_retries(
            lambda: self._logged_in(call), clock=self._clock, safe=call.repeatable, attempts=call.attempts
        )

    def download(self, address: str, into: IO[bytes]) -> None:
        """Write the file at an address that HubSpot gave into another one, piece by piece, and without our login.

        Raises:
            CallError: it is not there (any more), or did not come whole.
            ConfigError: the address is one of plain http, on another machine.
        """
        for _ in range(_REDIRECTS):
            require_safe_url(address, setting="the address of an exported file")
            answer = self._opened(address)
            try:
                if answer.status == HTTPStatus.OK:
                    for piece in answer.stream(_PIECE):
                        into.write(piece)
                    return
            except HTTPError as error:
                raise CallError(Trouble("network", message=type(error).__name__)) from error
            finally:
                answer.close()
            further = answer.headers.get("Location")
            if not (300 <= answer.status <= 399 and further):  # noqa: PLR2004  what HTTP calls redirection
                break
            address = urljoin(address, further)
        raise CallError(Trouble("gone", answer.status))

    def _opened(self, address: str) -> BaseHTTPResponse:
        pool: PoolManager = self._transport().rest_client.pool_manager
        asked = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        limit = Timeout(*TIMEOUT)
        try:
            return pool.request("GET", address, headers=asked, preload_content=False, redirect=False, timeout=limit)
        except (HTTPError, LocationValueError) as error:
            raise CallError(Trouble("network", message=type(error).__name__)) from error

    def together(self, count: int) -> AbstractContextManager[None]:
        """So many calls of this thread inside the block follow each other without waiting for the rate limit."""
        return self.allowance.together(count)

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
        return self._allowance.quota if self._allowance else Quota()

    def close(self) -> None:
        """Close the pool."""
        api, self._api = self._api, None
        if api is not None:
            api.rest_client.pool_manager.clear()
            api.close()

    @property
    def allowance(self) -> Allowance:
        """What may be called."""
        with self._lock:
            if self._allowance is None:
                self._allowance = Allowance(self._context, self.host())
            return self._allowance

    def _logged_in(self, call: Call) -> Reply:
        token = self._login.token()
        try:
            return self._once(call, token)
        except CallError as error:
            if error.trouble.status != _UNAUTHORISED or not self._login.renew(token):
                raise
        return self._once(call, self._login.token())

    def _once(self, call: Call, token: str) -> Reply:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        with self.allowance.place(search=call.search) as place:
            self._count(call)
            status, body, told = self._exchanged(call, headers)
            self.allowance.learn(place, told)
        self._compare_clocks(told)
        if not 200 <= status <= 299:  # noqa: PLR2004  what HTTP calls success
            refused = refusal(status, body, told, writes=call.writes)
            self.allowance.slow_down(refused.trouble, search=call.search)
            raise refused
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
            if not error.status:  # the client's word for TLS that failed, at its beginning or on the way
                raise CallError(Trouble("network", message="TLS", applied=call.writes)) from error
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
            return self._api

    def _post_form(self, path: str, form: Mapping[str, str]) -> Json:
        """The answer to a form that asks for a token; raises `CallError`."""
        call = Call("POST", path, "login")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        def once() -> Json:
            status, body, told = self._exchanged(call, headers, form)
            if not 200 <= status <= 299:  # noqa: PLR2004  what HTTP calls success
                raise refusal(status, body, told, writes=False)
            return _decoded(status, body, writes=False)

        return call_with_retries(once, clock=self._clock, safe=True)

    def _count(self, call: Call) -> None:
        with self._lock:
            done = self._calls
            one = 1 if call.writes else 0
            self._calls = Calls(read=done.read + 1 - one, write=done.write + one)

    def _compare_clocks(self, headers: Mapping[str, str]) -> None:
        if dated := _moment(headers.get("Date")):
            # The header has whole seconds, so a second or two is no difference.
            ahead = self._clock.now() - dated
            self._ahead = ahead if ahead > SAME_TIME else timedelta()


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
