"""What a connector remembers between runs: JSON in small files of its CRM's state folder, which only their owner can read."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from crm_kare.errors import ConfigError


def recalled(path: Path) -> dict[str, Any]:
    """What was kept there; nothing where there is nothing that can be read."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def keep(path: Path, values: Mapping[str, Any]) -> None:
    """Replace what the file holds, whole or not at all, and so that a power cut takes nothing back.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.stem}-", encoding="utf-8", delete=False) as draft:
            json.dump(values, draft, separators=(",", ":"))
            draft.flush()
            os.fsync(draft.fileno())
        Path(draft.name).replace(path)
    except OSError as error:
        raise ConfigError(
            f"This folder cannot be written: {error.strerror}.",
            where=str(path.parent),
            fix="Let the user who runs crm-kare write there.",
        ) from error
