"""What HubSpot's answers mean: every refusal sorted into a `Trouble`, with the details that name record and property.

Its error bodies have several shapes and every field in them is optional (HubSpot's guide on error handling).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.errors import KareError, StopError
from crm_kare.http import LONGEST_WAIT, CallError, Trouble, redacted, translated

Json = dict[str, Any]

_LOCKED_WAIT: Final = 2.0
_ROLLING_WAIT: Final = 10.0
_SECONDLY_WAIT: Final = 1.0
NOT_FOUND: Final = "OBJECT_NOT_FOUND"
"""Code for a record that is not there, and for one without associations."""
_NO_ASSOCIATIONS: Final = "NO_ASSOCIATIONS_FOUND"
_NOT_THERE: Final = re.compile(r"may be deleted or not exist|^No \w+ (?:is|are) associated with ")
AGAIN: Final = "Run it again. Where it stays so, look for a proxy in between, or whether `HUBSPOT_API_URL` is right."
"""Fix for an answer that tells nothing more."""
_EMBEDDED: Final = re.compile(r"^[^\[]*?not valid: (\[.*\])\s*$", re.DOTALL)


@dataclass(frozen=True)
class Detail:
    """One error inside an answer: HubSpot's code and message, the property, and the records it names."""

    code: str
    message: str
    field: str = ""
    ids: tuple[str, ...] = ()


class RefusalError(CallError):
    """A call that HubSpot answered with an error.

    Attributes:
        details: the single errors of the answer.
        scopes: the scopes it asked for, any one of which is enough.
    """

    def __init__(self, trouble: Trouble, details: tuple[Detail, ...] = (), scopes: tuple[str, ...] = ()) -> None:
        super().__init__(trouble)
        self.details = details
        self.scopes = scopes


def refusal(status: int, body: bytes, headers: Mapping[str, str], *, writes: bool) -> RefusalError:
    """The error for an answer outside 200–299; `writes`: a 5xx may come after the write was applied."""
    told = _object(body)
    kind, wait = _kind(status, told)
    asked = _seconds(headers.get("Retry-After"))
    trouble = Trouble(
        kind=kind,
        status=status,
        code=_text(told.get("category") or told.get("policyName") or told.get("errorType") or told.get("status")),
        message=redacted(_text(told.get("message"))),
        retry_after=max((one for one in (asked, wait) if one is not None), default=None),
        applied=writes and status >= 500,  # noqa: PLR2004  what HTTP calls a server error
    )
    return RefusalError(trouble, tuple(details(told)), _scopes(told))


def _kind(status: int, told: Json) -> tuple[str, float | None]:
    """Kind of trouble, and the wait that HubSpot's guide sets where it sends no Retry-After."""
    simple: dict[int, tuple[str, float | None]] = {
        401: ("login", None),
        403: ("permission", None),
        404: ("gone", None),
        423: ("server", _LOCKED_WAIT),
        477: ("server", None),
    }
    if status in simple:
        return simple[status]
    if status == 429:  # noqa: PLR2004  HTTP: too many requests
        return _limit(f"{told.get('policyName', '')} {told.get('message', '')}".lower())
    if status >= 500:  # noqa: PLR2004  what HTTP calls a server error
        return "server", None
    return ("request" if status >= 400 else "shape"), None  # noqa: PLR2004  what HTTP calls a client error


def _limit(told: str) -> tuple[str, float | None]:
    if "daily" in told:
        return "quota", None
    if "secondly" in told and "ten_secondly" not in told:
        return "rate", _SECONDLY_WAIT
    return "rate", _ROLLING_WAIT


def details(told: Json) -> Iterator[Detail]:
    """The single errors of an answer: `errors` (of a 207 too), and the list that older 400s carry in their message."""
    listed = _list(told.get("errors"))
    for one in listed:
        ids = _ids(one)
        for inner in [*_list(one.get("errors")), *_embedded(_text(one.get("message")))][:1] or [one]:
            yield _detail(inner, ids, _text(one.get("category") or told.get("category")))
    if not listed:
        yield from (_detail(one, (), _text(told.get("category"))) for one in _embedded(_text(told.get("message"))))
    if ids := _ids(told):
        yield _detail(told, ids, _text(told.get("category")))


def _detail(one: Json, ids: tuple[str, ...], category: str) -> Detail:
    named = _strings(_context(one).get("propertyName")) or _strings(one.get("name"))
    return Detail(_code(one, category), redacted(_text(one.get("message"))), "".join(named[:1]), ids)


def _code(one: Json, category: str) -> str:
    """HubSpot's code; what is not there it may tell by the subcategory alone, or by nothing but its words."""
    if _NO_ASSOCIATIONS in _text(one.get("subCategory")):
        return NOT_FOUND
    told = _text(one.get("code") or one.get("error") or one.get("category") or category)
    return told or (NOT_FOUND if _NOT_THERE.search(_text(one.get("message"))) else "")


def _ids(one: Json) -> tuple[str, ...]:
    context = _context(one)
    return _strings(context.get("objectWriteTraceId")) or _strings(context.get("ids"))


def _embedded(message: str) -> list[Json]:
    found = _EMBEDDED.match(message)
    if not found:
        return []
    try:
        return _list(json.loads(found[1]))
    except ValueError:
        return []


def _scopes(told: Json) -> tuple[str, ...]:
    found: list[str] = []
    for one in (told, *_list(told.get("errors"))):
        for key in ("requiredGranularScopes", "requiredScopes"):
            found += _strings(_context(one).get(key))
    return tuple(dict.fromkeys(found))


WHERE_TO_TICK: Final = (
    "in HubSpot: for a service key under Development > Keys > Service keys (in some portals Settings > Integrations > "
    "Service Keys), for a private app under Settings > Integrations > Private Apps > Scopes; an OAuth app lists it "
    "among its scopes and is installed again"
)


def results(answer: Json, where: str, key: str = "id") -> list[Json]:
    """The `results` of an answer, each of which has `key`.

    Raises:
        StopError: they are not there: an empty list made of such an answer would look like an empty CRM.
    """
    found = answer.get("results")
    if not isinstance(found, list) or any(not isinstance(one, dict) or key not in one for one in found):
        raise StopError("HubSpot's answer has no list of results.", where=where, code="shape", fix=AGAIN)
    return found


def meaning(error: CallError, where: str) -> KareError:
    """Our error for a call that stayed failed, with what to do."""
    if error.trouble.kind == "permission":
        wanted = " or ".join(getattr(error, "scopes", ()))
        return translated(error, where=where, fix=f"Tick {wanted or 'the missing scope'} {WHERE_TO_TICK}.")
    fixes = {
        "login": "Renew HUBSPOT_ACCESS_TOKEN, or HUBSPOT_REFRESH_TOKEN by installing the app again.",
        "quota": "The allowance comes back at midnight of the portal's time zone.",
        "gone": "Check the object's name in the mapping and `api_version`.",
    }
    return translated(error, where=where, fix=fixes.get(error.trouble.kind, ""))


def shape_error(status: int, size: int, *, writes: bool) -> CallError:
    """An answer that cannot be read; of its body only the size is told."""
    return CallError(Trouble("shape", status, message=f"{size} bytes that are no JSON object", applied=writes))


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _context(told: Json) -> Json:
    found = told.get("context")
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _strings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _seconds(value: str | None) -> float | None:
    """What a header says, up to the longest wait that a run waits: a portal that moves may ask for a day."""
    try:
        found = float(value or "")
    except ValueError:
        return None
    return min(found, LONGEST_WAIT) if found >= 0 else None
