"""What our properties are to look like, and how those of the portal differ from that."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from crm_kare.labels import Editor, FieldType, Label
from crm_kare.model import Kind
from crm_kare.ports import LabelField
from crm_kare_hubspot.answers import Json
from crm_kare_hubspot.definitions import Property
from crm_kare_hubspot.names import field_name

GROUP: Final = "kare"
GROUP_LABEL: Final = "KARE"
PREFIX: Final = "kare_"
"""Before the names of our properties, unless the mapping says otherwise."""

_TYPES: Final[Mapping[FieldType, tuple[str, str]]] = {
    FieldType.PICKLIST: ("enumeration", "select"),
    FieldType.TEXT: ("string", "text"),
    FieldType.LONG_TEXT: ("string", "textarea"),
    FieldType.NUMBER: ("number", "number"),
    FieldType.DATE: ("date", "date"),
    FieldType.CHECKBOX: ("bool", "booleancheckbox"),
}
_SEVERAL: Final = "checkbox"
"""The field type of an enumeration that takes several values at once."""

_CHECKBOX: Final = (("true", "Yes"), ("false", "No"))
_LONGEST: Final = 100
_NAME: Final = re.compile(rf"[a-z][a-z0-9_]{{0,{_LONGEST - 1}}}")
_OPTION: Final = ("label", "value", "displayOrder", "hidden", "description")
"""What an option may have in a request."""


def hubspot_type(label: Label) -> tuple[str, str]:
    """HubSpot's type and field type for a label."""
    return _TYPES[label.type]


def options(label: Label) -> list[tuple[str, str]]:
    """Values and labels of an enumeration; HubSpot wants both values of a checkbox too."""
    if label.type is FieldType.CHECKBOX:
        return list(_CHECKBOX)
    return [(value, value) for value in label.values]


def definition(one: LabelField, order: int) -> Json:
    """The property as HubSpot is to have it when it is new."""
    kind, field_type = hubspot_type(one.label)
    made: Json = {
        "name": one.field,
        "label": one.label.title,
        "description": one.label.help,
        "groupName": GROUP,
        "type": kind,
        "fieldType": field_type,
        "displayOrder": order,
        "formField": False,
        "hasUniqueValue": False,
    }
    if listed := options(one.label):
        made["options"] = [_option(value, label, place) for place, (value, label) in enumerate(listed)]
    return made


def _option(value: str, label: str, place: int) -> Json:
    return {"value": value, "label": label, "displayOrder": place, "hidden": False}


def ours(one: LabelField, present: Property) -> bool:
    """Whether the property was made by us, and is ours to change and to archive.

    One of the portal's own, which `labels.fields` of the mapping names, stays as it is.
    """
    usual = field_name(one.label, PREFIX)
    raw = present.raw
    if raw.get("hubspotDefined"):
        return False
    marks = raw.get("groupName") == GROUP, raw.get("label") == one.label.title, raw.get("description") == one.label.help
    return one.field == usual or any(marks)


def name_fault(name: str) -> str:
    """Why no property of this name can be made; empty where one can."""
    if name.startswith("hs_"):
        return "begins with hs_, which is HubSpot's own"
    if not _NAME.fullmatch(name):
        return f"is no name for a property: small letters, digits and underscores, a letter first, at most {_LONGEST}"
    return ""


def misfit(one: LabelField, present: Property) -> str:
    """Why the property cannot hold the label; empty where it can. HubSpot converts no values, so no type is changed."""
    kind, _ = hubspot_type(one.label)
    if one.label.type is FieldType.CHECKBOX and present.kind() is Kind.BOOL:
        return ""
    if present.type != kind:
        return f"is of type {present.type}, not {kind}"
    if kind == "enumeration" and present.raw.get("fieldType") == _SEVERAL:
        return "takes several values at once"
    if one.label.editor is Editor.OURS and present.read_only():
        return "is read-only: HubSpot sets its values itself"
    return "must be unique, and labels are not" if present.raw.get("hasUniqueValue") else ""


def differences(one: LabelField, made: Json, present: Property) -> dict[str, Any]:
    """What a PATCH has to say, by key; empty where all is well. Values and wordings of options that people have stay."""
    found = dict(_words(made, present.raw)) if ours(one, present) else {}
    lacking = lacks(one.label, present)
    if lacking:
        found["options"] = _merged(made["options"], present.raw.get("options") or [])
    return found


def _words(made: Json, raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("label", "description", "groupName"):
        if made[key] != (raw.get(key) or ""):
            yield key, made[key]


def lacks(label: Label, present: Property) -> list[str]:
    """Options of ours that the property does not offer, or hides."""
    return [value for value, _ in options(label) if value not in present.options()]


def _merged(wanted: list[Json], held: list[Json]) -> list[Json]:
    """Ours first, then what people added: HubSpot replaces the whole list by what is sent."""
    known = {str(one.get("value")): one for one in held}
    mine = [{**one, "label": known.get(one["value"], one).get("label") or one["label"]} for one in wanted]
    values = {one["value"] for one in wanted}
    theirs = [
        {key: one[key] for key in _OPTION if one.get(key) is not None} for one in held if one.get("value") not in values
    ]
    return mine + [{"hidden": False, **one, "displayOrder": len(mine) + place} for place, one in enumerate(theirs)]
