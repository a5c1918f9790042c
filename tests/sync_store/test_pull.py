"""Pull: full or incremental, stops and failures, what is reported."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pyarrow as pa
import pytest
from sync_store.kit import NOW, ORGANISATION, SPEC, Script, named, names_of, page, pulled, taken

from crm_kare.errors import AccessError, InterruptedRun, RetryError
from crm_kare.journal import Journal
from crm_kare.model import Kind, Problem
from crm_kare.ports import Connector, Page, SourceField, StreamSpec
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.pull import Pulled, pull, shape_of


def asked(
    mirror: Mirror, script: Script, spec: StreamSpec = SPEC, *, full: bool = False
) -> tuple[list[str | None], Pulled]:
    result = pull(cast("Connector", script), [spec], mirror, ORGANISATION, now=NOW, full=full)
    mirror.accept()
    return script.asked, result


def test_the_first_pull_is_full_and_the_next_goes_on_from_its_cursor(mirror: Mirror) -> None:
    cursors, result = asked(mirror, Script([named("a", cursor="1"), named("b", cursor="2")]))
    assert cursors == [None]
    assert result.streams[0].full
    assert (result.accounts, result.opportunities, result.deleted) == (2, 0, 0)
    cursors, result = asked(mirror, Script([named("a=new", gone=["b"], cursor="3")]))
    assert cursors == ["2"]
    assert not result.streams[0].full
    assert (result.accounts, result.deleted) == (1, 1)


def test_full_starts_from_the_beginning(mirror: Mirror) -> None:
    taken(mirror, named("a", "b"))
    cursors, _ = asked(mirror, Script([named("a")]), full=True)
    assert cursors == [None]
    assert names_of(mirror) == {"a": "a"}


def test_a_connector_that_cannot_do_less_is_always_pulled_in_full(mirror: Mirror) -> None:
    taken(mirror, named("a", "b"), incremental=False)
    cursors, result = asked(mirror, Script([named("b")], incremental=False))
    assert cursors == [None]
    assert result.deleted == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, fields=(*SPEC.fields, SourceField("x_class", "Class__c", Kind.TEXT))),
        replace(SPEC, source="Account2"),
        replace(SPEC, options={"distinct": True}),
        replace(SPEC, fields=(*SPEC.fields[:2], SourceField("annual_revenue", "AnnualRevenue", Kind.NUMBER))),
    ],
)
def test_another_shape_needs_a_full_pull(mirror: Mirror, other: StreamSpec) -> None:
    taken(mirror, named("a", cursor="1"))
    one = Page(other_batch(other), "2")
    cursors, _ = asked(mirror, Script([one]), other)
    assert cursors == [None]


def other_batch(spec: StreamSpec) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(["1"]) for _ in spec.fields], schema=spec.arrow_schema())


def test_another_time_zone_is_another_shape() -> None:
    assert shape_of(SPEC, "UTC") != shape_of(SPEC, "Europe/Berlin")
    assert shape_of(SPEC, "UTC") == shape_of(replace(SPEC, options={}), "UTC")


def test_after_a_while_a_stream_is_pulled_in_full_by_itself_and_says_so(mirror: Mirror) -> None:
    taken(mirror, named("a", "b", cursor="1"))
    for days, full in ((6, False), (7, True), (8, False)):
        now = NOW + timedelta(days=days)
        pages = [named("a", "b", cursor=str(days))]
        result = taken(mirror, *pages, now=now, due_before=now - timedelta(days=7) + timedelta(seconds=1))
        assert result.streams[0].full is full
        assert [one.code for one in result.problems] == ["full-pull"] * full


def test_a_full_pull_by_itself_that_was_stopped_goes_on_and_counts_from_its_beginning(mirror: Mirror) -> None:
    taken(mirror, named("a", cursor="1"))
    later = NOW + timedelta(days=8)
    with pytest.raises(RetryError):
        pulled(mirror, named("a", cursor="f1"), RetryError("down"), now=later, due_before=later)
    script = Script([named("b", cursor="f2")])
    pull(cast("Connector", script), [SPEC], mirror, ORGANISATION, now=later + timedelta(days=1), due_before=later)
    mirror.accept()
    assert script.asked == ["f1"]
    assert set(names_of(mirror)) == {"a", "b"}
    assert mirror.needs_full("accounts", shape_of(SPEC, ORGANISATION.timezone), due_before=later) == ""
    due = later + timedelta(seconds=1)
    assert mirror.needs_full("accounts", shape_of(SPEC, ORGANISATION.timezone), due_before=due) == "due"


def test_a_connector_that_always_pulls_in_full_says_nothing_of_it(mirror: Mirror) -> None:
    for days in (0, 8):
        now = NOW + timedelta(days=days)
        assert taken(mirror, named("a"), incremental=False, now=now, due_before=now).problems == ()


@pytest.mark.parametrize("error", [RetryError("down"), AccessError("out")])
def test_a_failure_keeps_what_came_and_the_next_pull_goes_on_there(mirror: Mirror, error: Exception) -> None:
    with pytest.raises(type(error)):
        pulled(mirror, named("a", "b", cursor="1"), error)
    cursors, result = asked(mirror, Script([named("b=new", "c", cursor="2")]))
    assert cursors == ["1"]
    assert result.streams[0].full
    assert names_of(mirror) == {"a": "a", "b": "new", "c": "c"}


def test_a_stop_is_heard_at_the_next_page_border(mirror: Mirror) -> None:
    answers = iter([False, True])
    with pytest.raises(InterruptedRun):
        pulled(mirror, named("a", cursor="1"), named("b", cursor="2"), named("c"), stop=lambda: next(answers))
    cursors, _ = asked(mirror, Script([named("c", cursor="3")]))
    assert cursors == ["2"]
    assert set(names_of(mirror)) == {"a", "b", "c"}


def test_an_incremental_pull_that_was_stopped_goes_on_too(mirror: Mirror) -> None:
    taken(mirror, named("a", "b", cursor="1"))
    with pytest.raises(RetryError):
        pulled(mirror, named(gone=["a"], cursor="2"), RetryError("down"))
    assert set(names_of(mirror)) == {"a", "b"}
    cursors, result = asked(mirror, Script([named("c", cursor="3")]))
    assert cursors == ["2"]
    assert result.deleted == 1
    assert set(names_of(mirror)) == {"b", "c"}


def test_a_full_pull_that_was_stopped_goes_on_unasked_and_asked(mirror: Mirror) -> None:
    taken(mirror, named("a", cursor="1"))
    for _ in range(2):
        with pytest.raises(RetryError):
            pulled(mirror, named("b", cursor="f1"), RetryError("down"), full=True)
    cursors, result = asked(mirror, Script([named("c", cursor="f2")]))
    assert cursors == ["f1"]
    assert result.streams[0].full
    assert set(names_of(mirror)) == {"b", "c"}


def test_a_first_pull_that_was_never_accepted_goes_on_unless_a_full_one_is_asked_for(mirror: Mirror) -> None:
    """It came to its end, and another stream's was stopped."""
    pulled(mirror, named("a", "b", cursor="1"))
    again, anew = Script([named("c", gone=["a"], cursor="2")]), Script([named("b", "c", cursor="3")])
    pull(cast("Connector", again), [SPEC], mirror, ORGANISATION, now=NOW)
    pull(cast("Connector", anew), [SPEC], mirror, ORGANISATION, now=NOW, full=True)
    assert (again.asked, anew.asked) == (["1"], [None])
    cursors, result = asked(mirror, Script([named("d", cursor="4")]))
    assert (cursors, result.streams[0].full) == (["3"], True)
    assert set(names_of(mirror)) == {"b", "c", "d"}


