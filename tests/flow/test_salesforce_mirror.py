"""The mirror of an org whose people go on working while it is pulled: after each pull it is an exact copy.

What they do: edit, make, delete, undelete, merge; empty the recycle bin; and commit late, with a stamp of before the pull.
"""

import random
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import pytest
from flow.sandbox_project import SandboxProject, sandbox_project

from crm_kare.config.mapping import stream_specs
from crm_kare.sandbox.salesforce import org_of
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sync.flow import pull_only

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))]
LATEST_COMMIT = timedelta(minutes=10)
REST, BULK = "rest", "bulk"
FEWEST = 6


class People:
    """Somebody who does something at random in the org; the same seed does the same."""

    def __init__(self, project: SandboxProject, seed: int) -> None:
        self._project, self._draw = project, random.Random(seed)  # noqa: S311  no secret
        self._org: SalesforceOrg = org_of(project.running.sandbox)
        self._rep = self._org.records.select("User", "Name <> 'Integration User'", limit=1)[0]["_id"]
        self._side = project.crms["salesforce"]

    def work(self, times: int) -> None:
        """Do so many things."""
        deeds = (self.edit, self.edit, self.edit_late, self.sell, self.delete, self.undelete, self.merge, self.purge)
        for _ in range(times):
            self._draw.choice(deeds)()

    def edit(self) -> str:
        """Another name, on an account or an opportunity."""
        name = self._draw.choice([one for one in ("Account", "Opportunity") if self._org.records.count(one)])
        record_id = self._any(name)
        self._org.records.update(name, record_id, {"Name": f"Renamed {self._draw.random()}"}, self._rep)
        return record_id

    def edit_late(self) -> None:
        """A transaction that began up to ten minutes ago commits only now."""
        record_id = self._any("Account")
        self._org.records.update(
            "Account", record_id, {"Industry": self._draw.choice(("Banking", "Energy"))}, self._rep
        )
        began = self._project.clock.now() - LATEST_COMMIT * self._draw.random()
        self._org.records.backdate("Account", record_id, int(began.timestamp()) * 1000)

    def sell(self) -> None:
        """An opportunity is made and won."""
        self._side.win(self._any("Account"), self._project.clock.now().date(), self._draw.randrange(1, 9) * 1000)

    def delete(self) -> None:
        """Into the recycle bin, with what belongs to it; somebody to work on is left."""
        if self._org.records.count("Account") > FEWEST:
            self._side.delete(self._any("Account"))

    def undelete(self) -> None:
        """Out of the recycle bin, if there is anything in it."""
        gone = self._org.records.select("Account", "_merged_into IS NULL", deleted=True)
        if gone:
            self._org.undelete("Account", self._draw.choice(gone)["_id"], self._rep)

    def merge(self) -> None:
        """Two accounts become one."""
        winner, loser = (self._any("Account") for _ in range(2))
        if winner != loser and self._org.records.count("Account") > FEWEST:
            self._org.merge("Account", winner, loser, self._rep)

    def purge(self) -> None:
        """Somebody empties the recycle bin."""
        self._org.empty_bin()

    def _any(self, name: str) -> str:
        return str(self._draw.choice(self._org.records.select(name))["_id"])


@pytest.fixture(params=[REST, pytest.param(BULK, marks=pytest.mark.slow)])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxProject]:
    """An org that answers in small pages; pulled by REST, or by bulk jobs."""
    with sandbox_project(tmp_path, crms=("salesforce",), accounts=25) as opened:
        org_of(opened.running.sandbox).settings.page_limit = 10
        opened.configure("mirror_shrink: 0.1", "mirror_shrink: 1.0")
        limit = 1 if request.param == BULK else 1_000_000
        opened.configure("streams:  ", f"options: {{bulk_from: {limit}}}\nstreams:  ", "mappings/salesforce.yaml")
        yield opened


def _mirrored(project: SandboxProject, stream: str, columns: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    """Rows of the mirror by id."""
    engine = ibis.duckdb.connect()
    rows = project.runtime.mirror("salesforce").tables(engine)[stream].select(*columns).to_pyarrow().to_pylist()
    engine.disconnect()
    return {row[columns[0]]: tuple(row[one] for one in columns[1:]) for row in rows}


def _held(project: SandboxProject, name: str, fields: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    """Live records by id."""
    found = org_of(project.running.sandbox).records.select(name)
    return {row["_id"]: tuple(row[one] for one in fields) for row in found}


def require_exact(project: SandboxProject) -> None:
    """Not one record too many, too few, or with an old value."""
    accounts = _mirrored(project, "accounts", ("account_id", "name", "industry", "parent_id"))
    assert accounts == _held(project, "Account", ("Name", "Industry", "ParentId"))
    deals = _mirrored(project, "opportunities", ("opportunity_id", "account_id", "name", "stage"))
    assert deals == _held(project, "Opportunity", ("AccountId", "Name", "StageName"))


@pytest.mark.parametrize("seed", SEEDS)
def test_after_each_pull_the_mirror_is_an_exact_copy(project: SandboxProject, seed: int) -> None:
    people = People(project, seed)
    for _ in range(5 if seed else 3):
        pull_only(project.runtime, "salesforce", full=False, progress=lambda *_: people.work(1))
        project.clock.sleep(seed * 7 + 5)
        people.work(6)
        project.clock.sleep(400)
    last = pull_only(project.runtime, "salesforce")
    assert last.exit_code == 0
    require_exact(project)
    require_all_streams_mapped(project)


def require_all_streams_mapped(project: SandboxProject) -> None:
    """What is compared is what the starter maps."""
    specs = {spec.stream for spec in stream_specs(project.runtime.mapping("salesforce"))}
    assert {"accounts", "opportunities"} <= specs


def test_a_commit_as_late_as_salesforce_allows_is_seen_by_the_next_pull(project: SandboxProject) -> None:
    org = org_of(project.running.sandbox)
    pull_only(project.runtime, "salesforce")
    pulled = project.clock.now()
    (first, *_) = project.ids("salesforce")
    project.clock.sleep(1)
    org.records.update("Account", first, {"Name": "Late"}, org.integration_user)
    org.records.backdate("Account", first, int((pulled - LATEST_COMMIT + timedelta(seconds=1)).timestamp()) * 1000)
    project.clock.sleep(900)
    pull_only(project.runtime, "salesforce")
    assert _mirrored(project, "accounts", ("account_id", "name"))[first] == ("Late",)


@pytest.mark.slow
def test_a_pull_stopped_at_every_page_goes_on_and_is_exact(project: SandboxProject) -> None:
    """Each run brings one page more; people work in between."""
    people = People(project, 11)
    for _ in range(60):
        asked = iter([False, True])
        result = pull_only(project.runtime, "salesforce", stop=partial(next, asked, True))
        people.edit()
        project.clock.sleep(20)
        if result.exit_code == 0:
            break
    project.clock.sleep(1)
    pull_only(project.runtime, "salesforce")
    require_exact(project)
