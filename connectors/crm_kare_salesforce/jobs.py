"""Bulk API 2.0 jobs, query and ingest alike: made, watched until they end, called off.

A job lives for seven days on Salesforce's side whatever becomes of us; whoever knows its id can go on with it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.http import CallError, Trouble
from crm_kare_salesforce.client import Client

QUERY: Final = "jobs/query"
INGEST: Final = "jobs/ingest"

DONE: Final = "JobComplete"
FAILED: Final = "Failed"
ABORTED: Final = "Aborted"
OPEN: Final = "Open"
UPLOADED: Final = "UploadComplete"

_JOB_TYPES: Final = {QUERY: "V2Query", INGEST: "V2Ingest"}
_PAGES: Final = 20
_ONWARD: Final = re.compile(r"\?(.+)$")

_ENDS: Final = frozenset({DONE, FAILED, ABORTED})
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0
_GROWTH: Final = 2.0
"""Each look costs a call: never more than one a second, and a job of an hour is looked at some hundred times."""


@dataclass(frozen=True)
class Job:
    """What Salesforce tells of a job.

    Attributes:
        id: its id.
        state: `Open`, `UploadComplete`, `InProgress`, `JobComplete`, `Failed` or `Aborted`.
        told: the whole answer.
    """

    id: str
    state: str
    told: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in _ENDS

    @property
    def message(self) -> str:
        """Why it failed; query jobs do not tell."""
        return str(self.told.get("errorMessage") or "")


def create(client: Client, kind: str, body: Mapping[str, Any], *, safe: bool = False) -> Job:
    """A new job; `safe` where one too many does no harm.

    Raises `CallError`: a query that is wrong is refused here, with status 400.
    """
    return _job(client.post(kind, body, safe=safe))


def look(client: Client, kind: str, job_id: str) -> Job:
    """How it stands. Raises `CallError` of kind `gone` where there is no such job (any more)."""
    return _job(client.get(f"{kind}/{job_id}"))


def listed(client: Client, kind: str) -> Iterator[Mapping[str, Any]]:
    """What Salesforce tells of the org's Bulk API 2.0 jobs of this kind, in its own order; the first `_PAGES` pages."""
    page = client.get(kind, jobType=_JOB_TYPES[kind])
    for _ in range(_PAGES):
        if not isinstance(page, dict) or not isinstance(page.get("records"), list):
            raise CallError(Trouble("shape", 200, "jobs"))
        yield from (one for one in page["records"] if isinstance(one, dict))
        onward = _ONWARD.search(str(page.get("nextRecordsUrl") or ""))
        if page.get("done", True) or onward is None:
            return
        page = client.get(f"{kind}?{onward[1]}")


def set_state(client: Client, kind: str, job_id: str, state: str) -> Job:
    """Close an ingest job's upload, or call a job off."""
    return _job(client.patch(f"{kind}/{job_id}", {"state": state}))


def wait(client: Client, kind: str, job_id: str, patience: float) -> Job:
    """Ask, with growing pauses, until the job has ended, `patience` seconds are over, or a stop cuts a pause short."""
    waited = 0.0
    for pause in _pauses():
        job = look(client, kind, job_id)
        if job.ended or waited >= patience or not client.sleep(pause):
            return job
        waited += pause
    raise AssertionError("pauses never end")


def _pauses() -> Iterator[float]:
    pause = _FIRST_WAIT
    while True:
        yield pause
        pause = min(pause * _GROWTH, _LONGEST_WAIT)


def _job(told: Any) -> Job:
    if not isinstance(told, dict) or not isinstance(told.get("id"), str) or not isinstance(told.get("state"), str):
        raise CallError(Trouble("shape", 200, "job"))
    return Job(told["id"], told["state"], told)
