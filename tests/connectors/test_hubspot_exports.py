"""All records from an exported file: the same as by list pages, for hardly any calls; else list pages, and told why."""

import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_kare.errors import RetryError
from crm_kare.model import Kind, Problem
from crm_kare.ports import Connector, SourceField, StreamSpec
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.hubspot.definitions import OBJECT_TYPES
from crm_kare.sandbox.hubspot.links import tie, untie
from crm_kare.sandbox.hubspot.merging import merge
from crm_kare.sandbox.hubspot.portal import EXPORT
from crm_kare.testing import steps
from crm_kare.testing.records import blank_row, row, rows

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

BERLIN = ZoneInfo("Europe/Berlin")
ASKED = "/crm/v3/exports/export/async"
PERSON = "user:61000000"
KINDS = {kind.name: kind for kind in OBJECT_TYPES}

Rows = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def portal(rig: Any) -> Any:
    """A portal of Europe/Berlin whose super administrator granted exports."""
    settings = rig.portal.settings
    rig.portal.settings = replace(settings, scopes=settings.scopes | {EXPORT}, timezone="Europe/Berlin")
    return rig


def exports(rig: Any, **settings: Any) -> None:
    """How exports go from now on."""
    rig.portal.settings = replace(rig.portal.settings, exports=replace(rig.portal.settings.exports, **settings))


def connector(rig: Any, **options: Any) -> Connector:
    """One that exports."""
    made: Connector = rig.connector(**{"export_from": 1, **options})
    return made


def sales(rig: Any, companies: int = 12, deals: int = 40) -> tuple[list[str], list[str]]:
    """Companies, one of them blank, and deals: a day old."""
    ids = rig.seed("accounts", [*rows(rig.setting, "accounts", companies - 1), blank_row(rig.setting, "accounts")])
    made = [row(rig.setting, "opportunities", one, account_id=ids[one % companies]) for one in range(deals)]
    sold = rig.seed("opportunities", made)
    rig.clock.advance(steps.DAY)
    return ids, sold


def meant(spec: StreamSpec, found: Rows) -> Rows:
    """What a mirror holds: points in time become days in the portal's zone."""
    days = [one.column for one in spec.fields if one.kind is Kind.DATE]
    return {key: {**held, **{name: day(held[name]) for name in days}} for key, held in found.items()}


def day(text: str | None) -> object:
    """The day of a date or a point in time."""
    moment = datetime.fromisoformat(text) if text else None
    return moment and (moment.astimezone(BERLIN) if moment.tzinfo else moment).date()


def both(rig: Any, spec: StreamSpec) -> tuple[Rows, Rows]:
    """What an export brings, and what lists bring."""
    return meant(spec, steps.pull(connector(rig), spec).rows), meant(spec, steps.pull(rig.connector(), spec).rows)


def told(rig: Any, spec: StreamSpec) -> list[Problem]:
    """What an export tells."""
    return [one for page in connector(rig).pull(spec, None) for one in page.problems]


def asked(rig: Any) -> int:
    """Exports asked for so far."""
    return len(rig.running.faults.calls(ASKED, "POST"))


@pytest.mark.parametrize("stream", ["accounts", "opportunities", "contacts"])
def test_a_file_brings_what_lists_bring(portal: Any, stream: str) -> None:
    companies, deals = sales(portal)
    untie(portal.portal, "deals", "companies", [(deals[0], companies[0], kind) for kind in ("5", "341")])
    tie(portal.portal, "deals", "companies", [(deals[1], companies[5], "341")])
    untie(portal.portal, "deals", "companies", [(deals[2], companies[2], "5")])
    tie(portal.portal, "deals", "companies", [(deals[2], companies[0], "341")])
    tie(
        portal.portal, "deals", "companies", [(deals[3], companies[1], kind) for kind in ("5", "341")]
    )  # two primary ones
    portal.seed("contacts", [row(portal.setting, "contacts", one, account_id=companies[one]) for one in range(9)])
    portal.edit("accounts", companies[3], {"name": ' "Säge", Söhne;\r\n& Co. '})
    portal.clock.advance(steps.HOUR)
    spec = portal.setting.specs[stream]
    ours, theirs = both(portal, spec)
    assert ours == theirs
    assert len(ours) >= 9
    assert asked(portal) == 1
    doubts = [one for page in portal.connector().pull(spec, None) for one in page.problems]
    assert told(portal, spec) == doubts


