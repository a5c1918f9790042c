"""The bench runs, and its Pandas version and the product say the same about a small org."""

import subprocess
import sys
from pathlib import Path

import pytest

_BENCH = Path(__file__).parents[2] / "bench" / "score.py"


@pytest.mark.slow
def test_pandas_and_ours_agree_on_500_accounts() -> None:
    done = subprocess.run(
        [sys.executable, _BENCH, "--accounts", "500", "--times", "1", "--agree"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "icp_completeness differ in 0 places" in done.stdout
    assert "a bare scan" in done.stdout
