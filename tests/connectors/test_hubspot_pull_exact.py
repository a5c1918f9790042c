"""What a mirror of a HubSpot portal holds after people worked in it between and during pulls: an exact copy."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import ConfigError
from crm_kare.model import Kind
from crm_kare.ports import Connector, SourceField, StreamSpec
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.hubspot.definitions import OBJECT_TYPES
from crm_kare.sandbox.hubspot.links import tie, untie
from crm_kare.sandbox.hubspot.merging import merge
from crm_kare.testing import steps
from crm_kare.testing.records import row, rows

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

KINDS = {kind.name: kind for kind in OBJECT_TYPES}
PERSON = "user:61000000"
STREAMS = ("accounts", "opportunities")
LAG = 30.0
FEWEST = 4


class Copy:
    """A mirror as the engine keeps it: each page's rows, then what the page says is gone."""

    def __init__(self, spec: StreamSpec) -> None:
        self.spec, self.rows, self.cursor = spec, dict[str, Mapping[str, Any]](), ""

    def pull(self, connector: Connector, pages: int = 1_000_000) -> Iterator[None]:
        """Take pages in; somebody may work between them, or nobody go on."""
        for page, _ in zip(connector.pull(self.spec, self.cursor or None), range(pages), strict=False):
            self.rows |= {str(one[self.spec.fields[0].column]): one for one in page.records.to_pylist()}
            for gone in page.deleted:
                self.rows.pop(gone, None)
            self.cursor = page.cursor
            yield

    def bring(self, connector: Connector) -> None:
        """A whole pull."""
        for _ in self.pull(connector):
            pass


class People:
    """Somebody who does things at random; the same seed does the same."""

    def __init__(self, rig: Any, seed: int) -> None:
        self._rig, self._draw = rig, random.Random(seed)  # noqa: S311  no secret

    def work(self, times: int) -> None:
        """Do so many things, a moment apart."""
        deeds = (self.edit, self.edit, self.sell, self.archive, self.restore, self.merge)
        for _ in range(times):
            self._draw.choice(deeds)()
            self._rig.clock.advance(self._draw.random() * 9)

    def edit(self) -> None:
        """Another name."""
        name = self._draw.choice(("companies", "deals"))
        held = {"companies": "name", "deals": "dealname"}[name]
        self._rig.portal.org.update(name, self._any(name), {held: f"Renamed {self._draw.random()}"}, PERSON)

    def sell(self) -> None:
        """A deal is made."""
        made = row(self._rig.setting, "opportunities", self._draw.randrange(1000), account_id=self._any("companies"))
        self._rig.seed("opportunities", [made])

    def archive(self) -> None:
        """A deal goes, or a company without deals; somebody to work on is left."""
        name = self._draw.choice(("companies", "deals"))
        record_id = self._any(name)
        linked = name == "companies" and self._rig.portal.org.links("companies", "deals", [record_id])
        if self._count(name) > FEWEST and not linked:
            self._rig.portal.org.delete(name, record_id, PERSON)

    def restore(self) -> None:
        """Something archived comes back."""
        name = self._draw.choice(("companies", "deals"))
        gone = self._rig.portal.org.select(name, "_merged_into IS NULL", deleted=True)
        if gone:
            self._rig.portal.org.undelete(name, self._draw.choice(gone)["_id"], PERSON)

    def merge(self) -> None:
        """Two records become a third, with a new id."""
        name = self._draw.choice(("companies", "deals"))
        one, other = self._any(name), self._any(name)
        if one != other and self._count(name) > FEWEST:
            held = self._rig.portal.org.get_many(name, [one, other])
            merge(self._rig.portal, KINDS[name], held[one], held[other], PERSON)

    def _any(self, name: str) -> str:
        return str(self._draw.choice(self._rig.portal.org.select(name))["_id"])

    def _count(self, name: str) -> int:
        return len(self._rig.portal.org.select(name))


def sales(rig: Any, companies: int, deals: int) -> list[str]:
    """A portal with deals, a day old: the companies' ids."""
    ids = rig.seed("accounts", rows(rig.setting, "accounts", companies))
    made = [row(rig.setting, "opportunities", one, account_id=ids[one % companies]) for one in range(deals)]
    rig.seed("opportunities", made)
    rig.clock.advance(steps.DAY)
    return [str(one) for one in ids]


def copies(rig: Any, connector: Connector) -> dict[str, Copy]:
    """A copy of both streams, by a full pull."""
    made = {stream: Copy(rig.setting.specs[stream]) for stream in STREAMS}
    for one in made.values():
        one.bring(connector)
    return made


