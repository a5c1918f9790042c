"""The rig of the HubSpot connector: an empty portal in the sandbox, over real HTTP on loopback."""

import base64
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from crm_kare.labels import LABELS
from crm_kare.model import STREAMS
from crm_kare.ports import Connector, Context, LabelField, Notice, SourceField, StreamSpec
from crm_kare.sandbox import hubspot
from crm_kare.sandbox.faults import DROP, Fault
from crm_kare.sandbox.hubspot.links import tie
from crm_kare.sandbox.server import RunningSandbox, serve
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.rig import Break, Rig, Row, Setting
from crm_kare_hubspot import connector as connect

FIELDS: Final = tuple(LabelField(label, f"{'kare_' if label.prefixed else ''}{label.name}".lower()) for label in LABELS)

_MAPPED: Final = {
    "accounts": (
        "companies",
        {
            "account_id": "hs_object_id",
            "name": "name",
            "industry": "industry",
            "country": "country",
            "employees": "numberofemployees",
            "annual_revenue": "annualrevenue",
            "created_on": "createdate",
            "domain": "domain",
            "wallet": "annual_wallet",
            "sites": "sites",
            "renewal_on": "contract_renewal",
            "strategic_value": "hs_is_target_account",
        },
    ),
    "opportunities": (
        "deals",
        {
            "opportunity_id": "hs_object_id",
            "account_id": "@primary_company",
            "name": "dealname",
            "stage": "dealstage",
            "is_won": "@stage_is_won",
            "is_closed": "@stage_is_closed",
            "closed_on": "closedate",
            "created_on": "createdate",
            "amount": "amount",
            "currency": "deal_currency_code",
            "type": "dealtype",
            "pipeline": "pipeline",
        },
    ),
    "purchases": (
        "deals",
        {
            "purchase_id": "hs_object_id",
            "account_id": "@primary_company",
            "bought_on": "closedate",
            "amount": "amount",
        },
    ),
    "line_items": (
        "line_items",
        {
            "line_item_id": "hs_object_id",
            "opportunity_id": "@deal",
            "product_line": "product_line",
            "amount": "amount",
            "quantity": "quantity",
        },
    ),
    "contacts": (
        "contacts",
        {
            "contact_id": "hs_object_id",
            "account_id": "@primary_company",
            "role": "hs_buying_role",
            "favourable": "in_favour",
        },
    ),
    "owners": ("owners", {"owner_id": "id", "name": "@name", "team": "@team", "active": "@active"}),
}


def _spec(stream: str) -> StreamSpec:
    source, mapped = _MAPPED[stream]
    columns = STREAMS[stream]
    fields = tuple(SourceField(column, name, columns.column(column).kind) for column, name in mapped.items())
    return StreamSpec(stream, source, fields)


SPECS: Final = {stream: _spec(stream) for stream in _MAPPED}

SETTING: Final = Setting(
    page=100,
    specs=SPECS,
    fields=FIELDS,
    required={"opportunities": frozenset({"stage", "is_won", "is_closed", "pipeline", "created_on"})}
    | {"accounts": frozenset({"created_on"})},
    examples={
        ("accounts", "industry"): ("MACHINERY", "CHEMICALS", "BANKING"),
        ("opportunities", "stage"): ("closedwon", "closedlost", "appointmentscheduled"),
        ("opportunities", "is_won"): ("true", "false", "false"),
        ("opportunities", "is_closed"): ("true", "true", "false"),
        ("opportunities", "currency"): ("EUR", "USD"),
        ("opportunities", "type"): ("newbusiness", "existingbusiness"),
        ("opportunities", "pipeline"): ("default",),
        ("contacts", "role"): ("DECISION_MAKER", "CHAMPION", "BLOCKER"),
        ("line_items", "product_line"): ("Pumps", "Valves"),
    },
    instants={
        "accounts": frozenset({"created_on"}),
        "opportunities": frozenset({"created_on", "closed_on"}),
        "purchases": frozenset({"bought_on"}),
    },
    moving=frozenset({"_modified", "_modified_by"}),
    breaks=frozenset(Break),
    secrets=("sandbox-secret", "sandbox-refresh", "wrong-refresh-token", "CNsandbox0"),
    retry_after=10.0,
    longest=65_536,
)


