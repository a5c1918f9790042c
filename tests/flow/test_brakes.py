"""The brakes alone: when they trip, what they say, what lifts them."""

from dataclasses import replace

import pytest
from flow.tables import plan_of

from crm_kare.config.project import Brakes
from crm_kare.sync.brakes import Leave, check, shrank
from crm_kare.sync.plan import Plan, Transition
from crm_kare.sync.pull import Pulled, PulledStream

PLAN = plan_of({"a": {"profile": "Keep", "motion": "Retain"}}, {"a": {}})
NO_LEAVE, FORCE, ANEW = Leave(), Leave(force=True), Leave(force=True, full=True)


def moving(accounts: int, holders: int, *, seen: bool = True) -> Plan:
    move = Transition("Keep", "Recapture", accounts, seen)
    return replace(PLAN, transitions=(move,), holders={"Keep": holders}, judged=holders)


def codes(plan: Plan, held: float | None = None, *, first: bool = False, leave: Leave = NO_LEAVE) -> list[str]:
    return [one.code for one in check(plan, held, Brakes(), first_run=first, leave=leave)]


@pytest.mark.parametrize(
    ("accounts", "holders", "trips"),
    [
        (21, 400, True),  # 5.25 %, over 20
        (20, 400, False),  # 5 % and 20: at both limits
        (20, 30, False),  # most of them, yet not over the floor
        (21, 420, False),  # over the floor, at the share
        (21, 21, True),
    ],
)
def test_a_transition_trips_over_its_share_and_its_floor(accounts: int, holders: int, *, trips: bool) -> None:
    assert codes(moving(accounts, holders)) == (["transition-limit"] if trips else [])


def test_accounts_judged_for_the_first_time_are_no_transition() -> None:
    assert codes(moving(100, 100, seen=False)) == []


def test_force_lifts_size_and_first_run() -> None:
    plan = moving(100, 100)
    assert codes(plan, 0.0, first=True) == ["transition-limit", "first-run"]
    assert codes(plan, 0.0, first=True, leave=FORCE) == []


def test_the_refusal_names_numbers_limit_and_way_on() -> None:
    (problem,) = check(moving(100, 400), None, Brakes(), first_run=False, leave=NO_LEAVE)
    assert problem.message == (
        "100 of 400 accounts (25%) would go from Keep to Recapture; the limit is 5% and 20 accounts."
    )
    assert "--force" in problem.fix


@pytest.mark.parametrize(("before", "trips"), [(None, False), (0.2, True), (0.3, False)])
def test_the_unknown_share_trips_where_it_jumps(before: float | None, *, trips: bool) -> None:
    assert codes(replace(PLAN, judged=100, unknown=35), before) == (["unknown-jumped"] if trips else [])


def pulled(before: int | None, rows: int) -> Pulled:
    return Pulled((PulledStream("opportunities", full=False, received=0, before=before, rows=rows, deleted=0),), ())


@pytest.mark.parametrize(
    ("before", "rows", "trips"),
    [
        (None, 0, False),
        (1000, 900, False),
        (1000, 899, True),
        (100, 80, False),
        (100, 79, True),
        (5, 0, True),
        (5, 4, False),
    ],
)
def test_a_mirror_trips_where_it_shrinks(before: int | None, rows: int, *, trips: bool) -> None:
    assert bool(shrank(pulled(before, rows), Brakes(), NO_LEAVE)) is trips


def test_force_alone_does_not_lift_a_smaller_mirror() -> None:
    assert shrank(pulled(1000, 10), Brakes(), FORCE)
    assert shrank(pulled(1000, 10), Brakes(), Leave(full=True))
    assert not shrank(pulled(1000, 10), Brakes(), ANEW)
    (problem,) = shrank(pulled(1000, 10), Brakes(), FORCE)
    assert "10 opportunities where it held 1000 (99% fewer); the limit is 10%" in problem.message
