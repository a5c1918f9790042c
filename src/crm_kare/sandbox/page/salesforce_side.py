"""The Salesforce org as its users see it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from crm_kare.sandbox.page import side
from crm_kare.sandbox.page.gaps import newest_first
from crm_kare.sandbox.page.side import SYSTEM_CURRENCY, FormError, Places
from crm_kare.sandbox.page.views import PEOPLES, Account, Deal, Listing, Relative, grouped
from crm_kare.sandbox.salesforce.money import exchanged
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.write import keep_history
from crm_kare.sandbox.store import Record

_PLACES: Final = Places("Account", "Name", "OwnerId", "Industry", ("KARE_", "__c"), lower=False)
_FACTS: Final = (
    ("Industry", "Industry"),
    ("Type", "Type"),
    ("Employees", "NumberOfEmployees"),
    ("Annual revenue", "AnnualRevenue"),
    ("Wallet", "Wallet__c"),
    ("Sites", "Sites__c"),
    ("City", "BillingCity"),
    ("Country", "BillingCountry"),
    ("Website", "Website"),
    ("Phone", "Phone"),
)
_LENGTH: Final = 255


class SalesforceSide:
    """One org's accounts."""

    title = "Salesforce"
    slug = "salesforce"
    noun = "accounts"

    def __init__(self, org: SalesforceOrg) -> None:
        self._salesforce = org
        self._org = org.records

    def listing(self, query: str, profile: str, page: int) -> Listing:
        """A page of accounts."""
        return side.listing(self._org, _PLACES, self._people(), query, profile, page)

    def account(self, record_id: str) -> Account | None:
        """One account, by its id of 15 or 18 characters; one that was merged away shows the winner."""
        record = self._record(record_id)
        if record is None:
            return None
        people = self._people()
        return Account(
            id=record["_id"],
            name=record["Name"] or "(no name)",
            owner=people.get(record["OwnerId"] or "", ""),
            facts=self._facts(record),
            labels=side.labels_of(self._org, _PLACES, record),
            deals=newest_first(
                [self._deal(one, record) for one in self._org.select("Opportunity", "AccountId = ?", (record["_id"],))]
            ),
            relatives=self._relatives(record),
            edits=side.edits_of(self._org, _PLACES, record["_id"], self._persons(people)),
            currency=record["CurrencyIsoCode"] or SYSTEM_CURRENCY,
            ready=side.is_ready(self._org, _PLACES),
        )

    def save(self, record_id: str, values: Mapping[str, str]) -> None:
        """Write people's labels as the account's owner."""
        record = self._record(record_id)
        if record is None:
            raise FormError("This account is gone.")
        known = self._org.fields("Account")
        held = {_PLACES.field(one): values.get(one.name, "").strip() or None for one in PEOPLES}
        for one in PEOPLES:
            _check(one.title, one.values, held[_PLACES.field(one)])
        changes = {name: value for name, value in held.items() if name in known}
        self._org.update("Account", record["_id"], changes, record["OwnerId"])
        keep_history(self._salesforce, record["OwnerId"], "Account", record, changes)

    def _record(self, record_id: str) -> Record | None:
        found = self._org.select("Account", "substr(_id, 1, 15) = ?", (record_id[:15],), deleted=None)
        record = found[0] if found else None
        while record is not None and record["_merged_into"]:
            record = self._org.get("Account", record["_merged_into"])
        return record if record is not None and not record["_deleted"] else None

    def _people(self) -> dict[str, str]:
        return {one["_id"]: one["Name"] for one in self._org.select("User", "UserType = 'Standard'")}

    def _persons(self, people: Mapping[str, str]) -> dict[str, str]:
        return {one: name for one, name in people.items() if one != self._salesforce.integration_user}

    def _facts(self, record: Record) -> list[tuple[str, str]]:
        known = self._org.fields("Account")
        return [
            (label, "" if record[name] is None else grouped(str(record[name])))
            for label, name in _FACTS
            if name in known
        ]

    def _deal(self, one: Record, account: Record) -> Deal:
        """A deal with its amount in the account's currency."""
        amount, source, target = one["Amount"], one["CurrencyIsoCode"], account["CurrencyIsoCode"]
        if amount is not None and source != target:
            amount = round(exchanged(self._salesforce, amount, source, target), 2)
        return _deal({**one, "Amount": amount})

    def _relatives(self, record: Record) -> list[Relative]:
        parent = record["ParentId"] or ""
        related = self._org.select(
            "Account",
            "_id <> ? AND (_id = ? OR ParentId = ? OR (ParentId = ? AND ? <> ''))",
            (record["_id"], parent, record["_id"], parent, parent),
        )
        return [
            Relative(
                one["_id"],
                one["Name"] or "",
                "parent" if one["_id"] == parent else "daughter" if one["ParentId"] == record["_id"] else "sister",
                side.labels_of(self._org, _PLACES, one).get("Profile", ""),
            )
            for one in related
        ]


def _check(title: str, allowed: tuple[str, ...], value: str | None) -> None:
    if value is None:
        return
    if allowed and value not in allowed:
        raise FormError(f"{title}: choose one of {', '.join(allowed)}.")
    if title.endswith("Until"):
        try:
            date.fromisoformat(value)
        except ValueError:
            raise FormError(f"{title}: write the day as YYYY-MM-DD.") from None
    elif len(value) > _LENGTH:
        raise FormError(f"{title}: at most {_LENGTH} characters.")


def _deal(one: Record) -> Deal:
    return Deal(
        one["Name"] or "",
        one["StageName"] or "",
        "won" if one["IsWon"] else "lost" if one["IsClosed"] else "open",
        one["CloseDate"] or "",
        None if one["Amount"] is None else Decimal(str(one["Amount"])),
        one["Type"] or "",
    )
