"""Our property group, properties and lists in a portal: created, compared, mended.

What people made of them stays: options they added, wordings of options, other field types, properties of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from crm_kare.errors import ConfigError
from crm_kare.http import CallError
from crm_kare.labels import Editor
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_hubspot import lists
from crm_kare_hubspot.answers import Json, meaning, results
from crm_kare_hubspot.client import Call
from crm_kare_hubspot.definitions import Property, property_of
from crm_kare_hubspot.desired import GROUP, GROUP_LABEL, definition, differences, misfit, name_fault, ours
from crm_kare_hubspot.site import HAND, Site, by_hand, refused, told, tried, write

_BATCH: Final = 100
_CONFLICT: Final = 409
_BAD_REQUEST: Final = 400
_MEND: Final = "Look at the property in HubSpot's Settings > Properties; then run provision again."
_ARCHIVED: Final = (
    "Restore it, or delete it for good, under Settings > Properties > Archived; then run provision again."
)
_EDITORS: Final = (
    "HubSpot's API cannot say who may edit a property. Enterprise portals: Settings > Properties > group {group} > Assign"
    " users & teams: nobody for what crm-kare writes, everyone for {people}."
)


def provision(site: Site, fields: Sequence[LabelField]) -> list[ProvisionStep]:
    """Bring group, properties and lists to what `labels` and the mapping say.

    A property that HubSpot refuses is a step left to do by hand, and the others are done.

    Raises:
        ConfigError: properties of our names cannot hold the labels; nothing was changed.
        AccessError: the scope for schemas is missing.
    """
    site.definitions.forget(site.source)
    there = site.definitions.fetched(site.source)
    _refuse_misfits(site.source, fields, there)
    absent = [one for one in fields if one.field not in there]
    steps = [_group(site)]
    made = _created(site, fields, absent)
    for order, one in enumerate(fields):
        present = there.get(one.field)
        steps.append(made[one.field] if present is None else _changed(site, one, definition(one, order), present))
    fresh = [one for one in absent if made[one.field].action == "create"]
    return [*steps, *lists.provide(site, fields), *_editors(fields, fresh)]


def _refuse_misfits(source: str, fields: Sequence[LabelField], there: Mapping[str, Property]) -> None:
    wrong = [f"{one.field} {why}" for one in fields if (why := _fault(one, there.get(one.field)))]
    if wrong:
        raise ConfigError(
            f"These properties cannot hold our labels: {'; '.join(wrong)}. Nothing was changed.",
            where=source,
            fix="Set another prefix or `labels.fields` in the mapping, or archive them: HubSpot converts no values.",
            code="property-type",
        )


def _fault(one: LabelField, present: Property | None) -> str:
    return name_fault(one.field) if present is None else misfit(one, present)


def _group(site: Site) -> ProvisionStep:
    what = f"property group {GROUP}"
    if group_there(site):
        return ProvisionStep("none", what)
    path = site.client.paths.properties(site.source, "groups")
    body = {"name": GROUP, "label": GROUP_LABEL, "displayOrder": -1}
    if not site.dry_run:
        try:
            site.client.send(write("POST", path, f"{site.source} property groups", body))
        except CallError as error:
            if not _exists(error):
                raise meaning(error, f"{site.source} property groups") from error
    return ProvisionStep("create", what)


def group_there(site: Site) -> bool:
    """Whether the object has our group."""
    path = site.client.paths.properties(site.source, "groups")
    call = Call("GET", path, f"{site.source} property groups")
    found = results(site.client.ask(call).body, call.where, "name")
    return any(one.get("name") == GROUP and not one.get("archived") for one in found)


def _created(site: Site, fields: Sequence[LabelField], absent: Sequence[LabelField]) -> dict[str, ProvisionStep]:
    """Steps for the properties that are not there, by name: by batch, and one by one where that told nothing."""
    if not absent:
        return {}
    archived = site.definitions.fetched(site.source, archived=True)
    orders = {one.field: order for order, one in enumerate(fields)}
    fresh = [definition(one, orders[one.field]) for one in absent if one.field not in archived]
    made = set() if site.dry_run else _batch(site, fresh)
    steps = {}
    for one in absent:
        body = definition(one, orders[one.field])
        detail = "restored from the archive" if one.field in archived else f"{body['type']} in group {GROUP}"
        step = ProvisionStep("create", f"property {one.field}", detail)
        steps[one.field] = step if site.dry_run or one.field in made else _one_created(site, one, body, step)
    return steps


def _batch(site: Site, bodies: Sequence[Json]) -> set[str]:
    """Names of those that HubSpot made; a batch of which it refuses some, or all, is no error here."""
    made: set[str] = set()
    path = site.client.paths.properties(site.source, "batch", "create")
    for start in range(0, len(bodies), _BATCH):
        call = write("POST", path, f"{site.source} properties", {"inputs": list(bodies[start : start + _BATCH])})
        try:
            answer = site.client.send(call).body
        except CallError as error:
            if not refused(error):
                raise meaning(error, call.where) from error
            continue
        made |= {str(one.get("name")) for one in answer.get("results") or ()}
    return made


def _one_created(site: Site, one: LabelField, body: Json, step: ProvisionStep) -> ProvisionStep:
    """Make a property. The name of an archived one gives that one back as it was, so the answer is compared."""
    path = site.client.paths.properties(site.source)
    try:
        answer = site.client.send(write("POST", path, f"{site.source} properties", body)).body
    except CallError as error:
        if _exists(error):
            return _taken(site, one, body, step)
        if not refused(error):
            raise meaning(error, f"{site.source} properties") from error
        return by_hand(step, told(error), _MEND)
    if not answer.get("name"):
        return step
    present = property_of(answer)
    if why := misfit(one, present):
        return by_hand(step, f"it came back from the archive, and {why}", _ARCHIVED)
    changed = _changed(site, one, body, present)
    return changed if changed.action == HAND else step


def _taken(site: Site, one: LabelField, body: Json, step: ProvisionStep) -> ProvisionStep:
    """The name is taken: by a property made meanwhile, which is brought up to date, or by an archived one."""
    present = site.definitions.fetched(site.source).get(one.field)
    if present is not None:
        return _changed(site, one, body, present)
    path = site.client.paths.properties(site.source, one.field)
    restored = {key: value for key, value in body.items() if key not in {"name", "hasUniqueValue"}}
    call = write("PATCH", path, f"{site.source} properties", {**restored, "archived": False})
    return tried(site, step, lambda: site.client.send(call), _ARCHIVED)


def _changed(site: Site, one: LabelField, body: Json, present: Property) -> ProvisionStep:
    what = f"property {one.field}"
    different = differences(one, body, present)
    if not different:
        return ProvisionStep("none", what, "" if ours(one, present) else "the portal's own: stays as it is")
    step = ProvisionStep("change", what, ", ".join(sorted(different)))
    path = site.client.paths.properties(site.source, one.field)
    call = write("PATCH", path, f"{site.source} properties", different)
    return tried(site, step, lambda: site.client.send(call), _MEND)


def _editors(fields: Sequence[LabelField], fresh: Sequence[LabelField]) -> Iterator[ProvisionStep]:
    """Told once, when properties of ours are made."""
    if any(one.label.editor is Editor.OURS for one in fresh):
        people = [one.label.title for one in fields if one.label.editor is Editor.PEOPLE]
        text = _EDITORS.format(group=GROUP_LABEL, people=", ".join(people) or "none of them")
        yield ProvisionStep(HAND, "who may edit the properties", text)


def _exists(error: CallError) -> bool:
    trouble = error.trouble
    words = f"{trouble.code} {trouble.message}".lower()
    return trouble.status == _CONFLICT or (trouble.status == _BAD_REQUEST and "already exists" in words)
