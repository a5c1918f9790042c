"""Custom fields over the Tooling API, made from the labels; what exists is compared and migrated, never dropped.

A field keeps what is the org's own: its description, history tracking, further values, more length than we need.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.http import CallError, Trouble
from crm_kare.labels import FieldType, Label
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.fields import active_values
from crm_kare_salesforce.site import HAND, Site, by_hand, told, tried

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

_ERASE: Final = (
    "Where a deleted field holds the name, erase or restore it in Setup > Object Manager > {source} > Fields &"
    " Relationships > Deleted Fields; then run provision again."
)


@dataclass(frozen=True)
class Fields:
    """What became of our fields: the steps, those that do not exist in spite of them, and whether a picklist was made."""

    steps: list[ProvisionStep]
    unmade: frozenset[str]
    new_picklists: bool


def metadata(label: Label, more_values: Sequence[str] = ()) -> dict[str, Any]:
    """The `Metadata` of the label's custom field; `more_values` are kept behind the label's own."""
    made: dict[str, Any] = {"label": label.title, "type": _TYPES[label.type][0], "inlineHelpText": label.help}
    if label.type is FieldType.PICKLIST:
        made["valueSet"] = _value_set((*label.values, *more_values))
    elif label.type is FieldType.TEXT:
        made["length"] = label.length
    elif label.type is FieldType.LONG_TEXT:
        made |= {"length": label.length, "visibleLines": _LINES}
    elif label.type is FieldType.NUMBER:
        made |= {"precision": label.length, "scale": 0}
    elif label.type is FieldType.CHECKBOX:
        made["defaultValue"] = "false"
    return made


def _value_set(values: Sequence[str]) -> dict[str, Any]:
    made = [{"valueName": value, "label": value, "default": False} for value in values]
    return {"restricted": True, "valueSetDefinition": {"sorted": False, "value": made}}


def describe_type(label: Label) -> str:
    """The type of the label's field as describe names it."""
    return _TYPES[label.type][1]


def provision_fields(site: Site, fields: Sequence[LabelField]) -> Fields:
    """Create what is missing and bring the rest up to date.

    Raises:
        ConfigError: a field of our name exists with another type; nothing was changed.
    """
    seen = site.objects.by_name(site.source)
    ids = field_ids(site.client, site.source, fields)
    held = {one.field: _held(site.client, seen, ids, one) for one in fields}
    _refuse_other_types(site.source, fields, held)
    steps: list[ProvisionStep] = []
    unmade: set[str] = set()
    for one in fields:
        present = held[one.field]
        step = _created(site, one, fields) if present is None else _changed(site, one, present, ids.get(one.field))
        steps.append(step)
        unmade |= {one.field} if present is None and step.action == HAND else set()
    new = [one for one in fields if held[one.field] is None and one.field not in unmade]
    return Fields(steps, frozenset(unmade), any(one.label.type is FieldType.PICKLIST for one in new))


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
    described = seen.get(one.field.lower())
    if described is not None:
        return _from_describe(described)
    return _from_metadata(_metadata_of(client, ids[one.field])) if one.field in ids else None


def _metadata_of(client: Client, field_id: str) -> dict[str, Any]:
    """The field's `Metadata` as the org has it."""
    found = client.get(f"tooling/sobjects/CustomField/{field_id}")
    if not isinstance(found, dict) or not isinstance(found.get("Metadata"), dict):
        raise CallError(Trouble("shape", 200, "field-metadata"))
    return dict(found["Metadata"])


def _from_describe(described: Mapping[str, Any]) -> dict[str, Any]:
    words = {describe: word for word, describe in _TYPES.values()}
    return {
        "type": words.get(str(described.get("type")), str(described.get("type"))),
        "label": described.get("label"),
        "help": described.get("inlineHelpText") or "",
        "length": described.get("precision") if described.get("type") == "double" else described.get("length"),
        "values": active_values(described),
        "restricted": described.get("restrictedPicklist", True),
    }


def _from_metadata(present: Mapping[str, Any]) -> dict[str, Any]:
    chosen = present.get("valueSet") or {}
    return {
        "type": present.get("type"),
        "label": present.get("label"),
        "help": present.get("inlineHelpText") or "",
        "length": present.get("precision") or present.get("length"),
        "values": tuple(_name(one) for one in _values(present) if one.get("isActive") is not False),
        "restricted": chosen.get("restricted", True),
    }


