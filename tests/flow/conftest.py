"""Projects that whole runs are tried on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow.worlds import RULES, World

from crm_kare.sync.runtime import Runtime


@pytest.fixture
def empty(tmp_path: Path) -> World:
    """A project without CRMs, judged by the real rules."""
    (tmp_path / "rulebook.yaml").write_text(RULES)
    return World(tmp_path)


@pytest.fixture
def world(empty: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project without CRMs, where the test says who gets which profile: these tests are about what becomes of it."""
    empty.judge_by_hand(monkeypatch)
    return empty


@pytest.fixture
def acme(world: World) -> Iterator[tuple[World, Runtime]]:
    """A project with one CRM of four accounts, all Keep until the test says otherwise."""
    world.add("acme")
    for number in range(1, 5):
        world.account("acme", f"a{number}", owner="Ann" if number < 4 else "Bob")
    runtime = world.open()
    yield world, runtime
    runtime.close()
