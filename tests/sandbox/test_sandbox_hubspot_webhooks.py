"""Webhooks that the sandbox's HubSpot sends: their form, their signature, and what becomes of refused ones."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from hubspot.utils.signature import Signature

from crm_kare.sandbox.hubspot import Subscription, Webhooks
from crm_kare.sandbox.hubspot.definitions import COMPANIES
from crm_kare.sandbox.hubspot.links import tie, untie
from crm_kare.sandbox.hubspot.portal import APP_ID
from crm_kare.sandbox.hubspot.writing import write

pytestmark = pytest.mark.slow

COMPANY = "/crm/v3/objects/companies"


@dataclass
class Target:
    """An address that takes events, or says the next of `answers` first."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    came: Event = field(default_factory=Event)

    @property
    def batches(self) -> list[Any]:
        return [json.loads(body) for _, body in self.requests]


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.requests.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(made.answers.pop(0) if made.answers else 204)
            self.end_headers()
            made.came.set()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/hooks/hubspot?from=%2Fcrm"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def _subscribe(rig: Any, target: Target, *subscriptions: Subscription, by_itself: bool = False) -> None:
    rig.settings(webhooks=Webhooks(target.url, subscriptions, by_itself=by_itself))


def _events(rig: Any) -> list[Any]:
    return [event for one in rig.portal.webhooks.deliver() for event in one.events]


def test_a_persons_edit_is_told_to_who_subscribed_to_the_property(hubspot: Any, target: Target) -> None:
    _subscribe(hubspot, target, Subscription("company.propertyChange", "city"))
    one = hubspot.companies()[0]
    write(hubspot.portal, COMPANIES, hubspot.portal.org.get("companies", one), {"city": "Ulm", "zip": "1"}, "user:7")
    assert len(hubspot.portal.webhooks.deliver()) == 1
    (batch,) = target.batches
    (event,) = batch
    assert isinstance(event.pop("eventId"), int)
    assert isinstance(event.pop("subscriptionId"), int)
    assert event == {
        "subscriptionType": "company.propertyChange",
        "objectId": int(one),
        "portalId": hubspot.portal.settings.portal_id,
        "appId": APP_ID,
        "occurredAt": int(hubspot.clock.now().timestamp() * 1000),
        "attemptNumber": 0,
        "propertyName": "city",
        "propertyValue": "Ulm",
        "changeSource": "CRM_UI",
        "sourceId": "userId:7",
        "isSensitive": False,
    }


def test_the_signature_is_the_one_that_the_official_client_checks(hubspot: Any, target: Target) -> None:
    _subscribe(hubspot, target, Subscription("company.deletion"))
    hubspot.call("DELETE", f"{COMPANY}/{hubspot.companies()[0]}")
    hubspot.portal.webhooks.deliver()
    headers, body = target.requests[0]
    told: dict[str, Any] = {
        "client_secret": hubspot.portal.settings.client_secret,
        "request_body": body.decode(),
        "http_uri": target.url.replace("%2F", "/"),  # as the document on request validation tells
        "http_method": "POST",
        "signature_version": "v3",
        "timestamp": headers["X-HubSpot-Request-Timestamp"],
    }
    expected = Signature.get_signature(**told)
    assert headers["X-HubSpot-Signature-v3"] == expected
    assert int(told["timestamp"]) == int(hubspot.clock.now().timestamp() * 1000)


def test_creation_deletion_and_merge_are_told_in_both_forms(hubspot: Any, target: Target) -> None:
    kinds = ("creation", "deletion", "merge")
    _subscribe(
        hubspot,
        target,
        *(Subscription(f"company.{kind}") for kind in kinds),
        *(Subscription(f"object.{kind}", kind="company") for kind in kinds),
    )
    first, second, third = hubspot.companies()[:3]
    made = hubspot.call("POST", COMPANY, {"properties": {"name": "New"}}).body["id"]
    hubspot.call("DELETE", f"{COMPANY}/{third}")
    merged = hubspot.call("POST", f"{COMPANY}/merge", {"primaryObjectId": first, "objectIdToMerge": second}).body["id"]
    events = {one["subscriptionType"]: one for one in _events(hubspot)}
    assert len(events) == 6
    for form in ("company", "object"):
        assert events[f"{form}.creation"]["objectId"] == int(made)
        assert events[f"{form}.deletion"]["objectId"] == int(third)
        assert events[f"{form}.merge"]["primaryObjectId"] == int(first)
        assert events[f"{form}.merge"]["mergedObjectIds"] == [int(second)]
        assert events[f"{form}.merge"]["newObjectId"] == int(merged)
        assert ("objectTypeId" in events[f"{form}.merge"]) == (form == "object")
    assert events["object.merge"]["objectTypeId"] == "0-2"


