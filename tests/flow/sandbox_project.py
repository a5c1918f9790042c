"""A starter project over a sandbox on loopback: both vendors by HTTP, looked at by a client that is not ours."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import requests
from flow.worlds import JUDGED, World

from crm_kare.config.starters import starter_files
from crm_kare.labels import BY_NAME
from crm_kare.method import Portfolio, Scored
from crm_kare.ports import Clock
from crm_kare.sandbox import Call, RunningSandbox, serve
from crm_kare.sandbox.hubspot import Limits, portal_of
from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS
from crm_kare.sandbox.hubspot.merging import merge
from crm_kare.sandbox.hubspot.portal import TOKEN
from crm_kare.sandbox.salesforce import org_of
from crm_kare.sandbox.store import HistoryEntry
from crm_kare.sync.judge import Judged, present_values
from crm_kare.sync.runtime import Runtime, open_project
from crm_kare.sync.setup import provision
from crm_kare.testing.clock import FakeClock

BOTH = ("salesforce", "hubspot")
EVENING = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
Held = dict[str, dict[str, Any]]
"""Records by id, with every field that the vendor's API shows."""


class Crm(Protocol):
    """One vendor's org: read through its API, and edited as people do."""

    name: str
    pulls: str
    writes: str

    def records(self) -> Held:
        """Every live account with all of its fields."""
        ...

    def field(self, label: str) -> str:
        """The CRM's field of a label."""
        ...

    def edit(self, account_id: str, **labels: str | None) -> None:
        """A person types values into label fields."""
        ...

    def win(self, account_id: str, day: date, amount: int) -> None:
        """A deal of the account is won."""
        ...

    def delete(self, account_id: str) -> None:
        """A person deletes the account."""
        ...

    def merge(self, winner: str, loser: str) -> str:
        """A person merges two accounts; the id that stands for both."""
        ...

    def history(self) -> list[HistoryEntry]:
        """Changes of our fields, as the CRM keeps them."""
        ...

    def retire_value(self, label: str, value: str, *, back: bool = False) -> None:
        """The admin takes a value off a picklist, or puts it back."""
        ...

    def drop_field(self, label: str) -> None:
        """The admin deletes the field of a label."""
        ...

    def revoke(self) -> None:
        """The login is over, and logging in again is refused."""
        ...

    def use_up(self) -> None:
        """The day's allowance is used up."""
        ...

    def mend(self) -> None:
        """The login is granted again, and there is another day's allowance."""
        ...


def _web() -> requests.Session:
    """Connections of one call each: one that was kept may be closed by the server at the moment it is used again."""
    session = requests.Session()
    session.headers["Connection"] = "close"
    return session


