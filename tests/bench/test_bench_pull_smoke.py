"""The bench of a large pull runs, and both contenders read the same number of records."""

import subprocess
import sys
from pathlib import Path

import pytest

_BENCH = Path(__file__).parents[2] / "bench" / "pull.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("crm", "accounts"), [("salesforce", 5000), pytest.param("hubspot", 500, marks=pytest.mark.long)]
)
def test_the_mirror_holds_what_the_bare_loop_reads(crm: str, accounts: int) -> None:
    size = ["--accounts", str(accounts), "--opportunities", str(2 * accounts)]
    words = ["--crm", crm, *size, "--times", "1", "--any-speed"]
    done = subprocess.run([sys.executable, _BENCH, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "× its CPU" in done.stdout
