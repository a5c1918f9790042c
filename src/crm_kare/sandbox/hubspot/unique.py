"""Properties whose values are unique: finding a record by one, and refusing a value that another record holds."""

from collections.abc import Mapping
from typing import Any

from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import HubSpotError, validation
from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.store import Record


def by_unique(portal: Portal, kind: ObjectType, name: str, held: str, *, doing: str = "read") -> Record | None:
    """The live record that holds this value in a unique property.

    Raises:
        HubSpotError: 400, the property is not unique (a company's domain is not, nor is its id one).
    """
    require_unique(portal, kind, name, doing=doing)
    return _holder(portal, kind, name, held)


def require_unique(portal: Portal, kind: ObjectType, name: str, *, doing: str) -> None:
    """Refuse to name records by a property that several of them may share.

    Raises:
        HubSpotError: 400.
    """
    known = portal.properties(kind).get(name)
    if known is None or not known.unique:
        raise validation(
            f"Unable to perform {doing} by non-unique {kind.id} property {name} in portal ID "
            f"{portal.settings.portal_id}"
        )


def _holder(portal: Portal, kind: ObjectType, name: str, held: str) -> Record | None:
    found = portal.org.select(kind.name, f'lower("{name}") = lower(?)', (held,), limit=1)
    return found[0] if found else None


def taken(portal: Portal, kind: ObjectType, record_id: str | None, kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with values that another record holds; `record_id` is the one that is written, if it is there."""
    known = portal.properties(kind)
    wrong: list[dict[str, Any]] = []
    for name, value in kept.items():
        if value is None or not known[name].unique:
            continue
        holder = _holder(portal, kind, name, value)
        if holder is not None and holder["_id"] != record_id:
            wrong.append(_conflict(portal, kind, name, value, record_id, holder["_id"]))
    return wrong


def _conflict(
    portal: Portal, kind: ObjectType, name: str, value: str, record_id: str | None, holder: str
) -> dict[str, Any]:
    place = f"portalId={portal.settings.portal_id}, objectTypeId={kind.id}, propertyName={name}, value={value}"
    message = (
        f"Cannot set PropertyValueCoordinates{{{place}}} on {record_id or 'a new record'}. "
        f"{holder} already has that value."
    )
    return {
        "isValid": False,
        "message": message,
        "error": "CONFLICTING_UNIQUE_VALUE",
        "name": name,
        "localizedErrorMessage": message,
        "propertyValue": value,
    }


def refuse_known_contact(portal: Portal, kind: ObjectType, kept: Mapping[str, Any]) -> None:
    """Refuse to create a contact whose e-mail address another one has.

    Raises:
        HubSpotError: 409, with the other's id in the message and nowhere else.
    """
    if kind.name != "contacts" or not kept.get("email"):
        return
    if holder := _holder(portal, kind, "email", kept["email"]):
        raise HubSpotError(409, f"Contact already exists. Existing ID: {holder['_id']}", category="CONFLICT")
