"""Reading: queries, describes, single records, records by id."""

from typing import Any, Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import describe, ids, overview, query, record_access
from crm_kare.sandbox.salesforce.errors import bad_request
from crm_kare.sandbox.salesforce.request import DATA, Address, Call, record_id


def _query(call: Call) -> Response:
    if "explain" in call.query:
        return JSONResponse(overview.explained(call, call.query["explain"]))
    if call.query.get("columns") == "true":
        return JSONResponse(overview.columns(call, call.query.get("q", "")))
    return JSONResponse(first_batch(call))


def _query_all(call: Call) -> Response:
    return JSONResponse(first_batch(call, deleted=True))


def first_batch(call: Call, *, deleted: bool = False, tooling: bool = False) -> dict[str, Any]:
    """What the query in the address gives."""
    text = call.query.get("q", "")
    if not text.strip():
        raise bad_request("MALFORMED_QUERY", "A query string has to be specified")
    batch = query.batch_size(call.headers.get("sforce-query-options"), call.org.settings.page_limit)
    record_access.prepare(call.org, text)
    return query.run(call.reader(tooling=tooling), text, batch=batch, deleted=deleted, tooling=tooling)


def _more(call: Call) -> Response:
    return JSONResponse(query.resume(call.reader(), call.path["locator"]))


def _objects(call: Call) -> Response:
    return JSONResponse(describe.list_objects(call.org, call.user_id, call.root))


def _describe(call: Call) -> Response:
    definition = call.org.object(call.path["object"], call.user_id)
    return JSONResponse(describe.describe(call.org, definition, call.user_id, call.root))


def _record(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    fields = [one.strip() for one in call.query["fields"].split(",")] if "fields" in call.query else None
    return JSONResponse(query.one_record(call.reader(), name, record_id(call), fields))


def _retrieve(call: Call) -> Response:
    """Records by id, in the order asked, null for those that are not there."""
    name = call.org.object(call.path["object"], call.user_id).name
    body = call.record() if call.body else {key: call.query.get(key, "").split(",") for key in ("ids", "fields")}
    wanted, fields = body.get("ids"), body.get("fields")
    if not isinstance(wanted, list) or not isinstance(fields, list) or not fields:
        raise bad_request("JSON_PARSER_ERROR", "The request needs ids and fields")
    if len(wanted) > query.LARGEST_BATCH:
        raise bad_request(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot retrieve more than {query.LARGEST_BATCH} records"
        )
    known = [ids.normalised(str(one)) for one in wanted]
    listed = ", ".join(f"'{one}'" for one in known if one) or "''"
    text = f"SELECT {', '.join(['Id', *map(str, fields)])} FROM {name} WHERE Id IN ({listed})"  # noqa: S608  SOQL
    found = query.run(call.reader(), text, batch=query.LARGEST_BATCH)["records"]
    by_id = {one["Id"]: one for one in found}
    return JSONResponse([by_id.get(one) if one else None for one in known])


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/query", "GET", _query),
    (f"{DATA}/query/", "GET", _query),
    (f"{DATA}/query/{{locator}}", "GET", _more),
    (f"{DATA}/queryAll", "GET", _query_all),
    (f"{DATA}/queryAll/", "GET", _query_all),
    (f"{DATA}/queryAll/{{locator}}", "GET", _more),
    (f"{DATA}/sobjects", "GET", _objects),
    (f"{DATA}/sobjects/", "GET", _objects),
    (f"{DATA}/sobjects/{{object}}/describe", "GET", _describe),
    (f"{DATA}/sobjects/{{object}}/describe/", "GET", _describe),
    (f"{DATA}/sobjects/{{object}}/{{id}}", "GET", _record),
    (f"{DATA}/composite/sobjects/{{object}}", "GET", _retrieve),
    (f"{DATA}/composite/sobjects/{{object}}", "POST", _retrieve),
)
