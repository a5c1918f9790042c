"""What the store knows about fields: definitions, changes of values, permissions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Option:
    """One value of a picklist: the API value and what people see."""

    value: str
    label: str
    active: bool = True


@dataclass(frozen=True)
class FieldDef:
    """A field of an object, standard or custom.

    Attributes:
        name: API name; names are unique in an object without regard to case.
        label: what people see.
        type: the vendor's own word for the type.
        length: characters of a text.
        precision: digits of a number in all; `scale` of them after the point.
        options: a picklist's values in order; `restricted`: no other value is taken.
        custom: made by the customer.
        writable: whether the API takes values for it.
        required: whether it may be blank.
        refers_to: the object that it points at; `relationship`: name of the way there (`Owner`).
        tracked: whether changes are kept in the history.
        extra: the vendor side's own settings of the field.
    """

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    options: tuple[Option, ...] = ()
    restricted: bool = False
    custom: bool = False
    writable: bool = True
    required: bool = False
    help: str = ""
    refers_to: str = ""
    relationship: str = ""
    tracked: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HistoryEntry:
    """One change of one field: when (epoch milliseconds) and by whom."""

    record_id: str
    field: str
    old: Any
    new: Any
    at: int
    who: str


@dataclass(frozen=True)
class Access:
    """What a user may do with a field."""

    read: bool = True
    edit: bool = True
