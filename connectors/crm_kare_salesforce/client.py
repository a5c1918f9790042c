"""Calls to one org over simple-salesforce: login, renewal, time-outs, retries, quota, and errors turned into `CallError`.

simple-salesforce never meets a login of its own here: given one, it renews without end on an unending 401. It gets a
ready token, our session, and our addresses (it builds https:// ones only).
"""

import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce

from crm_kare.errors import ConfigError, QuotaError
from crm_kare.http import TIMEOUT, USER_AGENT, CallError, Trouble, call_with_retries
from crm_kare.ports import Calls, Context, Quota
from crm_kare_salesforce.credentials import Ways, choose
from crm_kare_salesforce.faults import foreign_errors, unsent
from crm_kare_salesforce.login import Login, Session

T = TypeVar("T")

API_VERSION: Final = "62.0"

AT_ONCE: Final = 200
"""Records in one sObject Collections call; Salesforce refuses more with EXCEEDED_ID_LIMIT."""

_TICK: Final = 0.01
"""A wait that is shorter by less was no stop, but the clock's coarseness."""

_LONGEST_QUERY: Final = 15_500
"""Characters of an encoded query; Salesforce refuses addresses longer than 16,384 bytes with 414."""

_SMALLEST_PAGE: Final = 200
_LARGEST_PAGE: Final = 2000

_USAGE: Final = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
"""Of `api-usage=18/5000; per-app-api-usage=17/250(appName=x)` the first pair."""

_USER: Final = re.compile(r"005[A-Za-z0-9]{12,15}$")
"""A user's id at the end of an identity address."""

_PATH: Final = re.compile(r"^/services/data/v[\d.]+/(.+)$")


class _TimedAdapter(HTTPAdapter):
    """Sets a time-out on every call that names none, and sends no call to loopback through a proxy; tells of each that was sent."""

    def __init__(self, told: Callable[[requests.PreparedRequest], None]) -> None:
        super().__init__()
        self._told = told

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        options["timeout"] = options.get("timeout") or TIMEOUT
        if (request.url or "").startswith("http://"):
            options["proxies"] = {}
        try:
            answer = super().send(request, **options)
        except requests.RequestException as error:
            if not unsent(error):
                self._told(request)
            raise
        self._told(request)
        return answer


