"""Pull one stream: all of it, or what changed since a cursor, deletions included.

Salesforce stamps a row within its transaction, which may commit up to ten minutes later: an incremental pull looks that
far back before the last one's start, and rows seen twice count once. `queryAll` brings deleted and merged-away rows
with `IsDeleted`; the delete log names those that left the recycle bin too. Both go back fifteen days: an older cursor
is refused, and the core pulls in full.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from crm_kare.ports import Page, StreamSpec
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.fields import Objects
from crm_kare_salesforce.pull.ask import Ask, Found
from crm_kare_salesforce.pull.cursor import Cursor, moment, read_cursor
from crm_kare_salesforce.pull.delete_log import DeleteLog, stale, still_there, together
from crm_kare_salesforce.pull.kin import Kin
from crm_kare_salesforce.pull.options import PullOptions
from crm_kare_salesforce.pull.stream import Piece, StreamReader

_NEVER_DELETED: Final = frozenset({"user", "profile", "userrole", "recordtype", "organization", "currencytype"})
"""Objects without `IsDeleted`; another one is found out by asking describe when the query is refused."""

_BIN_DAYS: Final = 14
"""Rows leave the recycle bin and the delete log after 15 days."""


class Puller:
    """Pulls streams of one org."""

    def __init__(self, client: Client, objects: Objects, options: PullOptions) -> None:
        self._client, self._objects, self._options = client, objects, options
        self._log, self._kin = DeleteLog(client), Kin(client, objects)

    def pages(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        """Pages of the stream; see `Connector.pull`.

        Raises `CallError`, `ConfigError`, `RetryError`, `StopError`.
        """
        at = read_cursor(cursor)
        since = moment(at.since) if at.since else None
        if since and self._client.now() - since > timedelta(days=_BIN_DAYS):
            raise stale(spec.source)
        back = since - self._options.overlap if since else None
        ask = Ask(spec, back, deletions=since is not None and spec.source.lower() not in _NEVER_DELETED)
        reader = StreamReader(self._client, self._objects, ask, at, self._options.bulk_from)
        seen = _Seen(whole=at.fresh)
        self._kin.forget(spec.source)
        for piece in reader.pieces():
            seen.add(piece.found)
            yield (
                self._last(reader, piece, seen) if piece.last else _page(reader, piece.found, piece.after, piece.total)
            )

    def _last(self, reader: StreamReader, piece: Piece, seen: "_Seen") -> Page:
        """The last page, and with it what the query did not tell."""
        ask, after = reader.ask, piece.after
        done = Cursor(since=after.until)
        found = piece.found
        if ask.deletions and ask.since and ask.spec.fields[0].source.lower() == "id":
            more, covered = self._left_the_bin(ask, after, seen)
            seen.add(more)
            if seen.whole:
                self._kin.note(ask.spec.source, ask.since, seen.gone | seen.winners)
            found = together(ask.spec, [found, more, self._kin.children(ask)])
            done = replace(done, covered=covered)
        return _page(reader, found, done, piece.total)

    def _left_the_bin(self, ask: Ask, after: Cursor, seen: "_Seen") -> tuple[Found, str]:
        """Records that the delete log names and the query did not show as deleted, looked up; and how far it goes."""
        start = moment(min(after.covered or after.since, after.since)) - self._options.overlap
        log = self._log.read(ask.spec.source, start)
        if log is None:
            return together(ask.spec, []), ""
        unknown = sorted(log.ids - seen.gone)
        found = still_there(self._client, ask, unknown) if unknown else together(ask.spec, [])
        behind = log.covered is not None and log.covered < moment(after.until)
        return found, soql.stamp(log.covered) if behind and log.covered else ""


@dataclass
class _Seen:
    """What was lost so far; `whole` where this process saw the pull from its beginning."""

    whole: bool
    gone: set[str] = field(default_factory=set)
    winners: set[str] = field(default_factory=set)

    def add(self, found: Found) -> None:
        self.gone.update(found.gone)
        self.winners.update(found.winners)


def _page(reader: StreamReader, found: Found, after: Cursor, total: int | None) -> Page:
    problems, reader.problems = tuple(reader.problems), []
    return Page(found.records, after.text(), found.gone, total, problems)
