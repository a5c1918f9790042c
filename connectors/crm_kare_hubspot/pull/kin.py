"""What happened to records, for the streams that refer to them: children of merged and restored ones are read once more.

A merge moves the children of two records to a third, and a restored record has its children back: neither moves the
children's own dates. So the object's stream notes who is concerned, and the others ask for those children by name.
The notes outlive the process, since a stop may lie between the two streams. What named an archived record the core finds
in the mirror by itself.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from crm_kare.state_file import keep, recalled

_NAME: Final = "hubspot-moved.json"
_KEPT_FOR: Final = timedelta(days=90)

Notes = dict[str, list[str]]
"""By record: when it was noted, and what for."""


class Kin:
    """The notes of one portal."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME

    def note(self, source: str, told: Mapping[str, str], now: datetime) -> None:
        """Records whose children may belong elsewhere now, each with what happened; the same thing is noted once."""
        held = self._notes(source)
        new = {key: [now.isoformat(), what] for key, what in told.items() if held.get(key, ["", ""])[1] != what}
        if new:
            oldest = (now - _KEPT_FOR).isoformat()
            kept = {key: note for key, note in held.items() if note[0] >= oldest}
            keep(self._path, recalled(self._path) | {source: kept | new})

    def since(self, source: str, moment: datetime) -> list[str]:
        """Records that were noted after a moment."""
        notes = self._notes(source).items()
        return [key for key, (noted, _) in notes if datetime.fromisoformat(noted) > moment]

    def _notes(self, source: str) -> Notes:
        told = recalled(self._path).get(source)
        return told if isinstance(told, dict) else {}