def _refusal(status: int, told: Mapping[str, Any], times: int) -> Fault:
    return Fault("/crm/*", status=status, body=json.dumps({"status": "error", **told}), times=times)


_EXPIRED: Final = {"message": "The OAuth token used to make this call expired.", "category": "EXPIRED_AUTHENTICATION"}
_ROLLING: Final = {"message": "You have reached your ten_secondly_rolling limit.", "policyName": "TEN_SECONDLY_ROLLING"}
_DAILY: Final = {"message": "You have reached your daily limit.", "policyName": "DAILY"}
_SCOPES: Final = {
    "message": "This app hasn't been granted all required scopes to make this call.",
    "category": "MISSING_SCOPES",
    "errors": [{"message": "scopes", "context": {"requiredGranularScopes": ["crm.objects.companies.read"]}}],
}
_FAULTS: Final = {
    Break.LOGIN_ONCE: _refusal(401, _EXPIRED, 1),
    Break.LOGIN: _refusal(401, _EXPIRED, 0),
    Break.PERMISSION: _refusal(403, _SCOPES, 0),
    Break.RATE_ONCE: _refusal(429, _ROLLING, 1),
    Break.QUOTA: _refusal(429, _DAILY, 0),
    Break.SERVER_ONCE: Fault("/crm/*", status=500, body="<html>oops</html>"),
    Break.SERVER: Fault("/crm/*", status=500, body="<html>oops</html>", times=0),
    Break.LOST_WRITE: Fault("*/batch/update", "POST", DROP, after=True),
    Break.HTML: Fault("/crm/*", status=200, body="<html><body>gateway</body></html>", times=0),
    Break.HALF: Fault("/crm/*", status=200, body='{"results": [{"id": "1", "prop', times=0),
}
PERSON: Final = "user:61000000"


