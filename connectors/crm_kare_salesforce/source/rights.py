"""The permission sets that `provision` grants, as files."""

from collections.abc import Iterator
from typing import Any, Final

from crm_kare.labels import LABELS
from crm_kare_salesforce.access import SETS, WantedSet
from crm_kare_salesforce.names import field_name
from crm_kare_salesforce.source.document import document

_OBJECT: Final = {
    "allowCreate": False,
    "allowDelete": False,
    "allowEdit": True,
    "allowRead": True,
    "modifyAllRecords": False,
    "object": "Account",
    "viewAllRecords": False,
}
"""Reading and updating accounts; which ones is for sharing to say."""


def permission_files(prefix: str) -> Iterator[tuple[str, str]]:
    """Path and text of each permission set."""
    for wanted in SETS:
        yield (
            f"permissionsets/{wanted.name}.permissionset-meta.xml",
            document("PermissionSet", _permission_set(wanted, prefix)),
        )


def _permission_set(wanted: WantedSet, prefix: str) -> dict[str, Any]:
    fields = sorted((f"Account.{field_name(label, prefix)}", label.editor in wanted.edits) for label in LABELS)
    told = {
        "description": wanted.description,
        "fieldPermissions": [{"editable": edits, "field": field, "readable": True} for field, edits in fields],
        "hasActivationRequired": False,
        "label": wanted.label,
    }
    return {**told, "objectPermissions": _OBJECT} if wanted.object_too else told