def _values(present: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A picklist's own list of values; empty where it uses a global one."""
    chosen = present.get("valueSet") or {}
    return (chosen.get("valueSetDefinition") or {}).get("value") or []


def _name(value: Mapping[str, Any]) -> str:
    return str(value.get("valueName") or value.get("fullName") or value.get("label"))


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
            fix="Rename or delete them, or set another prefix or `labels.fields` in the mapping.",
            code="field-type",
        )


def _created(site: Site, one: LabelField, fields: Sequence[LabelField]) -> ProvisionStep:
    """The step that makes the field. Who may not customise the org cannot go on: that is raised."""
    what = f"{site.source}.{one.field}"
    step = ProvisionStep("create", what, f"{_TYPES[one.label.type][0]}: {one.label.title}")
    if twin := _renamed(site, one, fields):
        way_on = f"Rename it back, or write `labels.fields: {{{one.label.name}: {twin}}}` in the mapping, or delete it."
        return by_hand(step, f"{twin} has our label and help text, so it seems to be this field, renamed", way_on)
    if site.dry_run:
        return step
    try:
        site.client.post("tooling/sobjects/CustomField", {"FullName": what, "Metadata": metadata(one.label)})
    except CallError as error:
        if error.trouble.kind != "request":
            raise
        return by_hand(step, told(error.trouble), _ERASE.format(source=site.source))
    return step


def _renamed(site: Site, one: LabelField, fields: Sequence[LabelField]) -> str:
    """Name of a field that seems to be ours under another name; one under another prefix is another project's."""
    ours = {field.field.lower() for field in fields}
    for name, described in site.objects.by_name(site.source).items():
        alike = (
            (described.get("label"), described.get("inlineHelpText")) == (one.label.title, one.label.help)
            and described.get("custom")
            and described.get("type") == describe_type(one.label)
        )
        if alike and name not in ours and not name.endswith(f"{one.label.name.lower()}__c"):
            return str(described["name"])
    return ""


def _changed(site: Site, one: LabelField, held: Mapping[str, Any], field_id: str | None) -> ProvisionStep:
    """The step that migrates the field to the label's present definition."""
    what = f"{site.source}.{one.field}"
    differences = _differences(one.label, held)
    theirs = [value for value in held["values"] if one.label.values and value not in one.label.values]
    kept = f"keeps the org's own values: {', '.join(theirs)}" if theirs else ""
    if not differences:
        return ProvisionStep("none", what, kept or "as it should be")
    step = ProvisionStep("change", what, "; ".join([*differences, *([kept] if kept else [])]))
    if field_id is None:
        return by_hand(step, "the Tooling API does not show this field", "Change it in Setup > Object Manager.")
    present = _metadata_of(site.client, field_id)
    if values := (present.get("valueSet") or {}).get("valueSetName"):
        return by_hand(step, f"the picklist uses the global value set {values}", "Change it there.")
    body = {"Metadata": _migrated(one.label, present, held)}
    return tried(site, step, lambda: site.client.patch(f"tooling/sobjects/CustomField/{field_id}", body))


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


def _migrated(label: Label, present: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """The org's own metadata with the label's on top: values are added or made active again, a length only grows."""
    wanted = metadata(label)
    made = {**present, **wanted}
    for word in ("length", "precision"):
        if word in wanted:
            made[word] = max(int(wanted[word]), int(held["length"] or 0))
    for word in ("scale", "visibleLines", "defaultValue"):
        if present.get(word) is not None:
            made[word] = present[word]
    if label.values:
        listed = {_name(one): one for one in _values(present)}
        fresh = {_name(one): one for one in _values(metadata(label, held["values"]))}
        active = {name: {**one, **listed.get(name, {}), "isActive": True} for name, one in fresh.items()}
        made["valueSet"] = {
            **(present.get("valueSet") or {}),
            "restricted": True,
            "valueSetDefinition": {"sorted": False, "value": list({**active, **_left(listed, active)}.values())},
        }
    return made


def _left(listed: Mapping[str, Any], active: Mapping[str, Any]) -> dict[str, Any]:
    """Values that the org has put out of use: they stay so, since old records may hold them."""
    return {name: one for name, one in listed.items() if name not in active}
