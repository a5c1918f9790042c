"""Records by an external id: read, written or made, deleted. The addresses `sobjects/{object}/{field}/{value}`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import ids, query, write
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request, not_found
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.request import DATA, Address, Call
from crm_kare.sandbox.salesforce.values import NUMBERS, Value, taken
from crm_kare.sandbox.store import FieldDef

_SAYS_CREATED: Final = 46
"""From this version on an upsert that updated answers 200 with a body; before, 204 without."""


@dataclass(frozen=True)
class Upserted:
    """What came of one upsert: whose id, whether it was made, or what is wrong with it."""

    record_id: str | None = None
    created: bool = False
    faults: tuple[RecordError, ...] = ()


def key_field(org: SalesforceOrg, user_id: str, name: str, told: str) -> FieldDef:
    """The field that records are found by: one marked as external id, or Id itself.

    Raises:
        SalesforceError: 404 where the user sees no such field.
    """
    found = org.visible(name, user_id).get(told.lower())
    if found is None or not (found.name == "Id" or found.extra.get("externalId")):
        message = f"Provided external ID field does not exist or is not accessible: {told}"
        raise SalesforceError(404, "NOT_FOUND", message)
    return found


def matches(org: SalesforceOrg, name: str, key: FieldDef, told: str) -> list[str]:
    """Ids of the records with that value; texts are compared without regard to case."""
    if key.name == "Id":
        known = org.records.get(name, ids.normalised(told) or told)
        return [known["_id"]] if known and not known["_deleted"] else []
    value = _value(key, told)
    return [one["_id"] for one in org.records.select(name, f'"{key.name}" = ? COLLATE NOCASE', (value,))]


def upsert(
    org: SalesforceOrg, user_id: str, name: str, key: FieldDef, told: str, values: Mapping[str, Value]
) -> Upserted:
    """Write the record with that external id, or make it where there is none."""
    found = matches(org, name, key, told)
    if len(found) > 1:
        message = f"{key.name}: more than one record found for external id field: [{', '.join(found)}]"
        return Upserted(faults=(RecordError("DUPLICATE_EXTERNAL_ID", message),))
    if found:
        return Upserted(found[0], faults=tuple(write.update(org, user_id, name, found[0], dict(values))))
    if key.name == "Id":
        return Upserted(faults=(RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),))
    made = write.insert(org, user_id, name, {**values, key.name: _value(key, told)})
    return Upserted(made, created=True) if isinstance(made, str) else Upserted(faults=tuple(made))


def _value(key: FieldDef, told: str) -> Value:
    if key.type not in NUMBERS:
        return taken(key, told)
    try:
        return taken(key, float(told))
    except ValueError as error:
        raise bad_request("INVALID_FIELD", f"{key.name}: value not of required type: {told}") from error


# the addresses


def _put(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    key = key_field(call.org, call.user_id, name, call.path["field"])
    body = call.record()
    if any(one.lower() in {"id", key.name.lower()} for one in body):
        raise bad_request("INVALID_FIELD", f"The {key.name} field should not be specified in the sobject data.")
    values = write.read_body(call.org, call.user_id, name, body)
    _one_only(call, name, key)
    done = upsert(call.org, call.user_id, name, key, call.path["value"], values)
    if done.faults:
        raise write.refused(list(done.faults))
    if not done.created and float(call.version) < _SAYS_CREATED:
        return Response(status_code=204)
    told: dict[str, Any] = {"id": done.record_id, "success": True, "errors": [], "created": done.created}
    return JSONResponse(told, 201 if done.created else 200)


def _get(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    key = key_field(call.org, call.user_id, name, call.path["field"])
    fields = [one.strip() for one in call.query["fields"].split(",")] if "fields" in call.query else None
    return JSONResponse(query.one_record(call.reader(), name, _found(call, name, key), fields))


def _delete(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    key = key_field(call.org, call.user_id, name, call.path["field"])
    faults = write.delete(call.org, call.user_id, name, _found(call, name, key))
    if faults:
        raise write.refused(faults)
    return Response(status_code=204)


def _found(call: Call, name: str, key: FieldDef) -> str:
    found = _one_only(call, name, key)
    if not found:
        raise not_found()
    return found[0]


def _one_only(call: Call, name: str, key: FieldDef) -> list[str]:
    """The ids that fit, at most one; for several the answer is 300 with their addresses."""
    found = matches(call.org, name, key, call.path["value"])
    if len(found) > 1:
        raise SeveralError([f"{call.root}/sobjects/{name}/{one}" for one in found])
    return found


class SeveralError(SalesforceError):
    """300: an external id that is not unique. The body is a list of addresses, not of errors."""

    def __init__(self, addresses: list[str]) -> None:
        super().__init__(300, "MULTIPLE_CHOICES", "several records fit")
        self._addresses = addresses

    def body(self) -> list[Any]:
        """The addresses of the records that fit."""
        return list(self._addresses)


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/sobjects/{{object}}/{{field}}/{{value}}", "PATCH", _put),
    (f"{DATA}/sobjects/{{object}}/{{field}}/{{value}}", "GET", _get),
    (f"{DATA}/sobjects/{{object}}/{{field}}/{{value}}", "DELETE", _delete),
)
