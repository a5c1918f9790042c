"""The HubSpot side: `/crm/...`, `/oauth/...`, `/account-info/...`."""

from fastapi import APIRouter

from crm_kare.sandbox.hubspot.large import copied
from crm_kare.sandbox.hubspot.limits import Limits
from crm_kare.sandbox.hubspot.load import load
from crm_kare.sandbox.hubspot.portal import TOKEN, Portal, Settings
from crm_kare.sandbox.hubspot.routes import router_of
from crm_kare.sandbox.hubspot.webhooks.settings import Subscription, Webhooks
from crm_kare.sandbox.state import Sandbox

__all__ = [
    "Limits",
    "Portal",
    "Settings",
    "Subscription",
    "Webhooks",
    "copied",
    "environment",
    "load",
    "portal_of",
    "router_for",
]


def portal_of(sandbox: Sandbox) -> Portal:
    """The account that `load` made: its settings, limits and tokens."""
    portal = sandbox.sides["hubspot"]
    if not isinstance(portal, Portal):
        raise TypeError("the sandbox's HubSpot side is not loaded")
    return portal


def router_for(sandbox: Sandbox) -> APIRouter:
    """HubSpot's addresses."""
    return router_of(portal_of(sandbox))


def environment(url: str) -> dict[str, str]:
    """The Contract's settings with which a private app logs in."""
    return {"HUBSPOT_API_URL": url, "HUBSPOT_ACCESS_TOKEN": TOKEN}