class Client:
    """One org's API, for one connector object. Nothing is sent before the first call."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.version = _version(context.options)
        self._page_size = _page_size(context.options)
        self._http: requests.Session | None = None
        self._ways: Ways | None = None
        self._force: Salesforce | None = None
        self._lock = threading.RLock()
        self._last: threading.local = threading.local()
        self._reads = self._writes = 0
        self._used: int | None = None
        self._limit: int | None = None
        self.daily_share = context.daily_share
        self.skew = timedelta(0)
        self.instance_url = self._identity = ""

    # -- what the connector asks -------------------------------------------------------------------------------------

    def get(self, path: str, **params: Any) -> Any:
        """JSON of a REST resource below `/services/data/vXX.0/`."""
        return self._call("GET", path, params=params, safe=True)

    def query(self, soql: str, *, everything: bool = False) -> dict[str, Any]:
        """First page of a query; `everything` includes deleted, merged and archived records."""
        _refuse_long(soql)
        headers = {"Sforce-Query-Options": f"batchSize={self._page_size}"}
        path = "queryAll/" if everything else "query/"
        return _page(self._call("GET", path, params={"q": soql}, headers=headers, safe=True))

    def more(self, next_url: str) -> dict[str, Any]:
        """The page that an earlier one's `nextRecordsUrl` names."""
        found = _PATH.match(next_url)
        if not found:
            raise CallError(Trouble("shape", code="nextRecordsUrl"))
        return _page(self._call("GET", found[1], safe=True))

    def rows(self, soql: str, *, everything: bool = False) -> list[dict[str, Any]]:
        """All records of a short query that selects Id."""
        return self.records(self.query(soql, everything=everything))

    def one_row(self, soql: str) -> dict[str, Any]:
        """The one row of an aggregate query."""
        rows = self.query(soql)["records"]
        if len(rows) != 1:
            raise CallError(Trouble("shape", 200, "aggregate"))
        return dict(rows[0])

    def tooling_rows(self, soql: str) -> list[dict[str, Any]]:
        """All records of a Tooling query that selects Id."""
        return self.records(_page(self.get("tooling/query/", q=soql)))

    def fits(self, soql: str) -> bool:
        """Whether a query is short enough for an address."""
        return len(quote_plus(soql)) <= _LONGEST_QUERY

    def post(self, path: str, body: Mapping[str, Any], *, safe: bool = False) -> Any:
        """Create something; `safe` where a second one would do no harm, so that a lost answer is no matter."""
        return self._call("POST", path, json=body, safe=safe)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change something."""
        return self._call("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        """Take something away."""
        self._call("DELETE", path)

    def raw(self, method: str, path: str, *, safe: bool = False, **options: Any) -> requests.Response:
        """The answer as it came, for what is no JSON (`stream=True` leaves its body unread).

        simple-salesforce's Bulk 2.0 class neither renews a session nor reads answers as UTF-8, so bulk calls come here.
        """
        return self._renewing(
            lambda force: force._call_salesforce(method, f"{force.base_url}{path}", **options),  # noqa: SLF001
            safe=safe,
        )

    def user_id(self) -> str:
        """Id of the user that the token belongs to: as the login told, else as the API's root resource tells."""
        self._session()
        if not self._identity:
            told = self.get("")
            self._identity = str(told.get("identity") or "") if isinstance(told, dict) else ""
        found = _USER.search(self._identity)
        if not found:
            raise CallError(Trouble("shape", 200, "identity"))
        return found[0]

    def log_in(self) -> None:
        """Make sure there is a session; sends nothing where a token was given."""
        self._session()

    @property
    def discouraged(self) -> str:
        """The chosen way to log in and why it is discouraged; empty where it is not."""
        login = self._choice().first
        return login.discouraged and f"The login is by {login.way}. {login.discouraged}"

    def calls(self) -> Calls:
        """API calls so far; logins are not counted."""
        return Calls(self._reads, self._writes)

    def quota(self) -> Quota:
        """As the last `Sforce-Limit-Info` told."""
        return Quota(self._used, self._limit)

    def started(self) -> datetime:
        """A moment not after the start of this thread's last call, by the server's clock.

        The Date header says when the answer began, so the time the call took is taken off, and the second it is cut to.
        """
        answer: requests.Response | None = getattr(self._last, "answer", None)
        sent = _date(answer)
        if answer is None or sent is None:
            return self.now()
        return sent - answer.elapsed - timedelta(seconds=1)

    def now(self) -> datetime:
        """The server's present moment, as far as its answers told."""
        return self._context.clock.now() + self.skew

    def sleep(self, seconds: float) -> bool:
        """Wait on the clock we were given; False where the wait was cut short, because a stop was asked for."""
        clock = self._context.clock
        until = clock.monotonic() + seconds - _TICK
        clock.sleep(seconds)
        return clock.monotonic() >= until

    def close(self) -> None:
        """Give back the connections."""
        if self._http is not None:
            self._http.close()
        self._http = self._force = None

    def records(self, page: dict[str, Any]) -> list[dict[str, Any]]:
        """The records of this page and the ones after it, each with its id."""
        rows = self._followed(page)
        if not all(isinstance(one.get("Id"), str) for one in rows):
            raise CallError(Trouble("shape", 200, "record-without-id"))
        return rows

    def views(self, soql: str) -> list[dict[str, Any]]:
        """All rows of a short query on a view, whose rows have no ids of their own."""
        return self._followed(self.query(soql))

    def _followed(self, page: dict[str, Any]) -> list[dict[str, Any]]:
        rows = list(page["records"])
        while not page["done"]:
            page = self.more(page["nextRecordsUrl"])
            rows += page["records"]
        return rows

    # -- one call ----------------------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, *, safe: bool = False, **options: Any) -> Any:
        return self._renewing(lambda force: force.restful(path, method=method, **options), safe=safe)

    def _renewing(self, call: Callable[[Salesforce], T], *, safe: bool) -> T:
        """Call; where the session has expired, renew it once and call again."""
        force = self._session()
        try:
            return self._repeated(lambda: call(force), safe=safe)
        except CallError as error:
            if error.trouble.kind != "login" or not self._renew(force):
                raise
        return self._repeated(lambda: call(self._session()), safe=safe)

    def _repeated(self, call: Callable[[], T], *, safe: bool) -> T:
        def once() -> T:
            self._guard()
            with foreign_errors(self._header):
                return call()

        return call_with_retries(once, clock=self._context.clock, safe=safe)

    def _guard(self) -> None:
        """Stop before the set share of the day's allowance is passed."""
        if self._used is None or self._limit is None or self._used < self._limit * self.daily_share:
            return
        raise QuotaError(
            f"{self._used} of {self._limit} API calls of the last 24 hours are used; the set share is "
            f"{self.daily_share:.0%}.",
            where="Salesforce API",
            fix="Run again later, or raise the share of the daily allowance.",
            code="DAILY_SHARE",
        )

    # -- session -----------------------------------------------------------------------------------------------------

    def _choice(self) -> Ways:
        if self._ways is None:
            self._ways = choose(self._context)
        return self._ways

    def _session(self) -> Salesforce:
        with self._lock:
            if self._force is None:
                self._force = self._opened(self._logged_in(self._choice().first))
            return self._force

    def _renew(self, stale: Salesforce) -> bool:
        """A fresh session instead of `stale`; False where the login cannot be renewed."""
        with self._lock:
            if self._force is stale:
                renewal = self._choice().renewal
                if renewal is None:
                    return False
                self._force = self._opened(self._logged_in(renewal))
            return True

    def _logged_in(self, way: Login) -> Session:
        http = self._connections()
        return call_with_retries(lambda: way.log_in(http), clock=self._context.clock, safe=way.repeatable)

    def _opened(self, session: Session) -> Salesforce:
        force = Salesforce(
            session_id=session.token.get_secret_value(),
            instance_url=session.instance_url,
            session=self._connections(),
            version=self.version,
            parse_float=str,
            object_pairs_hook=None,
        )
        self.instance_url, self._identity = session.instance_url, session.identity
        data = f"{session.instance_url}/services/data/v{self.version}/"
        force.base_url, force.tooling_url, force.bulk2_url = data, f"{data}tooling/", f"{data}jobs/"
        del force.headers["X-PrettyPrint"]
        return force

    def _connections(self) -> requests.Session:
        if self._http is None:
            http = requests.Session()
            http.mount("https://", _TimedAdapter(self._count))
            http.mount("http://", _TimedAdapter(self._count))
            http.headers["User-Agent"] = USER_AGENT
            http.auth = _as_it_is
            http.hooks["response"].append(self._note)
            self._http = http
        return self._http

    def _count(self, request: requests.PreparedRequest) -> None:
        """Count what was sent: Salesforce counts calls whose answer is lost too."""
        if "/services/data/" in (request.url or ""):
            with self._lock:
                self._reads += request.method == "GET"
                self._writes += request.method != "GET"

    def _note(self, answer: requests.Response, **_options: Any) -> None:
        """Keep what every answer tells: allowance, date."""
        self._last.answer = answer
        if found := _USAGE.search(answer.headers.get("Sforce-Limit-Info", "")):
            self._used, self._limit = int(found[1]), int(found[2])
        if (sent := _date(answer)) is not None:
            self.skew = sent - self._context.clock.now()

    def _header(self, name: str) -> str | None:
        answer: requests.Response | None = getattr(self._last, "answer", None)
        return answer.headers.get(name) if answer is not None else None


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An `auth` that leaves the request alone: with none set, requests puts a password from ~/.netrc over our token."""
    return request


def _version(options: Mapping[str, Any]) -> str:
    """As it stands in addresses: `62` and `v62` mean `62.0`."""
    told = str(options.get("api_version", API_VERSION)).lstrip("v")
    return told if "." in told else f"{told}.0"


def _page_size(options: Mapping[str, Any]) -> int:
    """Records in one page; Salesforce takes 200 to 2000."""
    told = options.get("page_size", _LARGEST_PAGE)
    if isinstance(told, int) and _SMALLEST_PAGE <= told <= _LARGEST_PAGE:
        return told
    raise ConfigError("page_size must be a whole number from 200 to 2000.", where="mapping: options")


def _date(answer: requests.Response | None) -> datetime | None:
    text = answer.headers.get("Date") if answer is not None else None
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _page(found: Any) -> dict[str, Any]:
    """A query's page, checked for what we rely on."""
    sound = isinstance(found, dict) and isinstance(found.get("records"), list) and isinstance(found.get("done"), bool)
    sound = sound and all(isinstance(one, dict) for one in found["records"])
    if not sound or not (found["done"] or isinstance(found.get("nextRecordsUrl"), str)):
        raise CallError(Trouble("shape", 200, "query-page"))
    return dict(found)


def _refuse_long(soql: str) -> None:
    length = len(quote_plus(soql))
    if length > _LONGEST_QUERY:
        raise ConfigError(
            f"The query is {length} characters long as an address; Salesforce takes about {_LONGEST_QUERY}.",
            where="mapping",
            fix="Map fewer fields of this object.",
        )
