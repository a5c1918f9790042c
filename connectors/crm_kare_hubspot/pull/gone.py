"""The archived pass: which records are gone since, and which came back.

The list of archived records can be neither filtered nor resumed, so it is read whole while it is short. A record that
left it was restored, or its ninety days are over: it is asked for, whether or not its date moved.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from crm_kare.ports import Page
from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call
from crm_kare_hubspot.columns import nothing
from crm_kare_hubspot.cursor import Position
from crm_kare_hubspot.pull.records import Pull, assembled, away_ids, links_fetched, read_rows
from crm_kare_hubspot.records import BATCH, MERGED


@dataclass(frozen=True)
class Archive:
    """What the list of archived records held: when each was archived, by id; which of them had been merged from others, and
    whether it was read to its end.
    """

    records: dict[str, str]
    merged: dict[str, str]
    whole: bool

    def keeps_since(self, moment: datetime, known: Collection[str] | None = None) -> bool:
        """Whether a record may have come into it since a moment, or since these were all; an archive that was not read to
        its end may hold any.
        """
        return not self.whole or bool(_came(self, known, moment))


_UNREAD: Final = Archive({}, {}, whole=False)


def archive_of(pull: Pull, at: Position) -> Archive:
    """The archived records; not one of them where the list was found too long before."""
    return _UNREAD if pull.archived_pages <= at.archive_pages else _read(pull)


def gone(pull: Pull, at: Position, archive: Archive) -> Iterator[Page]:
    """What was archived and restored since the list was last read; the position of the last page tells how far it came."""
    if not archive.whole:
        pull.doubts.long_archive()
    restored = [key for key in at.archived or () if key not in archive.records] if archive.whole else []
    yield from _restored(pull, at, restored)
    lost = _came(archive, at.archived, at.archived_since - pull.overlap)
    away = away_ids({key: archive.merged[key] for key in lost if key in archive.merged})
    yield Page(nothing(pull.spec), _after(at, archive, pull.archived_pages).text(), (*lost, *away))


def _came(archive: Archive, known: Collection[str] | None, since: datetime) -> list[str]:
    """Those that were not in the list before, or went into it again."""
    return [
        key
        for key, moment in archive.records.items()
        if not moment or datetime.fromisoformat(moment) >= since or (known is not None and key not in known)
    ]


def _after(at: Position, archive: Archive, pages: int) -> Position:
    if not archive.whole:
        return replace(at, archived=None, archive_pages=pages)
    return replace(at, archived=tuple(archive.records), archived_since=at.started, archive_pages=0)


def _restored(pull: Pull, at: Position, ids: Sequence[str]) -> Iterator[Page]:
    for rows in read_rows(pull, ids):
        pull.kin.note(pull.spec.source, dict.fromkeys(rows.ids, f"restored {at.started}"), pull.client.now())
        yield Page(assembled(pull, rows, links_fetched(pull, rows)), at.text())


def _read(pull: Pull) -> Archive:
    found: dict[str, str] = {}
    merged: dict[str, str] = {}
    after = ""
    for _ in range(pull.archived_pages):
        query = [("limit", str(BATCH)), ("archived", "true"), ("properties", MERGED)]
        query += [("after", after)] if after else []
        path = pull.client.paths.objects(pull.spec.source)
        answer = pull.client.ask(Call("GET", path, pull.spec.source, tuple(query))).body
        for one in results(answer, pull.spec.source):
            found[str(one["id"])] = str(one.get("archivedAt") or "")
            if told := (one.get("properties") or {}).get(MERGED):
                merged[str(one["id"])] = str(told)
        after = _next(answer)
        if not after:
            return Archive(found, merged, whole=True)
    return Archive(found, merged, whole=False)


def _next(answer: Json) -> str:
    return str(((answer.get("paging") or {}).get("next") or {}).get("after") or "")
