"""Recognising by one search that nothing came since the last pull.

A search looks back for what the index shows late, and so finds again what the last one brought: after a run that wrote
thousands of labels, all of them. So a pull that finds several pages reads those that changed lately by id, as they are at
that moment, and the cursor keeps how many they were and which are the newest, with their stamps. Where the next search
shows the same number and the same newest ones, the mirror holds what it shows:

- All their stamps are from before the pull began, by HubSpot's clock; else nothing is kept. So whatever changes one of
  them after it was read by id bears a later stamp than all, and stands among the newest.
- A record that was not among them and is shown late is one more, unless one of them left. Who left into the archive
  is found there; an archive too long to read means that nothing is kept. Who left by a merge has a survivor with a later stamp
  than all, which the index may itself show late. So the next search looks back as far as this one until it showed the
  same twice: when all from before the pull had to be shown, and when a merge from before that had to be.

Not seen, until the next full pull, is who was shown late just when one of them was erased for good, without a trace. That
a stamp stands for one change of a record is HubSpot's promise of milliseconds.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from crm_kare_hubspot.client import SAME_TIME
from crm_kare_hubspot.cursor import Position
from crm_kare_hubspot.rows import Answer, Rows
from crm_kare_hubspot.values import milliseconds


@dataclass
class Seen:
    """What the pages of one search showed of records that changed since `floor`, where the next search will begin.

    Attributes:
        page: records on a full page.
        whole: none of them is missing, or gone.
        stamps: when each was last changed.
    """

    floor: datetime
    page: int
    whole: bool = True
    stamps: dict[str, int] = field(default_factory=dict)

    def add(self, rows: Rows) -> list[str]:
        """One page; the ids that belong to them."""
        found, since = _stamps(rows), milliseconds(self.floor)
        self.whole = self.whole and len(found) == len(rows)
        fresh = {key: at for key, at in found.items() if at >= since}
        self.stamps |= fresh
        return list(fresh)

    def mark(self, began: datetime, overlap: timedelta) -> str:
        """What the next search shows as long as nothing changes. Empty where that cannot be told, or where one page holds
        it all anyway.
        """
        newest = sorted(self.stamps.items(), key=lambda one: -one[1])[: self.page]
        known = self.whole and self.floor == began - overlap and len(self.stamps) > self.page
        if not known or newest[0][1] >= milliseconds(certainly_before(began)):
            return ""
        return _marked(dict(newest), len(self.stamps))


def shown(answer: Answer) -> str:
    """What the first page of a search, the newest first, shows."""
    return _marked(_stamps(answer.rows), answer.total)


def certainly_before(moment: datetime) -> datetime:
    """What happens after a moment of our clock bears no earlier stamp than this."""
    return moment - SAME_TIME


def still_calm(at: Position, overlap: timedelta, now: datetime) -> Position:
    """Where the next search begins after one that showed the same: from where this one did, until that is certain.

    `at.started` is when this search was sent, and `now` when its answer was there.
    """
    last = at.since + overlap
    if at.calm_at is not None and at.started >= at.calm_at + overlap:
        return replace(at, calm="", calm_at=None)
    first = now if at.started >= last + overlap else None
    return replace(at, started=last, calm_at=at.calm_at or first)


def _marked(newest: Mapping[str, int], total: int | None) -> str:
    """Which of those with the stamp of the last are on a full page is chance: only that stamp counts."""
    edge = min(newest.values(), default=0)
    texts = sorted(f"{key} {at}" for key, at in newest.items() if at > edge)
    told = "\n".join([str(edge), *texts])
    return f"{total} {hashlib.sha256(told.encode()).hexdigest()[:32]}"


def _stamps(rows: Rows) -> dict[str, int]:
    return {key: milliseconds(at) for key, at in zip(rows.ids, rows.stamps(), strict=True) if at}
