"""How many of an object's records have a value, from a sample: `map suggest` ranks properties by it."""

from collections.abc import Mapping, Sequence

from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.paths import modified_property
from crm_kare_hubspot.pull import SEARCH_PAGE


def fill_rates(client: Client, source: str, names: Sequence[str]) -> Mapping[str, float]:
    """Share of the 200 last changed records that have a value, by property; empty where there are no records."""
    body: Json = {
        "filterGroups": [],
        "sorts": [{"propertyName": modified_property(source), "direction": "DESCENDING"}],
        "properties": list(names),
        "limit": SEARCH_PAGE,
    }
    call = Call("POST", client.paths.objects(source, "search"), f"{source} search", body=body, search=True)
    found = [one.get("properties") or {} for one in results(client.ask(call).body, call.where)]
    if not found:
        return {}
    return {name: sum(1 for one in found if one.get(name) not in (None, "")) / len(found) for name in names}
