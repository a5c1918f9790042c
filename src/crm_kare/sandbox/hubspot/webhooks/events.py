"""Subscriptions, and the events that they ask for, in the documented form."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS, ObjectType
from crm_kare.sandbox.hubspot.links import TYPES
from crm_kare.sandbox.hubspot.records import source_of
from crm_kare.sandbox.hubspot.watching import Happening
from crm_kare.sandbox.hubspot.webhooks.settings import Subscription

_FIRST_SUBSCRIPTION: Final = 2_900_001
_FLAGS: Final = {"creation": "CREATED", "deletion": "DELETED"}


def events_of(
    happening: Happening, subscriptions: tuple[Subscription, ...], common: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """One event for every subscription that the happening fits; `common` are the account's and the app's ids."""
    kind = BY_ADDRESS.get(happening.name)
    for place, one in enumerate(subscriptions):
        if kind is not None and _fits(one, kind, happening):
            yield {
                "subscriptionId": _FIRST_SUBSCRIPTION + place,
                **common,
                "occurredAt": happening.at,
                "subscriptionType": one.type,
                "attemptNumber": 0,
                **_told(happening, kind, general=one.general),
            }


def _fits(one: Subscription, kind: ObjectType, happening: Happening) -> bool:
    word, _, what = one.type.partition(".")
    if what != happening.kind or kind.singular != (one.kind if one.general else word):
        return False
    return what != "propertyChange" or one.name == happening.told["propertyName"]


def _told(happening: Happening, kind: ObjectType, *, general: bool) -> dict[str, Any]:
    if happening.kind == "associationChange":
        return _association(happening, kind, general=general)
    source = source_of(*happening.who.partition(":")[::2])
    told: dict[str, Any] = {"objectId": int(happening.record_id), "changeSource": source["sourceType"]}
    if "sourceId" in source:
        told["sourceId"] = source["sourceId"]
    if general:
        told["objectTypeId"] = kind.id
    if happening.kind in _FLAGS:
        told["changeFlag"] = _FLAGS[happening.kind]
    if happening.kind == "propertyChange":
        told["isSensitive"] = False
    return told | dict(happening.told)


def _association(happening: Happening, kind: ObjectType, *, general: bool) -> dict[str, Any]:
    """Without `objectId`: an association has two ends, and each tells of it."""
    target, type_id = BY_ADDRESS[happening.told["target"]], happening.told["type"]
    name, label = TYPES.get((kind.name, target.name), {}).get(type_id, ("", None))
    told: dict[str, Any] = {
        "changeSource": "USER",
        "associationType": f"{kind.singular}_to_{target.singular}".upper(),
        "fromObjectId": int(happening.record_id),
        "toObjectId": int(happening.told["there"]),
        "associationRemoved": happening.told["removed"],
        "isPrimaryAssociation": label == "Primary",
    }
    if not general:
        return told
    return told | {
        "fromObjectTypeId": kind.id,
        "toObjectTypeId": target.id,
        "associationTypeId": int(type_id),
        "associationCategory": "HUBSPOT_DEFINED" if name else "USER_DEFINED",
    }
