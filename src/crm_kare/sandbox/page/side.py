"""What the pages ask of each vendor's side, and what both answer in the same way from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from crm_kare.labels import BY_NAME, LABELS, FieldType, Label
from crm_kare.sandbox.page.views import Account, Edit, Listing, Row, whole
from crm_kare.sandbox.store import Org, Record

PAGE: Final = 50
EDITS: Final = 12
SYSTEM_CURRENCY: Final = "EUR"


class FormError(Exception):
    """What a person typed into the form cannot be saved; the text says why."""


class Side(Protocol):
    """One vendor's org as people see it."""

    title: str
    slug: str
    noun: str

    def listing(self, query: str, profile: str, page: int) -> Listing:
        """A page of accounts whose name holds `query`; `profile` is one of the four, `none`, or empty for all."""
        ...

    def account(self, record_id: str) -> Account | None:
        """One account, or `None`."""
        ...

    def save(self, record_id: str, values: Mapping[str, str]) -> None:
        """Write people's labels as a person; raises `FormError`."""
        ...


@dataclass(frozen=True)
class Places:
    """Where a vendor keeps things: the account object, its columns, and our fields' names."""

    account: str
    name: str
    owner: str
    industry: str
    affix: tuple[str, str]
    lower: bool

    def field(self, label: Label) -> str:
        """The CRM field of a label under the usual prefix."""
        name = f"{self.affix[0] if label.prefixed else ''}{label.name}{self.affix[1]}"
        return name.lower() if self.lower else name


def labels_of(org: Org, places: Places, record: Mapping[str, Any]) -> dict[str, str]:
    """What our fields hold, those that exist and are not blank."""
    known = org.fields(places.account)
    held = {one.name: record[places.field(one)] for one in LABELS if places.field(one) in known}
    return {name: _text(BY_NAME[name], value) for name, value in held.items() if value not in (None, "")}


def _text(label: Label, value: Any) -> str:
    if label.type is FieldType.CHECKBOX:
        return "Yes" if value in (1, True, "true") else "No"
    return whole(str(value)) if label.type is FieldType.NUMBER else str(value)


def is_ready(org: Org, places: Places) -> bool:
    """Whether our fields exist in this org."""
    return places.field(BY_NAME["Profile"]) in org.fields(places.account)


def listing(org: Org, places: Places, owners: Mapping[str, str], query: str, profile: str, page: int) -> Listing:
    """A page of accounts by name."""
    column = places.field(BY_NAME["Profile"])
    ready = is_ready(org, places)
    where, values = f'instr(lower("{places.name}"), lower(?)) > 0', [query.strip()]
    if not query.strip():
        where, values = "1", []
    counts = _counts(org, places, column, where, values) if ready else {}
    if profile and ready:
        where = f"{where} AND coalesce(\"{column}\", '') = ?"
        values = [*values, "" if profile == "none" else profile]
    total = org.count(places.account, where, values)
    order = f'lower("{places.name}"), _id'
    records = org.select(places.account, where, values, order=order, limit=PAGE, offset=PAGE * (page - 1))
    return Listing([_row(org, places, owners, one) for one in records], total, counts)


def _counts(org: Org, places: Places, column: str, where: str, values: Sequence[str]) -> dict[str, int]:
    sql = f"SELECT coalesce(\"{column}\", ''), count(*) FROM {org.table(places.account)} WHERE _deleted = 0 AND {where}"  # noqa: S608  names are ours
    return {str(name): int(number) for name, number in org.store.rows(f"{sql} GROUP BY 1", values)}


def _row(org: Org, places: Places, owners: Mapping[str, str], record: Record) -> Row:
    return Row(
        record["_id"],
        record[places.name] or "(no name)",
        owners.get(record[places.owner] or "", ""),
        record[places.industry] or "",
        labels_of(org, places, record),
    )


def edits_of(org: Org, places: Places, record_id: str, names: Mapping[str, str]) -> list[Edit]:
    """The newest changes of our fields; `names` are the people's by what the history calls them."""
    known = org.fields(places.account)
    titles = {places.field(one): one.title for one in LABELS if places.field(one) in known}
    changes = [one for one in org.history(places.account, [record_id]) if one.field in titles]
    found: dict[tuple[int, str], list[tuple[str, str, str]]] = {}
    for one in changes:
        found.setdefault((one.at, one.who), []).append((titles[one.field], _cut(one.old), _cut(one.new)))
    newest = sorted(found.items(), key=lambda item: -item[0][0])[:EDITS]
    return [_edit(at, who, fields, names) for (at, who), fields in newest]


def _edit(at: int, who: str, fields: Sequence[tuple[str, str, str]], names: Mapping[str, str]) -> Edit:
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return Edit(f"{moment:%Y-%m-%d %H:%M}", names.get(who, "crm-kare"), who in names, fields)


def _cut(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004  a line of the table
