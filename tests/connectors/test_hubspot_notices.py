"""HubSpot's webhooks, by its documents: signature v3, age, and what each kind of event tells of."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hubspot.utils.signature import Signature
from pydantic import SecretStr

from crm_kare.errors import AccessError, ConfigError, StopError
from crm_kare.labels import LABELS
from crm_kare.model import STREAMS
from crm_kare.ports import Connector, Context, LabelField, Notice, SourceField, StreamSpec
from crm_kare.testing.clock import FakeClock
from crm_kare_hubspot import connector
from crm_kare_hubspot.notices import signature

ADDRESS: Final = "https://kare.example.com/webhooks/hub"
SECRET: Final = "1d5e9c1a-4f0c-4d62-9e6b-0a1b2c3d4e5f"
PORTAL: Final = 62515
FIELDS: Final = tuple(LabelField(one, f"{'kare_' if one.prefixed else ''}{one.name}".lower()) for one in LABELS)


def _spec(stream: str, source: str, **fields: str) -> StreamSpec:
    known = STREAMS[stream]
    mapped = [SourceField(name, field, known.column(name).kind) for name, field in fields.items()]
    if stream == "accounts":
        mapped += [SourceField(f"crm_{one.label.name}", one.field, known.column("name").kind) for one in FIELDS]
    return StreamSpec(stream, source, tuple(mapped))


SPECS: Final = (
    _spec("accounts", "companies", account_id="hs_object_id", name="name"),
    _spec("opportunities", "deals", opportunity_id="hs_object_id", account_id="@primary_company", is_won="@stage_is_won", amount="amount"),
    _spec("purchases", "0-3", purchase_id="hs_object_id", account_id="@primary_company", bought_on="closedate"),
    _spec("line_items", "line_items", line_item_id="hs_object_id", opportunity_id="@deal"),
)  # fmt: skip


class Hub:
    """A connector that listens, and HubSpot, which signs."""

    def __init__(self, folder: Path) -> None:
        self.clock, self._folder = FakeClock(), folder
        self.connector = self.listening(SECRET)

    def listening(self, secret: str) -> Connector:
        credentials = {"HUBSPOT_CLIENT_SECRET": SecretStr(secret)} if secret else {}
        return connector(Context("hub", credentials, self.clock, self._folder, self._folder, webhooks=ADDRESS))

    def sign(self, body: bytes, *, stamp: str = "", query: str = "", signed: str = "") -> Notice:
        """By the formula of HubSpot's documents; `signed` is the address where it is not just ours."""
        stamp = stamp or str(round(self.clock.now().timestamp() * 1000))
        text = b"POST" + (signed or ADDRESS).encode() + body + stamp.encode()
        code = base64.b64encode(hmac.digest(SECRET.encode(), text, hashlib.sha256)).decode()
        headers = {"x-hubspot-signature-v3": code, "x-hubspot-request-timestamp": stamp}
        return Notice("POST", query, headers, body)

    def read(self, notice: Notice) -> Mapping[str, set[str]]:
        told = self.connector.notified(notice, SPECS, FIELDS, str(PORTAL))
        return {stream: set(ids) for stream, ids in told.records.items()}

    def hear(self, *events: dict[str, Any]) -> Mapping[str, set[str]]:
        common = {
            "eventId": 1,
            "subscriptionId": 12345,
            "portalId": PORTAL,
            "appId": 54321,
            "occurredAt": 1564113600000,
        }
        told = [{**common, "attemptNumber": 0, "changeSource": "CRM_UI", **one} for one in events]
        return self.read(self.sign(json.dumps(told).encode()))


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def test_the_signature_is_the_one_of_hubspots_own_tests() -> None:
    body = b"{'example_field':'example_value'}"
    given = ("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", "POST", "https://www.example.com/webhook_uri")
    assert signature(*given, body, "1693657560000") == "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="


def test_the_signature_is_the_one_of_hubspots_own_client() -> None:
    body = '[{"objectId": 1, "propertyValue": "Gebrüder Müller 🏭"}]'
    theirs = Signature.get_signature(SECRET, body, "v3", ADDRESS, "POST", "1762156800000")
    assert signature(SECRET, "POST", ADDRESS, body.encode(), "1762156800000") == theirs


@pytest.mark.parametrize(
    "escaped",
    ["a%3Ab%2Fc%40d%21e%24f%27g%28h%29i%2Aj%2Ck%3Bl%3Fm", "a%3ab%2fc%40d%21e%24f%27g%28h%29i%2aj%2ck%3bl%3fm"],
)
def test_in_the_query_the_documented_escapes_are_decoded_and_no_others(hub: Hub, escaped: str) -> None:
    notice = hub.sign(b"[]", query=f"to={escaped}&x=%20%26", signed=f"{ADDRESS}?to=a:b/c@d!e$f'g(h)i*j,k;l?m&x=%20%26")
    assert hub.read(notice) == {}


def test_anything_else_signed_is_refused(hub: Hub) -> None:
    good = hub.sign(b"[]", query="a=1", signed=f"{ADDRESS}?a=1")
    assert hub.read(good) == {}
    wrong = [replace(good, method="PUT"), replace(good, query="a=2"), replace(good, query="")]
    wrong += [hub.sign(b"[]", signed=ADDRESS.replace("https", "http")), hub.sign(b"[]", signed=f"{ADDRESS}/")]
    wrong += [replace(good, headers={}), replace(good, headers={**good.headers, "x-hubspot-signature-v3": "ä"})]
    for one in wrong:
        with pytest.raises(AccessError) as caught:
            hub.read(one)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "good"), [(-61, False), (-59, True), (0, True), (300, True), (301, False), (86_400, False)]
)
def test_five_minutes_are_the_limit_and_the_future_is_none(hub: Hub, seconds: int, *, good: bool) -> None:
    stamp = str(round((hub.clock.now() - timedelta(seconds=seconds)).timestamp() * 1000))
    if good:
        assert hub.read(hub.sign(b"[]", stamp=stamp)) == {}
        return
    with pytest.raises(AccessError):
        hub.read(hub.sign(b"[]", stamp=stamp))


