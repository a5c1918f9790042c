"""A stage or picklist value that appears, and that the mapping does not know, stops a run."""

from collections.abc import Iterator

import pytest
from flow.worlds import World

from crm_kare.sync.flow import Options, plan_only, pull_only, sync
from crm_kare.sync.runtime import Runtime
from crm_kare.sync.unmapped import unmapped

FORCE = Options(force=True)
STAGES = "outcome: {field: stage, map: {Won: won, Lost: lost}}"


@pytest.fixture
def two(world: World) -> Iterator[tuple[World, Runtime]]:
    """Two CRMs whose deals are told by their stage; both are labelled, and both have something to write."""
    for name in ("acme", "beta"):
        world.add(name)
        mapping = world.folder / f"{name}.yaml"
        mapping.write_text(mapping.read_text().replace("is_won: is_won, is_closed: is_closed", STAGES))
        world.account(name, "a1")
        world.crms[name].insert("opportunities", {"account_id": "a1", "stage": "Won", "closed_on": "2026-10-01"})
    runtime = world.open()
    sync(runtime, [], FORCE)
    world.clock.advance(3600)
    world.verdict["a1"] = "Expand"
    yield world, runtime
    runtime.close()


def deal(world: World, stage: str) -> None:
    world.crms["beta"].insert("opportunities", {"account_id": "a1", "stage": stage, "closed_on": "2026-10-20"})


@pytest.mark.slow
def test_an_unknown_value_that_appears_stops_all_crms_until_it_is_approved_or_mapped(
    two: tuple[World, Runtime],
) -> None:
    world, runtime = two
    deal(world, "Signed")
    deal(world, "signed ")
    deal(world, "WON")
    acme, beta = sync(runtime)
    assert [(one.exit_code, one.problems[0].code) for one in (acme, beta)] == [
        (6, "brake-elsewhere"),
        (6, "value-appeared"),
    ]
    assert beta.problems[0].message == (
        "2 opportunities hold in outcome what the mapping does not know and no run has met before: `Signed`, `signed`; the limit is 1."
    )
    assert "streams.opportunities" in beta.problems[0].fix
    assert "--force" in beta.problems[0].fix
    assert {world.labels(name, "a1")["Profile"] for name in ("acme", "beta")} == {"Keep"}
    shown, plan = plan_only(runtime, "beta")
    assert (shown.exit_code, plan is not None and plan.accounts.num_rows) == (0, 1)
    assert "value-appeared" in {one.code for one in shown.problems}
    assert {one.exit_code for one in sync(runtime, [], FORCE)} == {0}
    world.verdict["a1"] = "Attain"
    assert {one.exit_code for one in sync(runtime)} == {0}  # known by now


@pytest.mark.slow
def test_it_is_no_hindrance_where_it_is_mapped_or_the_project_asks_for_more_of_them(two: tuple[World, Runtime]) -> None:
    world, runtime = two
    deal(world, "Signed")
    mapping = world.folder / "beta.yaml"
    mapping.write_text(mapping.read_text().replace("Won: won", "Won: won, Signed: won"))
    reopened = world.open()
    assert {one.exit_code for one in sync(reopened)} == {0}
    reopened.close()
    deal(world, "Shaken hands")
    project = world.folder / "crm-kare.yaml"
    project.write_text(project.read_text() + "brakes: {new_values: 2}\n")
    world.verdict["a1"] = "Attain"
    reopened = world.open()
    assert {one.exit_code for one in sync(reopened)} == {0}
    reopened.close()
    del runtime


def test_a_text_and_a_stage_whose_flags_tell_are_never_unknown(world: World) -> None:
    world.add("acme")
    mapping = world.folder / "acme.yaml"
    flags = "is_won: is_won, is_closed: is_closed"
    both = "outcome: {field: stage, map: {Won: won}}, type: {field: stage, map: {Won: Gained}}"
    world.account("acme", "a1")
    world.crms["acme"].insert("opportunities", {"account_id": "a1", "stage": "Signed", "closed_on": "2026-10-20"})
    for told, found in ((f"{flags}, {both}", []), (both, ["outcome"])):
        before = mapping.read_text()
        mapping.write_text(before.replace(flags, told))
        runtime = world.open()
        pull_only(runtime, "acme")
        assert [one.column for one in unmapped(runtime, "acme")] == found
        runtime.close()
        mapping.write_text(before)


@pytest.mark.slow
def test_a_quiet_run_has_no_need_of_a_brake(two: tuple[World, Runtime]) -> None:
    world, runtime = two
    world.verdict.clear()
    deal(world, "Signed")
    assert [(one.exit_code, one.planned.fields) for one in sync(runtime)] == [(0, 0), (0, 0)]
