"""Records that name others which a pull takes away: they are fetched by id, in the same pull."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from sync_store.kit import NOW, ORGANISATION, batch

from crm_kare.model import Kind
from crm_kare.ports import Connector, Page, SourceField, StreamSpec
from crm_kare.sync import single
from crm_kare.sync.judge import engine
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.pull import Pulled, pull
from crm_kare.sync.single import take_in

ACCOUNTS = StreamSpec(
    "accounts",
    "companies",
    (
        SourceField("account_id", "id", Kind.TEXT),
        SourceField("parent_id", "parent", Kind.TEXT),
        SourceField("name", "name", Kind.TEXT),
    ),
)
DEALS = StreamSpec(
    "opportunities",
    "deals",
    (
        SourceField("opportunity_id", "id", Kind.TEXT),
        SourceField("account_id", "company", Kind.TEXT),
        SourceField("stage", "stage", Kind.TEXT),
    ),
)
LINES = StreamSpec(
    "line_items",
    "lines",
    (
        SourceField("line_item_id", "id", Kind.TEXT),
        SourceField("opportunity_id", "deal", Kind.TEXT),
        SourceField("product_line", "line", Kind.TEXT),
    ),
)
SPECS = [ACCOUNTS, DEALS, LINES]
Rows = Mapping[str, Sequence[tuple[str, str | None]]]
"""By stream: an id, and what it names."""


class Told:
    """A connector whose pull tells what it is given, and whose `fetch` tells what there is now."""

    def __init__(self, changed: Rows, now: Rows, gone: Mapping[str, Sequence[str]]) -> None:
        self.changed, self.now, self.gone = changed, now, gone
        self.capabilities = type("_", (), {"incremental": True})()
        self.fetched: list[tuple[str, tuple[str, ...]]] = []

    def pull(self, spec: StreamSpec, _cursor: str | None) -> list[Page]:
        return [Page(_batch(self.changed.get(spec.stream, ()), spec), "c", tuple(self.gone.get(spec.stream, ())))]

    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        self.fetched.append((spec.stream, tuple(ids)))
        there = [one for one in self.now.get(spec.stream, ()) if one[0] in ids]
        found = {key for key, _ in there}
        return Page(_batch(there, spec), "", tuple(one for one in ids if one not in found))


def _batch(rows: Sequence[tuple[str, str | None]], spec: StreamSpec) -> Any:
    return batch([(key, link, "x") for key, link in rows], spec)


FIRST: Rows = {
    "accounts": [("a", None), ("b", None), ("child", "a")],
    "opportunities": [("one", "a"), ("two", "a"), ("other", "b")],
    "line_items": [("line", "one"), ("gone with it", "two")],
}


def brought(mirror: Mirror, told: Told) -> Pulled:
    """Pull, fetch what was left behind, accept."""
    connector = cast("Connector", told)
    pulled = pull(connector, SPECS, mirror, ORGANISATION, now=NOW)
    pulled = pulled.with_later(take_in(connector, SPECS, mirror, ORGANISATION, {}))
    mirror.accept()
    return pulled


def links(mirror: Mirror, spec: StreamSpec) -> dict[str, str | None]:
    """What each row of a stream names."""
    with engine() as con:
        rows = con.to_pyarrow(mirror.tables(con)[spec.stream]).to_pylist()
    return {row[spec.fields[0].column]: row[spec.fields[1].column] for row in rows}


def test_what_names_a_record_that_is_gone_is_fetched_and_what_was_pulled_is_not(mirror: Mirror) -> None:
    brought(mirror, Told(FIRST, {}, {}))
    now: Rows = {"accounts": [("child", None)], "opportunities": [("one", "b")], "line_items": []}
    told = Told({"accounts": [], "opportunities": [("two", None)]}, now, {"accounts": ["a"], "opportunities": []})
    pulled = brought(mirror, told)
    assert told.fetched == [("accounts", ("child",)), ("opportunities", ("one",))]
    assert links(mirror, ACCOUNTS) == {"b": None, "child": None}
    assert links(mirror, DEALS) == {"one": "b", "two": None, "other": "b"}
    assert [one.rows for one in pulled.streams] == [2, 3, 2]


def test_what_is_found_gone_takes_its_own_along(mirror: Mirror) -> None:
    brought(mirror, Told(FIRST, {}, {}))
    told = Told({}, {"accounts": [("child", None)], "opportunities": [("one", "b")]}, {"accounts": ["a"]})
    brought(mirror, told)
    assert told.fetched[1:] == [("opportunities", ("one", "two")), ("line_items", ("gone with it",))]
    assert links(mirror, LINES) == {"line": "one"}


def test_a_quiet_pull_fetches_nothing(mirror: Mirror) -> None:
    brought(mirror, Told(FIRST, {}, {}))
    told = Told({"accounts": [("b", None)]}, {}, {})
    brought(mirror, told)
    assert told.fetched == []


def test_a_pull_that_was_stopped_before_it_fetched_them_does_so_when_it_goes_on(mirror: Mirror) -> None:
    brought(mirror, Told(FIRST, {}, {}))
    pull(cast("Connector", Told({}, {}, {"accounts": ["a"]})), SPECS, mirror, ORGANISATION, now=NOW)
    told = Told({}, {"accounts": [("child", None)], "opportunities": [("one", "b"), ("two", "b")]}, {})
    brought(mirror, told)
    assert links(mirror, DEALS) == {"one": "b", "two": "b", "other": "b"}


def test_too_many_are_left_to_a_full_pull_and_that_is_told(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "MOST", 1)
    brought(mirror, Told(FIRST, {}, {}))
    told = Told({}, {"accounts": [("child", None)]}, {"accounts": ["a"]})
    problems = brought(mirror, told).problems
    assert [(one.code, one.where, one.level) for one in problems] == [("left-to-full-pull", "opportunities", "info")]
    assert told.fetched == [("accounts", ("child",))]
