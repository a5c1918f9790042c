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

_WORDS: Final = {"companies": "company", "deals": "deal"}
_EVENTS: Final = ("creation", "deletion", "merge", "restore", "associationChange")
_CALLS_AT_ONCE: Final = 10


def app(*, webhooks: bool) -> dict[str, Any]:
    """The app: HubSpot wants the read scope of each object that a card stands on or a webhook tells of.

    Nothing is written by the app: the card's fields save as the user.
    """
    scopes = ["crm.objects.companies.read", *(["crm.objects.deals.read"] if webhooks else [])]
    auth = {"type": "static", "requiredScopes": scopes, "optionalScopes": [], "conditionallyRequiredScopes": []}
    config = {
        "name": "KARE",
        "description": "Shows the KARE profile of a company with its reasons, and lets people override it.",
        "distribution": "private",
        "auth": auth,
        "permittedUrls": {"fetch": [], "iframe": [], "img": []},
    }
    return {"uid": "crm-kare", "type": "app", "config": config}


def subscribed(url: str, prefix: str, also: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Subscriptions to what happens to companies and deals, and to changes of the properties that are watched."""
    told = [*_subscriptions(prefix, also)]
    settings = {"targetUrl": url, "maxConcurrentRequests": _CALLS_AT_ONCE}
    subscriptions = {"crmObjects": told, "legacyCrmObjects": [], "hubEvents": []}
    config = {"settings": settings, "subscriptions": subscriptions}
    return {"uid": "crm-kare-webhooks", "type": "webhooks", "config": config}


def _subscriptions(prefix: str, also: Iterable[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    watched = {source: {*names} for source, names in WATCHED.items()}
    peoples = [one for one in LABELS if one.editor is Editor.PEOPLE and one.default]
    watched["companies"] |= {field_name(one, prefix) for one in peoples}
    for source, name in also:
        watched[source].add(name)
    for source, word in _WORDS.items():
        for event in _EVENTS:
            yield _subscription(word, event)
        for name in sorted(watched[source]):
            yield {**_subscription(word, "propertyChange"), "propertyName": name}


def _subscription(word: str, event: str) -> dict[str, Any]:
    return {"subscriptionType": f"object.{event}", "objectType": word, "active": True}
