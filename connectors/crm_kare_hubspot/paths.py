"""Addresses of HubSpot's API under its two ways of naming versions, and the objects by name."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_OLD_STYLE: Final = "v3"


@dataclass(frozen=True)
class Paths:
    """Builds paths: `/crm/v3/objects/…`, or `/crm/objects/2026-09/…` where `version` is a date.

    The v3 and v4 paths become unsupported during 2027; dated ones replace them (HubSpot's changelog).
    """

    version: str = _OLD_STYLE

    def objects(self, source: str, *more: str) -> str:
        """Records of an object."""
        return self._crm("objects", source, *more)

    def properties(self, source: str, *more: str) -> str:
        """Definitions of an object's properties."""
        return self._crm("properties", source, *more)

    def pipelines(self, source: str) -> str:
        """Pipelines of an object, with their stages."""
        return self._crm("pipelines", source)

    def owners(self) -> str:
        """Users who can own records."""
        return self._crm("owners")

    def associations(self, source: str, target: str) -> str:
        """Batch read of the associations from one object to another; v4 in the old style."""
        return self._crm("associations", source, target, "batch", "read", old="v4")

    def tokens(self) -> tuple[str, ...]:
        """Where access tokens are renewed, the newest first; HubSpot switches v1 off in February 2027 (its changelog)."""
        newest = () if self.version == _OLD_STYLE else (f"/oauth/{self.version}/token",)
        return (*newest, f"/oauth/{_OLD_STYLE}/token", "/oauth/v1/token")

    def lists(self, *more: str) -> str:
        """Lists, which HubSpot's pages call segments; new ones are posted to the address that ends in a slash."""
        return self._crm("lists", *more)

    def exports(self, *more: str) -> str:
        """Exports: asked for at this address, looked at below it."""
        return self._crm("exports", "export", "async", *more)

    def room(self) -> str:
        """How many properties people may still add, by object."""
        return self._crm("limits", "custom-properties")

    def account(self) -> str:
        """Details of the portal."""
        old = self.version == _OLD_STYLE
        return f"/account-info/{_OLD_STYLE if old else self.version}/details"

    def _crm(self, area: str, *parts: str, old: str = _OLD_STYLE) -> str:
        head = f"/crm/{old}/{area}" if self.version == _OLD_STYLE else f"/crm/{area}/{self.version}"
        return "/".join([head, *(quote(part, safe="") for part in parts)])


_TYPE_IDS: Final = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "products": "0-7",
    "line_items": "0-8",
    "orders": "0-123",
    "invoices": "0-53",
}


def type_id(source: str) -> str:
    """HubSpot's id of an object type, for links to records."""
    return _TYPE_IDS.get(source, source)


def object_name(source: str) -> str:
    """The name of an object that the mapping may give by its type id."""
    names = {number: name for name, number in _TYPE_IDS.items()}
    return names.get(source, source)


def modified_property(source: str) -> str:
    """The property that holds when a record last changed; contacts name it otherwise."""
    return "lastmodifieddate" if source in {"contacts", "0-1"} else "hs_lastmodifieddate"
