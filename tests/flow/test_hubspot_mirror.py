"""The mirror of a portal whose people go on working while it is pulled: after each pull it is an exact copy.

What they do: edit, sell, archive, restore, merge companies and deals, and tie deals to other companies. Search shows it up to
thirty seconds late, at times later than it showed what came after. Ties that move no date are right after a full pull.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import pytest
from flow.sandbox_project import SandboxProject, sandbox_project

from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.hubspot import portal_of
from crm_kare.sandbox.hubspot.associating import link
from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS
from crm_kare.sandbox.hubspot.links import recount_around, untie
from crm_kare.sandbox.hubspot.merging import merge
from crm_kare.sandbox.hubspot.portal import EXPORT
from crm_kare.sync.flow import pull_only

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 7))]
LONGEST_LAG = 30.0
FEWEST = 20
DAY = 86_400
PRIMARY, UNLABELED = "5", "341"
COMPANIES, DEALS = "companies", "deals"


class People:
    """Somebody who does something at random in the portal; the same seed does the same."""

    def __init__(self, project: SandboxProject, seed: int) -> None:
        self._project, self._draw = project, random.Random(seed)  # noqa: S311  no secret
        self._portal = portal_of(project.running.sandbox)
        self._org, self._side = self._portal.org, project.crms["hubspot"]
        self._rep = f"user:{self._org.select('owners', limit=1)[0]['userId']}"

    def work(self, times: int) -> None:
        """Do so many things; the index is another time behind after each."""
        deeds = (
            self.edit,
            self.sell,
            self.move,
            self.archive,
            self.restore,
            self.merge,
            self.tie,
            self.part,
            self.adopt,
        )
        for _ in range(times):
            self._draw.choice(deeds)()
            lag = LONGEST_LAG * self._draw.random()
            self._portal.settings = replace(self._portal.settings, index_lag=lag)
            self._project.clock.sleep(self._draw.choice((0, 0.4, 3)))

    def edit(self) -> None:
        """Another name, on a company or a deal."""
        kind, name = self._draw.choice(((COMPANIES, "name"), (DEALS, "dealname")))
        self._org.update(kind, self._any(kind), {name: f"Renamed {self._draw.random()}"}, self._rep)

    def sell(self) -> None:
        """A deal is made and won."""
        self._side.win(self._any(COMPANIES), self._project.clock.now().date(), self._draw.randrange(1, 9) * 1000)

    def move(self) -> None:
        """A deal goes to another stage of the first pipeline."""
        line = self._portal.pipelines[0]
        values = {"pipeline": line.id, "dealstage": self._draw.choice(line.stages).id}
        self._org.update(DEALS, self._any(DEALS), values, self._rep)

    def archive(self) -> None:
        """Somebody to work on is left."""
        kind = self._draw.choice((COMPANIES, DEALS))
        if self._org.count(kind) > FEWEST:
            gone = self._any(kind)
            self._org.delete(kind, gone, self._rep)
            recount_around(self._portal, kind, gone)

    def restore(self) -> None:
        """Out of the archive, if there is anything in it."""
        kind = self._draw.choice((COMPANIES, DEALS))
        if gone := self._org.select(kind, "_merged_into IS NULL", deleted=True):
            back = str(self._draw.choice(gone)["_id"])
            self._org.undelete(kind, back, self._rep)
            recount_around(self._portal, kind, back)

    def merge(self) -> None:
        """Two become a third with an id of its own."""
        kind = self._draw.choice((COMPANIES, DEALS))
        ids = [self._any(kind) for _ in range(2)]
        if ids[0] != ids[1] and self._org.count(kind) > FEWEST:
            held = self._org.get_many(kind, ids)
            merge(self._portal, BY_ADDRESS[kind], held[ids[0]], held[ids[1]], self._rep)

    def tie(self) -> None:
        """A deal gets a company more, at times as its primary one."""
        one = (self._any(DEALS), self._any(COMPANIES), [self._draw.choice((PRIMARY, UNLABELED))])
        link(self._portal, BY_ADDRESS[DEALS], BY_ADDRESS[COMPANIES], [one])

    def part(self) -> None:
        """A deal loses its companies."""
        untie(self._portal, DEALS, COMPANIES, self._org.links(DEALS, COMPANIES, [self._any(DEALS)]))

    def adopt(self) -> None:
        """A company gets another parent."""
        parent, child = (self._any(COMPANIES) for _ in range(2))
        if parent != child:
            untie(self._portal, COMPANIES, COMPANIES, self._parents(child))
            link(self._portal, BY_ADDRESS[COMPANIES], BY_ADDRESS[COMPANIES], [(parent, child, ["13"])])

    def _parents(self, child: str) -> list[tuple[str, str, str]]:
        return [one for one in self._org.links(COMPANIES, COMPANIES, [child]) if one[2] == "14"]

    def _any(self, kind: str) -> str:
        return str(self._draw.choice(self._org.select(kind))["_id"])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[SandboxProject]:
    """A portal of several pages."""
    with sandbox_project(tmp_path, crms=("hubspot",), accounts=60) as opened:
        opened.configure("mirror_shrink: 0.1", "mirror_shrink: 1.0")
        yield opened


def _mirrored(project: SandboxProject, stream: str, columns: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    """Rows of the mirror by id."""
    engine = ibis.duckdb.connect()
    rows = project.runtime.mirror("hubspot").tables(engine)[stream].select(*columns).to_pyarrow().to_pylist()
    engine.disconnect()
    return {row[columns[0]]: tuple(row[one] for one in columns[1:]) for row in rows}


def _live(project: SandboxProject, kind: str) -> list[Any]:
    return portal_of(project.running.sandbox).org.select(kind)


def _standing(project: SandboxProject, stage_id: str) -> tuple[bool, bool]:
    """Whether a stage is won, and whether it is closed, by its settings."""
    stage = portal_of(project.running.sandbox).stage(stage_id)
    assert stage
    return stage.closed and float(stage.probability) == 1, stage.closed


def require_same_records(project: SandboxProject) -> None:
    """Not one record too many, too few, or with an old value of its own."""
    companies = _mirrored(project, "accounts", ("account_id", "name", "industry"))
    assert companies == {row["_id"]: (row["name"], row["industry"]) for row in _live(project, COMPANIES)}
    deals = _mirrored(project, "opportunities", ("opportunity_id", "stage", "is_won", "is_closed"))
    assert deals == {
        row["_id"]: (row["dealstage"], *_standing(project, row["dealstage"])) for row in _live(project, DEALS)
    }


def require_same_ties(project: SandboxProject) -> None:
    """Each deal with its primary company, else the one of the lowest id; each company with its parent."""
    org = portal_of(project.running.sandbox).org
    ends: dict[str, dict[str, bool]] = {}
    for deal, company, kind in org.live_links(DEALS, COMPANIES, [row["_id"] for row in _live(project, DEALS)]):
        ends.setdefault(deal, {})[company] = ends.get(deal, {}).get(company, False) or kind == PRIMARY
    expected = {
        row["_id"]: (min(ends.get(row["_id"], {}).items(), key=lambda one: (not one[1], int(one[0])), default=(None, 0))[0],)
        for row in _live(project, DEALS)
    }  # fmt: skip
    assert _mirrored(project, "opportunities", ("opportunity_id", "account_id")) == expected
    parents = {row["_id"]: (row["hs_parent_company_id"],) for row in _live(project, COMPANIES)}
    assert _mirrored(project, "accounts", ("account_id", "parent_id")) == parents


@pytest.mark.parametrize("seed", SEEDS)
def test_after_each_pull_the_mirror_is_an_exact_copy(project: SandboxProject, seed: int) -> None:
    portal = portal_of(project.running.sandbox)
    portal.settings = replace(portal.settings, links_move_dates=bool(seed % 2), lag_keeps_deleted=bool(seed % 3))
    people = People(project, seed)
    for _ in range(5 if seed else 3):
        during = pull_only(project.runtime, "hubspot", progress=lambda *_: people.work(1))
        assert during.exit_code == 0
        project.clock.sleep(seed * 7 + 5)
        people.work(8)
    project.clock.sleep(LONGEST_LAG + 1)
    assert pull_only(project.runtime, "hubspot").exit_code == 0
    require_same_records(project)
    assert pull_only(project.runtime, "hubspot", full=True).exit_code == 0
    require_same_records(project)
    require_same_ties(project)


def test_an_archived_company_leaves_its_deals_to_their_others_though_hubspot_tells_no_tie_and_no_date(
    project: SandboxProject,
) -> None:
    portal = portal_of(project.running.sandbox)
    portal.settings = replace(portal.settings, links_move_dates=False, lag_keeps_deleted=True, index_lag=LONGEST_LAG)
    (deal, gone, _), *_ = portal.org.live_links(DEALS, COMPANIES, [row["_id"] for row in _live(project, DEALS)])
    other, child = [row["_id"] for row in _live(project, COMPANIES) if row["_id"] != gone][:2]
    link(portal, BY_ADDRESS[DEALS], BY_ADDRESS[COMPANIES], [(deal, gone, [PRIMARY]), (deal, other, [UNLABELED])])
    link(portal, BY_ADDRESS[COMPANIES], BY_ADDRESS[COMPANIES], [(gone, child, ["13"])])
    pull_only(project.runtime, "hubspot")
    require_same_ties(project)
    project.clock.sleep(DAY)
    portal.org.delete(COMPANIES, gone, "user:1")
    recount_around(portal, COMPANIES, gone)
    refusal = '{"status":"error","message":"No such object","category":"VALIDATION_ERROR"}'
    project.running.faults.order(Fault("*/companies/*/batch/read", "POST", status=400, body=refusal))
    pull_only(project.runtime, "hubspot")
    require_same_ties(project)
    project.running.faults.forget_calls()
    project.clock.sleep(DAY)
    pull_only(project.runtime, "hubspot")
    assert not project.running.faults.calls("/crm/v3/objects/*/batch/read"), "and a quiet pull reads nothing again"


def test_a_stage_that_changes_its_meaning_changes_its_deals(project: SandboxProject) -> None:
    pull_only(project.runtime, "hubspot")
    portal = portal_of(project.running.sandbox)
    first, *others = portal.pipelines
    lost = tuple(replace(one, probability="0.0") if one.id == "closedwon" else one for one in first.stages)
    portal.pipelines = (replace(first, stages=lost), *others)
    project.clock.sleep(DAY)
    pull_only(project.runtime, "hubspot")
    assert any(row["dealstage"] == "closedwon" for row in _live(project, DEALS))
    require_same_records(project)


@pytest.mark.slow
def test_a_pull_stopped_again_and_again_goes_on_and_is_exact(project: SandboxProject) -> None:
    """Each run may take a page more than the one before; people work in between."""
    people = People(project, 11)
    for pages in range(12):
        asked = iter([False] * pages)
        result = pull_only(project.runtime, "hubspot", stop=partial(next, asked, True))
        people.work(1)
        project.clock.sleep(20)
        if result.exit_code == 0:
            break
    for _ in range(2):
        project.clock.sleep(LONGEST_LAG + 1)
        assert pull_only(project.runtime, "hubspot").exit_code == 0
    assert pages > 2
    require_same_records(project)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5, 10))
def test_a_mirror_from_exported_files_is_an_exact_copy(project: SandboxProject, seed: int) -> None:
    """With the starter's mapping, whose streams of companies and deals the files hold exactly."""
    portal = portal_of(project.running.sandbox)
    portal.settings = replace(portal.settings, scopes=portal.settings.scopes | {EXPORT})
    mapping = project.folder / "mappings" / "hubspot.yaml"
    mapping.write_text(f"{mapping.read_text()}\noptions:\n  export_from: 1\n")
    project.reopen()
    people = People(project, seed)
    assert pull_only(project.runtime, "hubspot", progress=lambda *_: people.work(1)).exit_code == 0
    for full in (False, True):
        project.clock.sleep(DAY)
        project.running.faults.forget_calls()
        result = pull_only(project.runtime, "hubspot", full=full)
        assert [one for one in result.problems if one.code == "export-unused"] == []
        require_same_records(project)
    require_same_ties(project)
    assert {one.order.kind.name for one in portal.exports.tasks.values()} == {COMPANIES, DEALS}
