"""Reading records and their associations in batches; a 207 is data here: it names the records that are not there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from crm_kare.errors import StopError
from crm_kare_hubspot.answers import AGAIN, NOT_FOUND, Json, details, results
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.rows import Ends

BATCH: Final = 100
"""Records in one batch read or update, at most."""
_LINK_BATCH: Final = 1000
"""Ids in one batch read of associations, at most."""

MERGED: Final = "hs_merged_object_ids"
"""Property that lists, with semicolons between, the ids that were merged into a record."""

NOT_THERE: Final = frozenset({NOT_FOUND})
"""What a batch read says of ids that are gone, and of records without associations."""
_PRIMARY_TYPES: Final = {"deals": 5, "0-3": 5, "contacts": 1, "0-1": 1}
"""Association type ids of the primary company (HubSpot's list of association types)."""
_TO_COMPANY: Final = "_to_company"


def read_batch(client: Client, source: str, ids: Sequence[str], properties: Iterable[str]) -> list[Json]:
    """Of at most 100 records those that are there, in HubSpot's order, which is not that of `ids`.

    Raises:
        StopError: a part of the batch failed for another reason than that a record is gone.
    """
    inputs = [{"id": one} for one in ids]
    body: Json = {"properties": sorted(set(properties)), "propertiesWithHistory": [], "inputs": inputs}
    call = Call("POST", client.paths.objects(source, "batch", "read"), where=source, body=body)
    answer = client.ask(call).body
    bad = [one for one in details(answer) if one.code not in NOT_THERE]
    if bad:
        raise StopError("A part of a batch could not be read.", where=source, code=bad[0].code, fix=AGAIN)
    return results(answer, source)


def merged_ids(record: Json) -> tuple[str, ...]:
    """Ids that were merged into this record."""
    told = (record.get("properties") or {}).get(MERGED) or ""
    own = str(record.get("id"))
    return tuple(one for part in str(told).split(";") if (one := part.strip()) and one != own)


class Link(NamedTuple):
    """One associated record."""

    id: str
    primary: bool = False


def listed_links(told: Ends | None) -> list[Link] | None:
    """The associations that came with a listed record; None where more follow than the page holds.

    The same record stands there once per association type: `deal_to_company` is the primary one.
    """
    if told is None:
        return []
    if told.paging and told.paging.next:
        return None
    ends = told.results
    if len(ends) == 1 or (len(ends) == 2 and ends[0].id == ends[1].id):  # noqa: PLR2004  nearly every record
        return [Link(ends[0].id, ends[0].type.endswith(_TO_COMPANY) or ends[-1].type.endswith(_TO_COMPANY))]
    return _once([(one.id, one.type.endswith(_TO_COMPANY)) for one in ends])


def fetched_links(client: Client, source: str, target: str, ids: Sequence[str]) -> dict[str, list[Link]]:
    """Associations of many records; those without any are there with an empty list."""
    found: dict[str, list[Link]] = {one: [] for one in ids}
    waiting: list[Json] = [{"id": one} for one in ids]
    while waiting:
        asked, waiting = waiting[:_LINK_BATCH], waiting[_LINK_BATCH:]
        for answer in _link_results(client, source, target, asked):
            one = str((answer.get("from") or {}).get("id"))
            found.setdefault(one, []).extend(_links(answer, source))
            after = ((answer.get("paging") or {}).get("next") or {}).get("after")
            if after:
                waiting.append({"id": one, "after": str(after)})
    return {one: _once(links) for one, links in found.items()}


def _link_results(client: Client, source: str, target: str, inputs: list[Json]) -> list[Json]:
    """A 207 tells of the records that have no association; of any other failure nothing may be made, least of all none."""
    path = client.paths.associations(source, target)
    call = Call("POST", path, where=f"{source} to {target}", body={"inputs": inputs})
    answer = client.ask(call).body
    if bad := [one for one in details(answer) if one.code not in NOT_THERE]:
        raise StopError("A part of the associations could not be read.", where=call.where, code=bad[0].code, fix=AGAIN)
    return results(answer, call.where, "from")


def _links(answer: Json, source: str) -> Iterator[Link]:
    primary = _PRIMARY_TYPES.get(source)
    for one in answer.get("to") or []:
        types = one.get("associationTypes") or []
        ours = [kind for kind in types if kind.get("category") == "HUBSPOT_DEFINED"]
        yield Link(str(one.get("toObjectId")), any(_is_primary(kind, primary) for kind in ours))


def _is_primary(kind: Json, primary: int | None) -> bool:
    return kind.get("typeId") == primary or (primary is None and kind.get("label") == "Primary")


def _once(links: Iterable[tuple[str, bool]]) -> list[Link]:
    """Each record once, primary where any of its associations is."""
    found: dict[str, bool] = {}
    for key, primary in links:
        found[key] = primary or found.get(key, False)
    return [Link(key, primary) for key, primary in found.items()]


def chosen(links: Sequence[Link]) -> str | None:
    """The primary one, else the one with the lowest id; None where there is none."""
    if len(links) == 1:
        return links[0].id
    best = [one.id for one in links if one.primary] or [one.id for one in links]
    return min(best, key=lambda one: (len(one), one), default=None)


def doubtful(links: Sequence[Link]) -> bool:
    """Whether there are several and none is primary."""
    return len(links) > 1 and not any(one.primary for one in links)


class Products:
    """Properties of products, each product read once."""

    def __init__(self, client: Client, properties: tuple[str, ...]) -> None:
        self._client = client
        self._properties = properties
        self._known: dict[str, Mapping[str, object]] = {}

    def of(self, ids: Iterable[str]) -> Mapping[str, Mapping[str, object]]:
        """Properties by product id, for these and all asked before."""
        new = iter(dict.fromkeys(one for one in ids if one not in self._known))
        while part := list(islice(new, BATCH)):
            self._known.update((one, {}) for one in part)
            for found in read_batch(self._client, "products", part, self._properties):
                self._known[str(found.get("id"))] = found.get("properties") or {}
        return self._known
