"""Small things that must outlive a run, as JSON in a file of the CRM's state folder that only its owner can read.

They spare calls, no more: where the folder cannot be written, or a file cannot be read, things are asked for again.
"""

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any


def recalled(path: Path) -> dict[str, Any]:
    """What was kept; nothing where there is nothing that can be read."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def keep(path: Path, values: dict[str, Any]) -> None:
    """Replace what the file holds, whole or not at all."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as draft:
            json.dump(values, draft, separators=(",", ":"))
        Path(draft.name).replace(path)
