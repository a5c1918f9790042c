"""`deprovision`: what would be lost, and taking it away; lists first, then the properties with their values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from crm_kare.errors import KareError
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_hubspot import lists
from crm_kare_hubspot.answers import Json
from crm_kare_hubspot.client import Call
from crm_kare_hubspot.definitions import Property
from crm_kare_hubspot.desired import GROUP, ours
from crm_kare_hubspot.provision import group_there
from crm_kare_hubspot.site import DELETE, HAND, Site, tried, write

_IN_USE: Final = (
    "HubSpot keeps a property that workflows, lists, forms or calculations use: Settings > Properties > the property >"
    " Used in tells which. Take it out of them, then run again."
)
_BIN: Final = (
    "HubSpot keeps archived properties with their values for 90 days: delete them for good under Settings > Properties >"
    " Archived, or leave them to run out."
)


def deprovision(site: Site, fields: Sequence[LabelField]) -> list[ProvisionStep]:
    """Take lists, properties and group away, or tell what would be lost. Properties of the portal's own stay."""
    site.definitions.forget(site.source)
    there = site.definitions.fetched(site.source)
    listed = list(lists.remove(site, fields))
    properties = {one.field: _property(site, one, there) for one in fields}
    taken = {name for name, step in properties.items() if step.action == DELETE}
    others = [one.name for one in there.values() if one.raw.get("groupName") == GROUP and one.name not in taken]
    return [*listed, *properties.values(), _group(site, others), *_leftovers(site.source, taken)]


def _property(site: Site, one: LabelField, there: Mapping[str, Property]) -> ProvisionStep:
    what = f"property {one.field}"
    present = there.get(one.field)
    if present is None:
        return ProvisionStep("none", what)
    if not ours(one, present):
        return ProvisionStep("none", what, "the portal's own: stays as it is")
    step = ProvisionStep(DELETE, what, f"archived, with {_values(site, one.field)}")
    call = write("DELETE", site.client.paths.properties(site.source, one.field), f"{site.source} properties")
    return tried(site, step, lambda: site.client.send(call), _IN_USE)


def _values(site: Site, name: str) -> str:
    """How many records hold a value: what search counts, which may be some seconds behind."""
    body: Json = {
        "filterGroups": [{"filters": [{"propertyName": name, "operator": "HAS_PROPERTY"}]}],
        "properties": ["hs_object_id"],
        "limit": 1,
    }
    path = site.client.paths.objects(site.source, "search")
    try:
        total = site.client.ask(Call("POST", path, f"{site.source} search", body=body, search=True)).body.get("total")
    except KareError:
        return "its values (they cannot be counted)"
    return f"its {total} value{'' if total == 1 else 's'}"


def _group(site: Site, others: Sequence[str]) -> ProvisionStep:
    what = f"property group {GROUP}"
    if others:
        return ProvisionStep("none", what, f"kept: {', '.join(others)} stand in it")
    if not group_there(site):
        return ProvisionStep("none", what)
    path = site.client.paths.properties(site.source, "groups", GROUP)
    call = write("DELETE", path, f"{site.source} property groups")
    return tried(site, ProvisionStep(DELETE, what), lambda: site.client.send(call), _IN_USE)


def _leftovers(source: str, taken: set[str]) -> Iterator[ProvisionStep]:
    if taken:
        yield ProvisionStep(HAND, f"archived properties of {source}", _BIN)
