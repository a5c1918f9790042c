"""The record page: each org's accounts as a rep would see them, with our fields on them."""

from fastapi import APIRouter

from crm_kare.sandbox.hubspot import Portal
from crm_kare.sandbox.page.hubspot_side import HubSpotSide
from crm_kare.sandbox.page.routes import pages_router
from crm_kare.sandbox.page.salesforce_side import SalesforceSide
from crm_kare.sandbox.page.side import Side
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.state import Sandbox

__all__ = ["router_for"]


def router_for(sandbox: Sandbox) -> APIRouter:
    """The pages for the orgs that are loaded."""
    sides: dict[str, Side] = {}
    for vendor, held in sandbox.sides.items():
        if isinstance(held, SalesforceOrg):
            sides[vendor] = SalesforceSide(held)
        elif isinstance(held, Portal):
            sides[vendor] = HubSpotSide(held)
    return pages_router(sides)
