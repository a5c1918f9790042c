"""Small files that outlive a run, readable by their owner only."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_state(path: Path) -> dict[str, Any]:
    """What was kept there; empty where there is nothing that can be read."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def keep_state(path: Path, state: Mapping[str, Any]) -> None:
    """Keep it, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123  Path.open sets no mode
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
