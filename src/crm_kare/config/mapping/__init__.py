"""The mapping of one CRM: which of its objects and fields feed our streams, and where the labels go (docs/mapping.md)."""

from crm_kare.config.mapping.model import (
    AccountsMap,
    Currency,
    DealTypes,
    ExtraField,
    FieldMap,
    HandEdits,
    Labels,
    Leaving,
    Mapping,
    Rate,
    StreamMap,
    StreamMaps,
)
from crm_kare.config.mapping.reading import load_mapping, parse_mapping
from crm_kare.config.mapping.specs import (
    FACTOR_SUFFIX,
    label_fields,
    label_kind,
    stream_columns,
    stream_specs,
)

__all__ = [
    "FACTOR_SUFFIX",
    "AccountsMap",
    "Currency",
    "DealTypes",
    "ExtraField",
    "FieldMap",
    "HandEdits",
    "Labels",
    "Leaving",
    "Mapping",
    "Rate",
    "StreamMap",
    "StreamMaps",
    "label_fields",
    "label_kind",
    "load_mapping",
    "parse_mapping",
    "stream_columns",
    "stream_specs",
]
