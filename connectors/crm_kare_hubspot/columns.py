"""From HubSpot's records to our columns: properties, and the pseudo-fields that no single property holds.

| pseudo-field | source | what |
|---|---|---|
| `@primary_company` | deals, contacts, orders … | id of the primary associated company; else of the only, or lowest one |
| `@deal` | line items | id of the deal the line belongs to |
| `@stage_is_won`, `@stage_is_closed` | deals, orders | from the stage's metadata, never from its name |
| `@stage_label`, `@pipeline_label` | deals, orders | what people call stage and pipeline |
| `@product.NAME` | line items | property NAME of the line's product |
| `@name`, `@team`, `@active` | owners | first and last name, primary team, whether not deactivated |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pyarrow as pa

from crm_kare.errors import ConfigError
from crm_kare.model import PRESENT_PREFIX, Kind
from crm_kare.ports import FieldInfo, SourceField, StreamSpec
from crm_kare_hubspot.answers import Json
from crm_kare_hubspot.definitions import Property, Stage, Stages, suggestion
from crm_kare_hubspot.values import canonical, clean

LINKS: Final = {"@primary_company": "companies", "@deal": "deals"}
"""Pseudo-fields filled from associations, and the object at the other end."""

_STAGE_FIELDS: Final[dict[str, Callable[[Stage], str | bool | None]]] = {
    "@stage_is_won": lambda stage: stage.won,
    "@stage_is_closed": lambda stage: stage.closed,
    "@stage_label": lambda stage: stage.label,
    "@pipeline_label": lambda stage: stage.pipeline_label,
}
_OWNER_FIELDS: Final = ("@name", "@team", "@active")
PRODUCT: Final = "@product."
"""Before the name of a property of the line's product."""

_STAGES_OF_ORDERS: Final = {
    "orders": ("hs_pipeline", "hs_pipeline_stage"),
    "0-123": ("hs_pipeline", "hs_pipeline_stage"),
}


def stage_properties(source: str) -> tuple[str, str]:
    """The properties that hold pipeline and stage of an object."""
    return _STAGES_OF_ORDERS.get(source, ("pipeline", "dealstage"))


class Record(NamedTuple):
    """One record as pulled: `links` by target object, resolved to one id; `product` its product's properties."""

    id: str
    properties: Mapping[str, Any]
    raw: Json
    links: Mapping[str, str | None] = MappingProxyType({})
    product: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Wanted:
    """What a stream asks of HubSpot: property names, link targets, stages, product properties; and how to read them."""

    properties: tuple[str, ...]
    targets: tuple[str, ...]
    needs_stages: bool
    products: tuple[str, ...]


Reader = Callable[[Sequence[Record]], list[str | None]]
"""Makes one column of the records; column by column, because a call per value would cost more than the JSON."""

_AS_IT_STANDS: Final = {"string", "number", "enumeration", "phone_number"}
"""Property types whose values are canonical text already, but for the empty one."""


def wanted(spec: StreamSpec) -> Wanted:
    """What to ask for, by the spec's fields."""
    sources = [one.source for one in spec.fields]
    plain = [name for name in sources if not name.startswith("@") and name != "id"]
    staged = any(name in _STAGE_FIELDS for name in sources)
    products = tuple(name.removeprefix(PRODUCT) for name in sources if name.startswith(PRODUCT))
    plain += stage_properties(spec.source) if staged else ()
    plain += ("hs_product_id",) if products else ()
    targets = dict.fromkeys(LINKS[name] for name in sources if name in LINKS)
    return Wanted(tuple(dict.fromkeys(plain)), tuple(targets), staged, products)


def missing(spec: StreamSpec, properties: Mapping[str, Property]) -> tuple[SourceField, ...]:
    """Mapped fields that the portal does not have: HubSpot itself leaves them out without a word."""
    return tuple(one for one in spec.fields if not _known(one.source, properties))


def _known(source: str, properties: Mapping[str, Property]) -> bool:
    if source.startswith("@"):
        return source in LINKS or source in _STAGE_FIELDS or source.startswith(PRODUCT)
    return source == "id" or source in properties


def missing_error(spec: StreamSpec, gone: Sequence[SourceField], known: Mapping[str, Property]) -> ConfigError:
    """One error that names all missing fields, each with the nearest name there is."""
    names = ", ".join(suggestion(one.source, [*known, *LINKS, *_STAGE_FIELDS]) for one in gone)
    ours = all(one.column.startswith(PRESENT_PREFIX) for one in gone)
    return ConfigError(
        f"HubSpot has no such property: {names}.",
        where=f"{spec.stream} ({spec.source})",
        fix="Run `crm-kare provision`." if ours else "Correct the mapping; `crm-kare map suggest` lists what is there.",
        code="field-missing",
    )


