"""What an admin can do about each of HubSpot's error codes."""

from collections.abc import Mapping
from typing import Final

_FIXES: Final[Mapping[str, str]] = {
    "INVALID_OPTION": "Run `crm-kare provision {crm}`: the property lacks this option.",
    "PROPERTY_DOESNT_EXIST": "Run `crm-kare provision {crm}`, or map the label to a property that exists.",
    "READ_ONLY_VALUE": "HubSpot sets this property itself: map the label to another one.",
    "INVALID_INTEGER": "The property has another type than the label: `crm-kare doctor {crm}` tells the way on.",
    "INVALID_NUMBER": "The property has another type than the label: `crm-kare doctor {crm}` tells the way on.",
    "INVALID_DOUBLE": "The property has another type than the label: `crm-kare doctor {crm}` tells the way on.",
    "INVALID_DATE": "The property has another type than the label: `crm-kare doctor {crm}` tells the way on.",
    "INVALID_LONG": "The property has another type than the label: `crm-kare doctor {crm}` tells the way on.",
    "INVALID_BOOLEAN": "The property has another type than the label: `crm-kare doctor {crm}` tells the way on.",
    "OBJECT_NOT_FOUND": "It was deleted in HubSpot; the next pull takes it out.",
    "MERGED": "It was merged into another record, which is labelled in its place after the next pull.",
    "ANSWER_LOST": "Nothing: the next run reads it back.",
    "MISSING_SCOPES": "Grant the write scope of this object to the service key or app.",
}
_OTHER: Final = "Look at the record in HubSpot: a validation rule of the property, or a locked record, may refuse it."


def fix_for(code: str, crm: str) -> str:
    """One sentence; for codes we have not met, where to look."""
    return _FIXES.get(code, _OTHER).format(crm=crm)
