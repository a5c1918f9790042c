"""The addresses of writes: single records and collections."""

from typing import Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import collection, external_ids, write
from crm_kare.sandbox.salesforce.errors import bad_request
from crm_kare.sandbox.salesforce.request import DATA, Address, Call, record_id


def _insert(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    values = write.read_body(call.org, call.user_id, name, call.record())
    made = write.insert(call.org, call.user_id, name, values)
    if not isinstance(made, str):
        raise write.refused(made)
    return JSONResponse({"id": made, "success": True, "errors": []}, 201)


def _update(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    body = call.record()
    if any(key.lower() == "id" for key in body):
        raise bad_request("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    values = write.read_body(call.org, call.user_id, name, body)
    faults = write.update(call.org, call.user_id, name, record_id(call), values)
    if faults:
        raise write.refused(faults)
    return Response(status_code=204)


def _delete(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    faults = write.delete(call.org, call.user_id, name, record_id(call))
    if faults:
        raise write.refused(faults)
    return Response(status_code=204)


def _update_all(call: Call) -> Response:
    return JSONResponse(collection.update_all(call.org, call.user_id, call.record()))


def _insert_all(call: Call) -> Response:
    return JSONResponse(collection.insert_all(call.org, call.user_id, call.record()))


def _upsert_all(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    key = external_ids.key_field(call.org, call.user_id, name, call.path["field"])
    return JSONResponse(collection.upsert_all(call.org, call.user_id, name, key, call.record()))


def _delete_all(call: Call) -> Response:
    wanted = [one for one in call.query.get("ids", "").split(",") if one]
    all_or_none = call.query.get("allOrNone", "").lower() == "true"
    return JSONResponse(collection.delete_all(call.org, call.user_id, wanted, all_or_none=all_or_none))


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/sobjects/{{object}}", "POST", _insert),
    (f"{DATA}/sobjects/{{object}}/", "POST", _insert),
    (f"{DATA}/sobjects/{{object}}/{{id}}", "PATCH", _update),
    (f"{DATA}/sobjects/{{object}}/{{id}}", "DELETE", _delete),
    (f"{DATA}/composite/sobjects", "PATCH", _update_all),
    (f"{DATA}/composite/sobjects/", "PATCH", _update_all),
    (f"{DATA}/composite/sobjects", "POST", _insert_all),
    (f"{DATA}/composite/sobjects/", "POST", _insert_all),
    (f"{DATA}/composite/sobjects", "DELETE", _delete_all),
    (f"{DATA}/composite/sobjects/", "DELETE", _delete_all),
    (f"{DATA}/composite/sobjects/{{object}}/{{field}}", "PATCH", _upsert_all),
)
