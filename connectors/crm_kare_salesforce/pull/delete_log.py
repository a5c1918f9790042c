"""The delete log (`getDeleted`): what left the recycle bin, so that no query shows it any more.

The log tells ids and days only, goes back 15 days, ignores seconds, wants more than a minute between start and end,
and names records that came back since too: those are asked for once more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from crm_kare.errors import StaleCursorError
from crm_kare.http import CallError, Trouble
from crm_kare.ports import StreamSpec
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.pull.ask import Ask, Found, from_records, none_found
from crm_kare_salesforce.values import long_id

ASKED_AT_ONCE: Final = 300
"""Ids in one query, well below the 16,384 bytes of an address."""

MOST_ASKED: Final = 3_000
"""Above this many ids to ask for one by one, a full pull is the cheaper way to the truth."""

_MINUTE: Final = timedelta(minutes=1)
_TOO_FAR: Final = frozenset({"INVALID_REPLICATION_DATE", "EXCEEDED_ID_LIMIT"})
_NO_LOG: Final = frozenset({"request", "gone", "permission"})
"""The object is not one that can be replicated, or its log is not for this user."""


@dataclass(frozen=True)
class Log:
    """Ids that were deleted, and until when the log is complete; None where it does not tell."""

    ids: frozenset[str]
    covered: datetime | None


class DeleteLog:
    """Asks for the log of one org."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ahead = _MINUTE

    def read(self, source: str, start: datetime) -> Log | None:
        """What was deleted from a moment until now; None for an object without log.

        Raises:
            CallError, StaleCursorError: the log does not go back so far, or holds more than 600,000 ids.
        """
        try:
            return self._read(source, start)
        except CallError as error:
            if error.trouble.code in _TOO_FAR:
                raise stale(source) from error
            if error.trouble.kind not in _NO_LOG:
                raise
        return None

    def _read(self, source: str, start: datetime) -> Log:
        now = self._client.now()
        try:
            # seconds are ignored: the minute that is not over yet is asked for whole
            return self._between(source, start, now + self._ahead)
        except CallError as error:
            if error.trouble.code != "INVALID_REPLICATION_DATE" or not self._ahead:
                raise
        found = self._between(source, start, now)
        self._ahead = timedelta(0)  # an org that takes no end in the future, not a start too long ago
        return found

    def _between(self, source: str, start: datetime, end: datetime) -> Log:
        first = min(start, end - 3 * _MINUTE)
        told = self._client.get(f"sobjects/{source}/deleted/", start=soql.stamp(first), end=soql.stamp(end))
        return _log(told)


def stale(source: str) -> StaleCursorError:
    """What the core is told where deletions can no longer be found out one by one."""
    return StaleCursorError(
        "What was deleted since the last pull can no longer be told record by record.",
        where=source,
        fix="Pull in full: `crm-kare pull --full`.",
        code="cursor-old",
    )


def still_there(client: Client, ask: Ask, ids: Sequence[str]) -> Found:
    """Of these ids, the records that are there, and which ones are gone.

    Raises:
        CallError, StaleCursorError: they are too many to ask for.
    """
    found = looked_up(client, ask, "Id", ids)
    here = set(found.records.column(0).to_pylist())
    return replace(found, gone=tuple(one for one in ids if one not in here))


def looked_up(client: Client, ask: Ask, field: str, ids: Sequence[str]) -> Found:
    """All records, deleted ones included, with one of the ids in a field.

    Raises:
        CallError, StaleCursorError: they are too many to ask for.
    """
    if len(ids) > MOST_ASKED:
        raise stale(ask.spec.source)
    size = ASKED_AT_ONCE
    while size > 1 and not client.fits(ask.text(soql.one_of(field, ids[:size]))):
        size //= 2
    queries = [ask.text(soql.one_of(field, ids[start : start + size])) for start in range(0, len(ids), size)]
    return together(ask.spec, [from_records(ask, client.rows(one, everything=True)) for one in queries])


def together(spec: StreamSpec, found: Iterable[Found]) -> Found:
    """As one."""
    parts = [one for one in found if one.records.num_rows or one.gone]
    if len(parts) == 1:
        return parts[0]
    table = pa.Table.from_batches([one.records for one in parts], spec.arrow_schema()).combine_chunks()
    return Found(
        (table.to_batches() or [none_found(spec).records])[0],
        tuple(key for one in parts for key in one.gone),
        tuple(key for one in parts for key in one.winners),
    )


def _log(told: Any) -> Log:
    if not isinstance(told, dict) or not isinstance(told.get("deletedRecords"), list):
        raise CallError(Trouble("shape", 200, "delete-log"))
    try:
        ids = frozenset(long_id(str(one["id"])) for one in told["deletedRecords"])
        covered = told.get("latestDateCovered")
        return Log(ids, datetime.fromisoformat(covered) if covered else None)
    except (KeyError, TypeError, ValueError) as error:
        raise CallError(Trouble("shape", 200, "delete-log")) from error
