"""Pulling a stream: all records by list pages, then what changed by search, and what was archived or merged.

Search shows a change only seconds later, so each pull asks from the start of the one before, less an overlap.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from crm_kare.errors import StopError
from crm_kare.model import Problem
from crm_kare.ports import Page, StreamSpec
from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.columns import Reader, Record, Wanted, batch, stage_properties
from crm_kare_hubspot.cursor import IDLE, LIST, SEARCH, Position
from crm_kare_hubspot.definitions import Stages
from crm_kare_hubspot.paths import modified_property
from crm_kare_hubspot.records import (
    BATCH,
    MERGED,
    Link,
    Products,
    chosen,
    doubtful,
    fetched_links,
    listed_links,
    merged_ids,
    read_batch,
)
from crm_kare_hubspot.values import milliseconds

SEARCH_PAGE: Final = 200
_LONGEST_QUERY: Final = 7_000
"""Characters of properties in an address; HubSpot answers 414 from about 8,000 on."""


@dataclass(frozen=True)
class Pull:
    """All that the pages of one stream need."""

    client: Client
    spec: StreamSpec
    want: Wanted
    readers: Sequence[Reader]
    stages: Stages
    products: Products
    overlap: timedelta
    archived_pages: int


def full(pull: Pull, at: Position) -> Iterator[Page]:
    """All records, by list pages, from where `at` stands; what is gone too, where a mirror is only being renewed."""
    seen: set[str] = set()
    while True:
        answer = pull.client.ask(_list_call(pull, at.after)).body
        raws = _complete(pull, results(answer, pull.spec.source))
        records, problems = assembled(pull, raws, _links_listed(pull, raws))
        after = _next(answer)
        if after in seen:
            raise StopError("The list goes round: HubSpot gave the same page twice.", where=pull.spec.source)
        seen.add(after)
        at = replace(at, after=after) if after else _listed(at)
        gone = _merged(raws) if at.renewed else ()
        yield Page(batch(pull.spec, pull.readers, records), at.text(), gone, problems=problems)
        if not after:
            break
    if at.phase == SEARCH:
        yield from changes(pull, at)


def _listed(at: Position) -> Position:
    """After the last list page: done, or on to what changed meanwhile and what is gone."""
    return replace(at, phase=SEARCH, since=at.started, after="") if at.renewed else _idle(at)


def _merged(raws: Iterable[Json]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for raw in raws for one in merged_ids(raw)))


def changes(pull: Pull, at: Position) -> Iterator[Page]:
    """What changed since `at.since`: records by search, then what is gone."""
    done = False
    while not done:
        answer = pull.client.ask(_search_call(pull, at)).body
        raws = results(answer, pull.spec.source)
        total = int(answer.get("total") or 0)
        done = len(raws) < SEARCH_PAGE or total <= len(raws)
        if not raws:
            break
        page = _changed_page(pull, raws, total if not at.after else None, at)
        at = replace(at, after=_last_id(pull, raws, at))
        yield replace(page, cursor=at.text())
    yield _gone(pull, at)


def _changed_page(pull: Pull, raws: list[Json], total: int | None, at: Position) -> Page:
    ids = [str(raw.get("id")) for raw in raws]
    links = {target: fetched_links(pull.client, pull.spec.source, target, ids) for target in pull.want.targets}
    records, problems = assembled(pull, raws, links)
    return Page(batch(pull.spec, pull.readers, records), at.text(), _merged(raws), total, problems)


def _gone(pull: Pull, at: Position) -> Page:
    """The archived pass, and the end of an incremental pull."""
    since = at.archived_since - pull.overlap
    ids, whole = archived(pull, since)
    end = _idle(at)
    if not whole:
        end = replace(end, archived_since=at.archived_since)
    told = () if whole else (_long_archive(pull),)
    return Page(batch(pull.spec, pull.readers, []), end.text(), deleted=tuple(ids), problems=told)


def archived(pull: Pull, since: datetime) -> tuple[list[str], bool]:
    """Ids archived since, and whether the list was read to its end: it can be neither filtered nor resumed."""
    ids: list[str] = []
    after = ""
    for _ in range(pull.archived_pages):
        query = [("limit", str(BATCH)), ("archived", "true"), ("properties", "hs_object_id")]
        query += [("after", after)] if after else []
        path = pull.client.paths.objects(pull.spec.source)
        answer = pull.client.ask(Call("GET", path, pull.spec.source, tuple(query))).body
        ids += [str(one.get("id")) for one in results(answer, pull.spec.source) if _archived_since(one, since)]
        after = _next(answer)
        if not after:
            return ids, True
    return ids, False


def _archived_since(record: Json, since: datetime) -> bool:
    told = record.get("archivedAt")
    return told is None or datetime.fromisoformat(str(told)) >= since


def _long_archive(pull: Pull) -> Problem:
    return Problem(
        "archive-long",
        f"The list of archived {pull.spec.source} is too long to read at every run; deletions may come late.",
        fix="The periodic full pull takes deleted records out; `crm-kare pull --full` does it now.",
        where=pull.spec.source,
        level="info",
    )


def _idle(at: Position) -> Position:
    return replace(at, phase=IDLE, since=at.started, archived_since=at.started, after="", renewed=False)


def first(mark: str, now: datetime) -> Position:
    """Where a full pull begins."""
    return Position(LIST, now, mark, since=now, archived_since=now)


def renewal(at: Position, mark: str, now: datetime) -> Position:
    """Where all records are listed again into a mirror that stays: from `at` on, deletions are still to be told."""
    return Position(LIST, now, mark, since=now, archived_since=at.archived_since, renewed=True)


def onward(at: Position, now: datetime, overlap: timedelta) -> Position:
    """Where an incremental pull begins after a finished one."""
    return replace(at, phase=SEARCH, since=at.started - overlap, started=now, after="")


def _list_call(pull: Pull, after: str) -> Call:
    query = [("limit", str(BATCH)), ("properties", _listed_properties(pull.want))]
    query += [("associations", ",".join(pull.want.targets))] if pull.want.targets else []
    query += [("after", after)] if after else []
    return Call("GET", pull.client.paths.objects(pull.spec.source), pull.spec.source, tuple(query))


def _listed_properties(want: Wanted) -> str:
    names = ",".join((*want.properties, MERGED))
    return names if len(quote(names)) <= _LONGEST_QUERY else "hs_object_id"


def _complete(pull: Pull, raws: list[Json]) -> list[Json]:
    """Where the properties were too many for the address, they are read by batch; who is gone by then is left out."""
    if not raws or _listed_properties(pull.want) != "hs_object_id":
        return raws
    ids = [str(raw.get("id")) for raw in raws]
    found = {
        str(one.get("id")): one
        for one in read_batch(pull.client, pull.spec.source, ids, (*pull.want.properties, MERGED))
    }
    return [
        {**raw, "properties": found[key].get("properties")} for key, raw in zip(ids, raws, strict=True) if key in found
    ]


def _search_call(pull: Pull, at: Position) -> Call:
    """The first page of what lies behind the last id: so the cap of 10,000 results per query is never met."""
    modified = modified_property(pull.spec.source)
    filters = [{"propertyName": modified, "operator": "GTE", "value": str(milliseconds(at.since))}]
    if at.after:
        filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": at.after})
    body: Json = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": sorted({*pull.want.properties, MERGED}),
        "limit": SEARCH_PAGE,
    }
    path = pull.client.paths.objects(pull.spec.source, "search")
    return Call("POST", path, f"{pull.spec.source} search", body=body, search=True)


def _last_id(pull: Pull, raws: list[Json], at: Position) -> str:
    last = max(int(raw["id"]) for raw in raws)
    if at.after and last <= int(at.after):
        raise StopError("The search goes round: HubSpot gave the same page twice.", where=pull.spec.source)
    return str(last)


def _next(answer: Json) -> str:
    return str(((answer.get("paging") or {}).get("next") or {}).get("after") or "")


Links = Mapping[str, Mapping[str, Sequence[Link]]]
"""By target object and record id."""


def _links_listed(pull: Pull, raws: list[Json]) -> Links:
    """Associations as listed; those that the page had no room for are read by batch."""
    found: dict[str, dict[str, list[Link]]] = {}
    for target in pull.want.targets:
        listed = {str(raw.get("id")): listed_links(raw, target) for raw in raws}
        cut = [key for key, links in listed.items() if links is None]
        rest = fetched_links(pull.client, pull.spec.source, target, cut) if cut else {}
        found[target] = {key: rest.get(key, []) if links is None else links for key, links in listed.items()}
    return found


def assembled(pull: Pull, raws: list[Json], links: Links) -> tuple[list[Record], tuple[Problem, ...]]:
    """Records with all that belongs to them, and what is doubtful about them."""
    products = pull.products.of(_product_ids(raws)) if pull.want.products else {}
    records = [
        Record(
            id=str(raw.get("id")),
            properties=(properties := raw.get("properties") or {}),
            raw=raw,
            links={target: chosen(of.get(str(raw.get("id")), ())) for target, of in links.items()},
            product=products.get(str(properties.get("hs_product_id")), {}),
        )
        for raw in raws
    ]
    return records, (*_link_problems(pull, links), *_stage_problems(pull, records))


def _product_ids(raws: list[Json]) -> list[str]:
    told = ((raw.get("properties") or {}).get("hs_product_id") for raw in raws)
    return [str(one) for one in told if one]


def _link_problems(pull: Pull, links: Links) -> Iterator[Problem]:
    for target, of in links.items():
        if several := [key for key, found in of.items() if doubtful(found)]:
            yield _listing(
                pull,
                several,
                "several-companies",
                f"have several {target} and none of them is primary; the lowest id counts",
                fix="Set the primary one on each record in HubSpot.",
                level="warning",
            )
        if none := [key for key, found in of.items() if not found]:
            told = f"belong to none of the {target}"
            yield _listing(pull, none, "no-company", told, fix="Associate them in HubSpot.", level="info")


def _stage_problems(pull: Pull, records: Iterable[Record]) -> Iterator[Problem]:
    if not pull.want.needs_stages:
        return
    pipeline, stage = stage_properties(pull.spec.source)
    lost = [
        one.id
        for one in records
        if (str(one.properties.get(pipeline)), str(one.properties.get(stage))) not in pull.stages
    ]
    if lost:
        told = "are in a stage that no pipeline has; whether they are won or closed is unknown"
        yield _listing(pull, lost, "stage-unknown", told, fix="Move them to a present stage.", level="warning")


def _listing(pull: Pull, ids: list[str], code: str, told: str, *, fix: str, level: str) -> Problem:
    message = f"{len(ids)} {pull.spec.source} {told}: {', '.join(ids)}."
    return Problem(code, message, fix=fix, where=f"{pull.spec.stream} ({pull.spec.source})", level=level)
