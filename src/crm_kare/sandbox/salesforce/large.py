"""What is copied to make a large org from a small one."""

from collections.abc import Mapping
from typing import Final

from crm_kare.sandbox.multiply import Copied
from crm_kare.sandbox.salesforce.definitions import OBJECTS
from crm_kare.sandbox.store import Org

_ROOTS: Final = ("Account", "Opportunity", "Contact")


def copied(records: Org) -> Mapping[str, Copied]:
    """Accounts, and whatever hangs on them: each object that refers to one that is copied, where there is any of it."""
    names = list(_ROOTS)
    for one in OBJECTS:
        refers = any(column.refers_to in names for column in one.fields)
        if one.name not in names and refers and not one.setup and records.count(one.name, deleted=None):
            names.append(one.name)
    return {
        name: Copied(
            {one.name: one.refers_to for one in records.fields(name).values() if one.refers_to in names},
            "Name" if name == "Account" else "",
        )
        for name in names
    }
