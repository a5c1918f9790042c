"""One company in two CRMs, over whole runs: the same label in both, whoever is run, and nobody else's label moved."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flow.sandbox_project import sandbox_project
from flow.worlds import RULES, World

from crm_kare.model import RunStatus
from crm_kare.sync.crm_run import Options
from crm_kare.sync.flow import pull_only, score_only, sync
from crm_kare.sync.identity import listing
from crm_kare.sync.judge import Judged, judge
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime

pytestmark = pytest.mark.slow

MAPPING = """
version: 1
connector: memory
currency: {reporting: EUR}
streams:
  accounts:
    from: accounts
    fields: {account_id: account_id, name: name, owner_id: owner_id, owner: owner, industry: industry, domain: domain,
             country: country, is_customer: is_customer}
  opportunities:
    from: opportunities
    fields: {opportunity_id: opportunity_id, account_id: account_id, name: name, is_won: is_won, is_closed: is_closed,
             closed_on: closed_on, amount: amount}
labels:
  people: [Override, Override_Reason, Override_Until]
"""
WRITTEN = ("Profile", "Computed_Profile", "Motion", "Badge", "Reason", "Next_Step", "ICP_Score", "ICP_Tier")
FORCE = Options(force=True)
CONFIG = 3
HALF = 10


class Firms(World):
    """Two CRMs, `sales` and `market`, that hold some of the same companies."""

    def begin(self, identity: str = "identity: {crms: [sales, market]}") -> Runtime:
        """The project, with this section."""
        for name in self.crms:
            (self.folder / f"{name}.yaml").write_text(MAPPING)
        file = self.folder / "crm-kare.yaml"
        file.write_text(file.read_text().partition("identity:")[0] + identity + "\n")
        return self.open()

    def firm(self, crm: str, account_id: str, name: str, domain: str | None, **values: str) -> None:
        """A company of the sort that the rulebook's one criterion likes."""
        given = {
            "name": name,
            "domain": domain,
            "country": "Italy",
            "industry": "Tools",
            "owner": "Ann",
            "owner_id": "Ann",
        }
        self.crms[crm].insert("accounts", given | values, account_id)

    def deal(self, crm: str, account_id: str, day: date, name: str, amount: str = "1000", *, won: bool = True) -> None:
        """A deal, won or open."""
        state = {"is_won": "true", "is_closed": "true"} if won else {"is_won": "false", "is_closed": "false"}
        values = {"account_id": account_id, "name": name, "closed_on": day.isoformat(), "amount": amount}
        self.crms[crm].insert("opportunities", values | state)

    @property
    def today(self) -> date:
        """By the clock."""
        return self.clock.now().date()

    def decide(self, *lines: str) -> None:
        """The admin's file of decisions."""
        columns = "decision,crm,account_id,other_crm,other_account_id"
        (self.folder / "identity.csv").write_text("\n".join([columns, *lines]) + "\n")

    def monthly(self, crm: str, account_id: str, months: int, *, since: int = 0) -> None:
        """An order every 30 days, the newest `since` days ago."""
        for number in range(months):
            self.deal(crm, account_id, self.today - timedelta(days=since + 30 * number), f"Order {number}")


def shop(folder: Path) -> Firms:
    """Companies in both CRMs, in one of them, and in doubt."""
    (folder / "rulebook.yaml").write_text(RULES)
    world = Firms(folder)
    world.add("sales")
    world.add("market")
    world.firm("sales", "s1", "Acme GmbH", "https://www.acme.de/start")
    world.firm("market", "m1", "ACME", "acme.de")
    world.monthly("sales", "s1", 12)
    world.firm("sales", "s2", "Only in Sales", "only-sales.com")
    world.firm("market", "m2", "Only in Market", "only-market.com")
    world.monthly("market", "m2", 5)
    world.firm("sales", "s4", "Twice", "twice.com")
    world.firm("market", "m4", "Twice", "twice.com")
    world.monthly("sales", "s4", 6)
    for number in range(3):  # a native sync's copies, one of them a day off
        world.deal("market", "m4", world.today - timedelta(days=30 * number + number % 2), f"order {number}")
    world.deal("market", "m4", world.today - timedelta(days=200), "Of market alone", "500")
    world.firm("sales", "s5", "Group", "group.com")
    world.firm("market", "m5", "Group", "group.com")
    world.firm("market", "m6", "Group Italia", "mail.group.com")
    world.monthly("sales", "s5", 12)
    return world


