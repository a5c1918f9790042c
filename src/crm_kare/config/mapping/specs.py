"""From the mapping to what is asked of a connector: streams to pull, and the fields that hold the labels."""

from collections.abc import Sequence
from typing import Final

from crm_kare.config.mapping.model import Mapping, StreamMap
from crm_kare.errors import ConfigError
from crm_kare.labels import LABELS, FieldType
from crm_kare.model import EXTRA_PREFIX, FORMER_PREFIX, PRESENT_PREFIX, STREAMS, Kind, Stream
from crm_kare.ports import Connector, LabelField, SourceField, StreamSpec

_LABEL_KINDS: Final = {FieldType.NUMBER: Kind.NUMBER, FieldType.DATE: Kind.DATE, FieldType.CHECKBOX: Kind.BOOL}


FACTOR_SUFFIX: Final = "_times"
"""In the mirror, the field that `amount` is multiplied by stands as `amount_times`."""


def label_kind(field_type: FieldType) -> Kind:
    """The kind of the mirror's column that holds a label of this type."""
    return _LABEL_KINDS.get(field_type, Kind.TEXT)


def stream_columns(known: Stream, stream: StreamMap | None = None) -> dict[str, Kind]:
    """The columns that a stream's `where` may name: ours, and the admin's own."""
    own = stream.fields_of_own() if stream else {}
    return {column.name: column.kind for column in known.columns} | {name: one.type for name, one in own.items()}


def stream_specs(
    mapping: Mapping, label_fields: Sequence[LabelField] = (), former: Sequence[LabelField] = ()
) -> tuple[StreamSpec, ...]:
    """What to pull, one spec per mapped stream, its id first.

    A column whose values are mapped is pulled as text, as the CRM holds it: a changed value map needs no new pull.
    `label_fields` are those present in the CRM; they come with the accounts as `crm_…`. `former` are fields in which people's labels
    lay before; they come as `former_…`.
    """
    return tuple(
        StreamSpec(
            name,
            stream.source,
            (*_columns(STREAMS[name], stream), *_present(name, label_fields), *_former(name, former)),
            stream.options,
        )
        for name, stream in mapping.streams.mapped()
    )


def _columns(known: Stream, stream: StreamMap) -> list[SourceField]:
    ordered = sorted(known.columns, key=lambda column: column.name != known.id)
    mapped = [
        (column.name, column.kind, stream.fields[column.name]) for column in ordered if column.name in stream.fields
    ]
    mapped += [(EXTRA_PREFIX + name, own.type, own) for name, own in sorted(stream.fields_of_own().items())]
    columns = [
        SourceField(name, one.field, Kind.TEXT if one.values is not None else kind) for name, kind, one in mapped
    ]
    factors = [(name, one.times) for name, _, one in mapped if isinstance(one.times, str)]
    return columns + [SourceField(name + FACTOR_SUFFIX, source, Kind.NUMBER) for name, source in factors]


def _present(stream: str, label_fields: Sequence[LabelField]) -> list[SourceField]:
    if stream != "accounts":
        return []
    return [SourceField(PRESENT_PREFIX + one.label.name, one.field, label_kind(one.label.type)) for one in label_fields]


def _former(stream: str, former: Sequence[LabelField]) -> list[SourceField]:
    if stream != "accounts":
        return []
    names = (f"{FORMER_PREFIX}{place}_{one.label.name}" for place, one in enumerate(former))
    return [SourceField(name, one.field, label_kind(one.label.type)) for name, one in zip(names, former, strict=True)]


def label_fields(mapping: Mapping, connector: Connector) -> tuple[LabelField, ...]:
    """The labels this mapping writes or reads back, each with its CRM field, in the order of `LABELS`.

    Raises:
        ConfigError: two labels share a field, or one lies on a field that the mapping reads as something else.
    """
    wanted = {*mapping.labels.write, *mapping.labels.people}
    fields = tuple(
        LabelField(label, mapping.labels.fields.get(label.name) or connector.field_name(label, mapping.prefix))
        for label in LABELS
        if label.name in wanted
    )
    taken = {one.field.lower(): f"the column `{name}`" for name, one in mapping.streams.accounts.fields.items()}
    for one in fields:
        other = taken.setdefault(one.field.lower(), f"the label `{one.label.name}`")
        if other != f"the label `{one.label.name}`":
            raise ConfigError(
                f"the label `{one.label.name}` and {other} use the same field `{one.field}`.",
                where="labels.fields",
                fix="Give the label a field of its own under `labels.fields`, or change the prefix.",
            )
    return fields
