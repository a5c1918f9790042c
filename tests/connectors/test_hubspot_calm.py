"""Pulls that follow each other soon after many records changed: what came already costs one call to recognise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crm_kare.testing import steps
from crm_kare.testing.records import rows

MANY = 420
ECHO = 3  # pages of them
PERSON = "user:61000000"
pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)


def rename(rig: Any, ids: list[str], name: str) -> None:
    for one in ids:
        rig.portal.org.update("companies", one, {"name": f"{name} {one}"}, PERSON)


def changed_and_pulled(rig: Any) -> tuple[list[str], Callable[..., steps.Pulled]]:
    """A portal where many companies changed ten seconds ago, and were pulled; gives their ids, and the next pull."""
    spec = rig.setting.specs["accounts"]
    ids = [str(one) for one in rig.seed("accounts", rows(rig.setting, "accounts", MANY))]
    rig.clock.advance(steps.DAY)
    cursor = [steps.pull(rig.connector(), spec).cursor]
    rig.clock.advance(steps.DAY)
    rename(rig, ids, "Once")

    def again(seconds: float = 10) -> steps.Pulled:
        rig.clock.advance(seconds)
        rig.running.faults.forget_calls()
        pulled = steps.pull(rig.connector(), spec, cursor[0])
        cursor[0] = pulled.cursor
        return pulled

    assert len(again().rows) == MANY
    return ids, again


def searches(rig: Any) -> int:
    return len(rig.running.faults.calls("*/search"))


def test_as_long_as_nothing_changes_one_search_tells_so(rig: Any) -> None:
    _, again = changed_and_pulled(rig)
    for seconds in (10, 10, 40, 100, 900):
        assert not again(seconds).rows
        assert searches(rig) == 1


def test_a_change_is_seen_among_many_that_came_already(rig: Any) -> None:
    ids, again = changed_and_pulled(rig)
    again()
    for number in (7, 300, 7):
        rename(rig, [ids[number]], f"Edited {number}")
        assert again().rows[ids[number]]["name"] == f"Edited {number} {ids[number]}"
        assert searches(rig) <= 1 + ECHO
        assert not again().rows


def test_a_change_that_the_index_shows_late_is_not_missed(rig: Any) -> None:
    ids, again = changed_and_pulled(rig)
    assert not again(20).rows
    rig.portal.settings = replace(rig.portal.settings, index_lag=25.0)
    rename(rig, [ids[300]], "Late")
    assert not again().rows
    assert not again().rows
    assert again().rows[ids[300]]["name"] == f"Late {ids[300]}"


def test_a_pull_that_was_stopped_on_its_way_takes_nothing_for_known(rig: Any) -> None:
    spec = rig.setting.specs["accounts"]
    ids, again = changed_and_pulled(rig)
    rig.clock.advance(steps.DAY)
    cursor = again().cursor
    rename(rig, ids, "Twice")
    rig.clock.advance(10)
    stopped = next(iter(rig.connector().pull(spec, cursor)))
    rest = steps.pull(rig.connector(), spec, stopped.cursor)
    assert stopped.records.num_rows + len(rest.rows) == MANY
    rig.clock.advance(10)
    assert len(steps.pull(rig.connector(), spec, rest.cursor).rows) == MANY