def require_exact(rig: Any, made: Mapping[str, Copy]) -> None:
    """Not one record too many, too few, or with an old value: as a list of everything has them now."""
    for one in made.values():
        assert one.rows == steps.pull(rig.connector(), one.spec).rows


SEEDS = [3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 30))]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_people_do_meanwhile_the_copy_is_exact(rig: Any, seed: int) -> None:
    sales(rig, 12, 130)
    rig.portal.settings = replace(rig.portal.settings, index_lag=LAG, links_move_dates=False)
    people = People(rig, seed)
    made = {stream: Copy(rig.setting.specs[stream]) for stream in STREAMS}
    for turn in range(4):
        connector = rig.connector()
        for one in made.values():
            for _ in one.pull(connector):
                people.work(2)
        people.work(8)
        rig.clock.advance(5 + 100 * turn)
    rig.clock.advance(LAG + 1)
    for one in made.values():
        one.bring(rig.connector())
    require_exact(rig, made)


def test_deals_of_merged_companies_name_the_survivor_though_no_date_moved(rig: Any) -> None:
    ids = sales(rig, 3, 9)
    rig.portal.settings = replace(rig.portal.settings, links_move_dates=False)
    made = copies(rig, rig.connector())
    rig.clock.advance(steps.HOUR)
    held = rig.portal.org.get_many("companies", ids)
    survivor = merge(rig.portal, KINDS["companies"], held[ids[0]], held[ids[1]], PERSON)["_id"]
    rig.clock.advance(steps.HOUR)
    made["accounts"].bring(rig.connector())
    made["opportunities"].bring(rig.connector())  # in a process of its own: what the other one saw outlived it
    owners = [one["account_id"] for one in made["opportunities"].rows.values()]
    assert sorted(owners) == [ids[2]] * 3 + [survivor] * 6
    before = rig.calls()
    made["opportunities"].bring(rig.connector())
    assert rig.calls() - before <= 3  # and nothing is read again for it


def test_deals_are_told_of_a_merge_that_a_full_pull_of_the_companies_showed(rig: Any) -> None:
    ids = sales(rig, 3, 6)
    rig.portal.settings = replace(rig.portal.settings, links_move_dates=False)
    made = copies(rig, rig.connector())
    rig.clock.advance(steps.HOUR)
    held = rig.portal.org.get_many("companies", ids)
    merge(rig.portal, KINDS["companies"], held[ids[0]], held[ids[1]], PERSON)
    rig.clock.advance(steps.HOUR)
    made["accounts"] = Copy(made["accounts"].spec)
    for one in made.values():
        one.bring(rig.connector())
    require_exact(rig, made)


def test_deals_of_a_restored_company_name_it_again_though_no_date_moved(rig: Any) -> None:
    ids = sales(rig, 3, 6)
    rig.portal.settings = replace(rig.portal.settings, links_move_dates=False)
    rig.delete("accounts", ids[0])
    rig.clock.advance(steps.HOUR)
    made = copies(rig, rig.connector())
    for one in made.values():  # the list of archived records is read for the first time
        one.bring(rig.connector())
    assert [one["account_id"] for one in made["opportunities"].rows.values()].count(None) == 2
    rig.portal.org.undelete("companies", ids[0], PERSON)
    rig.clock.advance(steps.HOUR)
    for one in made.values():
        one.bring(rig.connector())
    require_exact(rig, made)


def test_one_of_whose_deals_hubspot_will_not_tell_costs_no_other_its_own(rig: Any) -> None:
    ids = sales(rig, 6, 12)
    rig.portal.settings = replace(rig.portal.settings, links_move_dates=False)
    made = copies(rig, rig.connector())
    rig.clock.advance(steps.HOUR)
    held = rig.portal.org.get_many("companies", ids)
    merge(rig.portal, KINDS["companies"], held[ids[0]], held[ids[1]], PERSON)
    kept = merge(rig.portal, KINDS["companies"], held[ids[2]], held[ids[3]], PERSON)["_id"]
    rig.clock.advance(steps.HOUR)
    refusal = '{"status":"error","message":"No such object","category":"VALIDATION_ERROR"}'
    rig.running.faults.order(Fault("*/companies/deals/batch/read", "POST", status=400, body=refusal, times=2))
    for one in made.values():
        one.bring(rig.connector())
    owners = [one["account_id"] for one in made["opportunities"].rows.values()]
    assert owners.count(kept) == 4
    assert owners.count(ids[0]) + owners.count(ids[1]) == 4, "left to whoever takes the two out of the mirror"


