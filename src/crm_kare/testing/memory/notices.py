"""How a `MemoryCrm` tells of changes: a JSON body of its organisation, the time and ids by stream, and a sum of it."""

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from crm_kare.errors import AccessError, StopError
from crm_kare.ports import Notice, StreamSpec, Told

ORGANISATION: Final = "memory-1"
_HEADER: Final = "x-memory-sum"
_GOOD_FOR: Final = timedelta(minutes=5)


def notice(
    records: Mapping[str, Collection[str]], token: str, now: datetime, organisation: str = ORGANISATION
) -> Notice:
    """What the CRM sends about records of its objects."""
    told = {"organisation": organisation, "at": now.isoformat(), "records": {k: sorted(v) for k, v in records.items()}}
    return sealed(json.dumps(told).encode(), token)


def sealed(body: bytes, token: str) -> Notice:
    """A request with the right sum, whatever its body is."""
    return Notice("POST", "", {_HEADER: _sum(body, token)}, body)


def told(
    came: Notice, token: str, now: datetime, specs: Sequence[StreamSpec], organisation: str = ORGANISATION
) -> Told:
    """What it tells; see `Connector.notified`."""
    given = came.headers.get(_HEADER, "")
    if not hmac.compare_digest(given.encode(), _sum(came.body, token).encode()):
        raise AccessError("This notice is not from the CRM.")
    try:
        body = json.loads(came.body)
        at, records = datetime.fromisoformat(body["at"]), dict(body["records"])
    except (ValueError, KeyError, TypeError) as error:
        raise StopError("This notice cannot be read.") from error
    if not -_GOOD_FOR <= now - at <= _GOOD_FOR:
        raise AccessError("This notice is too old.")
    ours = records if body["organisation"] == organisation else {}
    found = {spec.stream: frozenset(ours[spec.source]) for spec in specs if ours.get(spec.source)}
    return Told(found, given, at + _GOOD_FOR)


def _sum(body: bytes, token: str) -> str:
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()
