"""HubSpot: companies and deals in, labels out, over HubSpot's official Python client."""

from crm_kare.ports import Connector, Context
from crm_kare_hubspot.connector import HubSpotConnector

__all__ = ["HubSpotConnector", "connector"]


def connector(context: Context) -> Connector:
    """The entry point: a connector to one portal; nothing happens until its first call."""
    return HubSpotConnector(context)
