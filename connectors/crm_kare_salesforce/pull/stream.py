"""One stream's records, over REST or by a query job, whichever is cheaper; a stop in the middle loses nothing.

The first REST page tells how many records there are. A job's results come in no order and hold for seven days; where
they are lost, the job is run anew, and since what a page brings is taken in by id, nothing comes twice.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from crm_kare.errors import RetryError, StopError
from crm_kare.http import CallError, Trouble
from crm_kare.model import Problem
from crm_kare_salesforce import jobs, soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.fields import Objects
from crm_kare_salesforce.pull.ask import Ask, Found, from_columns, from_records, last_id, none_found
from crm_kare_salesforce.pull.cursor import END, Cursor
from crm_kare_salesforce.pull.missing import refuse_missing
from crm_kare_salesforce.pull.results import ResultPage, Results

_BEGINNINGS: Final = 3
_PATIENCE: Final = 3600.0
"""Seconds to wait for a job in one run; the next run goes on waiting for the same one."""

_PAGE_BYTES: Final = 12 * 1024 * 1024
_MOST_ROWS, _LEAST_ROWS = 50_000, 2_000
_SAMPLED: Final = 10
"""One record in so many is looked at to tell how wide they are."""

_TOO_LONG: Final = frozenset({414, 431})
_REFUSED: Final = frozenset({"request", "permission", "gone"})
_LOST: Final = frozenset({"request", "gone"})
"""What a job or locator that is no more is answered with; 409 where the API version is another one by now."""


@dataclass(frozen=True)
class Piece:
    """Some of the stream's records, where the pull stands after them, and whether they were the last.

    `total` says at the first piece how many there will be.
    """

    found: Found
    after: Cursor
    last: bool = False
    total: int | None = None


class _LostError(Exception):
    """A job, or its results, is no more: the pull begins anew."""


class StreamReader:
    """Reads one stream once.

    Attributes:
        ask: what is asked for; without deletions where the object turned out to know none.
        problems: what was met on the way, for the next page.
    """

    def __init__(self, client: Client, objects: Objects, ask: Ask, at: Cursor, bulk_from: int) -> None:
        self._client, self._objects, self._at = client, objects, at
        self._bulk_from, self._bulk = bulk_from, True
        self.ask = replace(ask, last=at.last)
        self.problems: list[Problem] = []

    def pieces(self) -> Iterator[Piece]:
        """All records, the last piece marked. Raises `CallError`, `ConfigError`, `RetryError`, `StopError`."""
        for _ in range(_BEGINNINGS):
            try:
                yield from self._job_pieces(None) if self._at.job else self._begun()
            except _LostError:
                self._at = replace(self._at, job="", locator="", rows=0)
            else:
                return
        raise CallError(Trouble("server", code="JOB_LOST", message="query jobs disappear again and again"))

    # -- choosing ----------------------------------------------------------------------------------------------------

    def _begun(self) -> Iterator[Piece]:
        found = self._asked_by_rest()
        if found is None or (self._bulk and not found["done"] and _total(found) >= self._bulk_from):
            job = self._created(must=found is None)
            if job is not None:
                self._at = replace(self._at, job=job.id, rows=self._rows(found), until=self._until())
                yield from self._job_pieces(job, _total(found) if found else None)
                return
        if found is not None:
            yield from self._rest_pieces(found)

    def _asked_by_rest(self) -> dict[str, Any] | None:
        """The first page; None where the query is one for a job: too long for an address, or too slow."""
        if not self._client.fits(self.ask.text(ordered=True)) and self._bulk:
            return None
        try:
            found = self._query()
        except CallError as error:
            if not self._bulk or not (error.trouble.code == "QUERY_TIMEOUT" or error.trouble.status in _TOO_LONG):
                raise
            return None
        self._at = replace(self._at, until=self._until())
        return found

    def _query(self) -> dict[str, Any]:
        try:
            return self._client.query(self.ask.text(ordered=True), everything=self.ask.deletions)
        except CallError as error:
            self._without_deletions(error)
        return self._client.query(self.ask.text(ordered=True))

    def _without_deletions(self, error: CallError) -> None:
        """Ask without them from now on, where that was what Salesforce did not know; else raise."""
        if error.trouble.code != "INVALID_FIELD":
            raise error
        refuse_missing(self._objects, self.ask.spec)
        if not self.ask.deletions or self._objects.has(self.ask.spec.source, "IsDeleted"):
            raise error
        self.ask = replace(self.ask, deletions=False)

    def _until(self) -> str:
        """When the pull began: by the first call of the first of the processes that worked on it."""
        return self._at.until or soql.stamp(self._client.started())

    # -- REST --------------------------------------------------------------------------------------------------------

    def _rest_pieces(self, found: dict[str, Any]) -> Iterator[Piece]:
        seen: set[str] = set()
        total = found.get("totalSize") if not self._at.last else None
        while True:
            self._at = replace(self._at, last=last_id(found["records"], self._at.last))
            yield Piece(from_records(self.ask, found["records"]), self._at, found["done"], total)
            if found["done"]:
                return
            if found["nextRecordsUrl"] in seen:
                raise StopError(
                    "Salesforce gives the same page of results again and again.", where=self.ask.spec.source
                )
            seen.add(found["nextRecordsUrl"])
            found, total = self._more(found["nextRecordsUrl"]), None

    def _more(self, url: str) -> dict[str, Any]:
        """The next page; where the locator ran out, a new query goes on after the last id."""
        try:
            return self._client.more(url)
        except CallError as error:
            if error.trouble.code not in {"INVALID_QUERY_LOCATOR", "QUERY_TIMEOUT"}:
                raise
            slow = error.trouble.code == "QUERY_TIMEOUT"
        self.ask = replace(self.ask, last=self._at.last)
        if slow and self._bulk:
            raise _LostError
        return self._query()

    # -- query jobs --------------------------------------------------------------------------------------------------

    def _created(self, *, must: bool) -> jobs.Job | None:
        """A new job; None where Salesforce refuses one that REST can do without."""
        try:
            return self._create()
        except CallError as error:
            if must or error.trouble.kind not in _REFUSED:
                raise
            self._give_up_bulk(f"Salesforce refused a query job ({error.trouble.code or error.trouble.status}).")
        return None

    def _create(self) -> jobs.Job:
        try:
            return self._posted()
        except CallError as error:
            self._without_deletions(error)
        return self._posted()

    def _posted(self) -> jobs.Job:
        operation = "queryAll" if self.ask.deletions else "query"
        # no ORDER BY: it would switch Salesforce's own chunking by primary key off
        return jobs.create(self._client, jobs.QUERY, {"operation": operation, "query": self.ask.text()}, safe=True)

    def _job_pieces(self, job: jobs.Job | None, total: int | None = None) -> Iterator[Piece]:
        """The job's pages from where the cursor stands; `job` is what is known of it, None after a stop."""
        if self._at.locator == END:
            yield Piece(none_found(self.ask.spec), self._at, last=True)
            return
        if not self._at.locator:
            yield from self._awaited(job)
        results = Results(self._client, self._at.job, self.ask.columns, self._at.rows)
        pages = results.pages(self._at.locator)
        try:
            while (page := _next(pages)) is not None:
                self._at = replace(self._at, locator=page.after or END)
                yield Piece(from_columns(self.ask, page.columns), self._at, not page.after, total)
                total = None
        finally:
            pages.close()

    def _awaited(self, job: jobs.Job | None) -> Iterator[Piece]:
        """Nothing, once the job is complete; an empty piece, for its cursor, before this run gives up."""
        fresh = job is not None
        if job is None or not job.ended:
            try:
                job = jobs.wait(self._client, jobs.QUERY, self._at.job, _PATIENCE)
            except CallError as error:
                if error.trouble.kind == "gone":
                    raise _LostError from None
                yield Piece(none_found(self.ask.spec), self._at)
                raise
        if not job.ended:
            yield Piece(none_found(self.ask.spec), self._at)
            raise RetryError(
                "Salesforce has not finished the query job yet.",
                where=f"stream {self.ask.spec.stream}",
                fix="Run again later: the pull goes on with the same job.",
                code="JOB_UNFINISHED",
            )
        if job.state == jobs.FAILED:
            self._give_up_bulk("Salesforce's query job failed.")
            raise _LostError
        if job.state == jobs.ABORTED:
            self._called_off(fresh=fresh)

    def _called_off(self, *, fresh: bool) -> None:
        if not fresh:
            raise _LostError
        raise RetryError(
            "Somebody called the query job off in Salesforce.",
            where=f"stream {self.ask.spec.stream}",
            fix="Run again: the pull begins a new job.",
            code="JOB_ABORTED",
        )

    def _give_up_bulk(self, why: str) -> None:
        self._bulk = False
        message = f"{why} The records came over REST instead, which costs more calls."
        fix = "Nothing has to be done; if it goes on, look at the job under Setup > Bulk Data Load Jobs."
        self.problems.append(
            Problem("bulk-refused", message, fix, where=f"stream {self.ask.spec.stream}", level="warning")
        )

    def _rows(self, found: dict[str, Any] | None) -> int:
        """Records in a result page, so that it is some 12 MB: as wide as the ones that were seen already."""
        names = len(self.ask.columns)
        width = names * 20
        if found is not None and found["records"]:
            batch = from_records(self.ask, found["records"][::_SAMPLED]).records
            width = batch.nbytes // max(batch.num_rows, 1) + 3 * names
        return max(_LEAST_ROWS, min(_MOST_ROWS, _PAGE_BYTES // width))


def _total(found: dict[str, Any]) -> int:
    told = found.get("totalSize")
    return told if isinstance(told, int) else 0


def _next(pages: Generator[ResultPage, None, None]) -> ResultPage | None:
    """The next page, or None after the last.

    Raises `_LostError` where the results are no more.
    """
    try:
        return next(pages, None)
    except CallError as error:
        if error.trouble.kind in _LOST:
            raise _LostError from None
        raise
