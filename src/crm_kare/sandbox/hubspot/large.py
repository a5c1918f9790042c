"""What is copied to make a large portal from a small one."""

from collections.abc import Mapping
from typing import Final

from crm_kare.sandbox.multiply import Copied
from crm_kare.sandbox.store import Org

_OBJECTS: Final = {
    "companies": Copied({"hs_parent_company_id": "companies"}, "name"),
    "deals": Copied({"hs_primary_associated_company": "companies"}),
    "contacts": Copied({"associatedcompanyid": "companies"}),
    "line_items": Copied({}),
}


def copied(_org: Org) -> Mapping[str, Copied]:
    """Companies, and what is linked to them."""
    return _OBJECTS
