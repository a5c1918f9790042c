"""Foreign errors become `CallError` here and nowhere else; and Salesforce's codes get their plain-words fix."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import requests
from simple_salesforce.exceptions import SalesforceError

from crm_kare.http import CallError, Trouble, redacted, translated

_RATE_STATUSES: Final = frozenset({420, 429})
_GATEWAY_STATUSES: Final = frozenset({406, 408})
"""Seen from Salesforce's edge with HTML pages when it is overloaded; an API client never asks for what 406 means."""

LOCKED: Final = "UNABLE_TO_LOCK_ROW"
GONE: Final = "ENTITY_IS_DELETED"

FIXES: Final[Mapping[str, str]] = {
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": (
        "Run `crm-kare provision` to bring the picklist's values up to date, and allow them in the account's record type."
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": (
        "A validation rule of the org refused the record: correct the record, or exempt the integration user in the rule."
    ),
    "FIELD_FILTER_VALIDATION_EXCEPTION": "A lookup filter of the org refused the record: correct the record's look-ups.",
    "REQUIRED_FIELD_MISSING": "The org requires a field that is empty on this record: fill it in.",
    "INSUFFICIENT_ACCESS_OR_READONLY": (
        "Give the integration user access to this record: sharing, or Modify All on the object."
    ),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": (
        "Give the integration user access to the records this one refers to (owner, parent)."
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": (
        "Grant edit on the field to the integration user: assign the permission set KARE_Integration."
    ),
    "INVALID_FIELD": "Run `crm-kare provision`, or grant the field to the integration user (permission set KARE_Integration).",
    GONE: "The record was deleted or merged away; the next pull takes it out.",
    "INVALID_CROSS_REFERENCE_KEY": "The record is gone, or the user cannot see it; the next pull tells which.",
    "STRING_TOO_LONG": "The field is shorter than the label: run `crm-kare provision` to restore its length.",
    "NUMBER_OUTSIDE_VALID_RANGE": "A number does not fit its field, or an automation of the org made one that does not.",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "A trigger or flow of the org failed on this record: show its owner the message.",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "A flow of the org failed on this record: show its owner the message.",
    "MALFORMED_ID": "The record's id is none of this object: check the object and the id in the mapping.",
    "FIELD_INTEGRITY_EXCEPTION": "A rule of the org between fields refused the record: show its owner the message.",
    "LIMIT_EXCEEDED": "An automation of the org ran into one of Salesforce's limits: show its owner the message.",
    "DUPLICATES_DETECTED": "A duplicate rule of the org blocks edits of this record: merge the duplicates or exempt the user.",
    LOCKED: "Another process held the record for the whole time; a later run tries it again, `crm-kare retry` at once.",
    "InvalidBatch": "Run `crm-kare provision`, or grant the field to the integration user (permission set KARE_Integration).",
    "API_DISABLED_FOR_ORG": "This edition or user has no API access: enable the permission `API Enabled`.",
    "API_CURRENTLY_DISABLED": "Give the integration user the permission `API Enabled`.",
    "UNSUPPORTED_API_VERSION": "Set `api_version` in the mapping's options to a version that Salesforce still serves.",
    "INVALID_TYPE": "Correct the object's name in the mapping, or give the integration user access to the object.",
    "invalid_grant": (
        "Renew the refresh token, approve the app for this user, or check user name, password and token; client credentials"
        " need SALESFORCE_LOGIN_URL set to the org's My Domain address."
    ),
    "invalid_client_id": "Correct SALESFORCE_CLIENT_ID: the app's consumer key.",
    "invalid_client": "Correct SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET.",
    "unsupported_grant_type": "Enable this OAuth flow in the app, or use another way to log in.",
    "INVALID_LOGIN": "Correct SALESFORCE_USERNAME, SALESFORCE_PASSWORD and SALESFORCE_SECURITY_TOKEN, or unlock the user.",
    "INVALID_SESSION_ID": "Renew the token, or set up a login that can be renewed (client credentials or JWT).",
}
"""What an admin can do about a code. The codes are Salesforce's own status codes."""

_OTHERWISE: Final = "See Salesforce's message; correct the record or the permission, and the next run tries again."


def fix_for(code: str) -> str:
    """One sentence for the admin; a general one where the code is not known."""
    return FIXES.get(code, _OTHERWISE)


def _nothing(_name: str) -> str | None:
    return None


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None


@contextmanager
def foreign_errors(last_header: Callable[[str], str | None] = _nothing) -> Iterator[None]:
    """Turn every error of requests and simple-salesforce into a `CallError`.

    Args:
        last_header: header of the last answer; simple-salesforce's errors do not carry them.
    """
    try:
        yield
    except SalesforceError as error:
        # without its cause, whose text is the whole reply
        raise CallError(trouble_of(error.status, error.content, _seconds(last_header("Retry-After")))) from None
    except requests.exceptions.JSONDecodeError as error:
        raise CallError(Trouble("shape", code="not-json", applied=True)) from error
    except requests.RequestException as error:
        raise CallError(_no_answer(error)) from error


def _no_answer(error: requests.RequestException) -> Trouble:
    """A connection that was never made sent nothing; after that, nobody knows."""
    return Trouble("network", code=type(error).__name__, applied=not unsent(error))


def unsent(error: requests.RequestException) -> bool:
    """Whether a call got no answer because there was no connection to send it over."""
    return isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)


def trouble_of(status: int, content: Any, retry_after: float | None = None) -> Trouble:
    """What an answer of status 300 and above means.

    `content` is the parsed JSON, or the text where it was none: gateways answer with HTML.
    """
    code, message = _told(content)
    kind = _kind(status, code, message)
    return Trouble(kind, status, code, redacted(message), retry_after, applied=status >= 500)  # noqa: PLR2004


def _told(content: Any) -> tuple[str, str]:
    """Code and message: a list of objects from REST, one object from the token endpoint; nothing from HTML."""
    first = content[0] if isinstance(content, list) and content else content
    if not isinstance(first, dict):
        return "", ""
    code = first.get("errorCode") or first.get("error") or first.get("statusCode") or ""
    return str(code), str(first.get("message") or first.get("error_description") or "")


def _kind(status: int, code: str, message: str) -> str:
    if code == "REQUEST_LIMIT_EXCEEDED":
        # one code for two things: a concurrency limit passes in seconds, the day's allowance does not
        return "rate" if "concurrent" in message.lower() else "quota"
    if status in _RATE_STATUSES:
        return "rate"
    if status >= 500 or status in _GATEWAY_STATUSES:  # noqa: PLR2004
        return "server"
    return {401: "login", 403: "permission", 404: "gone"}.get(status, "request")


@contextmanager
def our_errors(where: str) -> Iterator[None]:
    """What the caller meets when repeating did not help: `CallError` never leaves the connector."""
    try:
        yield
    except CallError as error:
        raise translated(error, where=where, fix=FIXES.get(error.trouble.code, "")) from error
