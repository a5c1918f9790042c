"""Whether the portal's properties can hold our labels."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from crm_kare.errors import KareError
from crm_kare.model import Problem
from crm_kare.ports import LabelField
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.definitions import Definitions, Property
from crm_kare_hubspot.desired import lacks, misfit, name_fault
from crm_kare_hubspot.paths import type_id

_OTHER: Final = (
    "Archive it in HubSpot's Settings > Properties and run provision, or set another prefix or `labels.fields` in the"
    " mapping."
)
_WORKFLOWS: Final = (
    "Before the first run look in HubSpot under Automation > Workflows for those that enrol companies on any change, and"
    " under Settings > Properties > a property > Used in."
)


def labels(
    client: Client, definitions: Definitions, crm: str, source: str, fields: Sequence[LabelField]
) -> list[Problem]:
    """Missing properties, and those of a type or with options that do not fit; room for those that are missing."""
    known = definitions.properties(source)
    absent = [one for one in fields if one.field not in known]
    archived = definitions.fetched(source, archived=True) if absent else {}
    found = [problem for one in fields for problem in _label(one, known.get(one.field), archived, crm, source)]
    if absent:
        found += [*_room(client, source, len(absent)), _workflows(source)]
    return found


def unfinished(definitions: Definitions, source: str, fields: Sequence[LabelField]) -> bool:
    """Whether `provision` has something to do, as far as the definitions can be read."""
    try:
        known = definitions.properties(source)
    except KareError:
        return False
    return any((present := known.get(one.field)) is None or lacks(one.label, present) for one in fields)


def _label(
    one: LabelField, present: Property | None, archived: Mapping[str, Property], crm: str, source: str
) -> Iterator[Problem]:
    mend = f"Run `crm-kare provision {crm}`."
    if present is None and (why := name_fault(one.field)):
        told = f"The property {one.field} cannot be made: its name {why}."
        yield Problem("label-missing", told, "Set another prefix or `labels.fields` in the mapping.", where=source)
    elif present is None:
        state = "is archived: provision restores it" if one.field in archived else "is not there yet"
        yield Problem("label-missing", f"The property {one.field} {state}.", mend, where=source)
    elif why := misfit(one, present):
        code = "label-read-only" if present.read_only() else "label-type"
        yield Problem(code, f"The property {one.field} {why}.", _OTHER, where=source)
    elif lacking := lacks(one.label, present):
        told = f"The property {one.field} lacks the options {', '.join(lacking)}."
        yield Problem("label-options", told, mend, where=source)


def _room(client: Client, source: str, needed: int) -> Iterator[Problem]:
    """The plan's limit of properties; portals that do not tell it pass."""
    try:
        told = client.ask(Call("GET", client.paths.room(), "limits")).body
    except KareError:
        return
    for one in told.get("byObjectType") or ():
        limit, usage = one.get("limit"), one.get("usage")
        here = one.get("objectTypeId") == type_id(source) and isinstance(limit, int) and isinstance(usage, int)
        if here and limit - usage < needed:
            yield Problem(
                "property-limit",
                f"{needed} properties are missing, and the portal has room for {max(limit - usage, 0)} of {limit}.",
                fix="Write fewer labels (`labels.write` in the mapping), or archive properties that nobody uses.",
                where=source,
            )


def _workflows(source: str) -> Problem:
    told = "HubSpot does not tell which workflows, scores and syncs will see our properties change."
    return Problem("automation-unseen", told, _WORKFLOWS, where=source, level="info")
