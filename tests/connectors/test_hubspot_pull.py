"""HubSpot's quirks in reading: paging caps, index lag, merges, associations, stages, long addresses."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import ConfigError, StopError
from crm_kare.model import Kind, Problem
from crm_kare.ports import Connector, SourceField, StreamSpec
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.hubspot.definitions import OBJECT_TYPES
from crm_kare.sandbox.hubspot.links import tie, untie
from crm_kare.sandbox.hubspot.merging import merge
from crm_kare.sandbox.store import FieldDef
from crm_kare.testing import steps
from crm_kare.testing.records import row, rows

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

COMPANIES = next(kind for kind in OBJECT_TYPES if kind.name == "companies")


def problems(connector: Connector, spec: StreamSpec, cursor: str | None = None) -> list[Problem]:
    return [one for page in connector.pull(spec, cursor) for one in page.problems]


def deals(rig: Any, companies: Sequence[str]) -> list[str]:
    made: list[str] = []
    for number, company in enumerate(companies):
        made += rig.seed("opportunities", [row(rig.setting, "opportunities", number, account_id=company)])
    return made


def test_a_quiet_run_costs_at_most_eight_calls_and_two_more_a_further_stream(rig: Any) -> None:
    companies = steps.seeded(rig, 180)
    (deal, *_) = deals(rig, companies)
    rig.seed("line_items", [row(rig.setting, "line_items", 0, opportunity_id=deal)])
    rig.seed("contacts", [row(rig.setting, "contacts", 0, account_id=companies[0])])
    specs = [rig.setting.specs[name] for name in ("accounts", "opportunities", "line_items", "contacts", "owners")]
    rig.clock.advance(steps.HOUR)
    cursors = [steps.pull(rig.connector(), spec).cursor for spec in specs]
    for one in companies[:150]:
        rig.delete("accounts", one)
    for _ in range(3):
        rig.clock.advance(steps.HOUR)
        quiet, before, made = rig.connector(), rig.calls(), []
        quiet.organisation()
        pulled = []
        for spec, cursor in zip(specs, cursors, strict=True):
            pulled.append(steps.pull(quiet, spec, cursor))
            made.append(rig.calls() - before)
        cursors = [one.cursor for one in pulled]
    assert [one.rows for one in pulled[:-1]] == [{}] * 4
    assert made[1] <= 8
    assert made[-1] <= 14


@pytest.mark.timeout(60)
def test_more_changes_of_one_moment_than_search_shows_all_come(rig: Any) -> None:
    connector, spec = rig.connector(), replace(steps.accounts(rig), fields=steps.accounts(rig).fields[:2])
    cursor = steps.pull(connector, spec).cursor
    rig.clock.advance(steps.HOUR)
    ids = rig.seed("accounts", rows(rig.setting, "accounts", 10_150))
    rig.clock.advance(steps.MINUTE)
    first = next(iter(connector.pull(spec, cursor)))
    assert first.total == 10_150
    assert set(steps.pull(connector, spec, cursor).rows) == set(ids)


def test_what_the_index_shows_late_comes_with_a_later_pull(rig: Any) -> None:
    connector, spec = rig.connector(overlap_seconds=120), steps.accounts(rig)
    ids = steps.seeded(rig, 3)
    cursor = steps.pull(connector, spec).cursor
    rig.clock.advance(steps.HOUR)
    rig.portal.settings = replace(rig.portal.settings, index_lag=30.0)
    rig.edit("accounts", ids[0], {"name": "Not in the index yet"})
    rig.clock.advance(5)
    early = steps.pull(connector, spec, cursor)
    assert ids[0] not in early.rows
    rig.clock.advance(60)
    assert steps.pull(connector, spec, early.cursor).rows[ids[0]]["name"] == "Not in the index yet"


def test_merged_companies_become_tombstones_and_the_survivor_comes(rig: Any) -> None:
    connector, spec = rig.connector(), steps.accounts(rig)
    ids = steps.seeded(rig, 3)
    cursor = steps.pull(connector, spec).cursor
    rig.clock.advance(steps.HOUR)
    held = rig.portal.org.get_many("companies", ids)
    survivor = merge(rig.portal, COMPANIES, held[ids[0]], held[ids[1]], "user:61000000")
    rig.clock.advance(steps.MINUTE)
    pulled = steps.pull(connector, spec, cursor)
    assert pulled.deleted == {ids[0], ids[1]}
    assert set(pulled.rows) == {survivor["_id"]}


def test_an_archive_too_long_for_every_run_is_told(rig: Any) -> None:
    connector, spec = rig.connector(), steps.accounts(rig)
    ids = steps.seeded(rig, 250)
    cursor = steps.pull(connector, spec).cursor
    rig.clock.advance(steps.HOUR)
    for one in ids[:230]:
        rig.delete("accounts", one)
    before = rig.calls()
    told = problems(connector, spec, cursor)
    assert [(one.code, one.level) for one in told] == [("archive-long", "info")]
    assert rig.calls() - before <= 3
    patient = rig.connector(archived_pages=5)
    assert steps.pull(patient, spec, cursor).deleted == set(ids[:230])


def test_the_primary_company_decides_and_stands_once(rig: Any) -> None:
    companies = steps.seeded(rig, 3)
    (deal,) = deals(rig, [companies[2]])
    tie(rig.portal, "deals", "companies", [(deal, companies[0], "341")])
    pulled = steps.pull(rig.connector(), rig.setting.specs["opportunities"])
    assert pulled.rows[deal]["account_id"] == companies[2]
    assert pulled.problems == 0


@pytest.mark.parametrize("incremental", [False, True], ids=["listed", "searched"])
def test_several_companies_without_primary_and_deals_without_company_are_listed(rig: Any, incremental: bool) -> None:  # noqa: FBT001
    connector, spec = rig.connector(), rig.setting.specs["opportunities"]
    companies = steps.seeded(rig, 2)
    cursor = steps.pull(connector, spec).cursor if incremental else None
    rig.clock.advance(steps.HOUR)
    doubtful, lonely, plain = deals(rig, [companies[1], companies[0], companies[1]])
    untie(rig.portal, "deals", "companies", [(doubtful, companies[1], "5")])
    tie(rig.portal, "deals", "companies", [(doubtful, companies[0], "341")])
    untie(rig.portal, "deals", "companies", [(lonely, companies[0], kind) for kind in ("5", "341")])
    found = {one.code: one for one in problems(connector, spec, cursor)}
    assert doubtful in found["several-companies"].message
    assert lonely in found["no-company"].message
    assert plain not in " ".join(one.message for one in found.values())
    assert found["several-companies"].level == "warning"
    held = steps.pull(connector, spec, cursor).rows
    assert [held[key]["account_id"] for key in (doubtful, lonely, plain)] == [companies[0], None, companies[1]]


def test_associations_that_hubspot_could_not_tell_are_not_taken_for_none(rig: Any) -> None:
    spec = rig.setting.specs["opportunities"]
    cursor = steps.pull(rig.connector(), spec).cursor
    rig.clock.advance(steps.HOUR)
    (deal,) = deals(rig, steps.seeded(rig, 1))
    error = {
        "status": "error",
        "category": "INTERNAL_ERROR",
        "message": "Try later",
        "context": {"fromObjectId": [deal]},
    }
    told = json.dumps({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [error]})
    rig.running.faults.order(Fault("/crm/v4/associations/deals/companies/batch/read", "POST", status=207, body=told))
    with pytest.raises(StopError, match="associations"):
        steps.pull(rig.connector(), spec, cursor)


def test_won_and_closed_come_from_the_stages_settings_in_custom_pipelines(rig: Any) -> None:
    spec = rig.setting.specs["opportunities"]
    wider = replace(spec, fields=(*spec.fields, SourceField("x_stage", "@stage_label", Kind.TEXT)))
    line = next(one for one in rig.portal.pipelines if one.id != "default")
    seeded = [row(rig.setting, "opportunities", 0, stage=stage.id, pipeline=line.id) for stage in line.stages]
    ids = rig.seed("opportunities", seeded)
    held = steps.pull(rig.connector(), wider).rows
    wanted = [(str(one.closed).lower(), str(one.closed and float(one.probability) == 1).lower()) for one in line.stages]
    assert [(held[key]["is_closed"], held[key]["is_won"]) for key in ids] == wanted
    assert {"true", "false"} == {won for _, won in wanted}
    assert [held[key]["x_stage"] for key in ids] == [one.label for one in line.stages]


def test_a_stage_that_changes_its_meaning_brings_all_deals_anew_and_tells_what_went(rig: Any) -> None:
    connector, spec = rig.connector(), rig.setting.specs["opportunities"]
    kept, archived = deals(rig, steps.seeded(rig, 2))
    rig.portal.org.update("deals", kept, {"dealstage": "closedwon"}, "user:61000000")
    rig.clock.advance(steps.HOUR)
    cursor = steps.pull(connector, spec).cursor
    rig.clock.advance(steps.HOUR)
    rig.delete("opportunities", archived)
    stages = tuple(replace(one, probability="0.9", closed=False) for one in rig.portal.pipelines[0].stages)
    rig.portal.pipelines = (replace(rig.portal.pipelines[0], stages=stages), *rig.portal.pipelines[1:])
    rig.clock.advance(steps.HOUR)
    pulled = steps.pull(rig.connector(), spec, cursor)
    assert pulled.rows[kept]["is_won"] == "false"
    assert pulled.deleted == {archived}


def test_properties_too_many_for_an_address_come_all_the_same(rig: Any) -> None:
    names = [f"custom_property_with_a_long_name_{number:03}" for number in range(300)]
    for name in names:
        definition = FieldDef(name, name, "string", extra={"property": replace(COMPANIES.properties[0], name=name)})
        rig.portal.org.add_field("companies", definition)
    ids = steps.seeded(rig, 120)
    rig.portal.org.update("companies", ids[0], {names[299]: "the last one"}, "user:61000000")
    spec = steps.accounts(rig)
    wide = replace(spec, fields=(*spec.fields, *(SourceField(f"x_{name}", name, Kind.TEXT) for name in names)))
    pulled = steps.pull(rig.connector(), wide)
    assert set(pulled.rows) == set(ids)
    assert pulled.rows[ids[0]][f"x_{names[299]}"] == "the last one"


def test_a_line_item_shows_its_products_properties_and_its_deal(rig: Any) -> None:
    spec = rig.setting.specs["line_items"]
    wider = replace(spec, fields=(*spec.fields, SourceField("x_family", "@product.product_line", Kind.TEXT)))
    (deal,) = deals(rig, steps.seeded(rig, 1))
    product = rig.portal.org.insert("products", {"name": "Pump 7", "product_line": "Pumps"}, "user:61000000")
    (line,) = rig.seed("line_items", [row(rig.setting, "line_items", 1, opportunity_id=deal)])
    rig.portal.org.update("line_items", line, {"hs_product_id": product}, "user:61000000")
    held = steps.pull(rig.connector(), wider).rows[line]
    assert (held["opportunity_id"], held["x_family"]) == (deal, "Pumps")
    wrong = replace(spec, fields=(*spec.fields, SourceField("x_family", "@product.product_lin", Kind.TEXT)))
    with pytest.raises(ConfigError, match=r"@product.product_lin \(did you mean @product.product_line\?\)"):
        steps.pull(rig.connector(), wrong)


def test_missing_properties_are_named_with_the_nearest(rig: Any) -> None:
    spec = steps.accounts(rig)
    wrong = (SourceField("x_a", "annualrevenu", Kind.MONEY), SourceField("x_b", "qqqqq", Kind.TEXT))
    with pytest.raises(ConfigError) as caught:
        steps.pull(rig.connector(), replace(spec, fields=spec.fields + wrong))
    assert "annualrevenu (did you mean annualrevenue?)" in caught.value.message
    assert "qqqqq" in caught.value.message


def test_owners_that_left_come_as_inactive(rig: Any) -> None:
    rows = [
        {"name": "Ada", "team": "North", "active": "true"},
        {"name": "Bob", "team": "South", "active": "false"},
    ]
    ids = rig.seed("owners", rows)
    held = steps.pull(rig.connector(), rig.setting.specs["owners"]).rows
    assert [(held[key]["name"], held[key]["team"], held[key]["active"]) for key in ids] == [
        ("Ada", "North", "true"),
        ("Bob", "South", "false"),
    ]


def test_the_dated_api_version_gives_the_same(rig: Any) -> None:
    companies = steps.seeded(rig, 2)
    ids = deals(rig, companies)
    spec = rig.setting.specs["opportunities"]
    old, dated = rig.connector(), rig.connector(api_version="2026-09")
    one, two = steps.pull(old, spec), steps.pull(dated, spec)
    assert one.rows == two.rows
    rig.clock.advance(steps.HOUR)
    rig.edit("opportunities", ids[0], {"name": "Renamed"})
    again = steps.pull(dated, spec, two.cursor).rows[ids[0]]
    assert (again["name"], again["account_id"]) == ("Renamed", companies[0])
    assert not rig.running.faults.calls("/crm/*")[-1].path.startswith("/crm/v")


def test_a_cursor_that_cannot_be_read_means_all(rig: Any) -> None:
    ids = steps.seeded(rig, 2)
    for cursor in ("", "{}", "[1]", '{"v": 99}'):
        assert set(steps.pull(rig.connector(), steps.accounts(rig), cursor).rows) == set(ids)


def test_an_option_that_is_no_number_is_a_config_error(rig: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        steps.pull(rig.connector(overlap_seconds="long"), steps.accounts(rig))
    assert caught.value.where == "overlap_seconds"
