"""An incremental pull: what changed by search, then what moved with others' merges, then what is gone."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Final

from crm_kare.errors import ConfigError, StopError
from crm_kare.ports import Page
from crm_kare_hubspot.answers import Json
from crm_kare_hubspot.client import Call
from crm_kare_hubspot.cursor import IDLE, Position
from crm_kare_hubspot.paths import modified_property
from crm_kare_hubspot.pull.calm import Seen, certainly_before, shown, still_calm
from crm_kare_hubspot.pull.gone import Archive, archive_of, gone
from crm_kare_hubspot.pull.records import (
    OBJECT_ID,
    Pull,
    assembled,
    away_ids,
    links_fetched,
    merged_away,
    properties,
    read_rows,
)
from crm_kare_hubspot.records import fetched_links
from crm_kare_hubspot.rows import Rows
from crm_kare_hubspot.values import milliseconds

SEARCH_PAGE: Final = 200

_PARENT: Final = "hs_parent_company_id"


def changes(pull: Pull, at: Position) -> Iterator[Page]:
    """What changed since `at.since`, from where `at` stands."""
    same = _same(pull, at) if at.calm and not at.after else None
    at, archive = same or ((yield from _searched(pull, at)), None)
    yield from _moved(pull, at)
    archive = archive or archive_of(pull, at)
    resumable = at.text()
    at = replace(at, phase=IDLE, since=at.started, after="", renewed=False, listed=False)
    if archive.keeps_since(certainly_before(at.started)):
        at = replace(at, calm="", calm_at=None)
    *others, last = gone(pull, at, archive)
    yield from (replace(one, cursor=resumable) for one in others)
    yield replace(last, problems=pull.doubts.problems())


def _same(pull: Pull, at: Position) -> tuple[Position, Archive] | None:
    """Where the next search begins, and the archive, if a search shows what the last one showed."""
    answer = pull.ask(_search_call(pull, at, newest=True))
    now = pull.client.now()
    if shown(answer) != at.calm:
        return None
    archive = archive_of(pull, at)
    if archive.keeps_since(certainly_before(at.since + pull.overlap), at.archived):
        return None
    return still_calm(replace(at, started=min(at.started, now)), pull.overlap, now), archive


def _searched(pull: Pull, at: Position) -> Generator[Page, None, Position]:
    """All that search shows, by id. Where it is more than a page, what changed lately is as it is now, not as search has it;
    a search that was stopped on its way does not know all that it showed.
    """
    at, seen, done = replace(at, calm="", calm_at=None), None, False
    while not done:
        answer = pull.ask(_search_call(pull, at))
        at = replace(at, started=min(at.started, pull.client.now()))  # the answer told HubSpot's time
        rows, total = answer.rows, answer.total
        done = not rows.ids or (len(rows) < SEARCH_PAGE if total is None else total <= len(rows))
        if not at.after and not done:
            seen = Seen(at.started - pull.overlap, SEARCH_PAGE)
        if rows.ids:
            first, at = not at.after, replace(at, after=_last_id(pull, rows, at))
            rows, lost = _as_now(pull, rows, seen) if seen else (rows, ())
            yield _page(pull, rows, at, total if first else None, lost)
    return replace(at, calm=seen.mark(at.started, pull.overlap)) if seen else at


def _as_now(pull: Pull, rows: Rows, seen: Seen) -> tuple[Rows, tuple[str, ...]]:
    """A page with those that changed lately as read by id; and which of these are gone by now, with what became them."""
    fresh = dict.fromkeys(seen.add(rows))
    found = {one.id: one for part in read_rows(pull, list(fresh)) for one in part.records}
    settled = [one for one in rows.records if one.id not in fresh and one.id not in found]
    lost = [one for one in fresh if one not in found]
    seen.whole = seen.whole and not lost
    told = merged_away(rows)
    away = away_ids({key: told[key] for key in lost if key in told})
    return pull.decoder.rows([*settled, *found.values()]), (*lost, *away)


def _page(pull: Pull, rows: Rows, at: Position, total: int | None = None, lost: Sequence[str] = ()) -> Page:
    """Records as they were found, with their associations as they are now."""
    merged = merged_away(rows)
    if merged:
        pull.kin.note(pull.spec.source, merged, pull.client.now())
    records = assembled(pull, rows, links_fetched(pull, rows))
    return Page(records, at.text(), tuple(dict.fromkeys((*lost, *away_ids(merged)))), total)


def _moved(pull: Pull, at: Position) -> Iterator[Page]:
    """Records that belong to a merged or restored one; nearly always there are none, for no call."""
    found: dict[str, None] = {}
    last_began = at.since + pull.back(at)
    for target in _parents(pull):
        if parents := pull.kin.since(target, last_began):
            found |= dict.fromkeys(_children(pull, target, parents))
    for rows in read_rows(pull, list(found)):
        yield _page(pull, rows, at)


def _children(pull: Pull, target: str, parents: Sequence[str]) -> set[str]:
    """Ids of the stream's records that belong to one of these. Those of which HubSpot will not tell, as they are archived
    by now, have none: what named them is read by whoever takes them out of the mirror.
    """
    try:
        ties = fetched_links(pull.client, target, pull.spec.source, parents)
    except ConfigError:
        if len(parents) == 1:
            return set()
        return {child for one in parents for child in _children(pull, target, [one])}
    return {link.id for links in ties.values() for link in links}


def _parents(pull: Pull) -> tuple[str, ...]:
    """Objects whose records those of the stream name: companies name their parent by a property, worked out by HubSpot."""
    own = (pull.spec.source,) if _PARENT in pull.want.properties else ()
    return (*pull.want.targets, *own)


def _search_call(pull: Pull, at: Position, *, newest: bool = False) -> Call:
    """The first page of what lies behind the last id, so that the cap of 10,000 results per query is never met; with
    `newest` the page of those that changed last.
    """
    modified = modified_property(pull.spec.source)
    order = (modified, "DESCENDING") if newest else (OBJECT_ID, "ASCENDING")
    filters = [{"propertyName": modified, "operator": "GTE", "value": str(milliseconds(at.since))}]
    if at.after:
        filters.append({"propertyName": OBJECT_ID, "operator": "GT", "value": at.after})
    body: Json = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": order[0], "direction": order[1]}],
        "properties": sorted({*properties(pull.want)}),
        "limit": SEARCH_PAGE,
    }
    path = pull.client.paths.objects(pull.spec.source, "search")
    return Call("POST", path, f"{pull.spec.source} search", body=body, search=True, raw=True)


def _last_id(pull: Pull, rows: Rows, at: Position) -> str:
    last = max(map(int, rows.ids))
    if at.after and last <= int(at.after):
        raise StopError("The search goes round: HubSpot gave the same page twice.", where=pull.spec.source)
    return str(last)
