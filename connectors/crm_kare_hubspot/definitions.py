"""What the portal defines: properties of an object, and the stages of its pipelines. Asked once per connector object."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crm_kare.model import Kind
from crm_kare.ports import FieldInfo
from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.kept import KeptTypes
from crm_kare_hubspot.stages import Stages, fetched_stages

_KINDS: Final = {
    "string": Kind.TEXT,
    "enumeration": Kind.TEXT,
    "phone_number": Kind.TEXT,
    "number": Kind.NUMBER,
    "date": Kind.DATE,
    "datetime": Kind.DATE,
    "bool": Kind.BOOL,
}
_TEXT_LENGTH: Final = 65_536
"""Characters of a text property (HubSpot's property documentation)."""


@dataclass(frozen=True)
class Property:
    """One property definition; `raw` is all that HubSpot says of it."""

    name: str
    type: str
    raw: Mapping[str, Any] = field(repr=False)

    def options(self) -> tuple[str, ...]:
        """Values that can be written; empty where HubSpot keeps them elsewhere (owner, stage, pipeline)."""
        return tuple(str(one.get("value")) for one in self.raw.get("options") or () if not one.get("hidden"))

    def read_only(self) -> bool:
        """Whether HubSpot sets the value itself."""
        told = self.raw.get("modificationMetadata") or {}
        return bool(told.get("readOnlyValue") or self.raw.get("calculated"))

    def kind(self) -> Kind | None:
        """Our type; None for types we cannot map."""
        if self.raw.get("fieldType") == "booleancheckbox":
            return Kind.BOOL
        if self.type == "number" and (
            self.raw.get("showCurrencySymbol") or self.raw.get("numberDisplayHint") == "currency"
        ):
            return Kind.MONEY
        return _KINDS.get(self.type)

    def value_type(self) -> str:
        """HubSpot's type of its values, whose forms differ by it."""
        return "bool" if self.kind() is Kind.BOOL else self.type

    def info(self, filled: float | None = None) -> FieldInfo:
        """As the core sees it."""
        return FieldInfo(
            name=self.name,
            label=str(self.raw.get("label") or self.name),
            type=self.type,
            kind=self.kind(),
            updateable=not self.read_only(),
            values=self.options(),
            length=_TEXT_LENGTH if self.type == "string" else 0,
            custom=not self.raw.get("hubspotDefined", False),
            filled=filled,
        )


def property_of(raw: Json) -> Property:
    """A definition from HubSpot's JSON."""
    return Property(str(raw.get("name", "")), str(raw.get("type", "")), raw)


class Definitions:
    """The definitions of one portal, held as long as this object lives; `forget` after changing them.

    Args:
        client: the portal.
        kept: types of properties from earlier runs.
    """

    def __init__(self, client: Client, kept: KeptTypes) -> None:
        self._client, self._kept = client, kept
        self._properties: dict[str, dict[str, Property]] = {}
        self._stages: dict[str, Stages] = {}

    def properties(self, source: str) -> Mapping[str, Property]:
        """Properties of an object by name; one call, the first time."""
        if source not in self._properties:
            found = self._properties[source] = self.fetched(source)
            self._kept.keep(source, {one.name: one.value_type() for one in found.values()})
        return self._properties[source]

    def types(self, source: str, *, kept: bool) -> Mapping[str, str]:
        """HubSpot's type of each property, by name; where `kept` may serve, they are up to a day old, for no call."""
        if kept and source not in self._properties and (known := self._kept.of(source)):
            return known
        return {one.name: one.value_type() for one in self.properties(source).values()}

    def fetched(self, source: str, *, archived: bool = False) -> dict[str, Property]:
        """Properties as of now, or those that were archived."""
        query = (("archived", "true"),) if archived else ()
        call = Call("GET", self._client.paths.properties(source), where=source, query=query)
        found = results(self._client.ask(call).body, call.where, "name")
        return {one.name: one for one in map(property_of, found)}

    def stages(self, source: str, *, again: bool = False) -> Stages:
        """Stages of all pipelines of an object; one call, the first time and `again`."""
        if again or source not in self._stages:
            self._stages[source] = fetched_stages(self._client, source)
        return self._stages[source]

    def forget(self, source: str) -> None:
        """Ask again next time."""
        self._properties.pop(source, None)
        self._stages.pop(source, None)
        self._kept.forget(source)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`name`, with the nearest known one where there is a near one."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"{name} (did you mean {near[0]}?)" if near else name
