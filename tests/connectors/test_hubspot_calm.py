"""Pulls that follow each other soon after many records changed: what came already costs one call to recognise."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_kare.ports import Connector
from crm_kare.sandbox.hubspot.definitions import OBJECT_TYPES
from crm_kare.sandbox.hubspot.merging import merge
from crm_kare.testing import steps
from crm_kare.testing.records import rows

MANY = 420
ECHO = 3  # pages of them
PERSON, OURS = "user:61000000", "app:1"
KINDS = {kind.name: kind for kind in OBJECT_TYPES}
pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)


def rename(rig: Any, ids: list[str], name: str, who: str = PERSON) -> None:
    for one in ids:
        rig.portal.org.update("companies", one, {"name": f"{name} {one}"}, who)


def names(rig: Any) -> dict[str, str]:
    return {one["_id"]: one["name"] for one in rig.portal.org.select("companies")}


class Copy:
    """A mirror as the engine keeps it; `pull` is a pull some time later, and tells what came."""

    def __init__(self, rig: Any, connector: Connector) -> None:
        self._rig, self._connector, self._spec = rig, connector, rig.setting.specs["accounts"]
        self.names: dict[str, str | None] = {}
        self.cursor = ""
        self.pull(0)

    def pull(self, seconds: float = 10) -> steps.Pulled:
        self._rig.clock.advance(seconds)
        self._rig.running.faults.forget_calls()
        pulled = steps.Pulled()
        for page in self._connector.pull(self._spec, self.cursor or None):
            pulled.add(page)
            self.names |= {one["account_id"]: one["name"] for one in page.records.to_pylist()}
            self.names = {key: name for key, name in self.names.items() if key not in page.deleted}
        self.cursor = pulled.cursor
        return pulled

    def searches(self) -> int:
        return len(self._rig.running.faults.calls("*/search"))


@pytest.fixture
def copy(rig: Any) -> Copy:
    """Of a portal where many companies changed ten seconds ago, which came."""
    ids = [str(one) for one in rig.seed("accounts", rows(rig.setting, "accounts", MANY))]
    rig.clock.advance(steps.DAY)
    made = Copy(rig, rig.connector())
    rig.clock.advance(steps.DAY)
    rename(rig, ids, "Once")
    assert len(made.pull().rows) == MANY
    return made


def test_as_long_as_nothing_changes_one_search_tells_so(copy: Copy) -> None:
    for seconds in (1, 1, 10, 40, 10, 100, 900):
        assert not copy.pull(seconds).rows
        assert copy.searches() == 1


def test_a_change_is_seen_among_many_that_came_already(rig: Any, copy: Copy) -> None:
    ids = list(copy.names)
    copy.pull()
    for number in (7, 300, 7):
        rename(rig, [ids[number]], f"Edited {number}")
        assert copy.pull(1).rows[ids[number]]["name"] == f"Edited {number} {ids[number]}"
        assert copy.searches() <= 1 + ECHO
        copy.pull()
        assert copy.names == names(rig)


@pytest.mark.slow
def test_who_went_into_the_archive_is_seen(rig: Any, copy: Copy) -> None:
    copy.pull()
    rig.portal.settings = replace(rig.portal.settings, index_lag=25.0, lag_keeps_deleted=True)
    rig.delete("accounts", min(copy.names))
    copy.pull(1)
    assert copy.names == names(rig)


@pytest.mark.slow
def test_a_second_change_shown_late_behind_many_newer_ones_is_there(rig: Any, copy: Copy) -> None:
    """The index shows the first change of one record, and the second only a while after it showed those of others."""
    first, *others = sorted(copy.names)
    rig.clock.advance(steps.DAY)
    rig.portal.settings = replace(rig.portal.settings, index_lag=29.0)
    rename(rig, [first], "Once more")
    rig.clock.advance(20)
    rename(rig, [first], "Late")
    rig.clock.advance(2)
    rename(rig, others, "Ours", OURS)
    rig.portal.settings = replace(rig.portal.settings, index_lag=25.0, uneven_lag=True)
    for _ in range(5):
        copy.pull(8)
    assert copy.names == names(rig)


@pytest.mark.slow
def test_a_record_shown_late_just_when_another_is_archived_is_there(rig: Any, copy: Copy) -> None:
    fresh, gone, *others = sorted(copy.names)
    rig.clock.advance(steps.DAY)
    rename(rig, [gone, *others], "Ours", OURS)
    rig.clock.advance(5)
    copy.pull(0)
    assert copy.pull(1).rows == {}
    stamp = rig.portal.org.get("companies", gone)["_modified"]
    rename(rig, [fresh], "Late")  # as though it had been there a while, and the index now shows it
    rig.portal.org.backdate("companies", fresh, stamp)
    rig.delete("accounts", gone)
    copy.pull(1)
    assert copy.names == names(rig)


@pytest.mark.slow
@pytest.mark.parametrize("wait", [40, *(pytest.param(one, marks=pytest.mark.slow) for one in (10, 3600))])
def test_a_record_shown_late_just_when_others_are_merged_is_there_once_the_survivor_is_shown(
    rig: Any, copy: Copy, wait: float
) -> None:
    fresh, *others = sorted(copy.names)
    rig.clock.advance(steps.DAY)
    rename(rig, others, "Ours", OURS)
    rig.clock.advance(5)
    copy.pull(0)
    held = rig.portal.org.get_many("companies", others[:2])
    rename(rig, [fresh], "Late")
    rig.portal.org.backdate("companies", fresh, held[others[0]]["_modified"])
    rig.clock.advance(wait)
    rig.portal.settings = replace(rig.portal.settings, index_lag=20.0)
    merge(rig.portal, KINDS["companies"], held[others[0]], held[others[1]], PERSON)
    assert copy.pull(0).rows == {}, "as many as before, and the same newest"
    copy.pull(21)
    assert copy.names == names(rig)


def test_with_a_clock_that_stands_still_nothing_is_taken_for_known(rig: Any, copy: Copy) -> None:
    ids = sorted(copy.names)
    rig.clock.advance(steps.DAY)
    stamp = rig.portal.org.now_ms()
    for number in range(3):
        rename(rig, ids, f"Again {number}")
        for one in ids:  # the rate limiter's waiting moved the clock
            rig.portal.org.backdate("companies", one, stamp)
        assert len(copy.pull(0).rows) == MANY
    assert copy.names == names(rig)


@pytest.mark.slow
def test_an_archive_too_long_to_read_means_that_nothing_is_taken_for_known(rig: Any) -> None:
    ids = [str(one) for one in rig.seed("accounts", rows(rig.setting, "accounts", MANY + 101))]
    for one in ids[MANY:]:
        rig.delete("accounts", one)
    rig.clock.advance(steps.DAY)
    made = Copy(rig, rig.connector(archived_pages=1))
    rig.clock.advance(steps.DAY)
    rename(rig, ids[:MANY], "Once")
    for seconds in (10, 5, 5):
        assert len(made.pull(seconds).rows) == MANY


@pytest.mark.slow
def test_a_pull_that_was_stopped_on_its_way_takes_nothing_for_known(rig: Any, copy: Copy) -> None:
    spec, ids = rig.setting.specs["accounts"], list(copy.names)
    rig.clock.advance(steps.DAY)
    cursor = copy.pull().cursor
    rename(rig, ids, "Twice")
    rig.clock.advance(10)
    stopped = next(iter(rig.connector().pull(spec, cursor)))
    rest = steps.pull(rig.connector(), spec, stopped.cursor)
    assert stopped.records.num_rows + len(rest.rows) == MANY
    rig.clock.advance(10)
    assert len(steps.pull(rig.connector(), spec, rest.cursor).rows) == MANY


PAGE = 3
LAG = 30.0
"""As much as the rig's connector looks back."""
SOON = st.sampled_from([0, 0, 0.001, 1, 3, 7, 14, 29])
WHICH = st.integers(0, 1000)


