"""What a portal keeps of a list (HubSpot's pages call lists segments)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_kare.sandbox.hubspot.definitions import ObjectType


@dataclass(frozen=True)
class SavedList:
    """A list; `branch` is its filter definition as HubSpot gives it back, `None` for one without."""

    id: str
    name: str
    kind: ObjectType
    processing: str
    created: datetime
    updated: datetime
    version: int = 1
    branch: Mapping[str, Any] | None = None
    deleted: datetime | None = None
