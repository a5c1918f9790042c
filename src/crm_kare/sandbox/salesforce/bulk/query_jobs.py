"""`/jobs/query`: a query that runs by itself, and whose rows are then fetched as CSV."""

import gzip
import hashlib
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce.bulk import render
from crm_kare.sandbox.salesforce.bulk.jobs import QueryJob, State, dialect_of, info, wrong_state
from crm_kare.sandbox.salesforce.bulk.listing import listed
from crm_kare.sandbox.salesforce.bulk.result import Result
from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request, not_found
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.request import DATA, Address, Call
from crm_kare.sandbox.salesforce.soql import compile_query, parse
from crm_kare.sandbox.salesforce.soql.lex import tokens

LINKS: Final = 5
"""Result pages named in one answer."""

_PAGES_SINCE: Final = 58.0
_COMPRESSED_FROM: Final = 1000
_MEGABYTE: Final = 1_000_000


def _create(call: Call) -> Response:
    body, org = call.record(), call.org
    operation, text = body.get("operation"), body.get("query")
    if operation not in {"query", "queryAll"}:
        raise bad_request("INVALIDJOB", f"InvalidJob : Unsupported operation for a query job: {operation}")
    if not isinstance(text, str) or not text.strip():
        raise bad_request("API_ERROR", "The query must be specified")
    _check_allowance(org)
    entity = _checked(org, call.user_id, text, deleted=operation == "queryAll")
    now = org.bulk.now()
    job = QueryJob(
        id=org.bulk.new_id(), operation=str(operation), entity=entity, user_id=call.user_id, version=call.version,
        dialect=dialect_of(body), created=now, modified=now, state=State.UPLOAD_COMPLETE, text=text,
    )  # fmt: skip
    org.bulk.keep(job)
    org.bulk.take("queries", 1)
    return JSONResponse(info(job, whole=False))


def _check_allowance(org: SalesforceOrg) -> None:
    if org.bulk.taken("queries") >= org.settings.bulk.daily_queries:
        raise bad_request("EXCEEDEDQUOTA", "ExceededQuota : Maximum number of query jobs in 24 hours exceeded")


def _checked(org: SalesforceOrg, user_id: str, text: str, *, deleted: bool) -> str:
    """The object that is asked for, where the query is one that a job may run."""
    words = [one.text.upper() for one in tokens(text)]
    if "TYPEOF" in words:
        raise bad_request("API_ERROR", "TYPEOF not supported in Bulk V2 Query")
    if _has_subquery(words):
        raise bad_request("API_ERROR", "Aggregate Relationships not supported in Bulk V2 Query with CSV content type")
    query = parse(text)
    compiled = compile_query(org, query, user_id, deleted=deleted)
    if compiled.aggregate or compiled.counts_only:
        raise bad_request("API_ERROR", "Group By and aggregate functions not supported in Bulk V2 Query")
    if "OFFSET" in words[words.index("FROM") :] and query.offset:
        raise bad_request("API_ERROR", "OFFSET not supported in Bulk V2 Query")
    if any(one.definition and one.definition.type in {"address", "location"} for one in compiled.selected):
        raise bad_request("API_ERROR", "Selecting compound data not supported in Bulk V2 Query")
    return compiled.entity


def _has_subquery(words: list[str]) -> bool:
    """Whether children are selected: a SELECT in brackets before the query's own FROM."""
    selected = words[: words.index("FROM")] if "FROM" in words else words
    return "SELECT" in selected[1:]


# a job's life


def look(org: SalesforceOrg, job: QueryJob) -> None:
    """Somebody looks at the job: it advances."""
    with org.bulk.lock:
        if job.state.ended or _hits(org, "hold_job", job.entity):
            return
        job.looks += 1
        if job.looks < org.settings.bulk.looks:
            job.move(State.IN_PROGRESS, org.bulk.now())
        elif _hits(org, "fail_query_job", job.entity):
            job.move(State.FAILED, org.bulk.now())
        else:
            _run(org, job)


def _run(org: SalesforceOrg, job: QueryJob) -> None:
    """A part of the rows, or all of them; only then there are results."""
    running = job.running = job.running or render.Rendering(org, job)
    ready = running.step(org.settings.bulk.query_rows_a_look)
    job.processed = running.rows
    job.move(State.COMPLETE if ready else State.IN_PROGRESS, org.bulk.now())
    if ready:
        org.bulk.take("megabytes", running.result.size / _MEGABYTE)


def _hits(org: SalesforceOrg, name: str, entity: str) -> bool:
    return org.faults.hits(name) or org.faults.hits(f"{name}:{entity}")


def _get(call: Call) -> Response:
    job = _job(call)
    look(call.org, job)
    return JSONResponse(info(job, whole=True))


def _abort(call: Call) -> Response:
    job, body = _job(call), call.record()
    if body.get("state") != State.ABORTED:
        raise wrong_state(f"A query job cannot be set to the state {body.get('state')}")
    with call.org.bulk.lock:
        if job.state.ended:
            raise wrong_state(f"Aborting already {_spoken(job.state)} Job not allowed")
        job.move(State.ABORTED, call.org.bulk.now())
    return JSONResponse(info(job, whole=False))


