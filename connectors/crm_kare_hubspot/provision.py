"""Our property group and properties in a portal: created, compared, mended, taken away."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.http import CallError
from crm_kare.labels import FieldType, Label
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_hubspot.answers import Json, meaning, results
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.definitions import Definitions, Property

GROUP: Final = "kare"
_GROUP_LABEL: Final = "KARE"

_TYPES: Final[Mapping[FieldType, tuple[str, str]]] = {
    FieldType.PICKLIST: ("enumeration", "select"),
    FieldType.TEXT: ("string", "text"),
    FieldType.LONG_TEXT: ("string", "textarea"),
    FieldType.NUMBER: ("number", "number"),
    FieldType.DATE: ("date", "date"),
    FieldType.CHECKBOX: ("bool", "booleancheckbox"),
}
_CHECKBOX: Final = (("true", "Yes"), ("false", "No"))
_CONFLICT: Final = 409
_BAD_REQUEST: Final = 400


@dataclass(frozen=True)
class Site:
    """Where to provision: the portal, and the object."""

    client: Client
    definitions: Definitions
    source: str
    dry_run: bool


def hubspot_type(label: Label) -> tuple[str, str]:
    """HubSpot's type and field type for a label."""
    return _TYPES[label.type]


def options(label: Label) -> list[tuple[str, str]]:
    """Values and labels of an enumeration; HubSpot wants both values of a checkbox too."""
    if label.type is FieldType.CHECKBOX:
        return list(_CHECKBOX)
    return [(value, value) for value in label.values]


def definition(one: LabelField, order: int) -> Json:
    """The property as HubSpot is to have it."""
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
    }
    if listed := options(one.label):
        made["options"] = [_option(value, label, place) for place, (value, label) in enumerate(listed)]
    return made


def _option(value: str, label: str, place: int) -> Json:
    return {"value": value, "label": label, "displayOrder": place, "hidden": False}


def provision(site: Site, fields: Sequence[LabelField]) -> list[ProvisionStep]:
    """Bring group and properties to what `labels` says; what people added to our option lists stays.

    Raises:
        ConfigError: properties that cannot be had, all of them named; the others are done.
        AccessError: the scope for schemas is missing.
    """
    steps = [_group(site)]
    there = site.definitions.fetched(site.source)
    archived = site.definitions.fetched(site.source, archived=True)
    failed: list[str] = []
    for order, one in enumerate(fields):
        made = definition(one, order)
        try:
            steps.append(_property(site, made, there.get(one.field), archived.get(one.field)))
        except CallError as error:
            failed.append(_failed(site, one.field, error))
    site.definitions.forget(site.source)
    if failed:
        raise ConfigError(
            f"HubSpot refused these properties: {'; '.join(failed)}.",
            where=site.source,
            fix="Restore archived ones under Settings > Properties > Archived, or choose another prefix.",
        )
    return steps


def _failed(site: Site, name: str, error: CallError) -> str:
    """A refused definition is one of the list; anything else ends the work."""
    if error.trouble.kind not in {"request", "gone"}:
        raise meaning(error, f"{site.source} properties") from error
    return f"{name} ({error.trouble.code or error.trouble.status} {error.trouble.message})"


def _group(site: Site) -> ProvisionStep:
    what = f"property group {GROUP}"
    if _group_there(site):
        return ProvisionStep("none", what)
    path = site.client.paths.properties(site.source, "groups")
    body = {"name": GROUP, "label": _GROUP_LABEL, "displayOrder": -1}
    if not site.dry_run:
        try:
            site.client.send(_write("POST", path, f"{site.source} property groups", body))
        except CallError as error:
            if not _exists(error):
                raise meaning(error, f"{site.source} property groups") from error
    return ProvisionStep("create", what)


def _group_there(site: Site) -> bool:
    path = site.client.paths.properties(site.source, "groups")
    call = Call("GET", path, f"{site.source} property groups")
    found = results(site.client.ask(call).body, call.where, "name")
    return any(one.get("name") == GROUP and not one.get("archived") for one in found)


