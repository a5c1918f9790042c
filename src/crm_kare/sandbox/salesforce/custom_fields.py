"""The Tooling API's addresses: its queries, and custom fields."""

from typing import Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import query, tooling
from crm_kare.sandbox.salesforce.errors import bad_request
from crm_kare.sandbox.salesforce.reading import first_batch
from crm_kare.sandbox.salesforce.request import DATA, Address, Call, record_id


def _tooling_query(call: Call) -> Response:
    found = first_batch(call, tooling=True)
    wants_metadata = any({"Metadata", "FullName"} & set(one) for one in found["records"])
    if wants_metadata and len(found["records"]) > 1:
        message = (
            "When retrieving results with Metadata or FullName fields, the query qualifications must specify no more than"
            " one row for retrieval."
        )
        raise bad_request("MALFORMED_QUERY", message)
    return JSONResponse(found)


def _tooling_more(call: Call) -> Response:
    return JSONResponse(query.resume(call.reader(tooling=True), call.path["locator"]))


def _create_field(call: Call) -> Response:
    return JSONResponse(tooling.create(call.org, call.user_id, call.record()), 201)


def _field(call: Call) -> Response:
    return JSONResponse(query.one_record(call.reader(tooling=True), "CustomField", record_id(call), None))


def _change_field(call: Call) -> Response:
    tooling.change(call.org, call.user_id, record_id(call), call.record())
    return Response(status_code=204)


def _delete_field(call: Call) -> Response:
    tooling.delete(call.org, call.user_id, record_id(call))
    return Response(status_code=204)


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/tooling/query", "GET", _tooling_query),
    (f"{DATA}/tooling/query/", "GET", _tooling_query),
    (f"{DATA}/tooling/query/{{locator}}", "GET", _tooling_more),
    (f"{DATA}/tooling/sobjects/CustomField", "POST", _create_field),
    (f"{DATA}/tooling/sobjects/CustomField/", "POST", _create_field),
    (f"{DATA}/tooling/sobjects/CustomField/{{id}}", "GET", _field),
    (f"{DATA}/tooling/sobjects/CustomField/{{id}}", "PATCH", _change_field),
    (f"{DATA}/tooling/sobjects/CustomField/{{id}}", "DELETE", _delete_field),
)
