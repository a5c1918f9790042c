"""The archived pass: which records are gone since, and which came back.

The list of archived records can be neither filtered nor resumed, so it is read whole while it is short. A record that
left it was restored, or its ninety days are over: it is asked for, whether or not its date moved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from crm_kare.ports import Page
from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call
from crm_kare_hubspot.columns import nothing
from crm_kare_hubspot.cursor import Position
from crm_kare_hubspot.pull.records import OBJECT_ID, Pull, assembled, links_fetched, read_rows
from crm_kare_hubspot.records import BATCH


@dataclass(frozen=True)
class _Archive:
    """What the list of archived records held: when each was archived, by id; and whether it was read to its end."""

    records: dict[str, str]
    whole: bool


def gone(pull: Pull, at: Position) -> Iterator[Page]:
    """What was archived and restored since the list was last read; the position of the last page tells how far it came."""
    if pull.archived_pages <= at.archive_pages:
        pull.doubts.long_archive()
        yield Page(nothing(pull.spec), at.text())
        return
    archive = _read(pull)
    if not archive.whole:
        pull.doubts.long_archive()
    restored = [key for key in at.archived or () if key not in archive.records] if archive.whole else []
    yield from _restored(pull, at, restored)
    lost = _lost(archive, at, at.archived_since - pull.overlap)
    yield Page(nothing(pull.spec), _after(at, archive, pull.archived_pages).text(), tuple(lost))


def _lost(archive: _Archive, at: Position, since: datetime) -> list[str]:
    """Those that were not in the list before, or went into it again."""
    known = at.archived
    return [
        key
        for key, moment in archive.records.items()
        if not moment or datetime.fromisoformat(moment) >= since or (known is not None and key not in known)
    ]


def _after(at: Position, archive: _Archive, pages: int) -> Position:
    if not archive.whole:
        return replace(at, archived=None, archive_pages=pages)
    return replace(at, archived=tuple(archive.records), archived_since=at.started, archive_pages=0)


def _restored(pull: Pull, at: Position, ids: Sequence[str]) -> Iterator[Page]:
    for rows in read_rows(pull, ids):
        pull.kin.note(pull.spec.source, dict.fromkeys(rows.ids, f"restored {at.started}"), pull.client.now())
        yield Page(assembled(pull, rows, links_fetched(pull, rows)), at.text())


def _read(pull: Pull) -> _Archive:
    found: dict[str, str] = {}
    after = ""
    for _ in range(pull.archived_pages):
        query = [("limit", str(BATCH)), ("archived", "true"), ("properties", OBJECT_ID)]
        query += [("after", after)] if after else []
        path = pull.client.paths.objects(pull.spec.source)
        answer = pull.client.ask(Call("GET", path, pull.spec.source, tuple(query))).body
        found |= {str(one["id"]): str(one.get("archivedAt") or "") for one in results(answer, pull.spec.source)}
        after = _next(answer)
        if not after:
            return _Archive(found, whole=True)
    return _Archive(found, whole=False)


def _next(answer: Json) -> str:
    return str(((answer.get("paging") or {}).get("next") or {}).get("after") or "")
