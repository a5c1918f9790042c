"""What the integration user must be able to read, from the mapping: objects, and fields that permissions can be set on.

Left out is what Salesforce sets no permission on: required and system fields (describe says `permissionable`), objects
whose access follows from another's (`_FOLLOWS`), and setup objects that every user reads. A field that this user does
not see yet is asked for by the name in the mapping.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crm_kare.http import CallError
from crm_kare.ports import StreamSpec
from crm_kare_salesforce.fields import Objects

_FOLLOWS: Final[Mapping[str, tuple[str, ...]]] = {
    "opportunitylineitem": ("Opportunity", "Product2"),
    "opportunitycontactrole": ("Opportunity", "Contact"),
    "accountcontactrole": ("Account", "Contact"),
    "accountcontactrelation": ("Account", "Contact"),
    "orderitem": ("Order", "Product2"),
}
"""Objects without permissions of their own, and those that decide about them."""

_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "opportunity": ("Account",),
    "contact": ("Account",),
    "contract": ("Account",),
    "order": ("Account",),
}
"""Reading these needs reading those."""

_OPEN: Final = frozenset(
    [
        "user",
        "name",
        "group",
        "profile",
        "userrole",
        "recordtype",
        "organization",
        "currencytype",
        "opportunitystage",
        "datedconversionrate",
    ]
)
"""Objects that no permission is set on."""

_ALWAYS_READ: Final = frozenset(
    [
        "id",
        "name",
        "ownerid",
        "isdeleted",
        "createddate",
        "createdbyid",
        "lastmodifieddate",
        "lastmodifiedbyid",
        "systemmodstamp",
        "stagename",
        "closedate",
        "iswon",
        "isclosed",
        "forecastcategory",
        "recordtypeid",
        "status",
    ]
)
"""Fields that whoever reads the object reads; asked only where describe does not show the object."""


@dataclass
class Reads:
    """What is read.

    Attributes:
        objects: names of objects to grant Read on, those that others need first.
        fields: `Object.Field` names to grant Read on.
        unclear: paths whose target cannot be told, since this user does not see their look-up.
    """

    objects: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)


def reads(objects: Objects, specs: Iterable[StreamSpec]) -> Reads:
    """What the mapped streams need. Raises `CallError` where describe cannot be asked."""
    found = Reads()
    for spec in specs:
        _need_object(found, spec.source)
        for one in spec.fields:
            _walk(objects, found, spec.source, one.source)
    return found


def _need_object(found: Reads, name: str) -> None:
    """Add the object, or those that decide about it."""
    for other in (*_NEEDS.get(name.lower(), ()), *_FOLLOWS.get(name.lower(), ())):
        _need_object(found, other)
    if name.lower() not in {*_OPEN, *_FOLLOWS, *(one.lower() for one in found.objects)}:
        found.objects.append(name)


def _walk(objects: Objects, found: Reads, source: str, path: str) -> None:
    """Add every field on the way of a path; a look-up that may lead to several objects ends it: all see their names."""
    first, _, rest = path.partition(".")
    known = _seen(objects, source)
    if not rest:
        _add(found, source, first, known.get(first.lower()))
        return
    look_up = next(
        (one for one in known.values() if (one.get("relationshipName") or "").lower() == first.lower()), None
    )
    if look_up is None:
        _hidden(found, source, first, path)
        return
    _add(found, source, str(look_up["name"]), look_up)
    targets = look_up.get("referenceTo") or []
    if len(targets) == 1:
        _need_object(found, targets[0])
        _walk(objects, found, targets[0], rest)


def _hidden(found: Reads, source: str, relation: str, path: str) -> None:
    """A custom look-up has its relationship's name but for one letter; where it leads is not told."""
    if relation.lower().endswith("__r"):
        _add(found, source, f"{relation[:-1]}c", None)
    found.unclear.append(f"{source}.{path}")


def _add(found: Reads, source: str, name: str, told: Mapping[str, Any] | None) -> None:
    if source.lower() in _OPEN or not (_permissionable(told) if told else name.lower() not in _ALWAYS_READ):
        return
    if told is not None and (told.get("compoundFieldName") or "Name") != "Name":
        name = str(told["compoundFieldName"])  # one permission for the whole of an address: Account.BillingAddress
    full = f"{source}.{name}"
    if full.lower() not in {one.lower() for one in found.fields}:
        found.fields.append(full)


def _permissionable(told: Mapping[str, Any]) -> bool:
    """Describe says so; where it does not tell, custom fields that may be empty are."""
    return bool(told.get("permissionable", told.get("custom") and told.get("nillable", True)))


def _seen(objects: Objects, source: str) -> dict[str, dict[str, Any]]:
    """The object's fields as this user sees them; none where the whole object is hidden."""
    try:
        return objects.by_name(source)
    except CallError as error:
        if error.trouble.kind != "gone":
            raise
        return {}
