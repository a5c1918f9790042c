"""HubSpot's webhooks: is a request genuine, and which records does it tell of.

Signature v3 (HubSpot, "Validating requests"): HMAC-SHA256 under the app's client secret of method, address, body and
timestamp, as Base64; in the address some percent-escapes stand decoded. The check of HubSpot's own Python client
decodes nothing and lets a timestamp of the future pass, so it is not used.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from crm_kare.errors import AccessError, ConfigError, StopError
from crm_kare.labels import Editor
from crm_kare.ports import LabelField, Notice, StreamSpec, Told
from crm_kare_hubspot.columns import wanted
from crm_kare_hubspot.paths import type_id

SECRET: Final = "HUBSPOT_CLIENT_SECRET"  # noqa: S105  the credential's name
_GOOD_FOR: Final = timedelta(minutes=5)
_AHEAD: Final = timedelta(minutes=1)
"""How far HubSpot's clock may be ahead of ours."""
_ESCAPED: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
"""What stands decoded in the address that is signed."""
_TIMESTAMP: Final = re.compile(r"[0-9]{10,13}")

_TYPES: Final = {"contact": "0-1", "company": "0-2", "deal": "0-3", "product": "0-7", "line_item": "0-8"}
"""Object types by their word in `deal.propertyChange` and `DEAL_TO_COMPANY`; newer events are all called `object.…`, and
name the id of the type.
"""
_RECORD: Final = frozenset({"creation", "deletion", "privacyDeletion", "restore", "propertyChange"})
_MACHINES: Final = frozenset({"INTEGRATION", "API"})
"""Change sources that are programs."""

Event = Mapping[str, Any]


def told(
    notice: Notice,
    *,
    address: str,
    secret: SecretStr | None,
    now: datetime,
    specs: Sequence[StreamSpec],
    fields: Sequence[LabelField],
    organisation: str,
) -> Told:
    """See `Connector.notified`; `address` is the one that the app's webhooks were set to."""
    if secret is None or not secret.get_secret_value():
        raise ConfigError(
            "Webhooks cannot be checked without the app's client secret.",
            where=SECRET,
            fix="Set it in the environment or the .env file (HubSpot: the app's Auth page).",
        )
    sent = _sent(notice, address, secret.get_secret_value())
    if not -_AHEAD <= now - sent <= _GOOD_FOR:
        raise _refused()
    events = [one for one in _events(notice.body) if str(one.get("portalId")) == organisation]
    found = _Finder(specs, fields).records(events)
    return Told(found, notice.headers["x-hubspot-signature-v3"], sent + _GOOD_FOR)


def signature(secret: str, method: str, address: str, body: bytes, timestamp: str) -> str:
    """What HubSpot puts into `X-HubSpot-Signature-v3`."""
    decoded = re.sub("|".join(_ESCAPED), lambda found: _ESCAPED[found[0].upper()], address, flags=re.IGNORECASE)
    signed = f"{method}{decoded}".encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def _sent(notice: Notice, address: str, secret: str) -> datetime:
    """When a genuine notice was sent; `AccessError` for any other."""
    given, timestamp = (notice.headers.get(f"x-hubspot-{name}", "") for name in ("signature-v3", "request-timestamp"))
    asked = f"{address}?{notice.query}" if notice.query else address
    right = signature(secret, notice.method, asked, notice.body, timestamp)
    if not hmac.compare_digest(given.encode(), right.encode()) or not _TIMESTAMP.fullmatch(timestamp):
        raise _refused()
    return datetime.fromtimestamp(int(timestamp) / 1000, UTC)


def _refused() -> AccessError:
    """One answer to all that is wrong, so that nobody learns from it."""
    return AccessError("This notice is not from HubSpot, or too old.", where="X-HubSpot-Signature-v3")


def _events(body: bytes) -> list[Event]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise StopError("This notice is no list of events.", where="webhook", code="shape")
    return found


class _Finder:
    """Finds the records that events tell of, by what the mapping reads."""

    def __init__(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> None:
        self._streams: dict[str, list[str]] = {}
        self._read: dict[str, set[str]] = {}
        for spec in specs:
            self._streams.setdefault(type_id(spec.source), []).append(spec.stream)
            self._read.setdefault(type_id(spec.source), set()).update(wanted(spec).properties)
        accounts = next((type_id(spec.source) for spec in specs if spec.stream == "accounts"), "")
        ours = [one.field for one in fields if one.label.editor is Editor.OURS]
        self._written = {(accounts, name) for name in ours}

    def records(self, events: Sequence[Event]) -> dict[str, frozenset[str]]:
        """Ids by stream."""
        found: dict[str, set[str]] = {}
        for event in events:
            for kind, record_id in self._touched(event):
                for stream in self._streams.get(kind, ()):
                    found.setdefault(stream, set()).add(record_id)
        return {stream: frozenset(ids) for stream, ids in found.items()}

    def _touched(self, event: Event) -> Iterator[tuple[str, str]]:
        word, _, what = str(event.get("subscriptionType")).partition(".")
        kind = _TYPES.get(word) or str(event.get("objectTypeId"))
        if what == "associationChange":
            yield from _ends(event)
        elif what == "merge":
            yield from ((kind, one) for one in _merged(event))
        elif what in _RECORD and (what != "propertyChange" or self._matters(kind, event)):
            yield from ((kind, one) for one in _ids(event.get("objectId")))

    def _matters(self, kind: str, event: Event) -> bool:
        """Whether the mapping reads the property, and it was not us who wrote it."""
        name = str(event.get("propertyName"))
        by_machine = str(event.get("changeSource")) in _MACHINES
        return name in self._read.get(kind, ()) and not (by_machine and (kind, name) in self._written)


def _merged(event: Event) -> Iterator[str]:
    others = event.get("mergedObjectIds")
    for one in (event.get("objectId"), event.get("primaryObjectId"), event.get("newObjectId")):
        yield from _ids(one)
    for one in others if isinstance(others, list) else ():
        yield from _ids(one)


def _ends(event: Event) -> Iterator[tuple[str, str]]:
    """Both ends of an association, by ids of the types or by words like `DEAL_TO_COMPANY`, `PARENT_COMPANY_TO_…`."""
    first, _, second = str(event.get("associationType")).lower().partition("_to_")
    for words, end in ((first, "from"), (second, "to")):
        spelt = next((kind for word, kind in _TYPES.items() if words.endswith(word)), "")
        kind = str(event.get(f"{end}ObjectTypeId") or spelt)
        yield from ((kind, one) for one in _ids(event.get(f"{end}ObjectId")))


def _ids(given: object) -> Iterator[str]:
    """HubSpot's ids are whole numbers; anything else is none."""
    text = str(given)
    if text.isascii() and text.isdigit():
        yield text
