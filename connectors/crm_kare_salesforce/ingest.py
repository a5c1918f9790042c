"""Bulk API 2.0 ingest: rows go up as one CSV, Salesforce works through them, and the fate of every row comes back.

Nothing is written before the upload is closed: whatever goes wrong until then is called off and tried anew. From then on
nothing raises: what cannot be learnt is told as unknown.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from crm_kare.errors import KareError, RetryError
from crm_kare.http import CallError
from crm_kare_salesforce import jobs
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.ingest_csv import results
from crm_kare_salesforce.ingest_notes import Notes
from crm_kare_salesforce.jobs import INGEST, Job
from crm_kare_salesforce.values import long_id

T = TypeVar("T")

_TRIES: Final = 5
_FAILURES: Final = 8
"""Polls in a row that may fail; each was repeated by itself before."""

_PAUSES: Final = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0)
_POLLS: Final = 800
"""About seven hours."""

_PASSING: Final = frozenset({"server", "network", "shape"})


@dataclass(frozen=True)
class Fate:
    """What became of a job's rows.

    Attributes:
        state: how the job ended; empty where nobody knows: it may still be at work.
        message: Salesforce's words for a job that failed.
        written: ids of rows that were written.
        failed: `sf__Error` of rows that were not, by id.
        untouched: ids of rows that the job did not come to.
        stopped: whether we called it off because a stop was asked for.
    """

    state: str
    message: str = ""
    written: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    untouched: frozenset[str] = frozenset()
    stopped: bool = False


class Ingest:
    """The ingest jobs of one org."""

    def __init__(self, client: Client, notes: Notes) -> None:
        self._client, self._notes = client, notes

    def update(self, source: str, content: bytes) -> Fate:
        """Update records by the rows of a CSV.

        Raises:
            CallError, KareError: the job was not begun; nothing was written.
        """
        job_id = self._uploaded(source, content)
        try:
            begun = self._closed(job_id)
        except (CallError, KareError):
            if not self._call_off(job_id):
                return Fate("")
            raise
        return self._fate(job_id) if begun else Fate("")

    def leave_none(self, source: str) -> None:
        """See off what an earlier process left: call off what has not begun, wait for what has.

        Jobs that we noted, and jobs of this user on this object, since notes can be lost. Of the latter those that are open
        are left alone: nobody but their maker can start them.

        Raises:
            RetryError: a job is still at work.
        """
        for job_id in self._notes.of(source):
            if not self._call_off(job_id):
                self._seen_off(job_id)
        for job_id in self._at_work(source):
            self._seen_off(job_id)

    # -- up ----------------------------------------------------------------------------------------------------------

    def _uploaded(self, source: str, content: bytes) -> str:
        """Id of a job that holds the rows. After a lost answer a new job is made: a second upload would make it fail."""

        def once() -> str:
            job = jobs.create(self._client, INGEST, {"object": source, "operation": "update", **_FORM})
            self._notes.add(job.id, source)
            try:
                self._client.raw("PUT", f"{INGEST}/{job.id}/batches", data=content, headers=_CSV)
            except (CallError, KareError):
                self._call_off(job.id)
                raise
            return job.id

        return self._patiently(once)

    def _closed(self, job_id: str) -> bool:
        """Say that all rows are up; False where nobody knows whether that arrived."""
        for attempt in range(_TRIES):
            try:
                jobs.set_state(self._client, INGEST, job_id, jobs.UPLOADED)
            except CallError as error:
                state = self._looked(job_id)
                if state is None:
                    return False
                if state.state == jobs.OPEN and (error.trouble.kind not in _PASSING or attempt == _TRIES - 1):
                    raise
                if state.state != jobs.OPEN:
                    return True
                self._client.sleep(2.0**attempt)
            else:
                return True
        raise AssertionError("the last try returns or raises")

    def _patiently(self, call: Callable[[], T]) -> T:
        """Repeat what may be repeated although its answer was lost."""
        for attempt in range(_TRIES):
            try:
                return call()
            except CallError as error:
                if attempt == _TRIES - 1 or error.trouble.kind not in _PASSING or not self._client.sleep(2.0**attempt):
                    raise
        raise AssertionError("the last try returns or raises")

    # -- at work -----------------------------------------------------------------------------------------------------

    def _fate(self, job_id: str) -> Fate:
        """Wait for the end, and learn every row's fate."""
        job = self._ended(job_id)
        stopped = job is not None and not job.ended
        if stopped:
            self._call_off(job_id)
            job = self._ended(job_id, stops=False)
        if job is None or not job.ended:
            return Fate("", stopped=stopped)
        self._notes.forget(job_id)
        return self._told(job, stopped=stopped)

    def _ended(self, job_id: str, *, stops: bool = True) -> Job | None:
        """The job once it has ended, or as it stood when the wait was cut short; `None` where nobody can tell."""
        failures, job = 0, None
        for poll in range(_POLLS if stops else len(_PAUSES)):
            try:
                job, failures = jobs.look(self._client, INGEST, job_id), 0
            except (CallError, KareError) as error:
                failures += 1
                if failures == _FAILURES or not isinstance(error, CallError) or error.trouble.kind not in _PASSING:
                    return None
            if job is not None and job.ended:
                return job
            if not self._client.sleep(_PAUSES[min(poll, len(_PAUSES) - 1)]) and stops:
                return job
        return None if stops else job

    def _told(self, job: Job, *, stopped: bool) -> Fate:
        """Read the lists of results. A list that cannot be had leaves its rows' fate unknown: they are in none."""
        written = self._list(job.id, "successfulResults")
        failed = self._list(job.id, "failedResults")
        done = job.state == jobs.DONE and len(written) + len(failed) == _number(job, "numberRecordsProcessed")
        untouched = {} if done else self._list(job.id, "unprocessedrecords")
        return Fate(job.state, job.message, frozenset(written), failed, frozenset(untouched), stopped)

    def _list(self, job_id: str, name: str) -> dict[str, str]:
        """`sf__Error` by record id; asked for again where it breaks off, empty where it cannot be had."""

        def once() -> dict[str, str]:
            answer = self._client.raw("GET", f"{INGEST}/{job_id}/{name}", safe=True, stream=True)
            return {key: row.get("sf__error", "") for row in results(answer) if (key := _key(row))}

        with suppress(CallError, KareError):
            return self._patiently(once)
        return {}

    # -- left over ---------------------------------------------------------------------------------------------------

    def _call_off(self, job_id: str) -> bool:
        """Best effort: what has ended cannot be called off, and a job that stays open does no harm."""
        with suppress(CallError, KareError):
            jobs.set_state(self._client, INGEST, job_id, jobs.ABORTED)
            self._notes.forget(job_id)
            return True
        return False

    def _seen_off(self, job_id: str) -> None:
        """Wait for the end of a job; one that Salesforce does not know (any more) has ended."""
        try:
            job = self._ended(job_id) or jobs.look(self._client, INGEST, job_id)
        except CallError as error:
            if error.trouble.kind != "gone":
                raise
        else:
            if not job.ended:
                raise RetryError(
                    "A bulk job that an earlier run left is still at work.",
                    where="jobs/ingest",
                    fix="Run again later, or abort the job in Setup, Bulk Data Load Jobs.",
                    code="JOB_AT_WORK",
                )
        self._notes.forget(job_id)

    def _looked(self, job_id: str) -> Job | None:
        try:
            return jobs.look(self._client, INGEST, job_id)
        except (CallError, KareError):
            return None

    def _at_work(self, source: str) -> Iterator[str]:
        """Jobs of this user that update this object and have not ended."""
        with _unless_barred():
            me = long_id(self._client.user_id())
            for one in jobs.listed(self._client, INGEST):
                ours = long_id(str(one.get("createdById"))) == me and str(one.get("object")).lower() == source.lower()
                if ours and one.get("operation") == "update" and one.get("state") in _BEGUN:
                    yield str(one["id"])


_FORM: Final = {"contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"}
_CSV: Final = {"Content-Type": "text/csv"}
_BEGUN: Final = frozenset({jobs.UPLOADED, "InProgress"})


@contextmanager
def _unless_barred() -> Iterator[None]:
    """An org or user that may not list jobs has none but those noted."""
    try:
        yield
    except CallError as error:
        if error.trouble.kind not in {"permission", "request", "gone"}:
            raise


def _key(row: Mapping[str, str]) -> str:
    """The record: by our own column, since `sf__Id` may be empty where a row failed."""
    return long_id(row.get("id") or row.get("sf__id") or "")


def _number(job: Job, name: str) -> int:
    told: Any = job.told.get(name)
    return told if isinstance(told, int) else -1
