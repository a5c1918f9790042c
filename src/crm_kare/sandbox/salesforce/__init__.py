"""The Salesforce side: `/services/...`."""

from crm_kare.sandbox.salesforce.definitions import STAGES
from crm_kare.sandbox.salesforce.large import copied
from crm_kare.sandbox.salesforce.load import load
from crm_kare.sandbox.salesforce.org import Credentials, SalesforceOrg, Settings
from crm_kare.sandbox.salesforce.routes import environment, org_of, router_for

__all__ = [
    "STAGES",
    "Credentials",
    "SalesforceOrg",
    "Settings",
    "copied",
    "environment",
    "load",
    "org_of",
    "router_for",
]