@st.composite
def _days(draw: st.DrawFn) -> list[tuple[str, int, float]]:
    """What happens in a portal: a deed, whom it concerns, and how long nothing happens then."""
    deeds = st.sampled_from(
        ["write", "write", "edit", "edit", "pull", "pull", "pull", "archive", "merge", "restore", "lag"]
    )
    return draw(st.lists(st.tuples(deeds, WHICH, SOON), min_size=4, max_size=24))


class Portal:
    """A small portal in which things happen; `quiet_since` is when something last did."""

    def __init__(self, rig: Any) -> None:
        self._rig, self._org, self.quiet_since = rig, rig.portal.org, rig.clock.now()
        self._number = 0

    def do(self, deed: str, which: int) -> None:
        there = sorted(names(self._rig))
        self._number += 1
        getattr(self, f"_{deed}")(there, which)
        if deed != "lag":
            self.quiet_since = self._rig.clock.now()

    def _write(self, there: list[str], which: int) -> None:
        """Labels on most of them, as a run writes them."""
        rename(self._rig, there[which % 4 :], f"Ours {self._number}", OURS)

    def _edit(self, there: list[str], which: int) -> None:
        rename(self._rig, [there[which % len(there)]], f"Edited {self._number}")

    def _archive(self, there: list[str], which: int) -> None:
        if len(there) > 2 * PAGE:
            self._org.delete("companies", there[which % len(there)], PERSON)

    def _restore(self, _there: list[str], which: int) -> None:
        if gone := self._org.select("companies", "_merged_into IS NULL", deleted=True):
            self._org.undelete("companies", gone[which % len(gone)]["_id"], PERSON)

    def _merge(self, there: list[str], which: int) -> None:
        one, other = there[which % len(there)], there[(which + 1) % len(there)]
        if len(there) > 2 * PAGE:
            held = self._org.get_many("companies", [one, other])
            merge(self._rig.portal, KINDS["companies"], held[one], held[other], PERSON)

    def _lag(self, _there: list[str], which: int) -> None:
        """The index is another time behind."""
        told = {
            "index_lag": (0.0, 6.0, 17.0, LAG)[which % 4],
            "uneven_lag": which % 3 > 0,
            "lag_keeps_deleted": which % 5 > 2,
        }
        self._rig.portal.settings = replace(self._rig.portal.settings, **told)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(deeds=_days())
def test_whatever_happens_the_copy_is_exact_once_the_index_shows_it(
    rig: Any, monkeypatch: pytest.MonkeyPatch, deeds: list[tuple[str, int, float]]
) -> None:
    """After every pull that is long enough after the last deed."""
    monkeypatch.setattr("crm_kare_hubspot.pull.changes.SEARCH_PAGE", PAGE)  # so that a small portal has several
    rig.portal.settings = replace(rig.portal.settings, index_lag=0.0)
    rig.seed("accounts", rows(rig.setting, "accounts", max(0, 4 * PAGE - len(names(rig)))))
    rig.clock.advance(steps.DAY)
    portal, copied = Portal(rig), Copy(rig, rig.connector())
    for deed, which, seconds in [*deeds, *[("pull", 0, LAG)] * 4]:
        if deed == "pull":
            quiet = (rig.clock.now() - portal.quiet_since).total_seconds()
            copied.pull(0)
            if quiet >= LAG:
                assert copied.names == names(rig)
        else:
            portal.do(deed, which)
        rig.clock.advance(seconds)
