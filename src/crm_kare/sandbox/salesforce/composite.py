"""Several requests in one: `composite` (with references, one call) and `composite/batch` (each counts as a call)."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http.client import CREATED
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request, not_found
from crm_kare.sandbox.salesforce.request import DATA, Address, Answer, Call, known_version

MOST: Final = 25
"""Requests in one, of either kind."""

_REFERENCE: Final = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")
_NAME: Final = re.compile(r"[A-Za-z0-9]\w*")
_FAILED: Final = 400
"""From this status on a request has failed."""


@dataclass(frozen=True)
class _Known:
    """One address that a request inside may go to."""

    pattern: re.Pattern[str]
    method: str
    answer: Answer


@dataclass(frozen=True)
class _Result:
    """What one of the requests came to."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def failed(self) -> bool:
        return self.status >= _FAILED


class _Undo(Exception):  # noqa: N818  takes back what was written, no error by itself
    """All or none, and one failed."""


def addresses(others: Sequence[Address]) -> tuple[Address, ...]:
    """The addresses of both kinds; requests inside may go to `others`."""
    known = [_Known(compile_path(path)[0], method, answer) for path, method, answer in others]

    def composite(call: Call) -> Response:
        return JSONResponse({"compositeResponse": _composite(known, call, _listed(call, "compositeRequest"))})

    def batch(call: Call) -> Response:
        results = _batch(known, call, _listed(call, "batchRequests"))
        told = [{"statusCode": one.status, "result": one.body} for one in results]
        return JSONResponse({"hasErrors": any(one.failed for one in results), "results": told})

    return (
        (f"{DATA}/composite", "POST", composite),
        (f"{DATA}/composite/", "POST", composite),
        (f"{DATA}/composite/batch", "POST", batch),
        (f"{DATA}/composite/batch/", "POST", batch),
    )


def _listed(call: Call, name: str) -> list[dict[str, Any]]:
    """The requests in the body; what is malformed refuses all."""
    listed = call.record().get(name)
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise bad_request("JSON_PARSER_ERROR", f"The request needs a list '{name}'")
    if len(listed) > MOST:
        raise bad_request("LIMIT_EXCEEDED", f"The request holds more than {MOST} subrequests")
    if any(not isinstance(one.get("url"), str) or not isinstance(one.get("method"), str) for one in listed):
        raise bad_request("JSON_PARSER_ERROR", "Each subrequest needs a method and a url")
    return listed


# composite


def _composite(known: list[_Known], call: Call, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [str(one.get("referenceId", "")) for one in listed]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            message = (
                f"Provided referenceId ('{name}') must start with a letter or a number, it can contain only letters,"
                " numbers and underscores ('_'), and it must be unique."
            )
            raise bad_request("INVALID_INPUT", message)
    results: dict[str, _Result] = {}
    try:
        with call.org.records.store.transaction():
            for name, one in zip(names, listed, strict=True):
                results[name] = _referring(known, call, one, results)
            if call.record().get("allOrNone") is True and any(one.failed for one in results.values()):
                raise _Undo  # noqa: TRY301  leaving the block by an error is what takes the writes back
    except _Undo:
        undone = _halted("The transaction was rolled back since another operation in the same transaction failed.")
        results = {name: one if one.failed else undone for name, one in results.items()}
    return [
        {
            "body": one.body,
            "httpHeaders": dict(one.headers),
            "httpStatusCode": one.status,
            "referenceId": name,
        }
        for name, one in results.items()
    ]


def _referring(known: list[_Known], call: Call, asked: Mapping[str, Any], before: Mapping[str, _Result]) -> _Result:
    """One request with its references filled in; not carried out where one leads to nothing."""
    try:
        url = _filled(asked["url"], before)
        body = _filled(asked.get("body"), before)
    except LookupError as error:
        return _halted(f"Invalid reference specified. No value for {error.args[0]} found")
    return _carried_out(known, call, asked["method"], url, body, asked.get("httpHeaders") or {})


def _filled(value: Any, before: Mapping[str, _Result]) -> Any:
    """A value of JSON with `@{name.path}` replaced by what the request of that name answered."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _looked_up(found[1], found[2], before), value)
    if isinstance(value, dict):
        return {key: _filled(inside, before) for key, inside in value.items()}
    if isinstance(value, list):
        return [_filled(inside, before) for inside in value]
    return value


def _looked_up(name: str, way: str, before: Mapping[str, _Result]) -> str:
    told = name + way
    if name not in before or before[name].failed:
        raise LookupError(told)
    at = before[name].body
    for key, place in _STEP.findall(way):
        if isinstance(at, dict) and key in at:
            at = at[key]
        elif isinstance(at, list) and place and int(place) < len(at):
            at = at[int(place)]
        else:
            raise LookupError(told)
    return str(at)


def _halted(message: str) -> _Result:
    return _Result(_FAILED, [{"errorCode": "PROCESSING_HALTED", "message": message}], {})


# batch


def _batch(known: list[_Known], call: Call, listed: list[dict[str, Any]]) -> list[_Result]:
    halting, results = call.record().get("haltOnError") is True, list[_Result]()
    for place, asked in enumerate(listed):
        if halting and any(one.failed for one in results):
            results.append(_Result(412, [{"errorCode": "BATCH_PROCESSING_HALTED", "message": _AFTER_AN_ERROR}], {}))
            continue
        if place:  # the call itself was counted at the door
            call.org.count_call()
        url = asked["url"] if asked["url"].startswith("/services/") else f"/services/data/{asked['url'].lstrip('/')}"
        results.append(_carried_out(known, call, asked["method"], url, asked.get("richInput"), {}))
    return results


_AFTER_AN_ERROR: Final = "Batch processing halted per request; previous error"


# both


def _carried_out(
    known: list[_Known], call: Call, method: str, url: str, body: Any, headers: Mapping[str, str]
) -> _Result:
    path, _, query = url.partition("?")
    try:
        inside, answer = _resolved(known, call, method.upper(), path)
        inside = replace(
            inside,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers={"content-type": "application/json", **{name.lower(): value for name, value in headers.items()}},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        response = answer(inside)
    except SalesforceError as error:
        return _Result(error.status, error.body(), {})
    told = json.loads(bytes(response.body)) if response.body else None
    made = told.get("id") if response.status_code == CREATED and isinstance(told, dict) else None
    return _Result(response.status_code, told, {"Location": f"{path}/{made}"} if made else {})


def _resolved(known: list[_Known], call: Call, method: str, path: str) -> tuple[Call, Answer]:
    """What answers at an address, and the call as it would come there."""
    for one in known:
        found = one.pattern.match(path)
        if found and one.method == method:
            parts = found.groupdict()
            version = known_version(parts.get("version", call.version))
            return replace(call, root=f"/services/data/v{version}", path=parts), one.answer
    raise not_found()