def test_the_children_of_a_merged_parent_name_the_survivor(rig: Any) -> None:
    ids = sales(rig, 4, 0)
    tie(rig.portal, "companies", "companies", [(ids[0], ids[2], "13"), (ids[1], ids[3], "13")])
    rig.portal.settings = replace(rig.portal.settings, links_move_dates=False)
    spec = steps.accounts(rig)
    parent = SourceField("parent_id", "hs_parent_company_id", Kind.TEXT)
    accounts = Copy(replace(spec, fields=(*spec.fields, parent)))
    accounts.bring(rig.connector())
    assert [accounts.rows[one]["parent_id"] for one in ids[2:]] == ids[:2]
    rig.clock.advance(steps.HOUR)
    held = rig.portal.org.get_many("companies", ids)
    survivor = merge(rig.portal, KINDS["companies"], held[ids[0]], held[ids[1]], PERSON)["_id"]
    rig.clock.advance(steps.HOUR)
    accounts.bring(rig.connector())
    assert [accounts.rows[one]["parent_id"] for one in ids[2:]] == [survivor, survivor]


def test_a_restored_record_comes_back_even_where_its_date_did_not_move(rig: Any) -> None:
    ids = sales(rig, 3, 0)
    made = copies(rig, rig.connector())
    stamp = rig.portal.org.get("companies", ids[0])["_modified"]
    rig.clock.advance(steps.HOUR)
    rig.delete("accounts", ids[0])
    rig.clock.advance(steps.HOUR)
    made["accounts"].bring(rig.connector())
    assert set(made["accounts"].rows) == set(ids[1:])
    rig.portal.org.undelete("companies", ids[0], PERSON)
    rig.portal.org.backdate("companies", ids[0], stamp)
    rig.clock.advance(steps.HOUR)
    made["accounts"].bring(rig.connector())
    require_exact(rig, made)


def test_a_changed_association_that_moves_no_date_is_right_after_the_next_full_pull(rig: Any) -> None:
    ids = sales(rig, 2, 2)
    rig.portal.settings = replace(rig.portal.settings, links_move_dates=False)
    deals = Copy(rig.setting.specs["opportunities"])
    deals.bring(rig.connector())
    deal = next(key for key, one in deals.rows.items() if one["account_id"] == ids[0])
    untie(rig.portal, "deals", "companies", [(deal, ids[0], kind) for kind in ("5", "341")])
    tie(rig.portal, "deals", "companies", [(deal, ids[1], kind) for kind in ("5", "341")])
    deals.cursor = ""
    deals.bring(rig.connector())
    assert deals.rows[deal]["account_id"] == ids[1]


def test_a_pull_stopped_at_every_page_goes_on_and_is_exact(rig: Any) -> None:
    sales(rig, 8, 430)
    people, deals = People(rig, 5), Copy(rig.setting.specs["opportunities"])
    made = {"accounts": Copy(rig.setting.specs["accounts"]), "opportunities": deals}
    stops = 0
    while not deals.cursor or '"phase":"list"' in deals.cursor:
        for _ in deals.pull(rig.connector(), pages=1):
            people.edit()
        stops += 1
    assert stops >= 3
    rig.clock.advance(steps.MINUTE)
    for one in made.values():
        one.bring(rig.connector())
    require_exact(rig, made)


@pytest.mark.parametrize("status", [400, 404])
def test_a_paging_token_that_ran_out_starts_the_list_again(rig: Any, status: int) -> None:
    sales(rig, 250, 0)
    accounts = Copy(rig.setting.specs["accounts"])
    for _ in accounts.pull(rig.connector(), pages=1):
        pass
    refusal = '{"status":"error","message":"Invalid after","category":"VALIDATION_ERROR"}'
    rig.running.faults.order(Fault("*/objects/companies", "GET", status=status, body=refusal))
    accounts.bring(rig.connector())
    assert len(accounts.rows) == 250


def test_a_page_that_is_refused_for_good_ends_the_pull_with_what_hubspot_says(rig: Any) -> None:
    sales(rig, 250, 0)
    refusal = '{"status":"error","message":"Property view is restricted","category":"VALIDATION_ERROR"}'
    rig.running.faults.order(Fault("*/objects/companies", "GET", status=400, body=refusal, skip=1))
    rig.running.faults.order(Fault("*/objects/companies", "GET", status=400, body=refusal, skip=2))
    accounts = Copy(rig.setting.specs["accounts"])
    with pytest.raises(ConfigError, match="restricted"):
        accounts.bring(rig.connector())
    assert len(rig.running.faults.calls("*/objects/companies")) == 4


