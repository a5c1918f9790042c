"""What an ingest job does: row by row through the rules of every other write."""

from collections.abc import Callable, Mapping
from typing import Final

from crm_kare.sandbox.salesforce import external_ids, ids, write
from crm_kare.sandbox.salesforce.bulk.jobs import IngestJob, RowOutcome, State
from crm_kare.sandbox.salesforce.bulk.upload import UploadError, parsed, value_of
from crm_kare.sandbox.salesforce.errors import RecordError
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.values import Value
from crm_kare.sandbox.store import FieldDef

BATCH: Final = 10_000
"""Rows that Salesforce works on at once; each counts as one batch of the day's allowance."""

_Result = tuple[str, bool, list[RecordError]]
_FAILED: Final = "InternalServerError : Unable to process the job"


def look(org: SalesforceOrg, job: IngestJob) -> None:
    """Somebody looks at the job: it advances, by an equal part of its rows each time."""
    with org.bulk.lock:
        if job.state not in {State.UPLOAD_COMPLETE, State.IN_PROGRESS} or _hits(org, "hold_job", job):
            return
        job.looks += 1
        if job.state == State.UPLOAD_COMPLETE and not _started(org, job):
            return
        _advance(org, job)


def run_out(org: SalesforceOrg) -> None:
    """All jobs run to their end, as they do where nobody looks."""
    for job in org.bulk.all(IngestJob):
        while job.state in {State.UPLOAD_COMPLETE, State.IN_PROGRESS}:
            look(org, job)


def _started(org: SalesforceOrg, job: IngestJob) -> bool:
    """Whether the upload is one that can be worked on."""
    try:
        job.columns, job.rows = parsed(job.content, job.dialect)
        _check_columns(org, job)
    except UploadError as error:
        job.error = str(error)
        job.move(State.FAILED, org.bulk.now())
        return False
    org.bulk.take("batches", -(-len(job.rows) // BATCH))
    job.move(State.IN_PROGRESS, org.bulk.now())
    return True


def _check_columns(org: SalesforceOrg, job: IngestJob) -> None:
    """A field that is not there, or that the user does not see, fails the whole job; as does a column twice."""
    visible = org.visible(job.entity, job.user_id)
    for place, column in enumerate(job.columns):
        if column.lower() not in visible:
            raise UploadError(f"InvalidBatch : Field name not found : {column}")
        if column.lower() in {one.lower() for one in job.columns[:place]}:
            raise UploadError(f"InvalidBatch : Duplicate field : {column}")


def _advance(org: SalesforceOrg, job: IngestJob) -> None:
    settings, total = org.settings.bulk, len(job.rows)
    until = min(total * min(job.looks, settings.looks) // settings.looks, job.processed + settings.rows_a_look)
    if until < total or not _hits(org, "fail_ingest_job", job):
        _work(org, job, until)
        if until == total and job.looks >= settings.looks:
            job.move(State.COMPLETE, org.bulk.now())
    else:
        _work(org, job, max(job.processed, total // 2))
        job.error = _FAILED
        job.move(State.FAILED, org.bulk.now())


def _work(org: SalesforceOrg, job: IngestJob, until: int) -> None:
    """Do the rows up to there."""
    visible = org.visible(job.entity, job.user_id)
    for row in job.rows[job.processed : until]:
        record_id, created, faults = _one(org, job, visible, row)
        job.outcomes.append(RowOutcome(record_id, created, _said(faults) if faults else None))
    job.processed = len(job.outcomes)


def _hits(org: SalesforceOrg, name: str, job: IngestJob) -> bool:
    return org.faults.hits(name) or org.faults.hits(f"{name}:{job.entity}")


def _said(faults: list[RecordError]) -> str:
    """`CODE:message:Field --`."""
    return ";".join(f"{one.code}:{one.message}:{','.join(one.fields)}{' ' if one.fields else ''}--" for one in faults)


# one row


def _one(org: SalesforceOrg, job: IngestJob, visible: Mapping[str, FieldDef], row: list[str]) -> _Result:
    """An empty cell leaves the field as it is; `#N/A` empties it."""
    values: dict[str, Value] = {}
    faults: list[RecordError] = []
    for column, cell in zip(job.columns, row, strict=True):
        definition = visible[column.lower()]
        value = value_of(definition, cell) if cell else None
        if isinstance(value, RecordError):
            faults.append(value)
        elif cell:
            values[definition.name] = value
    told = str(values.pop("Id", None) or "")
    record_id = ids.normalised(told) if told else None
    if told and record_id is None:
        faults = [RecordError("MALFORMED_ID", f"Id: id value of incorrect type: {told}", ("Id",))]
    return (told, False, faults) if faults else _STEPS[job.operation](org, job, record_id, values)


def _insert(org: SalesforceOrg, job: IngestJob, record_id: str | None, values: dict[str, Value]) -> _Result:
    if record_id:
        fault = RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",))
        return record_id, False, [fault]
    made = write.insert(org, job.user_id, job.entity, values)
    return (made, True, []) if isinstance(made, str) else ("", False, made)


def _update(org: SalesforceOrg, job: IngestJob, record_id: str | None, values: dict[str, Value]) -> _Result:
    if not record_id:
        return "", False, [RecordError("MISSING_ARGUMENT", "Id not specified in an update call")]
    return record_id, False, write.update(org, job.user_id, job.entity, record_id, values)


def _delete(org: SalesforceOrg, job: IngestJob, record_id: str | None, _values: dict[str, Value]) -> _Result:
    if not record_id:
        return "", False, [RecordError("MISSING_ARGUMENT", "Id not specified in a delete call")]
    faults = write.delete(org, job.user_id, job.entity, record_id)
    if job.operation == "hardDelete" and not faults:
        org.bin.purge(job.entity, record_id)
    return record_id, False, faults


def _upsert(org: SalesforceOrg, job: IngestJob, record_id: str | None, values: dict[str, Value]) -> _Result:
    if job.external_id == "Id":
        return _update(org, job, record_id, values) if record_id else _insert(org, job, None, values)
    told = values.get(job.external_id)
    if told is None:
        return "", False, [RecordError("MISSING_ARGUMENT", f"{job.external_id} not specified")]
    key = org.fields(job.entity)[job.external_id.lower()]
    rest = {name: one for name, one in values.items() if name != key.name}
    done = external_ids.upsert(org, job.user_id, job.entity, key, str(told), rest)
    return done.record_id or "", done.created, list(done.faults)


_Step = Callable[[SalesforceOrg, IngestJob, str | None, dict[str, Value]], _Result]
_STEPS: Final[dict[str, _Step]] = {
    "insert": _insert,
    "update": _update,
    "upsert": _upsert,
    "delete": _delete,
    "hardDelete": _delete,
}
