"""The app's own two files: what it may read, and which changes it tells `serve` of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from crm_kare.labels import LABELS, Editor
from crm_kare_hubspot.names import field_name

WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "companies": (
        "annualrevenue",
        "country",
        "hs_parent_company_id",
        "hubspot_owner_id",
        "industry",
        "lifecyclestage",
        "name",
        "numberofemployees",
    ),
    "deals": ("amount", "closedate", "dealstage", "dealtype", "pipeline"),
}
"""Properties that the starter mapping reads and people or programs set; HubSpot wants a subscription for each."""

WORDS: Final[Mapping[str, str]] = {
    "companies": "company",
    "contacts": "contact",
    "deals": "deal",
    "line_items": "line_item",
}
"""Objects that streams are made of and HubSpot tells of, and what its subscriptions call them."""

_EVENTS: Final = ("creation", "deletion", "merge", "restore", "associationChange")
_CALLS_AT_ONCE: Final = 10


Properties = Mapping[str, Iterable[str]]
"""Names of properties by object."""


def app(told_of: Properties) -> dict[str, Any]:
    """The app: HubSpot wants the read scope of each object that a card stands on or a webhook tells of.

    Nothing is written by the app: the card's fields save as the user.
    """
    scopes = [f"crm.objects.{source}.read" for source in ("companies", *(one for one in told_of if one != "companies"))]
    auth = {"type": "static", "requiredScopes": scopes, "optionalScopes": [], "conditionallyRequiredScopes": []}
    config = {
        "name": "KARE",
        "description": "Shows the KARE profile of a company with its reasons, and lets people override it.",
        "distribution": "private",
        "auth": auth,
        "permittedUrls": {"fetch": [], "iframe": [], "img": []},
    }
    return {"uid": "crm-kare", "type": "app", "config": config}


def watched(prefix: str, also: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """What webhooks tell of: the starter mapping's properties, people's own labels, and others by object and name."""
    found = {source: {*names} for source, names in WATCHED.items()}
    peoples = [one for one in LABELS if one.editor is Editor.PEOPLE and one.default]
    found["companies"] |= {field_name(one, prefix) for one in peoples}
    for source, name in also:
        found.setdefault(source, set()).add(name)
    return found


def subscribed(url: str, told_of: Properties) -> dict[str, Any]:
    """Subscriptions to what happens to records of these objects, and to changes of these properties."""
    settings = {"targetUrl": url, "maxConcurrentRequests": _CALLS_AT_ONCE}
    subscriptions = {"crmObjects": [*_subscriptions(told_of)], "legacyCrmObjects": [], "hubEvents": []}
    config = {"settings": settings, "subscriptions": subscriptions}
    return {"uid": "crm-kare-webhooks", "type": "webhooks", "config": config}


def _subscriptions(told_of: Properties) -> Iterator[dict[str, Any]]:
    for source, names in told_of.items():
        for event in _EVENTS:
            yield _subscription(source, event)
        for name in sorted(names):
            yield {**_subscription(source, "propertyChange"), "propertyName": name}


def _subscription(source: str, event: str) -> dict[str, Any]:
    return {"subscriptionType": f"object.{event}", "objectType": WORDS[source], "active": True}
