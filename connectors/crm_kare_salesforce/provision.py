"""Custom fields over the Tooling API, made from the labels; what exists is compared, never dropped."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.labels import FieldType, Label
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.fields import Objects, active_values

_TYPES: Final[Mapping[FieldType, tuple[str, str]]] = {
    FieldType.PICKLIST: ("Picklist", "picklist"),
    FieldType.TEXT: ("Text", "string"),
    FieldType.LONG_TEXT: ("LongTextArea", "textarea"),
    FieldType.NUMBER: ("Number", "double"),
    FieldType.DATE: ("Date", "date"),
    FieldType.CHECKBOX: ("Checkbox", "boolean"),
}
"""Per label type: Salesforce's word in metadata, and its word in describe."""

_LINES: Final = 6
"""Lines of a long text area that a page shows."""


def metadata(label: Label, more_values: Sequence[str] = ()) -> dict[str, Any]:
    """The `Metadata` of the label's custom field; `more_values` are kept behind the label's own."""
    told: dict[str, Any] = {"label": label.title, "type": _TYPES[label.type][0], "inlineHelpText": label.help}
    if label.type is FieldType.PICKLIST:
        told["valueSet"] = _value_set((*label.values, *more_values))
    elif label.type is FieldType.TEXT:
        told["length"] = label.length
    elif label.type is FieldType.LONG_TEXT:
        told |= {"length": label.length, "visibleLines": _LINES}
    elif label.type is FieldType.NUMBER:
        told |= {"precision": label.length, "scale": 0}
    elif label.type is FieldType.CHECKBOX:
        told["defaultValue"] = "false"
    return told


def _value_set(values: Sequence[str]) -> dict[str, Any]:
    told = [{"valueName": value, "label": value, "default": False} for value in values]
    return {"restricted": True, "valueSetDefinition": {"sorted": False, "value": told}}


def describe_type(label: Label) -> str:
    """The type of the label's field as describe names it."""
    return _TYPES[label.type][1]


def provision_fields(
    client: Client, objects: Objects, source: str, fields: Sequence[LabelField], *, dry_run: bool
) -> list[ProvisionStep]:
    """Create what is missing and bring the rest up to date.

    Raises:
        ConfigError: a field of our name exists with another type; nothing was changed.
    """
    seen = objects.by_name(source)
    ids = field_ids(client, source, fields)
    held = {one.field: _held(client, seen, ids, one) for one in fields}
    _refuse_other_types(source, fields, held)
    return [_made_right(client, source, one, held[one.field], ids.get(one.field), dry_run=dry_run) for one in fields]


def remove_fields(client: Client, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
    """Delete our fields, and with them their values."""
    steps = []
    for name, field_id in field_ids(client, source, fields).items():
        if not dry_run:
            client.delete(f"tooling/sobjects/CustomField/{field_id}")
        steps.append(ProvisionStep("delete", f"{source}.{name}", "the field and its values"))
    return steps


def field_ids(client: Client, source: str, fields: Sequence[LabelField]) -> dict[str, str]:
    """Tooling ids of those of our fields that exist, by field name, whether this user may read them or not."""
    names = {one.field.removesuffix("__c"): one.field for one in fields}
    tests = soql.equals("TableEnumOrId", source), soql.one_of("DeveloperName", names)
    rows = client.tooling_rows(soql.select(("Id", "DeveloperName"), "CustomField", *tests)) if names else []
    found = {str(row.get("DeveloperName")).lower(): str(row["Id"]) for row in rows}
    return {field: found[name.lower()] for name, field in names.items() if name.lower() in found}


def _held(
    client: Client, seen: Mapping[str, Mapping[str, Any]], ids: Mapping[str, str], one: LabelField
) -> dict[str, Any] | None:
    """What the org has under the field's name, in metadata's words; `None` where there is nothing."""
    told = seen.get(one.field.lower())
    if told is not None:
        return _from_describe(told)
    if one.field not in ids:
        return None
    found = client.get(f"tooling/sobjects/CustomField/{ids[one.field]}")
    return _from_metadata(found.get("Metadata") or {}) if isinstance(found, dict) else None


def _from_describe(told: Mapping[str, Any]) -> dict[str, Any]:
    words = {describe: word for word, describe in _TYPES.values()}
    return {
        "type": words.get(str(told.get("type")), str(told.get("type"))),
        "label": told.get("label"),
        "help": told.get("inlineHelpText") or "",
        "length": told.get("precision") if told.get("type") == "double" else told.get("length"),
        "values": active_values(told),
        "restricted": told.get("restrictedPicklist", True),
    }


def _from_metadata(told: Mapping[str, Any]) -> dict[str, Any]:
    chosen = told.get("valueSet") or {}
    listed = (chosen.get("valueSetDefinition") or {}).get("value") or []
    return {
        "type": told.get("type"),
        "label": told.get("label"),
        "help": told.get("inlineHelpText") or "",
        "length": told.get("precision") or told.get("length"),
        "values": tuple(str(one.get("valueName") or one.get("fullName") or one.get("label")) for one in listed),
        "restricted": chosen.get("restricted", True),
    }


def _refuse_other_types(
    source: str, fields: Sequence[LabelField], held: Mapping[str, Mapping[str, Any] | None]
) -> None:
    wrong = [
        f"{one.field} is {found['type']}, not {_TYPES[one.label.type][0]}"
        for one in fields
        if (found := held[one.field]) is not None and found["type"] != _TYPES[one.label.type][0]
    ]
    if wrong:
        raise ConfigError(
            f"Fields of our names exist with another type: {'; '.join(wrong)}.",
            where=source,
            fix="Rename or delete them, or set another prefix in the mapping.",
            code="field-type",
        )


def _made_right(
    client: Client,
    source: str,
    one: LabelField,
    held: Mapping[str, Any] | None,
    field_id: str | None,
    *,
    dry_run: bool,
) -> ProvisionStep:
    what = f"{source}.{one.field}"
    if held is None:
        if not dry_run:
            client.post("tooling/sobjects/CustomField", {"FullName": what, "Metadata": metadata(one.label)})
        return ProvisionStep("create", what, f"{_TYPES[one.label.type][0]}: {one.label.title}")
    differences = _differences(one.label, held)
    if not differences:
        return ProvisionStep("none", what, "as it should be")
    if field_id is None:
        return ProvisionStep("none", what, f"differs ({'; '.join(differences)}), but the Tooling API does not show it")
    if not dry_run:
        theirs = [value for value in held["values"] if value not in one.label.values]
        told = _keeping_length(metadata(one.label, theirs), held)
        client.patch(f"tooling/sobjects/CustomField/{field_id}", {"Metadata": told})
    return ProvisionStep("change", what, "; ".join(differences))


def _differences(label: Label, held: Mapping[str, Any]) -> list[str]:
    """What is to be changed, in words. More room or more values than we need are left as they are."""
    found = []
    if held["label"] != label.title:
        found.append("label")
    if held["help"] != label.help:
        found.append("help text")
    if missing := [value for value in label.values if value not in held["values"]]:
        found.append(f"values missing: {', '.join(missing)}")
    if label.values and not held["restricted"]:
        found.append("not restricted")
    if label.length and int(held["length"] or 0) < label.length:
        found.append(f"length {held['length']} instead of {label.length}")
    return found


def _keeping_length(told: dict[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """Never shorten a field: values in it would be cut."""
    for word in ("length", "precision"):
        if word in told:
            told[word] = max(int(told[word]), int(held["length"] or 0))
    return told
