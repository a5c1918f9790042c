"""From HubSpot's records to our columns: properties, and the pseudo-fields that no single property holds.

| pseudo-field | source | what |
|---|---|---|
| `@primary_company` | deals, contacts, orders … | id of the primary associated company; else of the only, or lowest one |
| `@deal` | line items | id of the deal the line belongs to |
| `@stage_is_won`, `@stage_is_closed` | deals, orders | from the stage's metadata, never from its name |
| `@stage_label`, `@pipeline_label` | deals, orders | what people call stage and pipeline |
| `@product.NAME` | line items | property NAME of the line's product |
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from crm_kare.errors import ConfigError
from crm_kare.model import PRESENT_PREFIX, Kind
from crm_kare.ports import FieldInfo, SourceField, StreamSpec
from crm_kare_hubspot.definitions import suggestion
from crm_kare_hubspot.rows import Held
from crm_kare_hubspot.stages import Stage, StageBook
from crm_kare_hubspot.values import canonical, clean

LINKS: Final = {"@primary_company": "companies", "@deal": "deals"}
"""Pseudo-fields filled from associations, and the object at the other end."""

_STAGE_FIELDS: Final[dict[str, Callable[[Stage], str | bool | None]]] = {
    "@stage_is_won": lambda stage: stage.won,
    "@stage_is_closed": lambda stage: stage.closed,
    "@stage_label": lambda stage: stage.label,
    "@pipeline_label": lambda stage: stage.pipeline_label,
}
PRODUCT: Final = "@product."
"""Before the name of a property of the line's product."""

_STAGES_OF_ORDERS: Final = {
    "orders": ("hs_pipeline", "hs_pipeline_stage"),
    "0-123": ("hs_pipeline", "hs_pipeline_stage"),
}


def stage_properties(source: str) -> tuple[str, str]:
    """The properties that hold pipeline and stage of an object."""
    return _STAGES_OF_ORDERS.get(source, ("pipeline", "dealstage"))


@dataclass(frozen=True)
class Records:
    """One page: properties column by column, and beside them, in the same order, what stands elsewhere.

    Attributes:
        rows: the records.
        links: by object at the other end, the one id that counts.
        products: properties of the product.
    """

    rows: Held
    links: Mapping[str, Sequence[str | None]]
    products: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Wanted:
    """What a stream asks of HubSpot: property names, link targets, stages, product properties; and how to read them."""

    properties: tuple[str, ...]
    targets: tuple[str, ...]
    needs_stages: bool
    products: tuple[str, ...]


Reader = Callable[[Records], Sequence[str | None]]
"""Makes one column of the records; column by column, because a call per value would cost more than the JSON."""

_AS_IT_STANDS: Final = {"string", "number", "enumeration", "phone_number"}
"""Property types whose values are canonical text already."""

Types = Mapping[str, str]
"""HubSpot's type of each property, by name."""


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


def missing(spec: StreamSpec, properties: Container[str]) -> tuple[SourceField, ...]:
    """Mapped fields that the portal does not have: HubSpot itself leaves them out without a word."""
    return tuple(one for one in spec.fields if not _known(one.source, properties))


def _known(source: str, properties: Container[str]) -> bool:
    if source.startswith("@"):
        return source in LINKS or source in _STAGE_FIELDS or source.startswith(PRODUCT)
    return source == "id" or source in properties


def missing_error(spec: StreamSpec, gone: Sequence[SourceField], known: Iterable[str]) -> ConfigError:
    """One error that names all missing fields, each with the nearest name there is."""
    names = ", ".join(suggestion(one.source, [*known, *LINKS, *_STAGE_FIELDS]) for one in gone)
    ours = all(one.column.startswith(PRESENT_PREFIX) for one in gone)
    return ConfigError(
        f"HubSpot has no such property: {names}.",
        where=f"{spec.stream} ({spec.source})",
        fix="Run `crm-kare provision`." if ours else "Correct the mapping; `crm-kare map suggest` lists what is there.",
        code="field-missing",
    )


def readers(spec: StreamSpec, types: Types, stages: StageBook) -> list[Reader]:
    """One reader per field of the spec."""
    return [_reader(one, spec.source, types, stages) for one in spec.fields]


def _reader(one: SourceField, source: str, types: Types, stages: StageBook) -> Reader:
    name = one.source
    if name == "id":
        return lambda records: records.rows.ids
    if name in LINKS:
        target = LINKS[name]
        return lambda records: records.links[target]
    if name in _STAGE_FIELDS:
        return _stage_reader(name, source, stages)
    if name.startswith(PRODUCT):
        product = name.removeprefix(PRODUCT)
        return lambda records: [canonical(one.get(product), "string") for one in records.products]
    return _property_reader(name, types.get(name, "string"))


def _property_reader(name: str, kind: str) -> Reader:
    if kind in _AS_IT_STANDS:
        return lambda records: records.rows.values(name)
    if kind == "datetime":  # nearly always ISO 8601 in UTC, which is canonical
        return lambda records: [
            value if value is None or value[-1] == "Z" else canonical(value, kind)
            for value in records.rows.values(name)
        ]
    return lambda records: [value and canonical(value, kind) for value in records.rows.values(name)]


def stages_of(rows: Held, source: str) -> list[tuple[str | None, str | None]]:
    """Pipeline and stage of each record."""
    pipeline, stage = stage_properties(source)
    return list(zip(rows.values(pipeline), rows.values(stage), strict=True))


def stage_texts(spec: StreamSpec, stage: Stage) -> list[str | None]:
    """All that a stream shows of a stage."""
    names = [one.source for one in spec.fields if one.source in _STAGE_FIELDS]
    return [canonical(_STAGE_FIELDS[name](stage), "string") for name in names]


def _stage_reader(name: str, source: str, stages: StageBook) -> Reader:
    pick = _STAGE_FIELDS[name]

    def read(records: Records) -> list[str | None]:
        texts = {key: canonical(pick(one), "string") for key, one in stages.known().items()}
        return [texts.get(key) for key in stages_of(records.rows, source)]

    return read


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


def batch(spec: StreamSpec, columns: Iterable[Sequence[str | None]]) -> pa.RecordBatch:
    """Columns as one Arrow batch."""
    return pa.RecordBatch.from_arrays([_array(one) for one in columns], schema=spec.arrow_schema())


def nothing(spec: StreamSpec) -> pa.RecordBatch:
    """No records."""
    return batch(spec, [()] * len(spec.fields))


def _array(values: Sequence[str | None]) -> pa.StringArray:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if value is None else clean(value) for value in values], pa.string())
