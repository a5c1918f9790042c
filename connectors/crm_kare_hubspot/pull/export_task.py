"""One export at HubSpot: asked for, waited for, fetched. Thirty a day and one at a time, shared with people."""

from collections.abc import Sequence
from typing import IO, Final

from crm_kare.errors import ConfigError
from crm_kare.http import CallError, pause
from crm_kare.ports import Clock
from crm_kare_hubspot.answers import Json, meaning
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.paths import object_name, type_id
from crm_kare_hubspot.pull.unclear import UnclearError

_FIRST, _LONGEST = 5.0, 60.0
"""Seconds between two looks; they double from the first to the longest."""
_PATIENCE: Final = 2 * 3600.0
"""Seconds until lists would have been quicker."""
_FETCHES: Final = 3
"""Addresses that are tried, each of which is good for some minutes."""


class GoneError(Exception):
    """HubSpot does not know the export any more; never leaves this package."""


def ask(client: Client, source: str, properties: Sequence[str], associated: Sequence[str]) -> str:
    """Ask for all records of an object: the export's id.

    Raises:
        UnclearError: it was refused: the scope, or the thirty of the day.
        KareError: as any call.
    """
    body: Json = {
        "exportType": "VIEW",
        "exportName": f"crm-kare {object_name(source)}",
        "format": "CSV",
        "language": "EN",
        "objectType": type_id(source),
        "objectProperties": list(properties),
        "associatedObjectType": [type_id(one) for one in associated],
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
        "includeLabeledAssociations": True,
        "includePrimaryDisplayPropertyForAssociatedObjects": False,
        "overrideAssociatedObjectsPerDefinitionPerRowLimit": True,
    }
    told = _sent(client, Call("POST", client.paths.exports(), f"{source} export", body=body, attempts=2))
    if not told.get("id"):
        raise UnclearError("HubSpot named no export")
    return str(told["id"])


def fetch(client: Client, clock: Clock, source: str, task: str, into: IO[bytes]) -> None:
    """Wait until an export is done, and write its file.

    Raises:
        GoneError: there is no such export.
        UnclearError: it failed, or its file cannot be had.
        KareError: as any call.
    """
    for _ in range(_FETCHES):
        address = _address(client, clock, source, task)
        into.seek(0)
        into.truncate()
        try:
            client.download(address, into)
        except CallError:
            pause(clock, _FIRST)
        except ConfigError:
            raise UnclearError("its address is not one of https") from None
        else:
            return
    raise UnclearError("its file could not be fetched")


def _address(client: Client, clock: Clock, source: str, task: str) -> str:
    wait, began = _FIRST, clock.monotonic()
    while True:
        told = _status(client, source, task)
        state = str(told.get("status"))
        if state == "COMPLETE":
            return _result(told)
        if state not in {"PENDING", "PROCESSING"}:
            raise UnclearError(f"HubSpot ended the export with the status {state}")
        if clock.monotonic() - began > _PATIENCE:
            raise UnclearError("HubSpot took hours to make it")
        pause(clock, wait)
        wait = min(2 * wait, _LONGEST)


def _result(told: Json) -> str:
    if not told.get("result") or told.get("numErrors") or told.get("errors"):
        raise UnclearError("HubSpot made it with errors")
    return str(told["result"])


def _status(client: Client, source: str, task: str) -> Json:
    call = Call("GET", client.paths.exports("tasks", task, "status"), f"{source} export")
    try:
        return client.send(call).body
    except CallError as error:
        if error.trouble.kind == "gone":
            raise GoneError from error
        raise _failed(error, call) from error


def _sent(client: Client, call: Call) -> Json:
    try:
        return client.send(call).body
    except CallError as error:
        raise _failed(error, call) from error


def _failed(error: CallError, call: Call) -> Exception:
    """Whatever is wrong, lists are tried: they tell it too where it is not the export's own trouble."""
    trouble = error.trouble
    if trouble.kind == "login":
        return meaning(error, call.where)
    if trouble.kind == "permission":
        return UnclearError("the login lacks the scope crm.export, which a super admin grants")
    told = " ".join(part for part in (str(trouble.status or ""), trouble.code, trouble.message) if part)
    return UnclearError(f"HubSpot refused the export ({told or trouble.kind})")
