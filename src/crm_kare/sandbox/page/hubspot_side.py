"""The HubSpot portal as its users see it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from crm_kare.sandbox.hubspot.definitions import COMPANIES
from crm_kare.sandbox.hubspot.errors import HubSpotError
from crm_kare.sandbox.hubspot.links import linked
from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.hubspot.writing import write
from crm_kare.sandbox.page import side
from crm_kare.sandbox.page.gaps import newest_first
from crm_kare.sandbox.page.side import FormError, Places
from crm_kare.sandbox.page.views import PEOPLES, Account, Deal, Listing, Relative, Row, grouped
from crm_kare.sandbox.store import Record

_PLACES: Final = Places("companies", "name", "hubspot_owner_id", "industry", ("KARE_", ""), lower=True)
_FACTS: Final = (
    ("Lifecycle stage", "lifecyclestage"),
    ("Type", "type"),
    ("Employees", "numberofemployees"),
    ("Annual revenue", "annualrevenue"),
    ("Annual wallet", "annual_wallet"),
    ("Sites", "sites"),
    ("City", "city"),
    ("Country", "country"),
    ("Domain", "domain"),
    ("Phone", "phone"),
)


class HubSpotSide:
    """One portal's companies."""

    title = "HubSpot"
    slug = "hubspot"
    noun = "companies"

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._org = portal.org

    def listing(self, query: str, profile: str, page: int) -> Listing:
        """A page of companies."""
        found = side.listing(self._org, _PLACES, self._owners(), query, profile, page)
        options = self._options("industry")
        rows = [
            Row(one.id, one.name, one.owner, options.get(one.industry, one.industry), one.labels) for one in found.rows
        ]
        return Listing(rows, found.total, found.counts)

    def account(self, record_id: str) -> Account | None:
        """One company; an id that was merged away shows the survivor."""
        record = self._portal.survivor(self._org.get("companies", record_id), COMPANIES)
        if record is None:
            return None
        people = {f"user:{one['userId']}": _name(one) for one in self._org.select("owners", deleted=None)}
        return Account(
            id=record["_id"],
            name=record["name"] or "(no name)",
            owner=self._owners().get(record["hubspot_owner_id"] or "", ""),
            facts=self._facts(record),
            labels=side.labels_of(self._org, _PLACES, record),
            deals=newest_first(self._deals(record["_id"])),
            relatives=self._relatives(record["_id"]),
            edits=side.edits_of(self._org, _PLACES, record["_id"], people),
            currency=self._portal.settings.currency,
            ready=side.is_ready(self._org, _PLACES),
        )

    def save(self, record_id: str, values: Mapping[str, str]) -> None:
        """Write people's labels as the company's owner."""
        record = self._portal.survivor(self._org.get("companies", record_id), COMPANIES)
        if record is None:
            raise FormError("This company is gone.")
        known = self._org.fields("companies")
        changes = {_PLACES.field(one): values.get(one.name, "") for one in PEOPLES if _PLACES.field(one) in known}
        try:
            write(self._portal, COMPANIES, record, changes, self._person(record))
        except HubSpotError as refused:
            raise FormError(refused.body["errors"][0]["message"]) from refused

    def _person(self, record: Record) -> str:
        owner = self._org.get("owners", record["hubspot_owner_id"] or "") or self._org.select("owners", limit=1)[0]
        return f"user:{owner['userId']}"

    def _owners(self) -> dict[str, str]:
        return {one["_id"]: _name(one) for one in self._org.select("owners", deleted=None)}

    def _options(self, name: str) -> dict[str, str]:
        return {one.value: one.label for one in self._org.fields("companies")[name].options}

    def _facts(self, record: Record) -> list[tuple[str, str]]:
        known = self._org.fields("companies")
        facts = [("Industry", self._options("industry").get(record["industry"] or "", ""))]
        for label, name in _FACTS:
            held = record[name] if name in known else None
            options = {one.value: one.label for one in known[name].options} if name in known else {}
            facts.append((label, options.get(held or "", grouped(held or ""))))
        return facts

    def _deals(self, company: str) -> list[Deal]:
        ends = linked(self._portal, "companies", "deals", [company]).get(company, {})
        held = self._org.get_many("deals", list(ends), deleted=False)
        lines = {one.id: one.label for one in self._portal.pipelines}
        return [self._deal(one, lines, primary="6" in ends[one["_id"]]) for one in held.values()]

    def _deal(self, one: Record, lines: Mapping[str, str], *, primary: bool) -> Deal:
        stage = self._portal.stage(one["dealstage"])
        kind = lines.get(one["pipeline"] or "", "")
        return Deal(
            one["dealname"] or "",
            stage.label if stage else "",
            "won" if one["hs_is_closed_won"] == "true" else "lost" if one["hs_is_closed"] == "true" else "open",
            self._day(one["closedate"]),
            None if one["amount"] is None else Decimal(one["amount"]),
            kind if primary else f"{kind}, another company's",
            counted=primary,
        )

    def _day(self, moment: str | None) -> str:
        if not moment:
            return ""
        return f"{datetime.fromisoformat(moment).astimezone(ZoneInfo(self._portal.settings.timezone)):%Y-%m-%d}"

    def _relatives(self, company: str) -> list[Relative]:
        ends = linked(self._portal, "companies", "companies", [company]).get(company, {})
        parents = [one for one, kinds in ends.items() if "14" in kinds]
        children = [one for one, kinds in ends.items() if "13" in kinds]
        family = linked(self._portal, "companies", "companies", parents)
        sisters = {one for found in family.values() for one, kinds in found.items() if "13" in kinds} - {company}
        related = [*((one, "parent") for one in parents), *((one, "daughter") for one in children)]
        related += [(one, "sister") for one in sorted(sisters)]
        held = self._org.get_many("companies", [one for one, _ in related], deleted=False)
        return [
            Relative(
                one, held[one]["name"] or "", how, side.labels_of(self._org, _PLACES, held[one]).get("Profile", "")
            )
            for one, how in related
        ]


def _name(owner: Record) -> str:
    return " ".join(part for part in (owner["firstName"], owner["lastName"]) if part)
