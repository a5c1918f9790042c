"""What changed comes back with every search that looks that far back: one call tells whether anything came since.

A search looks back for what HubSpot's index shows late, and so finds again what the one before has brought: after a large
writing run, thousands of our own writes. So the cursor says what the next search will show as long as nothing changes:
how many records, and which are the newest, with their stamps. A change moves a record among the newest; one that the
index shows late makes them more. What this cannot see is a second change of one record, shown late, with two hundred
newer ones before it; of accounts that we write, the core reads those by id that a run has just written.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from crm_kare_hubspot.rows import Answer, Rows
from crm_kare_hubspot.values import milliseconds

PAGE: Final = 200
"""Records on a page of a search, at most."""


@dataclass
class Seen:
    """When the records that a search showed were last changed, by id, as far as they changed since `floor`.

    `whole`: none that search shows from `floor` on is missing.
    """

    floor: datetime
    whole: bool = True
    stamps: dict[str, int] = field(default_factory=dict)

    def add(self, rows: Rows) -> None:
        """One page of it."""
        found, since = _stamps(rows), milliseconds(self.floor)
        self.whole = self.whole and len(found) == len(rows)
        self.stamps |= {key: at for key, at in found.items() if at >= since}

    def calm(self) -> str:
        """What a search from `floor` on will show as long as nothing changes; empty where that cannot be told."""
        newest = sorted(self.stamps.items(), key=lambda one: -one[1])[:PAGE]
        return _shown(dict(newest), len(self.stamps)) if self.whole else ""


def shown(answer: Answer) -> str:
    """What the first page of a search, the newest first, shows; empty where it does not tell enough."""
    stamps = _stamps(answer.rows)
    return _shown(stamps, answer.total) if answer.total is not None and len(stamps) == len(answer.rows) else ""


def reaches(answer: Answer, floor: datetime) -> bool:
    """Whether such a page holds every record that changed since `floor`."""
    if answer.total is not None and answer.total <= len(answer.rows):
        return True
    return min(_stamps(answer.rows).values(), default=0) < milliseconds(floor)


def _shown(newest: Mapping[str, int], total: int) -> str:
    """Which of those with the stamp of the last on a full page are on it is chance: they do not count."""
    edge = min(newest.values()) if total > len(newest) else -1
    return f"{total} {_mark(f'{key} {at}' for key, at in newest.items() if at > edge)}"


def _mark(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:32]


def _stamps(rows: Rows) -> dict[str, int]:
    return {key: milliseconds(at) for key, at in zip(rows.ids, rows.stamps(), strict=True) if at}
