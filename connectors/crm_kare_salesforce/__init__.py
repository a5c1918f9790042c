"""Salesforce, over simple-salesforce: `connector` is what the entry point names."""

# imported before `connector` is defined: importing a submodule of that name later would put the module in its place
from crm_kare.ports import Connector, Context
from crm_kare_salesforce.connector import SalesforceConnector


def connector(context: Context) -> Connector:
    """The connector of one org; sends nothing yet."""
    return SalesforceConnector(context)


__all__ = ["connector"]
