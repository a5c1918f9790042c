"""Where a pull stands, as the opaque text between two pulls."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from crm_kare.ports import StreamSpec

_VERSION: Final = 2

LIST, EXPORT, SEARCH, IDLE = "list", "export", "search", "idle"


@dataclass(frozen=True)
class Position:
    """A place in a pull, or between two.

    Attributes:
        phase: `list` (full pull under way), `export` (the same from an exported file), `search` (incremental one under
            way) or `idle` (between two).
        started: when the pull under way, or the last one, began: the next one asks from there.
        mark: of what was asked; another mapping makes a full pull necessary.
        stages: what each stage meant; another meaning makes a full pull necessary.
        since: what the search under way asks from.
        archived_since: when the list of archived records was last read to its end.
        archived: ids in it at that time; None where it was not read yet.
        archive_pages: pages of it that were read in vain: it has more.
        after: HubSpot's paging token while listing, the last id while searching; of an export its id, how many of its
            rows were read, and how many records there were when it was asked for.
        renewed: all is listed again into a mirror that stays, so that what is gone must be told.
        listed: the last pull was a list, which shows records as they are: nothing from before its start can be late.
        calm: what the next search shows as long as nothing changes, where it is known; see `pull.calm`.
        calm_at: when a search first showed just that, of those that could show all from before the last pull.
    """

    phase: str
    started: datetime
    mark: str
    since: datetime
    archived_since: datetime
    stages: str = ""
    archived: tuple[str, ...] | None = None
    archive_pages: int = 0
    after: str = ""
    renewed: bool = False
    listed: bool = False
    calm: str = ""
    calm_at: datetime | None = None

    def text(self) -> str:
        """As handed out."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps({"v": _VERSION, **values}, default=datetime.isoformat, separators=(",", ":"))


def position(cursor: str | None) -> Position | None:
    """What a cursor says; None where there is none, or it is of another version and a full pull is due."""
    if cursor is None:
        return None
    try:
        told: dict[str, Any] = json.loads(cursor)
        if told.pop("v") != _VERSION:
            return None
        moments = {name: datetime.fromisoformat(told[name]) for name in ("started", "since", "archived_since")}
        calm_at = datetime.fromisoformat(told["calm_at"]) if told.get("calm_at") else None
        archived = None if told["archived"] is None else tuple(map(str, told["archived"]))
        return Position(**{**told, **moments, "archived": archived, "calm_at": calm_at})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def mark(spec: StreamSpec, *more: str) -> str:
    """Fingerprint of what a stream asks for."""
    asked = [spec.stream, spec.source, *((one.column, one.source) for one in spec.fields), *more]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
