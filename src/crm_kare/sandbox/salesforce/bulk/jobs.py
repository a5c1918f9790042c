"""Jobs: what is known of each, and the register of them. A job advances when it is looked at."""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from crm_kare.ports import Clock
from crm_kare.sandbox.salesforce.bulk.result import Result
from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request, not_found
from crm_kare.sandbox.salesforce.ids import normalised, with_checks

DELIMITERS: Final = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS: Final = {"LF": "\n", "CRLF": "\r\n"}
LIST_PAGE: Final = 1000
_LIFE: Final = 7 * 86_400_000
_DAY: Final = 86_400_000


class State(StrEnum):
    """Where a job stands."""

    OPEN = "Open"
    UPLOAD_COMPLETE = "UploadComplete"
    IN_PROGRESS = "InProgress"
    COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the job."""
        return self in {State.COMPLETE, State.FAILED, State.ABORTED}


@dataclass
class BulkSettings:
    """What a test may set.

    Attributes:
        looks: the look at which a job is complete, at the earliest.
        rows_a_look: rows of an ingest job that are done between two looks at most; a large job takes more of them.
        query_rows_a_look: the same of a query job, in whole chunks. What is written between the looks shows in the
            chunks that come after.
        page_rows: rows in a page of results where the client names no number.
        most_rows: rows in a page at most, whatever the client asks for (Salesforce: "subject to the size limits").
        unsorted_from: results of so many rows come by primary-key chunks that are not in order, unless the query sorts
            or limits; 0 = never.
        chunk_rows: rows of the table in a chunk at most.
        compressed: bodies are gzipped for clients that accept it.
        upload_bytes: the largest upload, counted as base64.
        hard_delete: users may delete past the recycle bin.
        daily_queries, daily_batches, daily_megabytes: allowances of 24 rolling hours.
    """

    looks: int = 2
    rows_a_look: int = 20_000
    query_rows_a_look: int = 250_000
    page_rows: int = 50_000
    most_rows: int = 250_000
    unsorted_from: int = 5_000
    chunk_rows: int = 50_000
    compressed: bool = True
    upload_bytes: int = 150 * 1024 * 1024
    hard_delete: bool = False
    daily_queries: int = 10_000
    daily_batches: int = 15_000
    daily_megabytes: int = 976_562


@dataclass(frozen=True)
class Dialect:
    """The CSV of a job: names of delimiter and line ending."""

    delimiter: str = "COMMA"
    line_ending: str = "LF"

    @property
    def sign(self) -> str:
        """What stands between two cells."""
        return DELIMITERS[self.delimiter]

    @property
    def newline(self) -> str:
        """What ends a row."""
        return LINE_ENDINGS[self.line_ending]


@dataclass(kw_only=True)
class Job:
    """What query and ingest jobs have in common; times in epoch milliseconds."""

    id: str
    operation: str
    entity: str
    user_id: str
    version: str
    dialect: Dialect
    created: int
    modified: int
    state: State
    looks: int = 0
    processed: int = 0

    def move(self, state: State, now: int) -> None:
        """Into another state."""
        self.state, self.modified = state, now


class Running(Protocol):
    """A query's rows, as far as they are there."""

    result: Result

    @property
    def rows(self) -> int:
        """How many were found so far."""
        ...

    def step(self, rows: int) -> bool:
        """Go on for so many rows; whether all are there."""
        ...


@dataclass(kw_only=True)
class QueryJob(Job):
    """A query; `running` once it has begun, `locators` those given out: first row and number of rows."""

    text: str
    running: Running | None = None
    locators: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(kw_only=True)
class IngestJob(Job):
    """An upload: `columns` and `rows` as they came, `outcomes` of the rows done so far."""

    external_id: str = ""
    content: bytes = b""
    uploads: int = 0
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    outcomes: list["RowOutcome"] = field(default_factory=list)
    error: str = ""

    @property
    def failed(self) -> int:
        """Rows that were refused."""
        return sum(one.error is not None for one in self.outcomes)


@dataclass(frozen=True)
class RowOutcome:
    """What came of a row: the record's id, whether it was made, or the error."""

    record_id: str
    created: bool = False
    error: str | None = None


J = TypeVar("J", bound=Job)


