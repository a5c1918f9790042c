"""Another prefix in the mapping: the labels move into the new fields, people's values are read on, nobody is suspected."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flow.sandbox_project import SandboxProject, sandbox_project
from flow.worlds import World

from crm_kare.labels import BY_NAME
from crm_kare.ports import LabelField
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.runtime import Runtime
from crm_kare.sync.setup import deprovision, examine, provision

FORCE = Options(force=True)
NEW = "prefix: acme_"


def held(world: World, account: str) -> dict[str, Any]:
    return world.crms["acme"].records("accounts")[account]


@pytest.fixture
def moved(acme: tuple[World, Runtime]) -> tuple[World, Runtime]:
    """Four accounts labelled under the first prefix; one overridden, one changed since; then another prefix."""
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.edit("acme", "a1", Override="Attain")
    world.verdict["a2"] = "Expand"
    sync(runtime)
    world.clock.advance(86_400)
    mapping = world.folder / "acme.yaml"
    mapping.write_text(mapping.read_text() + NEW + "\n")
    provision(runtime, "acme", dry_run=False)
    return world, runtime


def test_the_next_run_fills_the_new_fields_with_their_history_and_suspects_nobody(moved: tuple[World, Runtime]) -> None:
    world, runtime = moved
    (run,) = sync(runtime)
    assert (run.exit_code, run.applied.changed, run.applied.conflict, run.planned.by_transition) == (0, 4, 0, {})
    two = held(world, "a2")
    assert (two["acme_profile"], two["acme_previous_profile"], two["acme_changed_on"]) == (
        "Expand",
        "Keep",
        "2026-11-03",
    )
    (quiet,) = sync(runtime)
    assert (quiet.planned.fields, quiet.applied.conflict) == (0, 0)


@pytest.mark.slow
def test_an_override_in_the_old_field_counts_until_the_new_one_is_filled_or_the_old_one_gone(
    moved: tuple[World, Runtime],
) -> None:
    world, runtime = moved
    sync(runtime)
    assert (held(world, "a1")["acme_profile"], held(world, "a1")["acme_override"]) == ("Attain", None)
    world.clock.advance(60)
    world.crms["acme"].edit("accounts", "a1", {"acme_override": "Recapture"})
    sync(runtime)
    assert held(world, "a1")["acme_profile"] == "Recapture"
    told = {one.message.split()[0] for one in examine(runtime, "acme").problems if one.code == "label-former"}
    assert {"accounts.kare_override", "accounts.kare_profile"} <= told
    assert "accounts.icp_score" not in told
    listed = {one.what for one in deprovision(runtime, "acme", dry_run=True) if one.action == "delete"}
    assert {"accounts.kare_override", "accounts.acme_override"} <= listed
    world.clock.advance(60)
    world.crms["acme"].edit("accounts", "a1", {"acme_override": None})
    world.crms["acme"].drop_fields("accounts", ["kare_override", "kare_override_reason", "kare_override_until"])
    sync(runtime)
    assert held(world, "a1")["acme_profile"] == "Keep"
    (quiet,) = sync(runtime)
    assert (quiet.exit_code, quiet.planned.fields) == (0, 0)


@pytest.mark.slow
def test_back_to_the_first_prefix_what_stands_there_is_nobodys_edit(moved: tuple[World, Runtime]) -> None:
    world, runtime = moved
    sync(runtime)
    world.verdict |= {"a2": "Recapture", "a3": "Expand"}
    sync(runtime)
    mapping = world.folder / "acme.yaml"
    mapping.write_text(mapping.read_text().replace(NEW, ""))
    (back,) = sync(runtime)
    assert (back.applied.conflict, back.applied.rejected) == (0, 0)
    assert (held(world, "a2")["kare_profile"], held(world, "a3")["kare_profile"]) == ("Recapture", "Expand")
    world.edit("acme", "a2", Motion="Acquire")
    world.verdict["a2"] = "Keep"
    assert [one.applied.conflict for one in sync(runtime)] == [1]


@pytest.fixture(params=["hubspot", "salesforce"])
def sandboxed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxProject]:
    with sandbox_project(tmp_path, crms=(request.param,), accounts=12) as project:
        sync(project.runtime, (), FORCE)
        yield project


@pytest.mark.slow
def test_in_both_vendors_labels_move_and_overrides_stay(sandboxed: SandboxProject) -> None:
    (crm,) = sandboxed.crms
    side = sandboxed.crms[crm]
    one = sandboxed.ids(crm)[0]
    sandboxed.clock.sleep(900)
    side.edit(one, Override="Expand")
    sandboxed.clock.sleep(900)
    sync(sandboxed.runtime)
    before = sandboxed.labels(crm)
    mapping = sandboxed.folder / "mappings" / f"{crm}.yaml"
    (line,) = [line for line in mapping.read_text().splitlines() if line.startswith("prefix:")]
    sandboxed.configure(line, "prefix: Acme_", f"mappings/{crm}.yaml")
    provision(sandboxed.runtime, crm, dry_run=False)
    sandboxed.clock.sleep(900)
    (run,) = sync(sandboxed.runtime)
    assert (run.exit_code, run.applied.conflict, run.planned.by_transition) == (0, 0, {})
    with_new = side.records()
    connector = sandboxed.runtime.connector(crm)
    names = {
        name: LabelField(label, connector.field_name(label, "Acme_")).field
        for name, label in BY_NAME.items()
        if before[one].get(name) is not None and name not in {"Override", "Rules_Version"}
    }
    connector.close()
    assert before[one]["Profile"] == "Expand"
    assert {name: str(with_new[one][field]).removesuffix(".0") for name, field in names.items()} == {
        name: before[one][name] for name in names
    }
    sandboxed.clock.sleep(900)
    (quiet,) = sync(sandboxed.runtime)
    assert (quiet.exit_code, quiet.planned.fields) == (0, 0)
