"""Record types narrow restricted picklists: a value that a record's type leaves out is refused, also over the API.

What a type lets through is read from the User Interface API, as Salesforce applies it. It is widened over the Tooling
API by adding to the type's own metadata, and read again: only what then holds is told as done.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from crm_kare.http import CallError, Trouble
from crm_kare.labels import FieldType
from crm_kare.model import Problem
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.fields import Objects
from crm_kare_salesforce.site import Site, by_hand, refused, told

_MOST: Final = 50
"""Record types looked at; each costs a call."""

_MASTER: Final = "012000000000000AAA"
"""Id of the type that every object has; it narrows nothing."""

Lacking = Mapping[str, tuple[str, ...]]
"""Missing values by field."""


def active_types(objects: Objects, source: str) -> list[tuple[str, str]]:
    """Id and name of the object's active record types; none where there is but the master type."""
    infos = objects.describe(source).get("recordTypeInfos") or []
    return [
        (str(one["recordTypeId"]), str(one.get("name") or one["recordTypeId"]))
        for one in infos
        if one.get("active", True) and not one.get("master") and one.get("recordTypeId") not in {None, _MASTER}
    ][:_MOST]


def lacking(client: Client, source: str, type_id: str, fields: Sequence[LabelField]) -> dict[str, tuple[str, ...]]:
    """Our values that a record type leaves out, by field; fields that this user does not see are not among them.

    Raises:
        CallError: also where the org's API does not tell.
    """
    found = client.get(f"ui-api/object-info/{source}/picklist-values/{type_id}")
    shown = found.get("picklistFieldValues") if isinstance(found, dict) else None
    if not isinstance(shown, dict):
        raise CallError(Trouble("shape", 200, "picklist-values"))
    known = {name.lower(): {str(one.get("value")) for one in told.get("values") or []} for name, told in shown.items()}
    missing = {
        one.field: tuple(value for value in one.label.values if value not in known[one.field.lower()])
        for one in fields
        if one.label.type is FieldType.PICKLIST and one.field.lower() in known
    }
    return {name: values for name, values in missing.items() if values}


def findings(client: Client, objects: Objects, crm: str, source: str, fields: Sequence[LabelField]) -> list[Problem]:
    """Record types whose accounts cannot take some of our values."""
    found = []
    for type_id, name in active_types(objects, source) if fields else ():
        try:
            missing = lacking(client, source, type_id, fields)
        except CallError as error:
            if not refused(error):
                raise
            text = f"Which picklist values the record types of {source} let through cannot be seen ({error.trouble.code or error.trouble.status})."
            fix = "Look in Setup > Object Manager > Record Types: all values of the KARE picklists are to be selected."
            return [Problem("record-types-unseen", text, fix, where=source, level="info")]
        if missing:
            text = f"The record type {name} leaves out values of {', '.join(missing)}: accounts of it are rejected."
            fix = f"Run `crm-kare provision {crm}`; it adds them, or says where to."
            found.append(Problem("record-type-values", text, fix, where=source, level="warning"))
    return found


def widen(site: Site, fields: Sequence[LabelField], *, new_picklists: bool) -> Iterator[ProvisionStep]:
    """One step per record type that leaves values of ours out, or will: of a picklist made by API it offers none."""
    for type_id, name in active_types(site.objects, site.source):
        step = ProvisionStep("change", f"record type {name}", "let all values of our picklists through")
        try:
            missing = lacking(site.client, site.source, type_id, fields)
        except CallError as error:
            if not refused(error):
                raise
            yield ProvisionStep("none", step.what, f"the values it lets through cannot be seen: {told(error.trouble)}")
            continue
        if missing and not site.dry_run:
            yield _widened(site, step, type_id, fields, missing)
        elif missing or new_picklists:
            yield step


def _widened(
    site: Site, step: ProvisionStep, type_id: str, fields: Sequence[LabelField], missing: Lacking
) -> ProvisionStep:
    path = f"tooling/sobjects/RecordType/{type_id}"
    way_on = f"In Setup > Object Manager > {site.source} > Record Types, add the values of {', '.join(missing)}."
    try:
        found = site.client.get(path)
        present = found.get("Metadata") if isinstance(found, dict) else None
        if not isinstance(present, dict):
            return by_hand(step, "the Tooling API does not tell this record type's metadata", way_on)
        site.client.patch(path, {"Metadata": _with(present, fields, missing)})
        left = lacking(site.client, site.source, type_id, fields)
    except CallError as error:
        if not refused(error):
            raise
        return by_hand(step, told(error.trouble), way_on)
    return by_hand(step, "Salesforce took the change, and still leaves values out", way_on) if left else step


def _with(present: Mapping[str, Any], fields: Sequence[LabelField], missing: Lacking) -> dict[str, Any]:
    """The type's metadata with all values of ours that it lacked; what it lists already stays as it is."""
    lists = {str(one.get("picklist")): list(one.get("values") or []) for one in present.get("picklistValues") or []}
    key = next((key for values in lists.values() for one in values for key in _KEYS if key in one), _KEYS[0])
    for one in fields:
        if one.field in missing:
            listed = lists.setdefault(one.field, [])
            there = {unquote(str(value.get(key))) for value in listed}
            listed += [{key: value, "default": False} for value in one.label.values if value not in there]
    return {**present, "picklistValues": [{"picklist": name, "values": values} for name, values in lists.items()]}


_KEYS: Final = ("valueName", "fullName")
"""Names of a value's name in metadata, which differ between the APIs' versions: the one that the org uses is kept."""
