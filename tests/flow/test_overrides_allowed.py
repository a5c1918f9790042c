"""Who may override, and who it was."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flow.sandbox_project import SalesforceSide, SandboxProject, sandbox_project
from flow.worlds import FIELDS, World

from crm_kare.report.overrides import overrides
from crm_kare.sandbox.salesforce.write import keep_history
from crm_kare.sync.flow import Options, score_only, sync
from crm_kare.sync.runtime import Runtime

FORCE = Options(force=True)
FIELD = {one.label.name: one.field for one in FIELDS}


@pytest.fixture
def listed(empty: World) -> Iterator[tuple[World, Runtime]]:
    """A CRM of two customers, in which Ann alone may override."""
    empty.add("acme")
    for account in ("a1", "a2"):
        empty.regular("acme", account)
    project = empty.folder / "crm-kare.yaml"
    project.write_text(project.read_text() + "overrides: {allowed: [ann@EXAMPLE.com]}\n")
    runtime = empty.open()
    sync(runtime, [], FORCE)
    yield empty, runtime
    runtime.close()


def sets(world: World, account: str, value: str | None, by: str = "") -> None:
    world.clock.advance(60)
    world.crms["acme"].edit("accounts", account, {FIELD["Override"]: value}, by)


@pytest.mark.slow
def test_only_the_override_of_somebody_on_the_list_is_followed(listed: tuple[World, Runtime]) -> None:
    world, runtime = listed
    sets(world, "a1", "Attain", "Ann")
    sets(world, "a2", "Attain", "Bob")
    (run,) = sync(runtime)
    assert [world.labels("acme", one)["Profile"] for one in ("a1", "a2")] == ["Attain", "Keep"]
    (told,) = [one for one in run.problems if one.code == "override-not-signed-off"]
    assert told.account_id == "a2"
    assert told.message.startswith("Bob set the override to Attain on 2026-11-0")
    assert world.labels("acme", "a2")["Override"] == "Attain"
    rows = {row["account_id"]: row for row in overrides(runtime, "acme").to_pylist()}
    assert [(rows[one]["state"], rows[one]["set_by"]) for one in ("a1", "a2")] == [
        ("holds", "Ann"),
        ("not signed off", "Bob"),
    ]
    sets(world, "a2", None, "Ann")
    sets(world, "a2", "Attain", "Ann")
    sync(runtime)
    assert world.labels("acme", "a2")["Profile"] == "Attain"


@pytest.mark.slow
def test_an_unknown_author_is_not_followed_unless_the_project_says_so(listed: tuple[World, Runtime]) -> None:
    world, runtime = listed
    sets(world, "a1", "Attain")
    (run,) = sync(runtime)
    assert world.labels("acme", "a1")["Profile"] == "Keep"
    assert any("whom the CRM does not name" in one.message for one in run.problems)
    project = world.folder / "crm-kare.yaml"
    project.write_text(project.read_text().replace("com]", "com], unknown: follow"))
    again = world.open()
    sync(again)
    assert world.labels("acme", "a1")["Profile"] == "Attain"
    again.close()


@pytest.mark.slow
def test_the_crm_is_asked_once_for_an_override_that_is_followed(listed: tuple[World, Runtime]) -> None:
    world, runtime = listed
    sets(world, "a1", "Attain", "Ann")
    (first,), (second,) = sync(runtime), sync(runtime)
    assert second.calls.read < first.calls.read
    assert score_only(runtime, "acme").labels["profile"].to_pylist() == ["Attain", "Keep"]


@pytest.mark.slow
def test_overridden_to_none_is_not_unknown(empty: World) -> None:
    empty.add("acme")
    for number in range(4):
        empty.regular("acme", f"a{number}")
    runtime = empty.open()
    (first,) = sync(runtime, [], FORCE)
    for number in range(3):
        empty.edit("acme", f"a{number}", Override="None")
    (run,) = sync(runtime)
    assert (first.profiles["unknown"], run.profiles["unknown"], run.exit_code) == (0, 0, 0)
    assert sum(run.profiles.values()) == run.scored - 3
    assert empty.labels("acme", "a0")["Profile"] is None
    runtime.close()


@pytest.fixture(params=["hubspot", "salesforce"])
def sandboxed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxProject]:
    with sandbox_project(tmp_path, crms=(request.param,), accounts=12) as project:
        sync(project.runtime, (), FORCE)
        project.clock.sleep(900)
        yield project


def _types(project: SandboxProject, account_id: str, **labels: str) -> None:
    """A person types labels on the page; the Salesforce org was told to track those fields."""
    (side,) = project.crms.values()
    if isinstance(side, SalesforceSide):
        records = side.org.records
        for name in map(side.field, labels):
            held = records.fields("Account")[name]
            records.change_field("Account", replace(held, extra={**held.extra, "trackHistory": True}))
        (before,) = records.select("Account", "_id = ?", (account_id,))
        values = {side.field(name): value for name, value in labels.items()}
        keep_history(side.org, before["OwnerId"], "Account", before, values)
    side.edit(account_id, **labels)


@pytest.mark.slow
def test_both_vendors_tell_who_edited_and_when(sandboxed: SandboxProject) -> None:
    (crm,) = sandboxed.crms
    one, two = sandboxed.ids(crm)[:2]
    _types(sandboxed, one, Motion="Retire", Override="Expand")
    _types(sandboxed, two, Override="Expand")
    sandboxed.clock.sleep(900)
    business = sandboxed.running.sandbox.businesses[crm]
    people = {f"{rep.first_name} {rep.last_name}" for rep in business.reps}
    (run,) = sync(sandboxed.runtime)
    (told,) = [one for one in run.problems if one.code == "conflict"]
    who, _, rest = told.message.partition(" changed Motion on 2026-11-21 at 18:")
    assert who in people
    assert rest.endswith("UTC since our last write; the labels of this account are held back.")
    rows = {row["account_id"]: row for row in overrides(sandboxed.runtime, crm).to_pylist()}
    assert {rows[one]["set_by"], rows[two]["set_by"]} <= people
    (file,) = (sandboxed.folder / "crm-kare.yaml",)
    file.write_text(file.read_text() + "overrides: {allowed: [nobody@example.com]}\n")
    sandboxed.reopen()
    sandboxed.clock.sleep(900)
    (strict,) = sync(sandboxed.runtime)
    assert {one.account_id for one in strict.problems if one.code == "override-not-signed-off"} == {one, two}
