"""The mapping file as a model. Keys and their meaning are in docs/mapping.md, tied by a test."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from crm_kare.config.findings import RefusedError
from crm_kare.config.strict import Strict
from crm_kare.config.times import check_timezone
from crm_kare.labels import LABELS, Editor
from crm_kare.model import Kind


class HandEdits(StrEnum):
    """What happens where a person changed a field that we own."""

    KEEP = "keep"
    RESTORE = "restore"


class Leaving(StrEnum):
    """What happens to the labels of an account that leaves the filter."""

    CLEAR = "clear"
    KEEP = "keep"


class FieldMap(Strict):
    """One column's source: the CRM's field and, where its values are not ours, their translation."""

    field: Annotated[str, Field(min_length=1)] = Field(description="The CRM's field, or a connector's pseudo-field.")
    values: dict[str, Any] | None = Field(
        default=None, alias="map", description="Their value: ours. Letter case is ignored."
    )
    times: Decimal | str | None = Field(
        default=None, description="A number, or another of their fields, to multiply a number by."
    )
    otherwise: Any = Field(default=None, description="Ours for every other value; without it other values are unknown.")


class ExtraField(FieldMap):
    """An account field of the admin's own, for use in the rulebook."""

    type: Kind = Field(default=Kind.TEXT, description="text, number, money, date or bool.")


def _long_form(value: Any) -> Any:
    if isinstance(value, str | dict | FieldMap):
        return {"field": value} if isinstance(value, str) else value
    raise RefusedError("the name of a field is wanted", "put quotes around it where it looks like a number")


_Field = Annotated[FieldMap, BeforeValidator(_long_form, json_schema_input_type=str | FieldMap)]
_Extra = Annotated[ExtraField, BeforeValidator(_long_form, json_schema_input_type=str | ExtraField)]


class StreamMap(Strict):
    """Where one stream comes from."""

    source: Annotated[str, Field(min_length=1)] = Field(alias="from", description="The CRM's object, or a file.")
    fields: dict[str, _Field] = Field(description="Our column: their field.")
    where: str | None = Field(default=None, description="Only rows for which this condition is true are used.")
    options: dict[str, Any] = Field(default_factory=dict, description="Settings of the connector for this stream.")

    def fields_of_own(self) -> dict[str, ExtraField]:
        """The admin's own fields; accounts have them."""
        return {}


class AccountsMap(StreamMap):
    """Where accounts come from, with fields of the admin's own."""

    extra: dict[str, _Extra] = Field(default_factory=dict, description="Fields of your own, for the rulebook.")

    def fields_of_own(self) -> dict[str, ExtraField]:
        """The admin's own fields by their name."""
        return self.extra


class StreamMaps(Strict):
    """The streams that are mapped."""

    accounts: AccountsMap
    opportunities: StreamMap | None = None
    purchases: StreamMap | None = None
    line_items: StreamMap | None = None
    contacts: StreamMap | None = None
    owners: StreamMap | None = None

    def mapped(self) -> Iterator[tuple[str, StreamMap]]:
        """Name and mapping of each stream that is there."""
        for name in type(self).model_fields:
            stream = getattr(self, name)
            if stream is not None:
                yield name, stream


class Rate(Strict):
    """From this day on, one unit of the currency is worth `rate` units of the reporting currency."""

    since: date = Field(alias="from")
    rate: Annotated[Decimal, Field(gt=0, le=10_000_000)]


class Currency(Strict):
    """The reporting currency, and the rates into it."""

    reporting: str = Field(default="home", description="`home` (the organisation's currency), or an ISO code.")
    rates: dict[str, tuple[Rate, ...]] = Field(default_factory=dict, description="Dated rates by currency.")
    rates_file: str | None = Field(default=None, description="A CSV file with the columns currency, from, rate.")


class DealTypes(Strict):
    """Which deal types mean what; a type named in neither list is another kind of deal."""

    expansion: tuple[str, ...] = ()
    renewal: tuple[str, ...] = ()


def _default_labels(editor: Editor) -> tuple[str, ...]:
    return tuple(label.name for label in LABELS if label.default and label.editor is editor)


class Labels(Strict):
    """Which labels are written and read back, into which fields, and how people's edits are met."""

    write: tuple[str, ...] = Field(default=_default_labels(Editor.OURS), description="Labels written to the CRM.")
    people: tuple[str, ...] = Field(
        default=_default_labels(Editor.PEOPLE), description="People's fields that are read."
    )
    fields: dict[str, str] = Field(default_factory=dict, description="Label: a field of another name.")
    hand_edits: HandEdits = HandEdits.KEEP
    leaving: Leaving = Leaving.CLEAR


def _prefix(prefix: str) -> str:
    if not re.fullmatch(r"([A-Za-z][A-Za-z0-9_]{0,14})?", prefix):
        raise RefusedError(f"`{prefix}` is no prefix", "use up to 15 letters, digits and _, with a letter first")
    return prefix


class Mapping(Strict):
    """One CRM's mapping."""

    version: Literal[1] = Field(description="Version of this file's format.")
    connector: Annotated[str, Field(min_length=1)]
    prefix: Annotated[str, AfterValidator(_prefix)] = "KARE_"
    timezone: Annotated[str, AfterValidator(check_timezone)] | None = Field(
        default=None, description="IANA time zone that sets days; default: the organisation's."
    )
    currency: Currency = Currency()
    deals: DealTypes = DealTypes()
    labels: Labels = Labels()
    streams: StreamMaps
    options: dict[str, Any] = Field(default_factory=dict, description="Settings of the connector.")
