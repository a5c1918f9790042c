"""The tools that judge deploy/: in an environment of their own, or on the machine; tests skip where one is missing."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
_OWN = ROOT / ".venv-deploy" / "bin"


@cache
def tool(name: str) -> str:
    """A tool's path; skips the test where there is none."""
    found = shutil.which(name, path=str(_OWN)) or (
        shutil.which(name) if name in {"promtool", "systemd-analyze"} else None
    )
    if found is None:
        pytest.skip(f"there is no {name}: run `make deploy-tools` first")
    return found


def run(name: str, *arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool, whatever it says."""
    command = [tool(name), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """All that it told."""
    return done.stdout + done.stderr
