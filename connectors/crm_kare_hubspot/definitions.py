"""What the portal defines: properties of an object, and the stages of its pipelines. Asked once per connector object."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from crm_kare.model import Kind
from crm_kare.ports import FieldInfo
from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call, Client

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


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline: what HubSpot calls it, and what its metadata says (never its name)."""

    label: str
    pipeline_label: str
    closed: bool | None
    won: bool | None


Stages = Mapping[tuple[str, str], Stage]
"""By pipeline id and stage id."""


class Definitions:
    """The definitions of one portal, kept as long as this object lives; `forget` after changing them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._properties: dict[str, dict[str, Property]] = {}
        self._stages: dict[str, Stages] = {}

    def properties(self, source: str) -> Mapping[str, Property]:
        """Properties of an object by name; one call, the first time."""
        if source not in self._properties:
            self._properties[source] = self.fetched(source)
        return self._properties[source]

    def fetched(self, source: str, *, archived: bool = False) -> dict[str, Property]:
        """Properties as of now, or those that were archived."""
        query = (("archived", "true"),) if archived else ()
        call = Call("GET", self._client.paths.properties(source), where=source, query=query)
        found = results(self._client.ask(call).body, call.where, "name")
        return {one.name: one for one in map(property_of, found)}

    def stages(self, source: str) -> Stages:
        """Stages of all pipelines of an object; one call, the first time."""
        if source not in self._stages:
            call = Call("GET", self._client.paths.pipelines(source), where=f"{source} pipelines")
            self._stages[source] = _stages(results(self._client.ask(call).body, call.where))
        return self._stages[source]

    def forget(self, source: str) -> None:
        """Ask again next time."""
        self._properties.pop(source, None)
        self._stages.pop(source, None)


def _stages(pipelines: Iterable[Json]) -> Stages:
    found: dict[tuple[str, str], Stage] = {}
    for pipeline in pipelines:
        for stage in pipeline.get("stages") or ():
            key = str(pipeline.get("id", "")), str(stage.get("id", ""))
            found[key] = _stage(str(pipeline.get("label", "")), stage)
    return found


def _stage(pipeline_label: str, stage: Json) -> Stage:
    """Won is closed with probability 1, lost is closed without; a stage that tells neither stays unknown."""
    told = stage.get("metadata") or {}
    probability = _decimal(told.get("probability"))
    closed = _flag(told.get("isClosed"))
    if closed is None and probability is not None:
        closed = probability in (Decimal(0), Decimal(1))
    won = None if closed is None else closed and probability == 1
    return Stage(str(stage.get("label", "")), pipeline_label, closed, won)


def _flag(value: object) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())


def _decimal(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def stages_mark(stages: Stages) -> str:
    """Changes when any stage's meaning does."""
    told = sorted((*key, stage.label, stage.pipeline_label, stage.closed, stage.won) for key, stage in stages.items())
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def suggestion(name: str, known: Iterable[str]) -> str:
    """`name`, with the nearest known one where there is a near one."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"{name} (did you mean {near[0]}?)" if near else name
