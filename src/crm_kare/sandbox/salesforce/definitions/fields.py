"""Words to define fields and objects with."""

from dataclasses import dataclass, replace
from typing import Any, Final

from crm_kare.sandbox.store import FieldDef, Option

READ_ONLY: Final[dict[str, Any]] = {"writable": False, "tracked": False}
CALCULATED: Final[dict[str, Any]] = {**READ_ONLY, "extra": {"calculated": True}}
"""Formulas and roll-ups: their values change without the record's stamp moving."""

MULTI_CURRENCY: Final = "multi_currency"
DATED_RATES: Final = "dated_rates"
PERSON_ACCOUNTS: Final = "person_accounts"
RECORD_TYPES: Final = "record_types"
"""Features of an org, named as in its settings; a field or an object that needs one is absent without it."""


def field(name: str, type_: str = "string", length: int = 0, label: str = "", **more: Any) -> FieldDef:
    """Any field; custom where its name says so."""
    return FieldDef(name=name, label=label or name, type=type_, length=length, custom=_is_custom(name), **more)


def _is_custom(name: str) -> bool:
    return name.endswith(("__c", "__pc"))


def text(name: str, length: int = 255, label: str = "", **more: Any) -> FieldDef:
    """One line of text."""
    return field(name, "string", length, label, **more)


def reference(name: str, target: str, relationship: str, **more: Any) -> FieldDef:
    """A link to another object."""
    return field(name, "reference", 18, refers_to=target, relationship=relationship, **more)


def picklist(name: str, *values: str, restricted: bool = False, label: str = "", **more: Any) -> FieldDef:
    """A choice among values."""
    options = tuple(Option(value, value) for value in values)
    return field(name, "picklist", 255, label, options=options, restricted=restricted, **more)


def number(name: str, type_: str, precision: int, scale: int = 0, label: str = "", **more: Any) -> FieldDef:
    """A number: its digits, and how many of them stand after the point."""
    return field(name, type_, 0, label, precision=precision, scale=scale, **more)


def only_with(feature: str, one: FieldDef) -> FieldDef:
    """The field, which orgs without the feature do not have."""
    return replace(one, extra={**one.extra, "needs": feature})


def _system(name: str, type_: str, column: str, **more: Any) -> FieldDef:
    return field(name, type_, writable=False, required=True, extra={"column": column}, **more)


SYSTEM_FIELDS: Final = (
    _system("Id", "id", "_id"),
    _system("IsDeleted", "boolean", "_deleted"),
    _system("CreatedDate", "datetime", "_created"),
    _system("CreatedById", "reference", "_created_by", refers_to="User", relationship="CreatedBy"),
    _system("LastModifiedDate", "datetime", "_modified"),
    _system("LastModifiedById", "reference", "_modified_by", refers_to="User", relationship="LastModifiedBy"),
    _system("SystemModstamp", "datetime", "_modified"),
)
"""Fields of every object but the views on metadata; they live in the store's own columns."""


def master_record(name: str) -> FieldDef:
    """Of objects that can be merged: the survivor."""
    return FieldDef(
        "MasterRecordId", "Master Record ID", "reference", writable=False, refers_to=name, relationship="MasterRecord",
        extra={"column": "_merged_into"},
    )  # fmt: skip


FIXED: Final[dict[str, Any]] = {"required": True, "extra": {"fixed": True}}
"""Of fields that are set when the record is made, and never after."""

OPEN: Final[dict[str, Any]] = {"extra": {"open": True}}
"""Of fields that everybody sees who sees the record."""


def currency(*, writable: bool = True) -> FieldDef:
    """The row's currency; lines have that of what they belong to."""
    held = picklist("CurrencyIsoCode", label="Currency ISO Code", restricted=True, writable=writable, **OPEN)
    return only_with(MULTI_CURRENCY, held)


@dataclass(frozen=True)
class ObjectDef:
    """An object: its fields beside the system ones, and where it shows.

    Attributes:
        setup: does not mix with others in a collection, has no recycle bin, and is open to all for reading.
        tooling: seen by the Tooling API only; `everywhere`: by both.
        read_only: takes no writes by the API.
        view: a view on metadata, which has its own fields only.
        needs: the feature of the org without which there is no such object.
        governed_by: the object whose permissions decide over this one's records, `""` = its own.
        parent: the link to the record that this one is seen and edited with.
        field_security: whether its fields are granted one by one; if not, all are seen with the record.
        view_rights: system permissions of which a user needs one to see the object at all.
        write_right: system permission that writes need, for setup objects.
    """

    name: str
    label: str
    fields: tuple[FieldDef, ...]
    indexed: tuple[str, ...] = ()
    mergeable: bool = False
    setup: bool = False
    tooling: bool = False
    everywhere: bool = False
    read_only: bool = False
    view: bool = False
    needs: str = ""
    governed_by: str = ""
    parent: str = ""
    field_security: bool = True
    view_rights: tuple[str, ...] = ()
    write_right: str = "CustomizeApplication"

    @property
    def has_bin(self) -> bool:
        """Whether deleted records go to the recycle bin; only then is there `IsDeleted`."""
        return not self.setup and self.name not in {"OpportunityStage", "CurrencyType", "DatedConversionRate"}

    @property
    def governor(self) -> str:
        """The object whose permissions decide; `""` where all may read."""
        return "" if self.setup else self.governed_by or self.name

    def permissionable(self, one: FieldDef) -> bool:
        """Whether field-level security applies to a field: not to names, required fields and the system's own."""
        if self.setup or self.read_only or not self.field_security:
            return False
        return not one.required and not {"column", "open"} & set(one.extra)

    def shows(self, *, tooling: bool) -> bool:
        """Whether plain REST, or the Tooling API, shows it."""
        return self.everywhere or self.tooling == tooling
