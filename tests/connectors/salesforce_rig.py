"""The rig of the Salesforce connector: an empty org in the sandbox, over real HTTP on loopback."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from crm_kare.labels import LABELS
from crm_kare.model import STREAMS
from crm_kare.ports import Connector, Context, LabelField, SourceField, StreamSpec
from crm_kare.sandbox.faults import DROP, Fault
from crm_kare.sandbox.salesforce.errors import RecordError
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.server import RunningSandbox, serve
from crm_kare.sandbox.store import Record
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.rig import Break, Rig, Row, Setting
from crm_kare_salesforce import connector as connect

_TESTED: Final = frozenset(
    ("Profile", "Changed_On", "Reason", "Reasons", "Rank", "ICP_Score", "Override", "Override_Until", "Target")
)
"""One of each type and editor at least; fewer calls to provision than with all."""

FIELDS: Final = tuple(
    LabelField(label, f"{'KARE_' if label.prefixed else ''}{label.name}__c")
    for label in LABELS
    if label.name in _TESTED
)
PAGE: Final = 4

_MAPPED: Final = {
    "accounts": (
        "Account",
        {
            "account_id": "Id",
            "name": "Name",
            "parent_id": "ParentId",
            "industry": "Industry",
            "country": "BillingCountry",
            "employees": "NumberOfEmployees",
            "annual_revenue": "AnnualRevenue",
            "created_on": "CreatedDate",
            "domain": "Website",
            "wallet": "Wallet__c",
            "sites": "Sites__c",
            "renewal_on": "Contract_Renewal__c",
        },
    ),
    "opportunities": (
        "Opportunity",
        {
            "opportunity_id": "Id",
            "account_id": "AccountId",
            "name": "Name",
            "stage": "StageName",
            "is_won": "IsWon",
            "is_closed": "IsClosed",
            "closed_on": "CloseDate",
            "created_on": "CreatedDate",
            "amount": "Amount",
            "type": "Type",
            "probability": "Probability",
        },
    ),
    "purchases": (
        "Opportunity",
        {"purchase_id": "Id", "account_id": "AccountId", "bought_on": "CloseDate", "amount": "Amount"},
    ),
    "line_items": (
        "OpportunityLineItem",
        {
            "line_item_id": "Id",
            "opportunity_id": "OpportunityId",
            "product_line": "Product2.Family",
            "amount": "TotalPrice",
            "quantity": "Quantity",
        },
    ),
    "contacts": (
        "Contact",
        {"contact_id": "Id", "account_id": "AccountId", "role": "Role_In_Decisions__c"},
    ),
    "owners": ("User", {"owner_id": "Id", "name": "Name", "team": "Department", "active": "IsActive"}),
}


def _spec(stream: str) -> StreamSpec:
    source, mapped = _MAPPED[stream]
    columns = STREAMS[stream]
    fields = tuple(SourceField(column, name, columns.column(column).kind) for column, name in mapped.items())
    return StreamSpec(stream, source, fields)


SPECS: Final = {stream: _spec(stream) for stream in _MAPPED}

SETTING: Final = Setting(
    page=PAGE,
    specs=SPECS,
    fields=FIELDS,
    required={
        "accounts": frozenset({"name", "created_on"}),
        "opportunities": frozenset({"name", "stage", "is_won", "is_closed", "closed_on", "created_on", "probability"}),
        "purchases": frozenset({"bought_on"}),
        "line_items": frozenset({"opportunity_id", "quantity"}),
        "owners": frozenset({"name", "active"}),
    },
    examples={
        ("accounts", "industry"): ("Manufacturing", "Chemicals", "Banking"),
        ("opportunities", "stage"): ("Closed Won", "Closed Lost", "Prospecting"),
        ("opportunities", "is_won"): ("true", "false", "false"),
        ("opportunities", "is_closed"): ("true", "true", "false"),
        ("opportunities", "type"): ("New Business", "Expansion"),
        ("opportunities", "probability"): ("100", "0", "10"),
        ("contacts", "role"): ("Decision Maker", "Economic Buyer"),
        ("line_items", "product_line"): ("Pumps", "Valves"),
    },
    instants={"accounts": frozenset({"created_on"}), "opportunities": frozenset({"created_on"})},
    moving=frozenset({"_modified", "_modified_by"}),
    breaks=frozenset(Break),
    secrets=("sandbox-client-secret", "wrong-client-secret", "!sandbox0"),
    retry_after=7.0,
)


def _refusal(status: int, code: str, message: str, times: int = 0, **headers: str) -> Fault:
    body = json.dumps([{"message": message, "errorCode": code}])
    return Fault("/services/data/*", status=status, body=body, times=times, headers=tuple(headers.items()))


_FAULTS: Final = {
    Break.LOGIN_ONCE: _refusal(401, "INVALID_SESSION_ID", "Session expired or invalid", 1),
    Break.LOGIN: _refusal(401, "INVALID_SESSION_ID", "Session expired or invalid"),
    Break.PERMISSION: _refusal(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id"),
    Break.RATE_ONCE: _refusal(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        1,
        **{"Retry-After": "7"},
    ),
    Break.QUOTA: _refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    Break.SERVER_ONCE: Fault("/services/data/*", status=500, body="<html>oops</html>"),
    Break.SERVER: Fault("/services/data/*", status=500, body="<html>oops</html>", times=0),
    Break.LOST_WRITE: Fault("*/composite/sobjects", "PATCH", DROP, after=True),
    Break.HTML: Fault("/services/data/*", status=200, body="<html><body>gateway</body></html>", times=0),
    Break.HALF: Fault("/services/data/*", status=200, body='{"totalSize": 2, "done": true, "rec', times=0),
}


class SalesforceRig:
    """An empty org; logs in by client credentials, so that an expired session can be renewed."""

    setting = SETTING

    def __init__(self, folder: Path, clock: FakeClock, running: RunningSandbox) -> None:
        self.clock, self._folder, self.running = clock, folder, running
        side = running.sandbox.sides["salesforce"]
        assert isinstance(side, SalesforceOrg)
        self.org = side
        self.org.settings.page_limit = PAGE
        self._made: list[Connector] = []
        self.always: dict[str, Any] = {}
        """Options of every connector made."""
        self._people = {str(one["_id"]) for one in self.org.records.select("User")}

    def connector(self, **options: Any) -> Connector:
        return self.connected(
            {
                "SALESFORCE_LOGIN_URL": self.running.url,
                "SALESFORCE_CLIENT_ID": self.org.credentials.client_id,
                "SALESFORCE_CLIENT_SECRET": self.org.credentials.client_secret,
            },
            **options,
        )

    def stranger(self) -> Connector:
        return self.connected(
            {
                "SALESFORCE_LOGIN_URL": self.running.url,
                "SALESFORCE_CLIENT_ID": self.org.credentials.client_id,
                "SALESFORCE_CLIENT_SECRET": "wrong-client-secret",
            }
        )

    def connected(self, credentials: Mapping[str, str], **options: Any) -> Connector:
        """A connector with these credentials."""
        secret = {name: SecretStr(value) for name, value in credentials.items()}
        made = connect(Context("org", secret, self.clock, self._folder, self._folder / "state", self.always | options))
        self._made.append(made)
        return made

    def close(self) -> None:
        for one in self._made:
            one.close()

    def seed(self, stream: str, rows: Sequence[Row]) -> list[str]:
        source = SPECS[stream].source
        made = [{"_id": self.org.records.mint(source), **self._record(stream, row)} for row in rows]
        self.org.records.load(source, made)
        return [str(one["_id"]) for one in made]

    def _record(self, stream: str, row: Row) -> Record:
        names = {one.column: one.source for one in SPECS[stream].fields}
        told = self._stored(SPECS[stream].source, {names[column]: text for column, text in row.items()})
        match stream:
            case "purchases":
                told |= {"Name": "Order", "StageName": "Closed Won", "IsClosed": 1, "IsWon": 1}
            case "owners":
                told |= {"LastName": row.get("name"), "Username": "someone@org.example", "Email": "someone@org.example"}
            case "accounts" | "contacts":
                told["OwnerId"] = told.get("OwnerId") or self.org.integration_user
        return told

    def _stored(self, source: str, values: Row) -> Record:
        """Values by field name, as the store keeps them."""
        types = {one.name: one.type for one in self.org.records.fields(source).values()}
        told: Record = {}
        for name, text in values.items():
            if name == "CreatedDate":
                told["_created"] = _milliseconds(text) if text else self.org.records.now_ms()
            elif name == "Product2.Family":
                told["Product2Id"] = self._product(text)
            else:
                told[name] = _stored(types[name], text)
        return told

    def _product(self, family: str | None) -> str | None:
        if family is None:
            return None
        held = self.org.records.select("Product2", "Family = ?", (family,))
        values = {"Name": family, "Family": family, "IsActive": 1}
        return str(held[0]["_id"]) if held else self.org.records.insert("Product2", values, self.person)

    @property
    def person(self) -> str:
        """Who edits things that are not the connector's doing."""
        return self.org.integration_user

    def edit(self, stream: str, record_id: str, values: Row) -> None:
        names = {one.column: one.source for one in SPECS[stream].fields}
        source = SPECS[stream].source
        told = self._stored(source, {names[column]: text for column, text in values.items()})
        self.org.records.update(source, record_id, told, self.person)

    def edit_labels(self, account_id: str, values: Row) -> None:
        names = {one.label.name: one.field for one in FIELDS}
        told = self._stored("Account", {names[name]: text for name, text in values.items()})
        self.org.records.update("Account", account_id, told, self.person)

    def delete(self, stream: str, record_id: str) -> None:
        self.org.records.delete(SPECS[stream].source, record_id, self.person)

    def records(self, stream: str) -> Mapping[str, Row]:
        return {str(one["_id"]): one for one in self.org.records.select(SPECS[stream].source)}

    def notice(self, records: Mapping[str, Sequence[str]]) -> None:
        del records

    def refuse(self, account_id: str) -> None:
        def rule(name: str, record: Record) -> RecordError | None:
            if name != "Account" or record["_id"] != account_id:
                return None
            return RecordError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "This account is frozen.")

        self.org.settings.validation_rules.append(rule)

    def break_with(self, kind: Break) -> None:
        self.running.faults.order(_FAULTS[kind])

    def mend(self) -> None:
        self.running.faults.clear()

    def calls(self) -> int:
        return len(self.running.faults.calls("/services/data/*"))


def _stored(kind: str, text: str | None) -> Any:
    if kind == "boolean":
        return int(text == "true")
    if text is None:
        return None
    if kind in {"double", "currency", "percent", "int"}:
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else float(number)
    return text


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    clock = FakeClock()
    with serve(clock, accounts=0, vendors=("salesforce",)) as running:
        made = SalesforceRig(folder, clock, running)
        try:
            yield made
        finally:
            made.close()
