"""The report of overrides."""

from flow.worlds import World

from crm_kare.report.overrides import overrides
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.runtime import Runtime


def test_overrides_are_listed_with_what_has_become_of_them(acme: tuple[World, Runtime]) -> None:
    world, runtime = acme
    sync(runtime, [], Options(force=True))
    assert overrides(runtime, "acme").num_rows == 0
    world.edit("acme", "a1", Override="Expand")
    world.edit("acme", "a2", Override="Keep")
    world.edit("acme", "a3", Override="Expand", Override_Until="2026-11-04")
    world.edit("acme", "a4", Override="None")
    sync(runtime, [], Options(force=True))
    world.clock.advance(5 * 86_400)
    sync(runtime, [], Options(force=True))
    found = {row["account_id"]: row for row in overrides(runtime, "acme").to_pylist()}
    assert {one: row["state"] for one, row in found.items()} == {
        "a1": "holds",
        "a2": "agrees",
        "a3": "expired",
        "a4": "holds",
    }
    assert (found["a1"]["computed_profile"], found["a1"]["since"], found["a1"]["days"]) == ("Keep", "2026-11-03", 5)
    assert (found["a3"]["until"], found["a3"]["since"]) == ("2026-11-04", None)
    assert (found["a4"]["override"], found["a4"]["owner"]) == ("None", "Bob")