def _spoken(state: State) -> str:
    return "Completed" if state == State.COMPLETE else str(state)


def _delete(call: Call) -> Response:
    job = _job(call)
    if not job.state.ended:
        message = "Error encountered when deleting the job because the job is not terminated"
        raise bad_request("API_ERROR", message)
    call.org.bulk.forget(job)
    return Response(status_code=204)


def _list(call: Call) -> Response:
    return JSONResponse(listed(call, QueryJob, "query"))


def _job(call: Call) -> QueryJob:
    return call.org.bulk.find(QueryJob, call.path["id"])


# results


def _results(call: Call) -> Response:
    job = _job(call)
    result = _result(call, job)
    if result is None:
        return Response(status_code=204)
    first, number = _asked(call, job)
    after = first + number
    headers = {
        "Content-Type": "text/csv",  # no charset is said, and UTF-8 meant
        "Sforce-NumberOfRecords": str(max(0, min(number, result.rows - first))),
        "Sforce-Locator": _locator(job, after, number) if after < result.rows else "null",
    }
    return _sent(call, result.page(first, number), headers)


def _result(call: Call, job: QueryJob) -> Result | None:
    """The job's rows; none as long as it runs."""
    if job.version != call.version:
        message = f"The job was created with API version {job.version}. Use that version to get its results."
        raise SalesforceError(409, "API_ERROR", message)
    if job.state in {State.ABORTED, State.FAILED}:
        raise wrong_state(f"The job is {job.state}, and has no results")
    return job.running.result if job.running and job.state == State.COMPLETE else None


def _asked(call: Call, job: QueryJob) -> tuple[int, int]:
    """First row and number of rows of the page that is asked for."""
    settings, asked = call.org.settings.bulk, call.query.get("maxRecords")
    if asked is not None and not (asked.isdigit() and int(asked)):
        raise bad_request("API_ERROR", f"maxRecords must be a positive number: {asked}")
    locator = call.query.get("locator")
    first, number = (0, settings.page_rows) if locator is None else _place(call.org, job, locator)
    return first, min(int(asked) if asked else number, settings.most_rows)


def _place(org: SalesforceOrg, job: QueryJob, locator: str) -> tuple[int, int]:
    """What a locator stands for."""
    if locator not in job.locators or _hits(org, "expire_locator", job.entity):
        raise bad_request("INVALIDQUERYLOCATOR", "InvalidQueryLocator : invalid query locator")
    return job.locators[locator]


def _locator(job: QueryJob, first: int, number: int) -> str:
    """A text that says nothing, and is always the same for the same page of the same job."""
    text = hashlib.sha256(f"{job.id}:{first}:{number}".encode()).hexdigest()[:20]
    job.locators[text] = (first, number)
    return text


def _sent(call: Call, body: bytes, headers: dict[str, str]) -> Response:
    """Small bodies come as they are: "sometimes" Salesforce does not compress."""
    wanted = "gzip" in call.headers.get("accept-encoding", "")
    if wanted and call.org.settings.bulk.compressed and len(body) >= _COMPRESSED_FROM:
        return Response(gzip.compress(body, 1), headers=headers | {"Content-Encoding": "gzip"})
    return Response(body, headers=headers)


def _pages(call: Call) -> Response:
    """Addresses of the next pages, to be fetched side by side."""
    if float(call.version) < _PAGES_SINCE:
        raise not_found()
    job = _job(call)
    result = _result(call, job)
    if result is None:
        return Response(status_code=204)
    locator, number = call.query.get("locator"), call.org.settings.bulk.page_rows
    first = 0 if locator is None else _place(call.org, job, locator)[0]
    after = first + LINKS * number
    starts = range(first, min(after, max(result.rows, 1)), number)
    address = f"{call.root}/jobs/query/{job.id}"
    told: dict[str, Any] = {
        "resultPages": [{"resultUrl": f"{address}/results?locator={_locator(job, one, number)}"} for one in starts],
        "nextRecordsUrl": None,
        "done": after >= result.rows,
    }
    if not told["done"]:
        told["nextRecordsUrl"] = f"{address}/resultPages?locator={_locator(job, after, number)}"
    return JSONResponse(told)


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/jobs/query", "POST", _create),
    (f"{DATA}/jobs/query/", "POST", _create),
    (f"{DATA}/jobs/query", "GET", _list),
    (f"{DATA}/jobs/query/", "GET", _list),
    (f"{DATA}/jobs/query/{{id}}", "GET", _get),
    (f"{DATA}/jobs/query/{{id}}", "PATCH", _abort),
    (f"{DATA}/jobs/query/{{id}}", "DELETE", _delete),
    (f"{DATA}/jobs/query/{{id}}/results", "GET", _results),
    (f"{DATA}/jobs/query/{{id}}/resultPages", "GET", _pages),
)