@dataclass
class SalesforceSide:
    """The org, through REST."""

    running: RunningSandbox
    name: str = "salesforce"
    pulls: str = "/services/data/*/query*"
    writes: str = "/services/data/*/composite/sobjects"

    def __post_init__(self) -> None:
        self.org = org_of(self.running.sandbox)
        self._web = _web()
        self._rep = self.org.records.select("User", "Name <> 'Integration User'", limit=1)[0]["_id"]
        self._usual = self.org.settings.login_flows, self.org.settings.daily_limit

    def _call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        token = self.org.log_in(self.org.integration_user)
        reply = self._web.request(
            method,
            f"{self.running.url}/services/data/v60.0{path}",
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        assert reply.ok, reply.text
        return reply.json() if reply.content else None

    def records(self) -> Held:
        names = [one["name"] for one in self._call("GET", "/sobjects/Account/describe")["fields"]]
        page = self._call("GET", "/query", q=f"SELECT {', '.join(names)} FROM Account")  # noqa: S608  names as described
        found = page["records"]
        while not page["done"]:
            page = self._call("GET", page["nextRecordsUrl"].removeprefix("/services/data/v60.0"))
            found += page["records"]
        return {one["Id"]: {name: value for name, value in one.items() if name != "attributes"} for one in found}

    def field(self, label: str) -> str:
        return f"{'KARE_' if BY_NAME[label].prefixed else ''}{label}__c"

    def edit(self, account_id: str, **labels: str | None) -> None:
        values = {self.field(label): value for label, value in labels.items()}
        self.org.records.update("Account", account_id, values, self._rep)

    def win(self, account_id: str, day: date, amount: int) -> None:
        self._call(
            "POST",
            "/sobjects/Opportunity",
            {"Name": "Another order", "AccountId": account_id, "StageName": "Closed Won", "CloseDate": day.isoformat(), "Amount": amount},
        )  # fmt: skip

    def delete(self, account_id: str) -> None:
        self._call("DELETE", f"/sobjects/Account/{account_id}")

    def merge(self, winner: str, loser: str) -> str:
        self.org.merge("Account", winner, loser, self._rep)
        return winner

    def history(self) -> list[HistoryEntry]:
        found = self.org.records.history("Account", sorted(self.records()))
        return [one for one in found if one.field.startswith(("KARE_", "ICP_"))]

    def retire_value(self, label: str, value: str, *, back: bool = False) -> None:
        held = self.org.records.fields("Account")[self.field(label)]
        options = tuple(replace(one, active=back) if one.value == value else one for one in held.options)
        self.org.records.change_field("Account", replace(held, options=options))

    def drop_field(self, label: str) -> None:
        name = self.field(label).removesuffix("__c")
        found = self._call("GET", "/tooling/query", q=f"SELECT Id FROM CustomField WHERE DeveloperName = '{name}'")  # noqa: S608  our own name
        self._call("DELETE", f"/tooling/sobjects/CustomField/{found['records'][0]['Id']}")

    def revoke(self) -> None:
        self.org.end_sessions()
        self.org.settings.login_flows = frozenset()

    def use_up(self) -> None:
        self.org.settings.daily_limit = self.org.used()

    def mend(self) -> None:
        self.org.settings.login_flows, self.org.settings.daily_limit = self._usual


@dataclass
class HubSpotSide:
    """The portal, through its CRM API."""

    running: RunningSandbox
    name: str = "hubspot"
    pulls: str = "/crm/v3/objects/*"
    writes: str = "/crm/v3/objects/companies/batch/update"

    def __post_init__(self) -> None:
        self.portal = portal_of(self.running.sandbox)
        self._web = _web()
        self._rep = f"user:{self.portal.org.select('owners', limit=1)[0]['userId']}"
        self._usual = self.portal.settings

    def _call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        reply = self._web.request(
            method,
            self.running.url + path,
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=60,
        )
        assert reply.ok, reply.text
        return reply.json() if reply.content else None

    def records(self) -> Held:
        names = [one["name"] for one in self._call("GET", "/crm/v3/properties/companies")["results"]]
        found: Held = {}
        query = {"limit": "100"}
        while query:
            listed = self._call("GET", "/crm/v3/objects/companies", **query)
            inputs = [{"id": one["id"]} for one in listed["results"]]
            read = self._call("POST", "/crm/v3/objects/companies/batch/read", {"inputs": inputs, "properties": names})
            found |= {one["id"]: one["properties"] for one in read["results"]}
            after = listed.get("paging", {}).get("next", {}).get("after")
            query = {"limit": "100", "after": after} if after else {}
        return found

    def field(self, label: str) -> str:
        return f"{'kare_' if BY_NAME[label].prefixed else ''}{label}".lower()

    def edit(self, account_id: str, **labels: str | None) -> None:
        values = {self.field(label): value for label, value in labels.items()}
        self.portal.org.update("companies", account_id, values, self._rep)

    def win(self, account_id: str, day: date, amount: int) -> None:
        properties = {
            "dealname": "Another order",
            "dealstage": "closedwon",
            "pipeline": "default",
            "amount": str(amount),
            "closedate": f"{day.isoformat()}T12:00:00Z",
        }
        primary = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]
        tied = [{"to": {"id": account_id}, "types": primary}]
        self._call("POST", "/crm/v3/objects/deals", {"properties": properties, "associations": tied})

    def delete(self, account_id: str) -> None:
        self._call("DELETE", f"/crm/v3/objects/companies/{account_id}")

    def merge(self, winner: str, loser: str) -> str:
        held = self.portal.org.get_many("companies", [winner, loser])
        return str(merge(self.portal, BY_ADDRESS["companies"], held[winner], held[loser], self._rep)["_id"])

    def history(self) -> list[HistoryEntry]:
        found = self.portal.org.history("companies", sorted(self.records()))
        return [one for one in found if one.field.startswith(("kare_", "icp_"))]

    def retire_value(self, label: str, value: str, *, back: bool = False) -> None:
        path = f"/crm/v3/properties/companies/{self.field(label)}"
        kept = [one for one in self._call("GET", path)["options"] if one["value"] != value]
        added = [{"label": value, "value": value, "displayOrder": 99}] if back else []
        self._call("PATCH", path, {"options": [*kept, *added]})

    def drop_field(self, label: str) -> None:
        self._call("DELETE", f"/crm/v3/properties/companies/{self.field(label)}")

    def revoke(self) -> None:
        self.portal.settings = replace(self.portal.settings, token="another")

    def use_up(self) -> None:
        self.portal.settings = replace(self.portal.settings, limits=Limits(daily=self.portal.meter.used_today))

    def mend(self) -> None:
        self.portal.settings = self._usual


