"""HubSpot's error bodies; every field of them is optional in its documentation, so each kind has its own shape."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


class HubSpotError(Exception):
    """A refusal that becomes the reply: HTTP status, JSON body, headers."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"status": "error", "message": message, **fields}


def validation(message: str, **fields: Any) -> HubSpotError:
    """400, category VALIDATION_ERROR."""
    return HubSpotError(400, message, category="VALIDATION_ERROR", **fields)


def malformed(message: str) -> HubSpotError:
    """400 for a body that does not fit the documented JSON."""
    return validation(f"Invalid input JSON on line 1, column 1: {message}")


def not_found(message: str = "resource not found", **fields: Any) -> HubSpotError:
    """404; a missing record answers without category, a missing property with OBJECT_NOT_FOUND."""
    return HubSpotError(404, message, **fields)


def invalid_properties(problems: Sequence[Mapping[str, Any]]) -> HubSpotError:
    """400 for property values; it names the properties and never the record."""
    return validation(
        f"Property values were not valid: {json.dumps(list(problems))}",
        errors=[_detail(problem) for problem in problems],
    )


def _detail(problem: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message": problem["message"],
        "code": problem["error"],
        "context": {"propertyName": [problem["name"]]},
    }


def not_authenticated() -> HubSpotError:
    """401 without or with an unknown token."""
    return HubSpotError(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        category="INVALID_AUTHENTICATION",
    )


def expired(seconds: int, at: str) -> HubSpotError:
    """401 for an access token that ran out."""
    return HubSpotError(
        401,
        f"The OAuth token used to make this call expired {seconds} second(s) ago.",
        category="EXPIRED_AUTHENTICATION",
        context={"expire time": [at]},
    )


def missing_scopes(scopes: Sequence[str]) -> HubSpotError:
    """403: any one of the scopes would do."""
    return HubSpotError(
        403,
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
        "https://developers.hubspot.com/scopes.",
        category="MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
    )
