"""The benches of a quiet run and of the journal run on a small org, and find what they ask for but for speed."""

import subprocess
import sys
from pathlib import Path

import pytest

_BENCH = Path(__file__).parents[2] / "bench"


def _run(script: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, _BENCH / script, *words, "--any-speed"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("crm", ["salesforce", pytest.param("hubspot", marks=pytest.mark.long)])
def test_the_run_that_is_measured_is_quiet(crm: str) -> None:
    told = _run("quiet.py", "--crm", crm, "--accounts", "250", "--times", "1")
    assert "250 judged, 0 planned" in told
    assert "× the CPU" in told


@pytest.mark.slow
def test_every_change_of_the_plan_is_journalled() -> None:
    told = _run("journal.py", "--accounts", "600")
    assert "150 accounts" in told
    assert "'changed': 598" in told
