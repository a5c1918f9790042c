"""The Node that the foreign clients run on, and where their packages are."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

import pytest

HERE: Final = Path(__file__).parent
INSTALL: Final = "run `make node` first"
OLDEST_NODE: Final = 22
"""jsforce 3.10 and the Salesforce CLI 2.150 both end at once on Node 20."""

_MACHINES: Final = {"x86_64": "x64", "aarch64": "arm64"}


@cache
def node() -> str:
    """The program: the one among the packages, else the system's if it is new enough; skips where there is none."""
    machine = _MACHINES.get(platform.machine(), "")
    packed = HERE / "node_modules" / f"node-{platform.system().lower()}-{machine}" / "bin" / "node"
    if packed.exists():
        return str(packed)
    found = shutil.which("node")
    if found is None:
        pytest.skip(f"there is no Node.js: {INSTALL}")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(told.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"Node.js {told.strip()} is too old: {INSTALL}")
    return found


def need(package: Path) -> Path:
    """A package's folder; skips where it is not installed."""
    if not package.exists():
        pytest.skip(f"{package.as_posix().rpartition('node_modules/')[2]} is not installed: {INSTALL}")
    return package


def environment(home: Path, **more: str) -> Mapping[str, str]:
    """A bare environment: nothing of the user's own settings gets in, and nothing but loopback can be reached."""
    guard = f'--require "{HERE / "loopback_only.cjs"}"'
    return {"HOME": str(home), "PATH": os.environ["PATH"], "NO_COLOR": "1", "NODE_OPTIONS": guard, **more}


class NodeError(Exception):
    """What a foreign client threw: its name, message, code and data."""

    def __init__(self, name: str, message: str, code: str | int | None = None, data: Any = None) -> None:
        super().__init__(f"{name}: {message}")
        self.message = message
        self.code = code
        self.data = data


@dataclass(frozen=True)
class NodeSession:
    """A running session script: call it with the body of an async function."""

    asked: IO[str]
    answers: IO[str]

    def __call__(self, code: str, **given: Any) -> Any:
        """What the code returns; raises `NodeError` for what it throws."""
        self.asked.write(json.dumps({"code": code, "given": given}) + "\n")
        self.asked.flush()
        told = json.loads(self.answers.readline())
        if "error" in told:
            raise NodeError(**told["error"])
        return told.get("value")


@contextmanager
def session(package: str, script: str, home: Path, *arguments: str) -> Iterator[NodeSession]:
    """Start one Node with a session script, which needs the package; skips where it is not installed."""
    need(HERE / "node_modules" / package)
    with subprocess.Popen(
        [node(), str(HERE / script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment(home),
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        yield NodeSession(running.stdin, running.stdout)
