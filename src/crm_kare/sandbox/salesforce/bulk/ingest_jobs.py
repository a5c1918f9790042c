"""`/jobs/ingest`: a CSV of records to write, uploaded in one piece."""

import csv
import gzip
import io
from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce.bulk.jobs import IngestJob, RowOutcome, State, dialect_of, info, wrong_state
from crm_kare.sandbox.salesforce.bulk.listing import listed
from crm_kare.sandbox.salesforce.bulk.work import look
from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.request import DATA, Address, Call

OPERATIONS: Final = ("insert", "update", "upsert", "delete", "hardDelete")


def _create(call: Call) -> Response:
    body, org = call.record(), call.org
    operation = str(body.get("operation"))
    if operation not in OPERATIONS:
        raise bad_request("INVALIDJOB", f"InvalidJob : Unsupported operation: {operation}")
    if operation == "hardDelete" and not org.settings.bulk.hard_delete:
        message = "FeatureNotEnabled : hardDelete operation requires special user profile permission"
        raise bad_request("FEATURENOTENABLED", message)
    _check_allowance(org)
    now = org.bulk.now()
    entity = _entity(call, str(body.get("object", "")))
    job = IngestJob(
        id=org.bulk.new_id(), operation=operation, entity=entity, user_id=call.user_id, version=call.version,
        dialect=dialect_of(body), created=now, modified=now, state=State.OPEN,
        external_id=_external_id(call, entity, body) if operation == "upsert" else "",
    )  # fmt: skip
    org.bulk.keep(job)
    return JSONResponse(info(job, whole=False))


def _check_allowance(org: SalesforceOrg) -> None:
    if org.bulk.taken("batches") >= org.settings.bulk.daily_batches:
        raise bad_request("EXCEEDEDQUOTA", "ExceededQuota : Maximum number of batches in 24 hours exceeded")


def _entity(call: Call, name: str) -> str:
    try:
        return call.org.object(name, call.user_id).name
    except SalesforceError as error:
        message = f"InvalidEntity : Entity '{name}' is not supported by the Bulk API."
        raise bad_request("INVALIDENTITY", message) from error


def _external_id(call: Call, entity: str, body: dict[str, Any]) -> str:
    """The field by which records are found: an external id that the user sees, or the Id itself."""
    name = str(body.get("externalIdFieldName") or "")
    if not name:
        raise bad_request("INVALIDJOB", f"InvalidJob : External ID was not specified for {entity}")
    found = call.org.visible(entity, call.user_id).get(name.lower())
    if found is None or not (found.name == "Id" or found.extra.get("externalId")):
        message = f"InvalidJob : Field name provided, {name} does not match an External ID for {entity}"
        raise bad_request("INVALIDJOB", message)
    return found.name


