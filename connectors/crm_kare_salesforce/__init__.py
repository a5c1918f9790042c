"""Salesforce, over simple-salesforce: `connector` is what the entry point names."""

from crm_kare.ports import Connector, Context


def connector(context: Context) -> Connector:
    """The connector of one org; sends nothing yet."""
    # imported here, so that asking which connectors there are loads no HTTP library
    from crm_kare_salesforce.connector import SalesforceConnector  # noqa: PLC0415

    return SalesforceConnector(context)


__all__ = ["connector"]
