"""Projects that the command line is tried on: files, and both vendors in a sandbox."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from cli.doors import MAPPING, PROJECT, Door, fill
from flow.sandbox_project import Verdict

from crm_kare.clock import SystemClock
from crm_kare.sandbox import RunningSandbox, serve
from crm_kare.sync.judge import Judged, judge
from crm_kare.sync.runtime import Runtime


class HurriedClock(SystemClock):
    """The door's clock, whose sleeps move it instead of waiting."""

    moved = 0.0

    def monotonic(self) -> float:
        """Real seconds and those slept."""
        return super().monotonic() + self.moved

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.moved += max(0.0, seconds)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_kare.cli.door.SystemClock", HurriedClock)
    for name in ("SALESFORCE_LOGIN_URL", "HUBSPOT_ACCESS_TOKEN", "CRM_KARE_PROJECT", "CRM_KARE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Door:
    """A starter project over one export of four accounts, with a short mapping."""
    door = Door(tmp_path, capsys)
    assert door("init", str(tmp_path), "--crm", "shop=files").code == 0
    door.put("crm-kare.yaml", PROJECT)
    door.put("mappings/files.yaml", MAPPING)
    fill(door)
    return door


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Runs without the rules, for tests of what becomes of a judgement: profiles by account id, Keep for all others."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    return stand_in.profiles


@pytest.fixture
def judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One judgement by the rules for all commands, for tests of what is shown of it while nothing changes."""
    kept: dict[tuple[str, date | None], Judged] = {}

    def once(runtime: Runtime, crm: str, *, as_of: date | None = None) -> Judged:
        if (crm, as_of) not in kept:
            kept[crm, as_of] = judge(runtime, crm, as_of=as_of)
        return kept[crm, as_of]

    for place in ("crm_kare.sync.steps.judge", "crm_kare.sync.flow.judge"):
        monkeypatch.setattr(place, once)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    """Both vendors with the same twelve companies."""
    with serve(SystemClock(), accounts=12, seed=3) as one:
        yield one


@pytest.fixture
def both(running: RunningSandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Door]:
    """A starter project over the sandbox."""
    door = Door(tmp_path, capsys)
    assert door("init", str(tmp_path), "--crm", "salesforce=salesforce", "--crm", "hubspot=hubspot").code == 0
    settings = {**running.salesforce_environment(), **running.hubspot_environment()}
    door.put(".env", "".join(f"{name}={value}\n" for name, value in settings.items()))
    running.faults.forget_calls()
    yield door
    running.faults.clear()


def writes(running: RunningSandbox) -> int:
    """Calls so far that changed records; the check's own question, which is refused as meant, is none."""
    made = [one for one in running.faults.calls() if one.status < 300]
    salesforce = sum("/composite/sobjects" in one.path and one.method == "PATCH" for one in made)
    return salesforce + sum("/batch/update" in one.path for one in made)
