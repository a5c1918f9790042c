"""The OAuth token endpoint. Errors are an object, not the list that the REST API uses."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

from crm_kare.sandbox.salesforce.org import SalesforceOrg

JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_ASSERTION: Final = 300.0
"""Seconds that an assertion may be valid."""


class LoginError(Exception):
    """A login that is refused: 400 with error and description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def with_client(form: Mapping[str, str], authorization: str) -> dict[str, str]:
    """The form with the client's id and secret in it: they may come as HTTP Basic in the header instead."""
    kind, _, coded = authorization.partition(" ")
    if kind.lower() != "basic":
        return dict(form)
    try:
        name, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        return dict(form)
    return {"client_id": name, "client_secret": secret, **form}


def token(org: SalesforceOrg, form: Mapping[str, str], root: str) -> dict[str, Any]:
    """Answer of `POST /services/oauth2/token`.

    Raises:
        LoginError: with Salesforce's words.
    """
    grant = form.get("grant_type", "")
    flow = _FLOWS.get(grant)
    if flow is None or grant not in org.settings.login_flows:
        raise LoginError("unsupported_grant_type", "grant type not supported")
    more = flow(org, form, root)
    user_id = org.integration_user
    return {
        "access_token": org.log_in(user_id),
        "instance_url": root,
        "id": f"{root}/id/{org.id}/{user_id}",
        "token_type": "Bearer",
        "issued_at": str(int(org.clock.now().timestamp() * 1000)),
        "signature": "c2FuZGJveA==",
        "scope": "api refresh_token",
    } | more


def _check_client(org: SalesforceOrg, form: Mapping[str, str], *, secret: bool = True) -> None:
    if form.get("client_id") != org.credentials.client_id:
        raise LoginError("invalid_client_id", "client identifier invalid")
    if secret and form.get("client_secret") != org.credentials.client_secret:
        raise LoginError("invalid_client", "invalid client credentials")


def _by_client(org: SalesforceOrg, form: Mapping[str, str], _root: str) -> dict[str, str]:
    _check_client(org, form)
    return {}


def _by_refresh(org: SalesforceOrg, form: Mapping[str, str], _root: str) -> dict[str, str]:
    """The secret need not be sent, but a wrong one is refused. With rotation the old token is void."""
    _check_client(org, form, secret="client_secret" in form)
    if form.get("refresh_token") != org.credentials.refresh_token:
        raise LoginError("invalid_grant", "expired access/refresh token")
    if not org.settings.rotate_refresh_tokens:
        return {}
    org.credentials.refresh_token = f"5Aep861sandbox-refresh-{org.serial()}"
    return {"refresh_token": org.credentials.refresh_token}


def _by_password(org: SalesforceOrg, form: Mapping[str, str], _root: str) -> dict[str, str]:
    _check_client(org, form)
    right = (org.credentials.username, org.credentials.password + org.credentials.security_token)
    if (form.get("username"), form.get("password")) != right:
        raise LoginError("invalid_grant", "authentication failure")
    return {}


def _by_jwt(org: SalesforceOrg, form: Mapping[str, str], root: str) -> dict[str, str]:
    try:
        claims = jwt.decode(
            form.get("assertion", ""), org.app_key().public_key(), algorithms=["RS256"],
            options={"verify_exp": False, "verify_aud": False, "verify_iat": False},
        )  # fmt: skip
    except jwt.InvalidTokenError as error:
        raise LoginError("invalid_grant", "invalid assertion") from error
    if claims.get("iss") != org.credentials.client_id:
        raise LoginError("invalid_client_id", "client identifier invalid")
    allowed = {"https://login.salesforce.com", "https://test.salesforce.com", root, f"{root}/services/oauth2/token"}
    if str(claims.get("aud")).rstrip("/") not in allowed:
        raise LoginError("invalid_grant", "Audience validation failed")
    if claims.get("sub") != org.credentials.username:
        raise LoginError("invalid_grant", "user hasn't approved this consumer")
    left = float(claims.get("exp", 0)) - org.clock.now().timestamp()
    if not 0 < left <= LONGEST_ASSERTION:
        raise LoginError("invalid_grant", "expired authorization code" if left <= 0 else "invalid assertion")
    return {}


_FLOWS: Final[dict[str, Callable[[SalesforceOrg, Mapping[str, str], str], dict[str, str]]]] = {
    "client_credentials": _by_client,
    "refresh_token": _by_refresh,
    "password": _by_password,
    JWT_GRANT: _by_jwt,
}


def revoke(org: SalesforceOrg, form: Mapping[str, str]) -> None:
    """`POST /services/oauth2/revoke`: the session is over.

    Raises:
        LoginError: for a token that is none.
    """
    if not org.log_out(form.get("token", "")):
        raise LoginError("unsupported_token_type", "this token type is not supported")


def user_info(org: SalesforceOrg, user_id: str, root: str) -> dict[str, Any]:
    """Answer of `/services/oauth2/userinfo`."""
    user = org.user(user_id)
    return {
        "sub": f"{root}/id/{org.id}/{user_id}",
        "preferred_username": user["Username"],
        "name": user["Name"],
        "email_verified": True,
        "given_name": user["FirstName"],
        "family_name": user["LastName"],
        "zoneinfo": user["TimeZoneSidKey"],
    } | _in_both(org, user_id, root)


def identity(org: SalesforceOrg, user_id: str, root: str) -> dict[str, Any]:
    """Answer of the identity address, which every login names as `id`."""
    user = org.user(user_id)
    return {
        "id": f"{root}/id/{org.id}/{user_id}",
        "asserted_user": True,
        "username": user["Username"],
        "nick_name": user["Username"].partition("@")[0],
        "display_name": user["Name"],
        "first_name": user["FirstName"],
        "last_name": user["LastName"],
        "timezone": user["TimeZoneSidKey"],
        "is_app_installed": True,
    } | _in_both(org, user_id, root)


def _in_both(org: SalesforceOrg, user_id: str, root: str) -> dict[str, Any]:
    user, data = org.user(user_id), f"{root}/services/data/v{{version}}"
    return {
        "user_id": user_id,
        "organization_id": org.id,
        "email": user["Email"],
        "active": bool(user["IsActive"]),
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_IE_EURO",
        "urls": {
            "rest": f"{data}/",
            "sobjects": f"{data}/sobjects/",
            "query": f"{data}/query/",
            "recent": f"{data}/recent/",
            "partner": f"{root}/services/Soap/u/{{version}}/{org.id[:15]}",
            "custom_domain": root,
        },
    }