@pytest.mark.parametrize("times", ["zoned", "milliseconds"])
def test_times_that_tell_their_zone_need_no_proof(portal: Any, times: str) -> None:
    sales(portal)
    exports(portal, times=times, zone="America/New_York")
    ours, theirs = both(portal, portal.setting.specs["opportunities"])
    assert ours == theirs
    assert told(portal, portal.setting.specs["opportunities"]) == []


def test_a_time_that_the_clocks_show_twice_is_read_by_id(portal: Any) -> None:
    _, deals = sales(portal)
    twice = datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo("UTC"))  # 2:30 in summer; an hour later it is 2:30 again
    for number, deal in enumerate(deals[:2]):
        text = (twice + timedelta(hours=number)).isoformat()
        portal.portal.org.update("deals", deal, {"closedate": text}, PERSON)
    portal.clock.advance(steps.HOUR)
    spec = portal.setting.specs["opportunities"]
    _, file = (page for page, _ in zip(connector(portal).pull(spec, None), range(2), strict=False))
    for cursor in (None, file.cursor):  # stopped before those were read, too
        pulled = steps.pull(connector(portal), spec, cursor)
        closed = [datetime.fromisoformat(str(pulled.rows[one]["closed_on"])) for one in deals[:2]]
        assert closed == [twice, twice + timedelta(hours=1)]
        assert pulled.problems == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"zone": "America/New_York"}, "not those of the portal's zone"),
        ({"times": "american"}, "another form"),
        ({"heedless": frozenset({"NAMES"})}, "no column"),
        ({"heedless": frozenset({"VALUES"})}, "another form"),
        ({"heedless": frozenset({"labels"})}, "no column"),
        ({"cut": 20}, "cannot be read"),
    ],
    ids=["zone", "form", "names", "values", "associations", "cut"],
)
def test_what_is_not_exactly_understood_is_listed(portal: Any, settings: Mapping[str, Any], words: str) -> None:
    sales(portal)
    exports(portal, plain=0, **settings)
    spec = portal.setting.specs["opportunities"]
    ours, theirs = both(portal, spec)
    assert ours == theirs
    (problem,) = told(portal, spec)
    assert (problem.code, problem.level) == ("export-unused", "info")
    assert words in problem.message


def test_a_file_with_fewer_records_than_there_are_is_no_copy(portal: Any) -> None:
    sales(portal)
    exports(portal, hidden=3)
    spec = steps.accounts(portal)
    ours, theirs = both(portal, spec)
    assert ours == theirs
    assert ["9 records, where search counts 12" in one.message for one in told(portal, spec)] == [True]


def test_without_the_scope_all_is_listed(portal: Any) -> None:
    sales(portal)
    settings = portal.portal.settings
    portal.portal.settings = replace(settings, scopes=settings.scopes - {EXPORT})
    spec = steps.accounts(portal)
    (problem,) = told(portal, spec)
    assert "crm.export" in problem.message
    ours, theirs = both(portal, spec)
    assert ours == theirs


def test_after_thirty_exports_of_a_day_all_is_listed(portal: Any) -> None:
    sales(portal, 3, 3)
    spec = replace(steps.accounts(portal), fields=steps.accounts(portal).fields[:2])
    assert told(portal, spec) == []
    done, tasks = next(iter(portal.portal.exports.tasks.values())), portal.portal.exports.tasks
    tasks |= {str(number): replace(done, id=str(number)) for number in range(29)}
    assert ["429" in one.message for one in told(portal, spec)] == [True]
    portal.clock.advance(steps.DAY)
    assert told(portal, spec) == []


@pytest.mark.parametrize("fault", ["cancel_export", "fail_export"])
def test_an_export_that_comes_to_nothing_is_no_end(portal: Any, fault: str) -> None:
    sales(portal)
    portal.running.faults.order_inside(fault)
    spec = steps.accounts(portal)
    (problem,) = told(portal, spec)
    assert problem.code == "export-unused"
    portal.running.faults.order_inside(fault)
    ours, theirs = both(portal, spec)
    assert ours == theirs