class HubSpotRig:
    """An empty portal; logs in by refresh token, so that an expired token can be renewed."""

    setting = SETTING

    def __init__(self, folder: Path, clock: FakeClock, running: RunningSandbox) -> None:
        self.clock, self._folder, self.running = clock, folder, running
        self.portal = hubspot.portal_of(running.sandbox)
        self._made: list[Connector] = []

    def connector(self, **options: Any) -> Connector:
        return self._connected("sandbox-refresh", {"overlap_seconds": 30, **options})

    def stranger(self) -> Connector:
        return self._connected("wrong-refresh-token", {})

    def static(self, **context: Any) -> Connector:
        """A connector with a private app's token, which has a daily allowance."""
        credentials = hubspot.environment(self.running.url)
        return self._with(credentials, context)

    def close(self) -> None:
        for one in self._made:
            one.close()

    def _connected(self, refresh: str, options: Mapping[str, Any]) -> Connector:
        credentials = {
            "HUBSPOT_API_URL": self.running.url,
            "HUBSPOT_CLIENT_ID": "sandbox-client",
            "HUBSPOT_CLIENT_SECRET": "sandbox-secret",
            "HUBSPOT_REFRESH_TOKEN": refresh,
        }
        return self._with(credentials, {"options": options})

    def _with(self, credentials: Mapping[str, str], context: Mapping[str, Any]) -> Connector:
        secret = {name: SecretStr(value) for name, value in credentials.items()}
        made = connect(
            Context("portal", secret, self.clock, self._folder, self._folder, **{"webhooks": ADDRESS, **context})
        )
        self._made.append(made)
        return made

    def seed(self, stream: str, rows: Sequence[Row]) -> list[str]:
        source = SPECS[stream].source
        made = [self._record(stream, row) | {"_id": self.portal.org.mint(source)} for row in rows]
        self.portal.org.load(source, made)
        ids = [str(one["_id"]) for one in made]
        for key, row in zip(ids, rows, strict=True):
            self._tie(source, key, row)
        return ids

    def _record(self, stream: str, row: Row) -> dict[str, Any]:
        if stream == "owners":
            return _owner(row)
        names = {one.column: one.source for one in SPECS[stream].fields}
        made: dict[str, Any] = {names[column]: text for column, text in row.items() if names[column][0] != "@"}
        if created := made.pop("createdate", None):
            made["_created"] = _milliseconds(created)
        if SPECS[stream].source == "deals":
            made = {"pipeline": "default", "dealstage": "closedwon"} | made
        return made

    def _tie(self, source: str, key: str, row: Row) -> None:
        company, deal = row.get("account_id"), row.get("opportunity_id")
        primary = {"deals": ("5", "341"), "contacts": ("1", "279")}
        if company and source in primary:
            tie(self.portal, source, "companies", [(key, company, kind) for kind in primary[source]])
        if deal:
            tie(self.portal, source, "deals", [(key, deal, "20")])

    def edit(self, stream: str, record_id: str, values: Row) -> None:
        names = {one.column: one.source for one in SPECS[stream].fields}
        changes = {names[column]: text for column, text in values.items()}
        self.portal.org.update(SPECS[stream].source, record_id, changes, PERSON)

    def edit_labels(self, account_id: str, values: Row) -> None:
        names = {one.label.name: one.field for one in FIELDS}
        self.portal.org.update("companies", account_id, {names[key]: text for key, text in values.items()}, PERSON)

    def delete(self, stream: str, record_id: str) -> None:
        self.portal.org.delete(SPECS[stream].source, record_id, PERSON)

    def records(self, stream: str) -> Mapping[str, Row]:
        return {str(one["_id"]): one for one in self.portal.org.select(SPECS[stream].source)}

    def notice(self, records: Mapping[str, Sequence[str]]) -> Notice:
        ids = [(SPECS[stream].source, one) for stream, ids in records.items() for one in ids]
        portal = self.portal.settings.portal_id
        return signed([event(source, one, portalId=portal) for source, one in ids], self.clock.now())

    def refuse(self, account_id: str) -> None:
        self.portal.org.delete("companies", account_id, PERSON)

    def break_with(self, kind: Break) -> None:
        self.running.faults.order(_FAULTS[kind])

    def mend(self) -> None:
        self.running.faults.clear()

    def calls(self) -> int:
        return len(self.running.faults.calls()) - len(self.running.faults.calls("/oauth/*"))


def _owner(row: Row) -> dict[str, Any]:
    return {
        "firstName": row["name"],
        "team": row["team"],
        "teamId": "1",
        "userId": "61000001",
        "_deleted": int(row["active"] == "false"),
    }


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


ADDRESS: Final = "https://kare.example.com/webhooks/portal"
_WORDS: Final = {"companies": "company", "deals": "deal", "contacts": "contact", "line_items": "line_item"}


def event(source: str, record_id: str, **more: Any) -> dict[str, Any]:
    """One event, as HubSpot's guide to webhooks shows it."""
    return {
        "eventId": 100,
        "subscriptionId": 7,
        "portalId": 4000001,
        "appId": 99,
        "occurredAt": 1762156800000,
        "subscriptionType": f"{_WORDS[source]}.creation",
        "attemptNumber": 0,
        "objectId": int(record_id),
        "changeSource": "CRM_UI",
    } | more


def signed(told: Any, now: datetime, *, secret: str = "sandbox-secret", query: str = "") -> Notice:
    """A request with signature v3, by HubSpot's rule: HMAC-SHA256 of method, address, body and timestamp, as Base64."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    stamp = str(_milliseconds(now.isoformat()))
    address = f"{ADDRESS}?{query}" if query else ADDRESS
    whole = b"POST" + address.encode() + body + stamp.encode()
    made = base64.b64encode(hmac.digest(secret.encode(), whole, "sha256")).decode()
    return Notice("POST", query, {"x-hubspot-signature-v3": made, "x-hubspot-request-timestamp": stamp}, body)


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    clock = FakeClock()
    with serve(clock, accounts=0, vendors=("hubspot",)) as running:
        made = HubSpotRig(folder, clock, running)
        try:
            yield made
        finally:
            made.close()
