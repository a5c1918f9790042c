"""Where a pull stands, as the opaque text between two pulls."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from crm_kare.ports import StreamSpec

_VERSION: Final = 1

LIST, SEARCH, IDLE = "list", "search", "idle"


@dataclass(frozen=True)
class Position:
    """A place in a pull, or between two.

    Attributes:
        phase: `list` (full pull under way), `search` (incremental one under way) or `idle` (between two).
        started: when the pull under way, or the last one, began: the next one asks from there.
        mark: of what was asked; another mapping or another meaning of a stage makes a full pull necessary.
        since: what the search under way asks from.
        archived_since: when the list of archived records was last read to its end.
        after: HubSpot's paging token while listing, the last id while searching.
        renewed: all is listed again into a mirror that stays, so that what is gone must be told.
    """

    phase: str
    started: datetime
    mark: str
    since: datetime
    archived_since: datetime
    after: str = ""
    renewed: bool = False

    def text(self) -> str:
        """As handed out."""
        values = {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }
        return json.dumps({"v": _VERSION, **values}, separators=(",", ":"))


def position(cursor: str | None) -> Position | None:
    """What a cursor says; None where there is none, or it is of another version and a full pull is due."""
    if cursor is None:
        return None
    try:
        told = json.loads(cursor)
        if told["v"] != _VERSION:
            return None
        return Position(
            phase=str(told["phase"]),
            started=datetime.fromisoformat(told["started"]),
            mark=str(told["mark"]),
            since=datetime.fromisoformat(told["since"]),
            archived_since=datetime.fromisoformat(told["archived_since"]),
            after=str(told["after"]),
            renewed=bool(told["renewed"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def mark(spec: StreamSpec, *more: str) -> str:
    """Fingerprint of what a stream asks for."""
    asked = [spec.stream, spec.source, *((one.column, one.source) for one in spec.fields), *more]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
