"""What a connector remembers between runs: JSON in small files of its CRM's state folder, which only their owner can read."""

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from crm_kare.errors import ConfigError, KareError, StopError

FREE_SPACE: Final = "Free space there, then run again: nothing that was done is lost, and the next run goes on from it."
"""What to do about a full disk, whoever meets it."""

_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
        StopError: the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.stem}-", encoding="utf-8", delete=False) as draft:
            try:
                json.dump(values, draft, separators=(",", ":"))
                draft.flush()
                os.fsync(draft.fileno())
                Path(draft.name).replace(path)
            except OSError:
                Path(draft.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise unwritable(error, where=str(path.parent)) from error


def unwritable(error: OSError, *, where: str) -> KareError:
    """Our error for a file or folder that the system lets nobody write: a full disk, or whatever else it says."""
    if error.errno in _FULL:
        return StopError("the disk is full, or what may be used of it.", where=where, fix=FREE_SPACE, code="disk-full")
    told = error.strerror or type(error).__name__
    return ConfigError(
        f"This folder cannot be written: {told}.", where=where, fix="Let the user who runs crm-kare write there."
    )
