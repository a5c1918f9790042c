"""What is not about records: owners, account details, API usage."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from crm_kare.sandbox.hubspot.call import Call, Reply
from crm_kare.sandbox.hubspot.errors import not_found
from crm_kare.sandbox.hubspot.limits import Limits
from crm_kare.sandbox.hubspot.portal import moment
from crm_kare.sandbox.hubspot.values import stamp
from crm_kare.sandbox.store import Record


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
        "name": "private-apps-api-calls-daily",
        "usageLimit": (settings.limits or Limits()).daily,
        "currentUsage": call.portal.meter.used_today,
        "collectedAt": stamp(now),
        "fetchStatus": "SUCCESS",
        "resetsAt": stamp(midnight),
    }
    return Reply(200, {"results": [one]})
