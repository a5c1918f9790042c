"""Two machines on one database whose mirrors lie apart: slow, and never wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow.worlds import RULES, World

from crm_kare.sync.flow import Options, sync
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, Runtime, Runtime]]:
    """Two accounts; both machines have a mirror of their own."""
    (tmp_path / "rulebook.yaml").write_text(RULES)
    world = World(tmp_path)
    world.add("one")
    world.account("one", "a1")
    world.account("one", "a2")
    world.judge_by_hand(monkeypatch)
    first = world.open()
    (tmp_path / ".env").write_text(f"CRM_KARE_MIRROR={tmp_path / 'apart'}\n")
    second = world.open()
    yield world, first, second
    second.close()
    first.close()


def run(runtime: Runtime, *, force: bool = False) -> RunResult:
    (result,) = sync(runtime, (), Options(force=force))
    return result


def damaged(result: RunResult) -> bool:
    return any(one.code == "mirror-damaged" for one in result.problems)


def test_who_has_not_the_files_pulls_anew_and_says_so(machines: tuple[World, Runtime, Runtime]) -> None:
    world, first, second = machines
    run(first, force=True)
    world.clock.advance(900)
    world.account("one", "a3")
    taken_over = run(second)
    assert (taken_over.status.value, taken_over.pulled.accounts, damaged(taken_over)) == ("done", 3, True)
    assert world.labels("one", "a3")["Profile"] == "Keep"
    world.clock.advance(900)
    same_again = run(second)
    assert (same_again.planned.accounts, damaged(same_again)) == (0, False)


@pytest.mark.slow
def test_changes_of_hands_lose_and_repeat_nothing(machines: tuple[World, Runtime, Runtime]) -> None:
    world, first, second = machines
    run(first, force=True)
    for number, runtime in enumerate([second, first, second, second, first], 3):
        world.clock.advance(900)
        world.account("one", f"a{number}")
        world.verdict["a1"] = ("Keep", "Expand")[number % 2]
        result = run(runtime)
        assert (result.status.value, result.planned.accounts, result.applied.changed) == ("done", 2, 2)
        assert world.labels("one", "a1")["Profile"] == world.verdict["a1"]
    world.clock.advance(900)
    assert [run(one).planned.accounts for one in (first, second)] == [0, 0]