def test_a_stopped_pull_of_another_shape_is_not_gone_on_with(mirror: Mirror) -> None:
    with pytest.raises(RetryError):
        pulled(mirror, named("a", cursor="1"), RetryError("down"))
    spec = replace(SPEC, source="Other")
    cursors, _ = asked(mirror, Script([named("b")]), spec)
    assert cursors == [None]
    assert set(names_of(mirror)) == {"b"}


def test_a_pull_that_was_refused_and_not_discarded_shrinks_again(mirror: Mirror) -> None:
    taken(mirror, named("a", "b", cursor="1"))
    first = pulled(mirror, named(gone=["a"], cursor="2"))
    again = pulled(mirror, named(cursor="2"))
    assert [stream.rows for stream in first.streams + again.streams] == [1, 1]
    assert set(names_of(mirror)) == {"a", "b"}


def test_progress_is_told_at_every_page(mirror: Mirror) -> None:
    told: list[tuple[str, int, int | None]] = []
    first = replace(named("a", "b"), total=3)
    taken(mirror, first, named("c"), progress=lambda *one: told.append(one))
    assert told == [("accounts", 2, 3), ("accounts", 3, None)]


def test_problems_of_the_connector_and_of_the_values_come_together(mirror: Mirror) -> None:
    own = Problem("row-broken", "line 7 cannot be read")
    result = taken(mirror, replace(page(("1", "a", "much"), (None, "b", "1"), ("", "c", "1")), problems=(own,)))
    assert [problem.code for problem in result.problems] == ["row-broken", "value-unreadable", "record-without-id"]
    assert "2 records have no id" in result.problems[2].message
    assert names_of(mirror) == {"1": "a"}


def test_streams_are_accepted_together(mirror: Mirror, journal: Journal) -> None:
    owners = StreamSpec("owners", "User", (SourceField("owner_id", "Id", Kind.TEXT),))
    script = cast("Connector", Script([Page(other_batch(owners), "1")]))
    with pytest.raises(RetryError):
        pull(script, [owners], mirror, ORGANISATION, now=NOW, stop=stop_with(RetryError("down")))
    assert mirror.counts() == {}
    taken(mirror, named("a"))  # owners are not mapped any more: what was stopped is forgotten
    assert mirror.counts() == {"accounts": 1}
    assert journal.pointers.get("acme", "owners").files["pending"] is None


def stop_with(error: Exception) -> Callable[[], bool]:
    def stop() -> bool:
        raise error

    return stop


def test_the_mirror_tells_when_its_pull_began_and_a_resumed_one_began_at_its_first_page(mirror: Mirror) -> None:
    with pytest.raises(RetryError):
        pulled(mirror, named("a", cursor="1"), RetryError("down"))
    taken(mirror, named("b", cursor="2"), now=NOW + timedelta(days=1))
    assert mirror.pulled_at() == NOW
    taken(mirror, named("b=new", cursor="3"), now=NOW + timedelta(days=2))
    assert mirror.pulled_at() == NOW + timedelta(days=2)