SIDES: dict[str, Callable[[RunningSandbox], Crm]] = {"salesforce": SalesforceSide, "hubspot": HubSpotSide}


@dataclass
class SandboxProject:
    """A project in a folder, the sandbox that it works on, and the clock of both."""

    running: RunningSandbox
    folder: Path
    clock: Clock
    crms: dict[str, Crm]
    runtime: Runtime
    environment: Mapping[str, str] = field(default_factory=dict)

    def records(self) -> dict[str, Held]:
        """Every account of every CRM as the vendors' APIs show it."""
        return {name: crm.records() for name, crm in self.crms.items()}

    def labels(self, crm: str) -> dict[str, dict[str, str | None]]:
        """What our fields hold, by account and label, as text; blank is None."""
        side = self.crms[crm]
        names = {side.field(one): one for one in BY_NAME}
        return {
            account_id: {names[name]: _text(value) for name, value in record.items() if name in names}
            for account_id, record in side.records().items()
        }

    def ids(self, crm: str) -> list[str]:
        """Ids of the accounts, sorted."""
        return sorted(self.crms[crm].records())

    def written(self, crm: str) -> list[Call]:
        """Calls that write labels, since the calls were last forgotten."""
        return self.running.faults.calls(self.crms[crm].writes)

    def doubled(self, crm: str) -> list[tuple[str, str]]:
        """Accounts and fields that hold more than one change in the CRM's own history."""
        counted = Counter((one.record_id, one.field) for one in self.crms[crm].history())
        return [key for key, times in counted.items() if times > 1]

    def configure(self, old: str, new: str, path: str = "crm-kare.yaml") -> None:
        """Change a setting in a file of the project."""
        file = self.folder / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
        self.reopen()

    def reopen(self) -> None:
        """Open the project anew, as the next command does."""
        self.runtime.close()
        self.runtime = open_project(self.folder, self.environment, self.clock)


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).removesuffix("T00:00:00Z")


@dataclass
class Verdict:
    """The rules' place, for tests of what becomes of a judgement: profiles by account id, Keep for all others."""

    folder: Path
    profiles: dict[str, str] = field(default_factory=dict)

    def judge(self, runtime: Runtime, crm: str, *, as_of: date | None = None) -> Judged:
        """As `crm_kare.sync.judge.judge`, without its facts and rules."""
        world, day = World(self.folder, verdict=self.profiles), as_of or runtime.clock.now().date()
        present = present_values(runtime, crm)
        columns = {
            "account_id": "account_id",
            "name": "name",
            "override": "crm_Override",
            "override_until": "crm_Override_Until",
        }
        rows = [
            {ours: row[held] for ours, held in columns.items()} for row in present.sort_by("account_id").to_pylist()
        ]
        labels = pa.Table.from_pylist([world.judge(row, day, runtime.rulebook.stamp) for row in rows], JUDGED)
        return Judged(crm, day, Scored(labels, Portfolio(day, 90), ()), present, measured=False, problems=())


@contextmanager
def sandbox_project(
    folder: Path,
    *,
    crms: tuple[str, ...] = BOTH,
    accounts: int = 60,
    seed: int = 3,
    clock: Clock | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[SandboxProject]:
    """A provisioned starter project over a new sandbox, for the length of the block; `settings` go to its environment."""
    time = clock or FakeClock(EVENING)
    with serve(time, accounts=accounts, seed=seed, vendors=crms) as running:
        for path, text in starter_files({name: name for name in crms}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        environment = {**running.salesforce_environment(), **running.hubspot_environment(), **(settings or {})}
        sides = {name: SIDES[name](running) for name in crms}
        runtime = open_project(folder, environment, time)
        project = SandboxProject(running, folder, time, sides, runtime, environment)
        for name in crms:
            provision(runtime, name, dry_run=False)
        running.faults.forget_calls()
        try:
            yield project
        finally:
            project.runtime.close()