def readers(spec: StreamSpec, properties: Mapping[str, Property], stages: Stages) -> list[Reader]:
    """One reader per field of the spec."""
    return [_reader(one, spec.source, properties, stages) for one in spec.fields]


def _reader(one: SourceField, source: str, properties: Mapping[str, Property], stages: Stages) -> Reader:
    name = one.source
    if name == "id":
        return lambda records: [record.id for record in records]
    if name in LINKS:
        target = LINKS[name]
        return lambda records: [record.links.get(target) for record in records]
    if name in _STAGE_FIELDS:
        return _stage_reader(name, source, stages)
    if name.startswith(PRODUCT):
        product = name.removeprefix(PRODUCT)
        return lambda records: [canonical(record.product.get(product), "string") for record in records]
    return _property_reader(name, _value_type(properties.get(name)))


def _value_type(known: Property | None) -> str:
    if known is None:
        return "string"
    return "bool" if known.kind() is Kind.BOOL else known.type


def _property_reader(name: str, kind: str) -> Reader:
    if kind not in _AS_IT_STANDS:
        return lambda records: [canonical(record.properties.get(name), kind) for record in records]

    def read(records: Sequence[Record]) -> list[str | None]:
        values = [record.properties.get(name) for record in records]
        return [value if value.__class__ is str and value else canonical(value, kind) for value in values]

    return read


def _stage_reader(name: str, source: str, stages: Stages) -> Reader:
    pipeline, stage = stage_properties(source)
    texts: dict[tuple[Any, Any], str | None] = {
        key: canonical(_STAGE_FIELDS[name](one), "string") for key, one in stages.items()
    }

    def read(records: Sequence[Record]) -> list[str | None]:
        return [texts.get((record.properties.get(pipeline), record.properties.get(stage))) for record in records]

    return read


def owner_reader(one: SourceField) -> Reader:
    """Reader for the owners stream, whose records are no CRM objects."""
    pseudo = {"@name": _owner_name, "@team": _owner_team, "@active": _owner_active}
    if one.source in pseudo:
        pick = pseudo[one.source]
        return lambda records: [pick(record) for record in records]
    return lambda records: [canonical(record.raw.get(one.source), "string") for record in records]


def _owner_name(record: Record) -> str | None:
    parts = (record.raw.get("firstName"), record.raw.get("lastName"))
    return " ".join(str(part) for part in parts if part) or canonical(record.raw.get("email"), "string")


def _owner_team(record: Record) -> str | None:
    teams = record.raw.get("teams") or []
    first = next((team for team in teams if team.get("primary")), teams[0] if teams else {})
    return canonical(first.get("name"), "string")


def _owner_active(record: Record) -> str | None:
    return "false" if record.raw.get("archived") else "true"


OWNER_SOURCES: Final = ("id", "email", "firstName", "lastName", "userId", "type", "createdAt", "updatedAt")


def missing_of_owner(spec: StreamSpec) -> tuple[SourceField, ...]:
    """Mapped fields that an owner does not have."""
    return tuple(one for one in spec.fields if one.source not in {*OWNER_SOURCES, *_OWNER_FIELDS})


def pseudo_fields(source: str) -> list[FieldInfo]:
    """The pseudo-fields of an object, for `map suggest`."""
    told: list[tuple[str, str, Kind]] = []
    if source not in {"companies", "0-2", "products", "0-7"}:
        told.append(("@primary_company", "Primary company", Kind.TEXT))
    if source in {"line_items", "0-8"}:
        told.append(("@deal", "Deal of the line", Kind.TEXT))
    if source in {"deals", "0-3", "orders", "0-123"}:
        told += [
            ("@stage_is_won", "Stage is won", Kind.BOOL),
            ("@stage_is_closed", "Stage is closed", Kind.BOOL),
            ("@stage_label", "Stage name", Kind.TEXT),
            ("@pipeline_label", "Pipeline name", Kind.TEXT),
        ]
    return [FieldInfo(name, label, "computed by the connector", kind) for name, label, kind in told]


def owner_fields() -> list[FieldInfo]:
    """The fields of the owners stream."""
    plain = [FieldInfo(name, name, "string", Kind.TEXT) for name in OWNER_SOURCES]
    kinds = {"@active": Kind.BOOL}
    computed = [
        FieldInfo(name, name[1:].title(), "computed by the connector", kinds.get(name, Kind.TEXT))
        for name in _OWNER_FIELDS
    ]
    return plain + computed


def batch(spec: StreamSpec, read: Sequence[Reader], records: Sequence[Record]) -> pa.RecordBatch:
    """The records as one Arrow batch."""
    columns = [_array(reader(records)) for reader in read]
    return pa.RecordBatch.from_arrays(columns, schema=spec.arrow_schema())


def _array(values: list[str | None]) -> pa.StringArray:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if value is None else clean(value) for value in values], pa.string())