@dataclass
class Evening:
    """After the first run of both CRMs."""

    world: Firms
    runtime: Runtime
    results: dict[str, RunResult]
    labels: dict[str, dict[str, dict[str, Any]]]
    apart: dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    world = shop(tmp_path_factory.mktemp("identity"))
    apart = world.begin("")
    for crm in world.crms:
        pull_only(apart, crm)
    before = {crm: rows(apart, crm) for crm in world.crms}
    apart.close()
    runtime = world.begin()
    labels: dict[str, dict[str, dict[str, Any]]] = {}

    def judging(runtime: Runtime, crm: str, *, as_of: date | None = None) -> Judged:
        judged = judge(runtime, crm, as_of=as_of)
        labels[crm] = {row["account_id"]: row for row in judged.labels.to_pylist()}
        return judged

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crm_kare.sync.steps.judge", judging)
        results = {one.crm: one for one in sync(runtime, options=FORCE)}
    yield Evening(world, runtime, results, labels, before)
    runtime.close()


def rows(runtime: Runtime, crm: str) -> dict[str, dict[str, Any]]:
    return {row["account_id"]: row for row in score_only(runtime, crm).labels.to_pylist()}


def codes(runtime: Runtime, crm: str) -> set[str]:
    return {problem.code for problem in score_only(runtime, crm).problems}


def held(world: Firms, crm: str, account_id: str) -> dict[str, str | None]:
    labels = world.labels(crm, account_id)
    return {name: labels[name] for name in WRITTEN}


def test_both_crms_get_the_same_label_and_say_why(evening: Evening) -> None:
    world = evening.world
    assert {one.status for one in evening.results.values()} == {RunStatus.DONE}
    assert held(world, "sales", "s1") == held(world, "market", "m1")
    assert evening.apart["market"]["m1"]["profile"] == "Attain"
    assert held(world, "market", "m1")["Profile"] == "Keep"
    assert "Judged together with sales s1, same domain acme.de." in (world.labels("market", "m1")["Reasons"] or "")
    assert "Judged together with market m1, same domain acme.de." in (world.labels("sales", "s1")["Reasons"] or "")
    assert "s1" not in (world.labels("market", "m1")["Reason"] or "")


def test_who_stands_in_one_crm_only_is_judged_as_without_the_section(evening: Evening) -> None:
    """But for what is measured over all accounts: places on a list, and the revenue from which an account is large."""
    for crm, account in (("sales", "s2"), ("market", "m2")):
        now, then = evening.labels[crm][account], evening.apart[crm][account]
        assert {one for one in now if now[one] != then[one]} <= {"rank", "class", "class_warnings"}


def test_every_owner_has_one_ranking_over_all_of_his_accounts(evening: Evening) -> None:
    keeps = [row["rank"] for row in evening.labels["market"].values() if row["profile"] == "Keep"]
    assert sorted(keeps) == list(range(1, len(keeps) + 1))


def test_the_business_of_both_counts_and_a_deal_in_both_counts_once(evening: Evening) -> None:
    for crm, account in (("sales", "s4"), ("market", "m4")):
        found = evening.labels[crm][account]
        assert (found["events"], found["revenue_window"]) == (7, 6500)
    assert "3 deals" in next(one.message for one in evening.results["sales"].problems if one.code == "identity-doubled")


def test_several_accounts_on_a_domain_are_judged_apart_and_told(evening: Evening) -> None:
    assert evening.labels["market"]["m5"]["profile"] == "Attain"
    found = {
        crm: [one for one in result.problems if one.code == "identity-doubts"]
        for crm, result in evening.results.items()
    }
    assert [one.message.split()[0] for one in (*found["sales"], *found["market"])] == ["1", "2"]


def test_the_listing_names_every_pair_with_its_reason(evening: Evening) -> None:
    identity = evening.runtime.project.identity
    assert identity is not None
    listed = [
        (row["status"], row["account_id"], row["other_account_id"])
        for row in listing(evening.runtime, identity).pairs.to_pylist()
    ]
    assert listed == [("conflict", "s5", "m5"), ("conflict", "s5", "m6"), ("match", "s1", "m1"), ("match", "s4", "m4")]


