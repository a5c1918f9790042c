"""The addresses of writes: single records and collections."""

from typing import Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import collection, write
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request
from crm_kare.sandbox.salesforce.request import DATA, Address, Call, record_id


def _insert(call: Call) -> Response:
    name = call.org.object(call.path["object"]).name
    values = write.read_body(call.org, call.user_id, name, call.record())
    made = write.insert(call.org, call.user_id, name, values)
    if not isinstance(made, str):
        raise _refused(made)
    return JSONResponse({"id": made, "success": True, "errors": []}, 201)


def _update(call: Call) -> Response:
    name = call.org.object(call.path["object"]).name
    body = call.record()
    if any(key.lower() == "id" for key in body):
        raise bad_request("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    values = write.read_body(call.org, call.user_id, name, body)
    faults = write.update(call.org, call.user_id, name, record_id(call), values)
    if faults:
        raise _refused(faults)
    return Response(status_code=204)


def _delete(call: Call) -> Response:
    faults = write.delete(call.org, call.user_id, call.org.object(call.path["object"]).name, record_id(call))
    if faults:
        raise _refused(faults)
    return Response(status_code=204)


def _refused(faults: list[RecordError]) -> SalesforceError:
    """One record's faults as the answer to the whole request."""
    statuses = {"ENTITY_IS_DELETED": 404, "INVALID_CROSS_REFERENCE_KEY": 404, "INSUFFICIENT_ACCESS_OR_READONLY": 403}
    status = statuses.get(faults[0].code, 400) if not faults[0].fields else 400
    error = SalesforceError(status, faults[0].code, faults[0].message, faults[0].fields)
    error.errors = faults
    return error


def _update_all(call: Call) -> Response:
    return JSONResponse(collection.update_all(call.org, call.user_id, call.record()))


def _insert_all(call: Call) -> Response:
    return JSONResponse(collection.insert_all(call.org, call.user_id, call.record()))


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/sobjects/{{object}}", "POST", _insert),
    (f"{DATA}/sobjects/{{object}}/", "POST", _insert),
    (f"{DATA}/sobjects/{{object}}/{{id}}", "PATCH", _update),
    (f"{DATA}/sobjects/{{object}}/{{id}}", "DELETE", _delete),
    (f"{DATA}/composite/sobjects", "PATCH", _update_all),
    (f"{DATA}/composite/sobjects/", "PATCH", _update_all),
    (f"{DATA}/composite/sobjects", "POST", _insert_all),
    (f"{DATA}/composite/sobjects/", "POST", _insert_all),
)
