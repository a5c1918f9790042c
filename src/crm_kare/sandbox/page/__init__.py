"""The record page: each org's accounts as a rep would see them, with our fields on them."""

from fastapi import APIRouter

from crm_kare.sandbox import hubspot
from crm_kare.sandbox.page.hubspot_side import HubSpotSide
from crm_kare.sandbox.page.routes import pages_router
from crm_kare.sandbox.page.salesforce_side import SalesforceSide
from crm_kare.sandbox.page.side import Side
from crm_kare.sandbox.state import Sandbox

__all__ = ["router_for"]


def router_for(sandbox: Sandbox) -> APIRouter:
    """The pages for the orgs that are loaded."""
    sides: dict[str, Side] = {}
    if "salesforce" in sandbox.store.orgs:
        sides["salesforce"] = SalesforceSide(sandbox.store.orgs["salesforce"])
    if "hubspot" in sandbox.store.orgs:
        sides["hubspot"] = HubSpotSide(hubspot.portal_of(sandbox))
    return pages_router(sides)
