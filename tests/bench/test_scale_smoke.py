"""The capacity model and the play of it agree: a small installation, half a day."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_BENCH = Path(__file__).parents[2] / "bench" / "scale.py"


@pytest.fixture(scope="module")
def compared() -> dict[str, Any]:
    words = ["--organisations", "60", "--hours", "12", "--json"]
    done = subprocess.run([sys.executable, _BENCH, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("what", ["runs a day", "cores busy", "fresh, mean s", "values a day"])
def test_the_model_says_what_is_played(compared: dict[str, Any], what: str) -> None:
    for schedule, found in compared.items():
        model, played = found["pairs"][what]
        assert played == pytest.approx(model, rel=0.08), schedule


def test_nothing_is_staler_than_the_model_says(compared: dict[str, Any]) -> None:
    assert len(compared) == 5
    for schedule, found in compared.items():
        at_most, played = found["stale"]
        assert 0 < played <= at_most, schedule


def test_a_plant_that_is_too_small_makes_fewer_runs_and_no_queue_without_end(compared: dict[str, Any]) -> None:
    enough, few = (
        compared[name]["pairs"] for name in ("15 min, on the same minutes", "15 min, half the cores it needs")
    )
    assert few["cores busy"][1] == pytest.approx(1, abs=0.02)
    assert few["runs a day"][1] < 0.8 * enough["runs a day"][1]
    assert few["values a day"][1] == pytest.approx(enough["values a day"][1], rel=0.05)