def _upload(call: Call) -> Response:
    job = _job(call)
    kind = call.headers.get("content-type", "")
    if not kind.startswith("text/csv"):
        raise SalesforceError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Type {kind} is not supported: text/csv is")
    content = gzip.decompress(call.body) if call.headers.get("content-encoding") == "gzip" else call.body
    if -(-len(content) // 3) * 4 > call.org.settings.bulk.upload_bytes:
        raise bad_request("CLIENTINPUTERROR", "ClientInputError : The data is larger than 150 MB of base64")
    with call.org.bulk.lock:
        if job.state != State.OPEN:
            raise wrong_state(f"Uploading data to a Job that is {job.state} not allowed")
        job.content = content
        job.uploads += 1
    return Response(status_code=201)


def _change(call: Call) -> Response:
    job, state = _job(call), call.record().get("state")
    with call.org.bulk.lock:
        if state == State.UPLOAD_COMPLETE:
            _close(call.org, job)
        elif state == State.ABORTED:
            _abort(call.org, job)
        else:
            raise wrong_state(f"A job cannot be set to the state {state}")
    return JSONResponse(info(job, whole=False))


def _close(org: SalesforceOrg, job: IngestJob) -> None:
    if job.state != State.OPEN:
        raise wrong_state(f"Closing already {_spoken(job.state)} Job not allowed")
    if job.uploads > 1:
        job.error = (
            f"Found multipe contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / 'Delete' the current Job then"
            " create a new Job and make sure you only do 'PUT' once on a given Job."
        )
        job.move(State.FAILED, org.bulk.now())
        raise bad_request("INVALIDJOB", job.error)
    job.move(State.UPLOAD_COMPLETE, org.bulk.now())


def _abort(org: SalesforceOrg, job: IngestJob) -> None:
    """What was written by then stays; the rest is unprocessed."""
    if job.state.ended:
        raise wrong_state(f"Aborting already {_spoken(job.state)} Job not allowed")
    job.move(State.ABORTED, org.bulk.now())


def _spoken(state: State) -> str:
    return {State.COMPLETE: "Completed", State.UPLOAD_COMPLETE: "Closed"}.get(state, str(state))


def _get(call: Call) -> Response:
    job = _job(call)
    look(call.org, job)
    return JSONResponse(info(job, whole=True))


def _delete(call: Call) -> Response:
    job = _job(call)
    if not job.state.ended and job.state != State.UPLOAD_COMPLETE:
        message = "Error encountered when deleting the job because the job is not terminated"
        raise bad_request("API_ERROR", message)
    call.org.bulk.forget(job)
    return Response(status_code=204)


def _list(call: Call) -> Response:
    return JSONResponse(listed(call, IngestJob, "ingest"))


def _job(call: Call) -> IngestJob:
    return call.org.bulk.find(IngestJob, call.path["id"])


# results


def _successful(call: Call) -> Response:
    job = _ended(call)
    rows = [
        [one.record_id, "true" if one.created else "false", *row] for one, row in _outcomes(job) if one.error is None
    ]
    return _csv(job, ["sf__Id", "sf__Created", *job.columns], rows)


def _failed(call: Call) -> Response:
    job = _ended(call)
    rows = [[one.record_id, one.error or "", *row] for one, row in _outcomes(job) if one.error is not None]
    return _csv(job, ["sf__Id", "sf__Error", *job.columns], rows)


def _unprocessed(call: Call) -> Response:
    job = _ended(call)
    return _csv(job, job.columns, job.rows[job.processed :])


def _ended(call: Call) -> IngestJob:
    """The job, where it has results: as long as it runs there are none."""
    job = _job(call)
    if not job.state.ended:
        raise wrong_state(f"The job is {job.state}: its results come when it has ended")
    return job


def _outcomes(job: IngestJob) -> list[tuple[RowOutcome, list[str]]]:
    """Outcomes with their rows, in another order than the upload's: Salesforce promises none."""
    done = list(zip(job.outcomes, job.rows, strict=False))
    return [*done[1::2], *done[::2]]


def _csv(job: IngestJob, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Response:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=job.dialect.sign, lineterminator=job.dialect.newline, quoting=csv.QUOTE_ALL)
    writer.writerows([columns, *rows])
    return Response(text.getvalue().encode(), headers={"Content-Type": "text/csv"})


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/jobs/ingest", "POST", _create),
    (f"{DATA}/jobs/ingest/", "POST", _create),
    (f"{DATA}/jobs/ingest", "GET", _list),
    (f"{DATA}/jobs/ingest/", "GET", _list),
    (f"{DATA}/jobs/ingest/{{id}}", "GET", _get),
    (f"{DATA}/jobs/ingest/{{id}}/", "GET", _get),
    (f"{DATA}/jobs/ingest/{{id}}", "PATCH", _change),
    (f"{DATA}/jobs/ingest/{{id}}/", "PATCH", _change),
    (f"{DATA}/jobs/ingest/{{id}}", "DELETE", _delete),
    (f"{DATA}/jobs/ingest/{{id}}/batches", "PUT", _upload),
    (f"{DATA}/jobs/ingest/{{id}}/batches/", "PUT", _upload),
    (f"{DATA}/jobs/ingest/{{id}}/successfulResults", "GET", _successful),
    (f"{DATA}/jobs/ingest/{{id}}/successfulResults/", "GET", _successful),
    (f"{DATA}/jobs/ingest/{{id}}/failedResults", "GET", _failed),
    (f"{DATA}/jobs/ingest/{{id}}/failedResults/", "GET", _failed),
    (f"{DATA}/jobs/ingest/{{id}}/unprocessedrecords", "GET", _unprocessed),
    (f"{DATA}/jobs/ingest/{{id}}/unprocessedrecords/", "GET", _unprocessed),
    (f"{DATA}/jobs/ingest/{{id}}/unprocessedRecords", "GET", _unprocessed),  # as simple-salesforce writes it
)