def test_the_looks_at_an_export_come_at_growing_waits(portal: Any) -> None:
    sales(portal)
    portal.running.faults.order_inside("hold_export", 8)
    portal.clock.slept.clear()
    assert told(portal, steps.accounts(portal)) == []
    assert portal.clock.slept[:6] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_an_export_that_takes_hours_is_left(portal: Any) -> None:
    sales(portal)
    portal.running.faults.order_inside("hold_export", 10_000)
    assert ["hours" in one.message for one in told(portal, steps.accounts(portal))] == [True]


def test_a_stop_ends_the_wait_for_an_export_at_once(portal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sales(portal)
    portal.running.faults.order_inside("hold_export", 10_000)
    monkeypatch.setattr(portal.clock, "sleep", portal.clock.slept.append)
    with pytest.raises(RetryError) as caught:
        told(portal, steps.accounts(portal))
    assert (caught.value.code, portal.clock.slept) == ("STOPPED", [5.0])


def test_an_address_that_ran_out_is_asked_for_anew(portal: Any) -> None:
    sales(portal)
    portal.running.faults.order_inside("expire_export", 2)
    assert told(portal, steps.accounts(portal)) == []
    portal.running.faults.order_inside("expire_export", 3)
    assert ["fetched" in one.message for one in told(portal, steps.accounts(portal))] == [True]


def test_what_happens_meanwhile_is_in_the_copy(portal: Any) -> None:
    companies, _ = sales(portal)
    exports(portal, looks=4)
    spec = steps.accounts(portal)
    pull = connector(portal).pull(spec, None)
    pulled = steps.Pulled()
    pulled.add(next(pull))
    portal.clock.advance(5)
    held = portal.portal.org.get_many("companies", companies)
    merge(portal.portal, KINDS["companies"], held[companies[0]], held[companies[1]], PERSON)
    for page in pull:
        pulled.add(page)
        portal.clock.advance(1)
        if pulled.pages == 2:
            portal.edit("accounts", companies[3], {"name": "Renamed while it was read"})
            portal.delete("accounts", companies[4])
            portal.seed("accounts", [row(portal.setting, "accounts", 70)])
    assert meant(spec, pulled.rows) == meant(spec, steps.pull(portal.connector(), spec).rows)
    portal.clock.advance(steps.HOUR)
    assert steps.pull(connector(portal), spec, pulled.cursor).rows.keys() <= pulled.rows.keys()
    assert asked(portal) == 1


@pytest.mark.parametrize("stop", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_pull_that_was_stopped_goes_on_with_the_same_file(portal: Any, stop: int) -> None:
    spec = replace(steps.accounts(portal), fields=steps.accounts(portal).fields[:2])
    portal.seed("accounts", [{"account_id": None, "name": f"{one} {'x' * 3000}"} for one in range(800)])
    portal.clock.advance(steps.DAY)
    pulled = steps.Pulled()
    for page, _ in zip(connector(portal).pull(spec, None), range(stop), strict=False):
        pulled.add(page)
    came = set(pulled.rows)
    rest = steps.pull(connector(portal), spec, pulled.cursor)
    assert pulled.rows | rest.rows == steps.pull(portal.connector(), spec).rows
    assert not came & set(rest.rows)
    assert asked(portal) == 1


def test_an_export_that_hubspot_forgot_is_asked_for_anew(portal: Any) -> None:
    companies, _ = sales(portal)
    spec = steps.accounts(portal)
    first = next(iter(connector(portal).pull(spec, None)))
    portal.portal.exports.tasks.clear()
    portal.clock.advance(steps.MINUTE)
    portal.edit("accounts", companies[0], {"name": "Renamed between"})
    portal.clock.advance(steps.MINUTE)
    rest = steps.pull(connector(portal), spec, first.cursor)
    assert meant(spec, rest.rows) == meant(spec, steps.pull(portal.connector(), spec).rows)
    assert (asked(portal), rest.problems) == (2, 0)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_file_in_parts_costs_few_calls_and_little_memory(portal: Any) -> None:
    spec = replace(steps.accounts(portal), fields=steps.accounts(portal).fields[:6])
    ids = portal.seed("accounts", rows(portal.setting, "accounts", 30_000))
    portal.clock.advance(steps.DAY)
    exports(portal, plain=100_000, part=12_000)
    made, before = connector(portal), portal.calls()
    pages = made.pull(spec, None)
    came = [next(pages).records.num_rows for _ in range(2)]  # the export was asked for; it was fetched
    tracemalloc.start()
    came += [page.records.num_rows for page in pages]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(came) == len(ids)
    assert max(came) < len(ids) / 2
    assert portal.calls() - before <= 12
    assert peak < 16_000_000


def test_streams_that_no_file_holds_exactly_are_listed(portal: Any) -> None:
    _, deals = sales(portal, 3, 3)
    portal.seed("line_items", [row(portal.setting, "line_items", 0, opportunity_id=deals[0])])
    for stream in ("line_items", "owners"):
        assert told(portal, portal.setting.specs[stream]) == []
    assert asked(portal) == 0


def test_few_records_are_listed_and_nothing_is_exported_unasked(portal: Any) -> None:
    sales(portal)
    spec = steps.accounts(portal)
    for options in ({"export_from": 13}, {"export_from": 0}):
        assert len(steps.pull(portal.connector(**options), spec).rows) == 12
    assert asked(portal) == 0
    assert len(steps.pull(connector(portal, export_from=12), spec).rows) == 12
    assert asked(portal) == 1


def test_a_mirror_that_stays_is_renewed_by_lists(portal: Any) -> None:
    sales(portal)
    spec = steps.accounts(portal)
    cursor = steps.pull(portal.connector(), spec).cursor
    more = replace(spec, fields=(*spec.fields, SourceField("parent_id", "hs_parent_company_id", Kind.TEXT)))
    portal.clock.advance(steps.HOUR)
    assert len(steps.pull(connector(portal), more, cursor).rows) == 12
    assert asked(portal) == 0


def test_under_dated_paths_it_is_the_same(portal: Any) -> None:
    sales(portal)
    spec = steps.accounts(portal)
    pulled = steps.pull(connector(portal, api_version="2026-09"), spec)
    assert (len(pulled.rows), pulled.problems) == (12, 0)
    assert portal.running.faults.calls("/crm/exports/2026-09/export/async", "POST")


@pytest.mark.parametrize("granted", [True, False])
def test_doctor_asks_for_the_scope_where_the_option_is_set(portal: Any, granted: bool) -> None:  # noqa: FBT001
    if not granted:
        settings = portal.portal.settings
        portal.portal.settings = replace(settings, scopes=settings.scopes - {EXPORT})
    specs: Sequence[StreamSpec] = [steps.accounts(portal)]
    for options, wanted in (({}, False), ({"export_from": 100_000}, not granted)):
        found = portal.connector(**options).check(specs, ())
        assert any("crm.export" in one.fix for one in found) is wanted
    assert asked(portal) <= 1
    assert not portal.portal.exports.tasks


def test_an_answer_that_names_no_export_is_no_end(portal: Any) -> None:
    sales(portal)
    portal.running.faults.order(Fault(ASKED, "POST", status=202, body="{}"))
    assert ["named no export" in one.message for one in told(portal, steps.accounts(portal))] == [True]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Fault("/exported-files/*", status=200, body="<html>gateway</html>"), "no column"),
        (Fault("/exported-files/*", status=200, body="PK\x05\x06 and nothing of an archive"), "cannot be read"),
        (Fault("/exported-files/*", status=200, body='hs_object_id,name\n"1'), "cannot be read"),
        (Fault("/exported-files/*", status=200, body=""), "no column"),
        (Fault("/exported-files/*", status=500, body="oops", times=0), "fetched"),
        (Fault(f"{ASKED}/tasks/*", status=404, body="{}", times=0), "does not know"),
        (Fault(f"{ASKED}/tasks/*", status=400, body="{}", times=0), "refused"),
    ],
    ids=["page", "archive", "half", "nothing", "down", "unknown", "refused"],
)
def test_a_file_that_is_none_is_not_believed(portal: Any, answer: Fault, words: str) -> None:
    sales(portal, 3, 3)
    portal.running.faults.order(answer)
    spec = replace(steps.accounts(portal), fields=steps.accounts(portal).fields[:2])
    pages = list(connector(portal).pull(spec, None))
    assert [words in one.message for page in pages for one in page.problems] == [True]
    assert sum(page.records.num_rows for page in pages) == 3