def _property(site: Site, made: Json, present: Property | None, archived: Property | None) -> ProvisionStep:
    what = f"property {made['name']}"
    if present is not None:
        return _changed(site, made, present)
    detail = "restored from the archive" if archived else f"{made['type']} in group {GROUP}"
    if not site.dry_run:
        try:
            _create(site, made)
        except CallError as error:
            if not _exists(error):
                raise
            return _taken(site, made)
    return ProvisionStep("create", what, detail)


def _taken(site: Site, made: Json) -> ProvisionStep:
    """The name is taken: by a property made meanwhile, which is brought up to date, or by an archived one."""
    present = site.definitions.fetched(site.source).get(made["name"])
    if present is not None:
        return _changed(site, made, present)
    path = site.client.paths.properties(site.source, made["name"])
    body = {key: value for key, value in made.items() if key != "name"} | {"archived": False}
    site.client.send(_write("PATCH", path, f"{site.source} properties", body))
    return ProvisionStep("create", f"property {made['name']}", "restored from the archive")


def _create(site: Site, made: Json) -> None:
    site.client.send(_write("POST", site.client.paths.properties(site.source), f"{site.source} properties", made))


def _changed(site: Site, made: Json, present: Property) -> ProvisionStep:
    what = f"property {made['name']}"
    different = dict(_differences(made, present.raw))
    if not different:
        return ProvisionStep("none", what)
    if not site.dry_run:
        path = site.client.paths.properties(site.source, made["name"])
        site.client.send(_write("PATCH", path, f"{site.source} properties", different))
    return ProvisionStep("change", what, ", ".join(sorted(different)))


def _differences(made: Json, present: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("label", "description", "groupName", "type", "fieldType"):
        if made[key] != (present.get(key) or ""):
            yield key, made[key]
    wanted = made.get("options", [])
    held = present.get("options") or []
    if any(_mark(one) not in map(_mark, held) for one in wanted):
        # HubSpot replaces the whole list, so what people added goes along, behind ours.
        ours = {one["value"] for one in wanted}
        added = [one for one in held if one.get("value") not in ours]
        yield "options", [*wanted, *({**one, "displayOrder": len(wanted) + n} for n, one in enumerate(added))]


def _mark(option: Mapping[str, Any]) -> tuple[str, str, bool]:
    return str(option.get("value")), str(option.get("label")), bool(option.get("hidden"))


def deprovision(site: Site, fields: Sequence[LabelField]) -> list[ProvisionStep]:
    """Archive our properties and their group; HubSpot keeps archived values for a while."""
    there = site.definitions.fetched(site.source)
    steps = [_archived(site, one.field, present=one.field in there) for one in fields]
    ours = {one.field for one in fields}
    others = [one.name for one in there.values() if one.raw.get("groupName") == GROUP and one.name not in ours]
    steps.append(_group_archived(site, others))
    site.definitions.forget(site.source)
    return steps


def _archived(site: Site, name: str, *, present: bool) -> ProvisionStep:
    what = f"property {name}"
    if not present:
        return ProvisionStep("none", what)
    if not site.dry_run:
        path = site.client.paths.properties(site.source, name)
        site.client.ask(_write("DELETE", path, f"{site.source} properties"))
    return ProvisionStep("delete", what, "its values go with it")


def _group_archived(site: Site, others: Sequence[str]) -> ProvisionStep:
    what = f"property group {GROUP}"
    if others:
        return ProvisionStep("none", what, f"kept: {', '.join(others)} stand in it")
    if not _group_there(site):
        return ProvisionStep("none", what)
    if not site.dry_run:
        path = site.client.paths.properties(site.source, "groups", GROUP)
        site.client.ask(_write("DELETE", path, f"{site.source} property groups"))
    return ProvisionStep("delete", what)


def _write(method: str, path: str, where: str, body: Json | None = None) -> Call:
    """Definitions may be sent again: a second time they meet themselves, and that is no error."""
    return Call(method, path, where, body=body, writes=True)


def _exists(error: CallError) -> bool:
    trouble = error.trouble
    told = f"{trouble.code} {trouble.message}".lower()
    return trouble.status == _CONFLICT or (trouble.status == _BAD_REQUEST and "already exists" in told)