@pytest.mark.parametrize("stamp", ["abc", "1e12", "-1762156800000", "99999999999999999999", "NaN", "２０"])
def test_a_time_that_is_none_is_refused_however_it_is_signed(hub: Hub, stamp: str) -> None:
    with pytest.raises(AccessError):
        hub.read(hub.sign(b"[]", stamp=stamp))


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"7", b"[7]", b"\xff\xfe", b"null", b'["a"]'])
def test_what_is_signed_and_no_list_of_events_cannot_be_read(hub: Hub, body: bytes) -> None:
    with pytest.raises(StopError):
        hub.read(hub.sign(body))


def test_without_the_secret_nobody_is_believed(hub: Hub) -> None:
    hub.connector = hub.listening("")
    with pytest.raises(ConfigError, match="client secret"):
        hub.read(hub.sign(b"[]"))


DEALS: Final = {"opportunities": {"7"}, "purchases": {"7"}}


@pytest.mark.parametrize(
    ("event", "records"),
    [
        ({"subscriptionType": "deal.creation", "objectId": 7}, DEALS),
        ({"subscriptionType": "deal.deletion", "objectId": 7}, DEALS),
        ({"subscriptionType": "deal.restore", "objectId": 7}, DEALS),
        ({"subscriptionType": "object.creation", "objectTypeId": "0-2", "objectId": 7}, {"accounts": {"7"}}),
        ({"subscriptionType": "line_item.creation", "objectId": 7}, {"line_items": {"7"}}),
        ({"subscriptionType": "deal.propertyChange", "objectId": 7, "propertyName": "amount"}, DEALS),
        ({"subscriptionType": "deal.propertyChange", "objectId": 7, "propertyName": "dealstage"}, DEALS),
        ({"subscriptionType": "object.propertyChange", "objectTypeId": "0-3", "objectId": 7, "propertyName": "closedate"}, DEALS),
        ({"subscriptionType": "deal.propertyChange", "objectId": 7, "propertyName": "hs_priority"}, {}),
        ({"subscriptionType": "company.propertyChange", "objectId": 7, "propertyName": "amount"}, {}),
        ({"subscriptionType": "contact.creation", "objectId": 7}, {}),
        ({"subscriptionType": "object.creation", "objectTypeId": "2-1234", "objectId": 7}, {}),
        ({"subscriptionType": "conversation.newMessage", "objectId": 7}, {}),
        ({"subscriptionType": "company.merge", "objectId": 3, "primaryObjectId": 1, "mergedObjectIds": [2], "newObjectId": 3}, {"accounts": {"1", "2", "3"}}),
        ({"subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_COMPANY", "fromObjectId": 7, "toObjectId": 5}, {**DEALS, "accounts": {"5"}}),
        ({"subscriptionType": "company.associationChange", "associationType": "COMPANY_TO_DEAL", "fromObjectId": 5, "toObjectId": 7}, {**DEALS, "accounts": {"5"}}),
        ({"subscriptionType": "line_item.associationChange", "associationType": "LINE_ITEM_TO_DEAL", "fromObjectId": 6, "toObjectId": 7}, {**DEALS, "line_items": {"6"}}),
        ({"subscriptionType": "object.associationChange", "fromObjectTypeId": "0-3", "toObjectTypeId": "0-2", "fromObjectId": 7, "toObjectId": 5}, {**DEALS, "accounts": {"5"}}),
        ({"subscriptionType": "company.associationChange", "associationType": "PARENT_COMPANY_TO_CHILD_COMPANY", "fromObjectId": 5, "toObjectId": 6}, {"accounts": {"5", "6"}}),
        ({"subscriptionType": "deal.creation", "objectId": 7, "portalId": 1}, {}),
        ({"subscriptionType": "deal.creation"}, {}),
        ({"subscriptionType": "deal.creation", "objectId": "7; DROP TABLE"}, {}),
        ({"subscriptionType": 7, "objectId": {"a": 1}}, {}),
        ({}, {}),
    ],
    ids=lambda one: str(one.get("subscriptionType", "")) if isinstance(one, dict) else "",
)  # fmt: skip
def test_what_an_event_tells_of(hub: Hub, event: dict[str, Any], records: dict[str, set[str]]) -> None:
    assert hub.hear(event) == records


def test_the_events_of_a_batch_come_together(hub: Hub) -> None:
    events = [{"subscriptionType": "company.creation", "objectId": 2**40 + number} for number in range(100)]
    assert len(hub.hear(*events, *events)["accounts"]) == 100


def test_what_we_write_ourselves_is_nothing_new_but_what_people_type_is(hub: Hub) -> None:
    changed = {"subscriptionType": "company.propertyChange", "objectId": 7}
    ours = {**changed, "propertyName": "kare_profile"}
    assert hub.hear({**ours, "changeSource": "INTEGRATION", "sourceId": "54321"}) == {}
    assert hub.hear({**ours, "changeSource": "CRM_UI", "sourceId": "userId:3"}) == {"accounts": {"7"}}
    assert hub.hear({**changed, "propertyName": "kare_override", "changeSource": "INTEGRATION"}) == {"accounts": {"7"}}
    assert hub.hear({**changed, "propertyName": "name", "changeSource": "INTEGRATION"}) == {"accounts": {"7"}}