class Jobs:
    """All jobs of an org, and what they took of the day's allowances. `lock` is held while a job advances."""

    def __init__(self, clock: Clock) -> None:
        self.lock = threading.RLock()
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._serial = 0
        self._taken: dict[str, deque[tuple[int, float]]] = {}

    def now(self) -> int:
        """Epoch milliseconds, cut to the second."""
        return int(self._clock.now().timestamp()) * 1000

    def new_id(self) -> str:
        """The next job's id."""
        with self.lock:
            self._serial += 1
            return with_checks(f"750KE0{self._serial:09d}")

    def keep(self, job: Job) -> None:
        """Take a job in."""
        with self.lock:
            self._jobs[job.id] = job

    def find(self, kind: type[J], text: str) -> J:
        """The job of that id, in either form.

        Raises:
            SalesforceError: 404 where there is none of this kind, where it was deleted, or after seven days.
        """
        with self.lock:
            job = self._jobs.get(normalised(text) or "")
            if not isinstance(job, kind) or job.operation == "deleted" or self.now() - job.created >= _LIFE:
                raise not_found()
            return job

    def all(self, kind: type[J]) -> list[J]:
        """The jobs of a kind that are still there, oldest first."""
        with self.lock:
            alive = [one for one in self._jobs.values() if isinstance(one, kind) and one.operation != "deleted"]
            return [one for one in alive if self.now() - one.created < _LIFE]

    def forget(self, job: Job) -> None:
        """Delete a job; its id is not given out again."""
        with self.lock:
            job.operation = "deleted"
            if isinstance(job, QueryJob) and job.running is not None:
                job.running.result.close()
                job.running = None

    def take(self, name: str, amount: float) -> None:
        """Take from one of the day's allowances."""
        with self.lock:
            self._taken.setdefault(name, deque()).append((self.now(), amount))

    def taken(self, name: str) -> float:
        """What was taken from an allowance in the last 24 hours."""
        with self.lock:
            rows = self._taken.setdefault(name, deque())
            while rows and rows[0][0] <= self.now() - _DAY:
                rows.popleft()
            return sum(amount for _, amount in rows)

    def close(self) -> None:
        """Give back the files of results."""
        for one in self._jobs.values():
            self.forget(one)


def moment(milliseconds: int) -> str:
    """A time as job info says it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def info(job: Job, *, whole: bool) -> dict[str, Any]:
    """What an answer says of a job; a GET of one tells the `whole` of it."""
    told: dict[str, Any] = {
        "id": job.id,
        "operation": job.operation,
        "object": job.entity,
        "createdById": job.user_id,
        "createdDate": moment(job.created),
        "systemModstamp": moment(job.modified),
        "state": str(job.state),
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.version),
    }
    if isinstance(job, IngestJob):
        if job.external_id:
            told["externalIdFieldName"] = job.external_id
        if job.state == State.OPEN:
            told["contentUrl"] = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
    told |= {"lineEnding": job.dialect.line_ending, "columnDelimiter": job.dialect.delimiter}
    return told | (_progress(job) if whole else {"jobType": _kind(job)} if job.state.ended else {})


def _kind(job: Job) -> str:
    return "V2Ingest" if isinstance(job, IngestJob) else "V2Query"


def _progress(job: Job) -> dict[str, Any]:
    told: dict[str, Any] = {"jobType": _kind(job), "numberRecordsProcessed": job.processed}
    if isinstance(job, IngestJob):
        told["numberRecordsFailed"] = job.failed
    took = job.processed // 10 if job.state != State.UPLOAD_COMPLETE else 0
    told |= {"retries": 0, "totalProcessingTime": took}
    if isinstance(job, IngestJob):
        told |= {"apiActiveProcessingTime": took, "apexProcessingTime": 0}
        if job.error:
            told["errorMessage"] = job.error
    else:
        told["isPkChunkingSupported"] = True
    return told


def dialect_of(body: dict[str, Any]) -> Dialect:
    """The CSV options in a new job's body.

    Raises:
        SalesforceError: an option that Salesforce does not know.
    """
    if str(body.get("contentType", "CSV")) != "CSV":
        raise bad_request("INVALIDJOB", f"InvalidJob : Unsupported content type: {body['contentType']}")
    dialect = Dialect(str(body.get("columnDelimiter", "COMMA")), str(body.get("lineEnding", "LF")))
    if dialect.delimiter not in DELIMITERS:
        raise bad_request("INVALIDJOB", f"InvalidJob : Unknown column delimiter: {dialect.delimiter}")
    if dialect.line_ending not in LINE_ENDINGS:
        raise bad_request("INVALIDJOB", f"InvalidJob : Unknown line ending: {dialect.line_ending}")
    return dialect


def wrong_state(message: str) -> SalesforceError:
    """The refusal of something that the job's state does not allow."""
    return bad_request("INVALIDJOBSTATE", message)
