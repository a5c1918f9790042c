"""What is not about records: pipelines, owners, account details, API usage, OAuth tokens."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from crm_kare.sandbox.hubspot.call import Call, Reply
from crm_kare.sandbox.hubspot.errors import HubSpotError, not_found, validation
from crm_kare.sandbox.hubspot.limits import Limits
from crm_kare.sandbox.hubspot.pipelines import Pipeline, Stage
from crm_kare.sandbox.hubspot.portal import Portal, moment
from crm_kare.sandbox.hubspot.values import stamp
from crm_kare.sandbox.store import Record

_BEGINNING: Final = "2019-03-04T08:15:30.250Z"
"""When the portal's pipelines were made."""


def list_pipelines(call: Call) -> Reply:
    """All pipelines of deals; other object types have none."""
    _deals_only(call)
    return Reply(200, {"results": [_pipeline(one, place) for place, one in enumerate(call.portal.pipelines)]})


def get_pipeline(call: Call) -> Reply:
    """One pipeline."""
    return Reply(200, _pipeline(*_find(call)))


def list_stages(call: Call) -> Reply:
    """The stages of one pipeline."""
    return Reply(200, {"results": _pipeline(*_find(call))["stages"]})


def _find(call: Call) -> tuple[Pipeline, int]:
    _deals_only(call)
    for place, one in enumerate(call.portal.pipelines):
        if one.id == call.path["id"]:
            return one, place
    raise not_found(f"Pipeline '{call.path['id']}' does not exist", category="OBJECT_NOT_FOUND")


def _deals_only(call: Call) -> None:
    if call.kind.name != "deals":
        raise validation(f"Object type {call.kind.name} has no pipelines here.")


def _pipeline(one: Pipeline, place: int) -> dict[str, Any]:
    return {
        "label": one.label,
        "displayOrder": place,
        "id": one.id,
        "stages": [_stage(stage, order) for order, stage in enumerate(one.stages)],
        "createdAt": _BEGINNING,
        "updatedAt": _BEGINNING,
        "archived": False,
    }


def _stage(one: Stage, order: int) -> dict[str, Any]:
    return {
        "label": one.label,
        "displayOrder": order,
        "metadata": {"isClosed": "true" if one.closed else "false", "probability": one.probability},
        "id": one.id,
        "createdAt": _BEGINNING,
        "updatedAt": _BEGINNING,
        "archived": False,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


def list_owners(call: Call) -> Reply:
    """A page of owners; deactivated people are archived owners."""
    limit, archived, email = call.limit(100, 500), call.flag("archived"), call.one("email")
    found = call.portal.org.select(
        "owners",
        "_id > ? AND (? = '' OR email = ?)",
        (call.one("after", "0"), email, email),
        limit=limit + 1,
        deleted=archived,
    )
    body: dict[str, Any] = {"results": [_owner(one) for one in found[:limit]]}
    if len(found) > limit:
        body["paging"] = {"next": {"after": found[limit - 1]["_id"]}}
    return Reply(200, body)


def get_owner(call: Call) -> Reply:
    """One owner, by owner id or by user id."""
    by_user = call.one("idProperty", "id") == "userId"
    column = '"userId"' if by_user else "_id"
    found = call.portal.org.select("owners", f"{column} = ?", (call.path["id"],), deleted=call.flag("archived"))
    if not found:
        raise not_found()
    return Reply(200, _owner(found[0]))


def _owner(one: Record) -> dict[str, Any]:
    archived = bool(one["_deleted"])
    shown: dict[str, Any] = {
        "id": one["_id"],
        "email": one["email"],
        "type": "PERSON",
        "firstName": one["firstName"],
        "lastName": one["lastName"],
        "createdAt": stamp(moment(one["_created"])),
        "updatedAt": stamp(moment(one["_modified"])),
        "archived": archived,
        # A deactivated person has no user any more.
        "userId": None if archived else int(one["userId"]),
        "userIdIncludingInactive": int(one["userId"]),
    }
    if one["team"]:
        shown["teams"] = [{"id": one["teamId"], "name": one["team"], "primary": True}]
    return shown


def details(call: Call) -> Reply:
    """GET /account-info/v3/details."""
    settings = call.portal.settings
    now = call.portal.now().astimezone(ZoneInfo(settings.timezone))
    offset = now.strftime("%z")
    body = {
        "portalId": settings.portal_id,
        "accountType": "DEVELOPER_TEST",
        "timeZone": settings.timezone,
        "companyCurrency": settings.currency,
        "additionalCurrencies": sorted(settings.rates),
        "utcOffset": f"{offset[:3]}:{offset[3:]}",
        "utcOffsetMilliseconds": int((now.utcoffset() or now - now).total_seconds() * 1000),
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "eu1",
    }
    return Reply(200, body)


def usage(call: Call) -> Reply:
    """GET /account-info/v3/api-usage/daily/private-apps: today's calls, and when the day ends."""
    settings, now = call.portal.settings, call.portal.now()
    local = now.astimezone(ZoneInfo(settings.timezone))
    midnight = datetime.combine(local.date(), time.max, local.tzinfo)
    one = {
        "name": "api-calls-daily",
        "usageLimit": (settings.limits or Limits()).daily,
        "currentUsage": call.portal.meter.used_today,
        "collectedAt": stamp(now),
        "fetchStatus": "SUCCESS",
        "resetsAt": stamp(midnight),
    }
    return Reply(200, {"results": [one]})


def token(portal: Portal, form: Mapping[str, str]) -> Reply:
    """POST /oauth/v1/token: a new access token for the refresh token, which stays good.

    Raises:
        HubSpotError: 400, with `status` telling what is bad.
    """
    settings = portal.settings
    if form.get("grant_type") != "refresh_token":
        raise _refused("BAD_GRANT_TYPE", "missing or unknown grant type", "unsupported_grant_type")
    if form.get("client_id") != settings.client_id:
        raise _refused("BAD_CLIENT_ID", "missing or unknown client id", "invalid_client")
    if form.get("client_secret") != settings.client_secret:
        raise _refused("BAD_CLIENT_SECRET", "missing or invalid client secret", "invalid_client")
    if form.get("refresh_token") != settings.refresh_token:
        raise _refused("BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked", "invalid_grant")
    body = {
        "token_type": "bearer",
        "refresh_token": settings.refresh_token,
        "access_token": portal.grant(),
        "expires_in": settings.token_life,
        "hub_id": settings.portal_id,
        "scopes": sorted(settings.scopes),
    }
    return Reply(200, body)


def _refused(status: str, message: str, error: str) -> HubSpotError:
    refused = HubSpotError(400, message, error=error, error_description=message)
    refused.body["status"] = status
    return refused