def test_records_merged_while_they_are_listed_leave_with_the_list(rig: Any) -> None:
    ids = sales(rig, 250, 0)
    accounts = Copy(rig.setting.specs["accounts"])
    pages = accounts.pull(rig.connector())
    next(pages)
    first = min(accounts.rows)
    held = rig.portal.org.get_many("companies", [first, max(ids)])
    survivor = merge(rig.portal, KINDS["companies"], held[first], held[max(ids)], PERSON)["_id"]
    for _ in pages:
        pass
    assert survivor in accounts.rows
    assert first not in accounts.rows


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 2650])
def test_pages_are_read_ahead_and_none_is_lost_or_asked_for_twice(rig: Any, count: int) -> None:
    ids = rig.seed("accounts", rows(rig.setting, "accounts", count))
    connector, before = rig.connector(), rig.calls()
    pulled = steps.pull(connector, steps.accounts(rig))
    assert sorted(pulled.rows) == sorted(ids)
    assert len(pulled.ids) == count
    assert rig.calls() - before == 1 + max(1, -(-count // 100))


def test_what_went_wrong_while_reading_ahead_is_told_after_the_pages_before_it(rig: Any) -> None:
    sales(rig, 450, 0)
    accounts, connector = Copy(rig.setting.specs["accounts"]), rig.connector()
    pages = accounts.pull(connector)
    next(pages)
    rig.running.faults.order(Fault("*/objects/companies", "GET", status=403, body="{}", times=0))
    with pytest.raises(Exception, match="lacks 1 scope"):
        list(pages)
    rig.mend()
    accounts.bring(rig.connector())
    assert len(accounts.rows) == 450


def test_definitions_of_today_serve_until_they_do_not_fit(rig: Any) -> None:
    sales(rig, 2, 0)
    spec = steps.accounts(rig)
    cursor = steps.pull(rig.connector(), spec).cursor
    asked = rig.running.faults.calls
    before = len(asked("*/properties/companies"))
    rig.clock.advance(steps.HOUR)
    cursor = steps.pull(rig.connector(), spec, cursor).cursor
    assert len(asked("*/properties/companies")) == before
    rig.clock.advance(steps.DAY)
    cursor = steps.pull(rig.connector(), spec, cursor).cursor
    assert len(asked("*/properties/companies")) == before + 1
    rig.portal.org.drop_field("companies", "industry")
    rig.clock.advance(steps.HOUR)
    (one, _) = rig.records("accounts")
    rig.edit("accounts", one, {"name": "Renamed"})
    rig.clock.advance(steps.HOUR)
    with pytest.raises(ConfigError, match="industry"):
        steps.pull(rig.connector(), spec, cursor)


def test_a_new_stage_is_asked_for_and_brings_nothing_anew(rig: Any) -> None:
    ids = sales(rig, 1, 130)
    spec = rig.setting.specs["opportunities"]
    cursor = steps.pull(rig.connector(), spec).cursor
    connector = rig.connector()
    line = rig.portal.pipelines[0]
    rig.clock.advance(steps.HOUR)
    cursor = steps.pull(connector, spec, cursor).cursor
    new = replace(line.stages[0], id="signed", probability="1.0", closed=True)
    rig.portal.pipelines = (replace(line, stages=(*line.stages, new)), *rig.portal.pipelines[1:])
    made = row(rig.setting, "opportunities", 1, account_id=ids[0], stage="signed", pipeline=line.id)
    (deal,) = rig.seed("opportunities", [made])
    rig.clock.advance(steps.HOUR)
    pulled = steps.pull(connector, spec, cursor)
    assert (list(pulled.rows), pulled.rows[deal]["is_won"]) == ([deal], "true")
    assert steps.pull(rig.connector(), spec, pulled.cursor).rows == {}


def test_built_in_properties_for_target_accounts_can_be_read(rig: Any) -> None:
    spec = steps.accounts(rig)
    wanted = (
        SourceField("x_tier", "hs_ideal_customer_profile", Kind.TEXT),
        SourceField("x_target", "hs_is_target_account", Kind.BOOL),
    )
    (one,) = sales(rig, 1, 0)
    told = {"hs_ideal_customer_profile": "tier_1", "hs_is_target_account": "true"}
    rig.portal.org.update("companies", one, told, PERSON)
    held = steps.pull(rig.connector(), replace(spec, fields=(*spec.fields, *wanted))).rows[one]
    assert (held["x_tier"], held["x_target"]) == ("tier_1", "true")