@pytest.mark.timeout(300)
def test_a_run_of_one_crm_gives_what_a_run_of_both_gives_and_nothing_more_is_written(tmp_path: Path) -> None:
    world = shop(tmp_path)
    runtime = world.begin()
    first = sync(runtime, ["sales"], FORCE)[0]
    assert "identity-left-out" in {one.code for one in first.problems}
    sync(runtime, ["market"], FORCE)
    alone = held(world, "market", "m1"), held(world, "market", "m4")
    sync(runtime, ["sales"], FORCE)
    assert (held(world, "sales", "s1"), held(world, "sales", "s4")) == alone
    assert [one.planned.accounts for one in sync(runtime)] == [0, 0]
    runtime.close()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_people_win_in_their_crm_and_count_in_the_other(tmp_path: Path) -> None:
    world = shop(tmp_path)
    runtime = world.begin()
    sync(runtime, options=FORCE)
    world.edit("market", "m1", Override="Expand", Override_Reason="A new plant")
    sync(runtime, options=FORCE)
    assert world.labels("market", "m1")["Profile"] == world.labels("sales", "s1")["Profile"] == "Expand"
    assert "A new plant (set in market)" in (world.labels("sales", "s1")["Reason"] or "")
    assert world.labels("sales", "s1")["Override"] is None
    world.edit("sales", "s1", Override="Recapture")
    results = sync(runtime, options=FORCE)
    assert all("identity-overrides" in {one.code for one in result.problems} for result in results)
    assert world.labels("market", "m1")["Profile"] == "Expand"
    assert world.labels("sales", "s1")["Profile"] == "Recapture"
    runtime.close()


@pytest.mark.timeout(300)
def test_who_is_left_out_and_what_people_decide(tmp_path: Path) -> None:
    world = shop(tmp_path)
    runtime = world.begin()
    sync(runtime, options=FORCE)
    world.decide("same,market,m5,sales,s5", "different,sales,s5,market,m6")
    found = rows(runtime, "market")
    assert (found["m5"]["computed_profile"], found["m6"]["computed_profile"]) == ("Keep", "Attain")
    assert found["m5"]["reasons"][-1] == "Judged together with sales s5, as decided."
    assert "identity-doubts" not in codes(runtime, "market")
    (world.folder / "market.yaml").write_text(MAPPING.replace("EUR", "USD"))
    assert "identity-currency" in codes(runtime, "sales")
    (world.folder / "market.yaml").write_text(MAPPING)
    (world.folder / "sales.yaml").write_text("version: 1\n")
    broken = {one.crm: one for one in sync(runtime, options=FORCE)}
    assert broken["sales"].exit_code == CONFIG
    assert "identity-left-out" in {one.code for one in broken["market"].problems}
    (world.folder / "sales.yaml").write_text(MAPPING)
    world.clock.advance(9 * 86_400)
    pull_only(runtime, "market")
    assert "identity-left-out" in codes(runtime, "market")
    assert rows(runtime, "market")["m1"]["computed_profile"] == "Attain"
    runtime.close()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_label_held_in_one_crm_is_held_in_the_other(tmp_path: Path) -> None:
    """Rule 8: a lapse waits for 30 days where Keep was held, and the label held is the newest of either CRM's."""
    world = shop(tmp_path)
    runtime = world.begin()
    sync(runtime, options=FORCE)
    judged = score_only(runtime, "sales", as_of=world.today + timedelta(days=300)).labels.to_pylist()
    lapse = next(row["lapsed_since"] for row in judged if row["account_id"] == "s1")
    world.clock.advance((lapse - world.today).days * 86_400 + 5 * 86_400)
    for crm in world.crms:
        pull_only(runtime, crm)
    found = [rows(runtime, crm)[account] for crm, account in (("sales", "s1"), ("market", "m1"))]
    assert [(one["lapsed"], one["computed_profile"]) for one in found] == [(True, "Keep")] * 2
    runtime.close()


@pytest.mark.timeout(300)
def test_over_both_vendors(tmp_path: Path) -> None:
    """The sandbox's CRMs hold one business: whoever has the same web domain in both holds the same labels in both."""
    with sandbox_project(tmp_path, accounts=20) as project:
        project.configure("reporting: home", "reporting: EUR", "mappings/salesforce.yaml")
        project.configure("version: 1", "version: 1\nidentity: {crms: [salesforce, hubspot]}")
        results = sync(project.runtime, options=FORCE)
        assert {one.status for one in results} == {RunStatus.DONE}
        identity = project.runtime.project.identity
        assert identity is not None
        pairs = [row for row in listing(project.runtime, identity).pairs.to_pylist() if row["status"] == "match"]
        assert len(pairs) > HALF
        labels = {crm: project.labels(crm) for crm in project.crms}
        for pair in pairs:
            here, there = labels["salesforce"][pair["account_id"]], labels["hubspot"][pair["other_account_id"]]
            assert {name: here[name] for name in WRITTEN} == {name: there[name] for name in WRITTEN}
        assert [one.planned.accounts for one in sync(project.runtime)] == [0, 0]