def test_a_changed_association_is_told_by_both_ends_and_moves_no_date(hubspot: Any, target: Target) -> None:
    _subscribe(
        hubspot,
        target,
        Subscription("deal.associationChange"),
        Subscription("object.associationChange", kind="company"),
    )
    hubspot.settings(links_move_dates=False)
    org = hubspot.portal.org
    deal = org.select("deals", "hs_primary_associated_company IS NOT NULL")[0]["_id"]
    company = hubspot.companies()[-1]
    stamps = org.get("deals", deal)["_modified"], org.get("companies", company)["_modified"]
    hubspot.clock.sleep(60)
    tie(hubspot.portal, "deals", "companies", [(deal, company, "341")])
    added = {one["subscriptionType"]: one for one in _events(hubspot)}
    assert (org.get("deals", deal)["_modified"], org.get("companies", company)["_modified"]) == stamps
    one = added["deal.associationChange"]
    assert "objectId" not in one
    assert (one["fromObjectId"], one["toObjectId"], one["associationType"]) == (
        int(deal), int(company), "DEAL_TO_COMPANY",
    )  # fmt: skip
    assert (one["associationRemoved"], one["isPrimaryAssociation"]) == (False, False)
    other = added["object.associationChange"]
    assert (other["fromObjectTypeId"], other["toObjectTypeId"], other["associationTypeId"]) == ("0-2", "0-3", 342)
    tie(hubspot.portal, "deals", "companies", [(deal, company, "341")])
    assert _events(hubspot) == []
    untie(hubspot.portal, "deals", "companies", [(deal, company, "341")])
    assert {one["associationRemoved"] for one in _events(hubspot)} == {True}


def test_what_was_undone_is_not_told(hubspot: Any, target: Target) -> None:
    _subscribe(hubspot, target, Subscription("company.creation"))
    inputs = [{"properties": {"name": "Good"}}, {"properties": {"industry": "Nonsense"}}]
    assert hubspot.call("POST", f"{COMPANY}/batch/create", {"inputs": inputs}).status == 400
    assert _events(hubspot) == []


def test_a_refused_batch_comes_again_with_another_number(hubspot: Any, target: Target) -> None:
    _subscribe(hubspot, target, Subscription("company.deletion"))
    target.answers += [503, 401]
    hubspot.call("DELETE", f"{COMPANY}/{hubspot.companies()[0]}")
    statuses = [one.status for _ in range(4) for one in hubspot.portal.webhooks.deliver()]
    assert statuses == [503, 401, 204]
    assert [batch[0]["attemptNumber"] for batch in target.batches] == [0, 1, 2]
    assert len({batch[0]["eventId"] for batch in target.batches}) == 1


def test_after_ten_more_attempts_an_event_is_given_up(hubspot: Any, target: Target) -> None:
    _subscribe(hubspot, target, Subscription("company.deletion"))
    target.answers += [500] * 20
    hubspot.call("DELETE", f"{COMPANY}/{hubspot.companies()[0]}")
    assert sum(len(hubspot.portal.webhooks.deliver()) for _ in range(15)) == 11


def test_a_batch_holds_a_hundred_events_and_may_come_twice(hubspot: Any, target: Target) -> None:
    _subscribe(
        hubspot, target, Subscription("company.propertyChange", "city"), Subscription("company.propertyChange", "zip")
    )
    hubspot.running.faults.order_inside("repeat_webhook")
    for turn in range(2):
        inputs = [{"id": one, "properties": {"city": f"C{turn}", "zip": str(turn)}} for one in hubspot.companies()]
        hubspot.call("POST", f"{COMPANY}/batch/update", {"inputs": inputs})
    hubspot.portal.webhooks.deliver()
    assert [len(one) for one in target.batches] == [100, 100, 60]
    assert target.batches[0] == target.batches[1]


def test_a_thread_posts_by_itself_and_again_where_it_was_refused(hubspot: Any, target: Target) -> None:
    target.answers.append(500)
    hubspot.settings(webhooks=Webhooks(target.url, (Subscription("company.deletion"),), pause=0.01))
    hubspot.call("DELETE", f"{COMPANY}/{hubspot.companies()[0]}")
    while len(target.requests) < 2:
        assert target.came.wait(60)
    assert [batch[0]["attemptNumber"] for batch in target.batches] == [0, 1]
