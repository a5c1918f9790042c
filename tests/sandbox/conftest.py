"""A small sandbox over real HTTP, on a clock that the test moves."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from crm_kare.sandbox.hubspot import Portal, portal_of
from crm_kare.sandbox.hubspot.portal import TOKEN
from crm_kare.sandbox.salesforce import SalesforceOrg, org_of
from crm_kare.sandbox.server import RunningSandbox, serve


class StillClock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, 9, 30, 15, 120_000, UTC)
        self._seconds = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any


@dataclass
class HubSpotRig:
    """Plain HTTP calls to the sandbox's HubSpot."""

    running: RunningSandbox
    clock: StillClock
    session: requests.Session

    @property
    def portal(self) -> Portal:
        return portal_of(self.running.sandbox)

    def settings(self, **changes: Any) -> None:
        self.portal.settings = replace(self.portal.settings, **changes)

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = TOKEN, **query: Any) -> Answer:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        reply = self.session.request(
            method, self.running.url + path, json=body, params=query, headers=headers, timeout=60
        )
        is_json = "json" in reply.headers.get("content-type", "")
        return Answer(reply.status_code, reply.json() if is_json else reply.text, reply.headers)

    def companies(self) -> list[str]:
        return [one["_id"] for one in self.portal.org.select("companies")]


@pytest.fixture
def still_clock() -> StillClock:
    return StillClock()


@pytest.fixture
def hubspot(still_clock: StillClock) -> Iterator[HubSpotRig]:
    """A portal of forty companies."""
    with serve(still_clock, accounts=40, seed=3, vendors=("hubspot",)) as running, requests.Session() as session:
        yield HubSpotRig(running, still_clock, session)


@pytest.fixture
def both_orgs(still_clock: StillClock) -> Iterator[RunningSandbox]:
    """Both vendors' orgs with the same sixty companies."""
    with serve(still_clock, accounts=60, seed=3) as running:
        yield running


@dataclass
class SalesforceRig:
    """Plain HTTP calls to the sandbox's Salesforce, logged in as the integration user."""

    running: RunningSandbox
    clock: StillClock
    session: requests.Session
    token: str = ""

    @property
    def org(self) -> SalesforceOrg:
        return org_of(self.running.sandbox)

    def log_in(self, **form: str) -> Answer:
        reply = self.session.post(f"{self.running.url}/services/oauth2/token", data=form, timeout=60)
        return Answer(reply.status_code, reply.json(), reply.headers)

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """A path below `/services/data/v60.0`, or a whole one."""
        whole = path if path.startswith("/services") else f"/services/data/v60.0{path}"
        reply = self.session.request(
            method,
            self.running.url + whole,
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
        )
        is_json = "json" in reply.headers.get("content-type", "")
        return Answer(reply.status_code, reply.json() if is_json else reply.text, reply.headers)

    def raw(self, method: str, path: str, body: bytes | None = None, **query: str) -> requests.Response:
        """As `call`, with bytes as the body, and the answer as it is."""
        whole = path if path.startswith("/services") else f"/services/data/v60.0{path}"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "text/csv"}
        return self.session.request(
            method, self.running.url + whole, data=body, params=query, headers=headers, timeout=60
        )

    def query(self, soql: str, path: str = "/query") -> Any:
        """The records of a query's first batch; anything but a success fails the test."""
        answer = self.call("GET", path, q=soql)
        assert answer.status == 200, answer.body
        return answer.body["records"]

    def refused(self, soql: str) -> Any:
        """The error that a query is refused with."""
        answer = self.call("GET", "/query", q=soql)
        assert answer.status == 400, answer.body
        return answer.body[0]

    def account(self) -> str:
        """Id of the first account."""
        return str(self.org.records.select("Account", limit=1)[0]["_id"])


def _salesforce(clock: StillClock, accounts: int) -> Iterator[SalesforceRig]:
    with serve(clock, accounts=accounts, seed=3, vendors=("salesforce",)) as running, requests.Session() as session:
        rig = SalesforceRig(running, clock, session)
        rig.token = rig.org.log_in(rig.org.integration_user)
        yield rig


@pytest.fixture
def salesforce(still_clock: StillClock) -> Iterator[SalesforceRig]:
    """An org of forty accounts, to write in."""
    yield from _salesforce(still_clock, 40)


@pytest.fixture(scope="module")
def library() -> Iterator[SalesforceRig]:
    """An org of three hundred accounts and some three thousand opportunities, to read only."""
    yield from _salesforce(StillClock(), 300)
