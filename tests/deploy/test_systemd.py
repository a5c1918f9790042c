"""The units under systemd's own verifier and its judgement of their exposure."""

import re
from pathlib import Path

import pytest
from deploy.deploy_tools import DEPLOY, run, said

UNITS = DEPLOY / "systemd"
SERVICES = ("crm-kare.service", "crm-kare-sync.service")
PROGRAM = "/opt/crm-kare/bin/crm-kare"


@pytest.fixture
def placed(tmp_path: Path) -> Path:
    """The units with a program that is there, as the verifier looks for it."""
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    return tmp_path


def verified(folder: Path) -> str:
    """What systemd says; it ends with 0 even where it warns."""
    return said(run("systemd-analyze", "verify", "--man=no", *sorted(folder.iterdir())))


def test_systemd_has_nothing_to_say(placed: Path) -> None:
    assert verified(placed) == ""
    unit = placed / SERVICES[0]
    unit.write_text(unit.read_text().replace("NoNewPrivileges", "NoNewPrivilegess"))
    assert "NoNewPrivilegess" in verified(placed)


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_finds_little_exposed(placed: Path, name: str) -> None:
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", placed / name)
    assert done.returncode == 0, said(done)


def test_both_services_are_equally_hardened() -> None:
    first, second = ((UNITS / name).read_text().partition("StateDirectory=")[2].partition("[")[0] for name in SERVICES)
    assert first.strip() == second.strip()
    assert "ProtectSystem=strict" in first


def test_they_stop_as_the_program_does_and_do_not_repeat_what_will_not_mend() -> None:
    for name in SERVICES:
        text = (UNITS / name).read_text()
        assert int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0]) > 30
        assert "KillSignal=SIGTERM" in text
    assert "RestartPreventExitStatus=3 4" in (UNITS / SERVICES[0]).read_text()


def test_the_timer_starts_the_oneshot_as_often_as_a_schedule_would() -> None:
    timer = (UNITS / "crm-kare-sync.timer").read_text()
    (calendar,) = re.findall(r"^OnCalendar=(.+)$", timer, re.MULTILINE)
    done = run("systemd-analyze", "calendar", calendar)
    assert done.returncode == 0
    assert "*-*-* *:00/15:00" in done.stdout
    assert "Type=oneshot" in (UNITS / "crm-kare-sync.service").read_text()
