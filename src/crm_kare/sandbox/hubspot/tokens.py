"""OAuth: tokens given for a code or a refresh token, what a token is, and a refresh token's end."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from crm_kare.sandbox.hubspot.call import Reply
from crm_kare.sandbox.hubspot.errors import HubSpotError, not_found
from crm_kare.sandbox.hubspot.portal import APP_ID, Portal

HUB_DOMAIN: Final = "sandbox.example"


def token(portal: Portal, form: Mapping[str, str]) -> Reply:
    """POST /oauth/v1/token and its like: a new access token; the refresh token stays good.

    Raises:
        HubSpotError: 400, with `status` telling what is bad.
    """
    settings, grant = portal.settings, form.get("grant_type")
    if grant not in ("refresh_token", "authorization_code"):
        raise _refused("BAD_GRANT_TYPE", "missing or unknown grant type", "unsupported_grant_type")
    _check_client(portal, form)
    if grant == "refresh_token":
        _check_refresh_token(portal, form.get("refresh_token"))
    else:
        _spend_code(portal, form)
    body = {
        "token_type": "bearer",
        "refresh_token": settings.refresh_token,
        "access_token": portal.grant(),
        "expires_in": settings.token_life,
        "hub_id": settings.portal_id,
        "scopes": sorted(settings.scopes),
    }
    return Reply(200, body)


def _check_client(portal: Portal, form: Mapping[str, str]) -> None:
    if form.get("client_id") != portal.settings.client_id:
        raise _refused("BAD_CLIENT_ID", "missing or unknown client id", "invalid_client")
    if form.get("client_secret") != portal.settings.client_secret:
        raise _refused("BAD_CLIENT_SECRET", "missing or invalid client secret", "invalid_client")


def _check_refresh_token(portal: Portal, held: str | None) -> None:
    if portal.revoked or held != portal.settings.refresh_token:
        raise _refused("BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked", "invalid_grant")


def _spend_code(portal: Portal, form: Mapping[str, str]) -> None:
    """A code is good once, for the address it was sent to; it brings a refresh token back to life."""
    if portal.codes.get(form.get("code", "")) != form.get("redirect_uri", ""):
        raise _refused("BAD_AUTH_CODE", "missing or unknown auth code", "invalid_grant")
    del portal.codes[form["code"]]
    portal.revoked = False


def access_token_info(portal: Portal, token_text: str) -> Reply:
    """GET /oauth/v1/access-tokens/{token}: whose it is, what it may, and the seconds it has left."""
    held = portal.grants.get(token_text)
    if held is None or portal.now() >= held.ends:
        raise not_found("Access token is expired or does not exist.")
    return Reply(200, _access(portal, token_text))


def _access(portal: Portal, token_text: str) -> dict[str, Any]:
    left = portal.grants[token_text].ends - portal.now()
    return _whose(portal) | {
        "token": token_text,
        "app_id": APP_ID,
        "expires_in": left // timedelta(seconds=1),
        "token_type": "access",
    }


def _whose(portal: Portal) -> dict[str, Any]:
    user = portal.org.select("owners", limit=1)[0]
    return {
        "hub_id": portal.settings.portal_id,
        "hub_domain": HUB_DOMAIN,
        "user_id": int(user["userId"]),
        "user": user["email"],
        "scopes": sorted(portal.settings.scopes),
    }


def refresh_token_info(portal: Portal, token_text: str) -> Reply:
    """GET /oauth/v1/refresh-tokens/{token}."""
    if portal.revoked or token_text != portal.settings.refresh_token:
        raise not_found("Refresh token does not exist.")
    return Reply(200, _refresh(portal))


def _refresh(portal: Portal) -> dict[str, Any]:
    return _whose(portal) | {
        "token": portal.settings.refresh_token,
        "client_id": portal.settings.client_id,
        "token_type": "refresh",
    }


def end_refresh_token(portal: Portal, token_text: str) -> Reply:
    """DELETE /oauth/v1/refresh-tokens/{token}; the access tokens live on until they run out."""
    if token_text == portal.settings.refresh_token:
        portal.revoked = True
    return Reply(204)


def introspect(portal: Portal, form: Mapping[str, str]) -> Reply:
    """POST /oauth/v3/token/introspect: `active` false, and nothing else, for a token that is none."""
    _check_client(portal, form)
    held = form.get("token", "")
    if held in portal.grants and portal.now() < portal.grants[held].ends:
        return Reply(200, {"active": True, "token_use": "access_token", **_access(portal, held)})
    if held == portal.settings.refresh_token and not portal.revoked:
        return Reply(200, {"active": True, "token_use": "refresh_token", **_refresh(portal)})
    return Reply(200, {"active": False})


def revoke(portal: Portal, form: Mapping[str, str]) -> Reply:
    """POST /oauth/v3/token/revoke: the same as DELETE of a refresh token."""
    _check_client(portal, form)
    return end_refresh_token(portal, form.get("token", ""))


def _refused(status: str, message: str, error: str) -> HubSpotError:
    refused = HubSpotError(400, message, error=error, error_description=message)
    refused.body["status"] = status
    return refused
