"""From the made-up business to an org: users, permissions, accounts, opportunities with their lines, contacts."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any, Final

from crm_kare.sandbox.generate import Business, Company, Deal, Person, Rep, Stage
from crm_kare.sandbox.generate.words import PRODUCT_LINES, TEAMS
from crm_kare.sandbox.salesforce import automation, orders, profiles, tooling
from crm_kare.sandbox.salesforce.definitions import OBJECTS, STAGES, SYSTEM_PERMISSIONS
from crm_kare.sandbox.salesforce.derive import derived
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.state import Sandbox
from crm_kare.sandbox.store import Record

STAGE_NAMES: Final = dict(zip(Stage, (stage[0] for stage in STAGES), strict=True))
"""The org's name of each stage."""

_TYPES: Final = {
    "New Business": "New Customer",
    "Existing Business": "Existing Customer - Replacement",
    "Expansion": "Existing Customer - Upgrade",
    "Renewal": "Renewal",
}
PIPELINES: Final = ("New business", "Expansion", "Renewal", "Projects")
SEGMENTS: Final = ("Direct", "Partner")
_ADMIN: Final = frozenset(SYSTEM_PERMISSIONS)
_STANDARD: Final = frozenset(("ApiEnabled", "ViewSetup"))
"""System permissions of the two profiles."""


def load(sandbox: Sandbox, business: Business) -> None:
    """Make the org and fill it; it is then `sandbox.sides["salesforce"]`."""
    org = SalesforceOrg(sandbox.store, sandbox.faults)
    sandbox.sides["salesforce"] = org
    with org.records.store.transaction():
        _Loading(org, business).all()


class _Loading:
    """Carries the ids while the org is filled."""

    def __init__(self, org: SalesforceOrg, business: Business) -> None:
        self._org = org
        self._records = org.records
        self._business = business
        self._now = org.records.now_ms()
        self._ids: dict[str, list[str]] = {}
        self._record_types: dict[str, str] = {}
        self._products: dict[str, str] = {}

    def all(self) -> None:
        self._setup()
        self._load("User", self._business.reps, self._user)
        self._assign_profile("Standard User", self._ids["User"], _STANDARD)
        self._ids["Account"] = self._records.mint_many("Account", len(self._business.companies))
        self._load("Account", self._business.companies, self._account)
        self._load("Opportunity", self._business.deals, self._opportunity)
        self._records.load("OpportunityLineItem", self._line_items())
        self._load_orders()
        self._load("Contact", self._business.people, self._contact)
        self._records.load("OpportunityContactRole", self._contact_roles())
        self._count_won()

    def _setup(self) -> None:
        """Who and what is there before the first customer."""
        records, org = self._records, self._org
        org.id = records.insert("Organization", _ORGANISATION, "")
        self._profiles = {
            name: records.insert("Profile", {"Name": name}, "") for name in ("System Administrator", "Standard User")
        }
        self._roles = {
            name: records.insert("UserRole", {"Name": name, "DeveloperName": name.replace(" ", "_")}, "")
            for name in TEAMS
        }
        org.integration_user = records.insert("User", self._integration_user(), "")
        self._assign_profile("System Administrator", [org.integration_user], _ADMIN)
        for entity, names in (("Opportunity", PIPELINES), ("Account", SEGMENTS)):
            for name in names:
                told = {"Name": name, "DeveloperName": name.replace(" ", "_"), "SobjectType": entity, "IsActive": 1}
                self._record_types[name] = records.insert("RecordType", told, "")
        for place, (name, closed, won, category, chance) in enumerate(STAGES):
            told = {"MasterLabel": name, "ApiName": name, "IsActive": 1, "IsClosed": int(closed), "IsWon": int(won)}
            more: Record = {"ForecastCategory": category, "ForecastCategoryName": _FORECASTS[category]}
            more |= {"DefaultProbability": chance, "SortOrder": place + 1}
            records.insert("OpportunityStage", told | more, "")
        for family, products in PRODUCT_LINES.items():
            for product in products:
                told = {
                    "Name": product,
                    "Family": family,
                    "ProductCode": product.upper().replace(" ", "-"),
                    "IsActive": 1,
                }
                self._products[product] = records.insert("Product2", told, "")
        self._entries = orders.price_book(records, self._products)
        self._keep_custom_fields()
        automation.load(org)

    def _integration_user(self) -> Record:
        return {
            "Username": self._org.credentials.username,
            "FirstName": "Integration",
            "LastName": "User",
            "Name": "Integration User",
            "Email": self._org.credentials.username,
            "IsActive": 1,
            "UserType": "Standard",
            "TimeZoneSidKey": _ORGANISATION["TimeZoneSidKey"],
            "ProfileId": self._profiles["System Administrator"],
        }

    def _keep_custom_fields(self) -> None:
        """The Tooling API's records of the org's own fields."""
        for entity in OBJECTS:
            for one in entity.fields:
                if one.name.endswith("__c"):
                    tooling.keep(self._org, entity.name, one, {"label": one.label, "type": one.type}, "")

    def _assign_profile(self, name: str, users: Iterable[str], system: frozenset[str]) -> None:
        """The permission set behind a profile, with all objects and fields of the business granted, for these users."""
        profile = self._profiles[name]
        set_id = profiles.add_set(self._org, f"X{profile}", name, system, profile=profile)
        profiles.assign(self._org, set_id, users)
        for entity in OBJECTS:
            profiles.grant_all(self._org, set_id, entity.name)

    # the business

    def _load(self, name: str, values: tuple[Any, ...], form: Any) -> None:
        ids = self._ids.get(name) or self._records.mint_many(name, len(values))
        self._ids[name] = ids
        self._records.load(name, (form(one) | {"_id": ids[one.key]} for one in values))

    def _stamps(self, created: date, modified: date) -> Record:
        integration = self._org.integration_user
        return {
            "_created": min(_noon(created), self._now),
            "_modified": min(_noon(modified), self._now),
            "_created_by": integration,
            "_modified_by": integration,
        }

    def _user(self, rep: Rep) -> Record:
        return {
            "Username": f"{rep.email}.sandbox",
            "FirstName": rep.first_name,
            "LastName": rep.last_name,
            "Name": f"{rep.first_name} {rep.last_name}",
            "Email": rep.email,
            "Department": rep.team,
            "IsActive": int(rep.active),
            "UserType": "Standard",
            "TimeZoneSidKey": _ORGANISATION["TimeZoneSidKey"],
            "ProfileId": self._profiles["Standard User"],
            "UserRoleId": self._roles[rep.team],
        }

    def _account(self, company: Company) -> Record:
        return {
            "Name": company.name.strip(),
            "Type": company.kind,
            "ParentId": None if company.parent is None else self._ids["Account"][company.parent],
            "BillingCity": company.city,
            "BillingCountry": company.country,
            "Phone": company.phone,
            "Website": company.domain and f"https://www.{company.domain}",
            "Industry": company.industry,
            "AnnualRevenue": company.revenue,
            "NumberOfEmployees": company.employees,
            "OwnerId": self._ids["User"][company.owner],
            "RecordTypeId": self._record_types[company.segment],
            "Region__c": _REGIONS.get(company.country or "", "EMEA") if company.country else None,
            "Wallet__c": company.wallet,
            "Sites__c": company.sites,
            "Contract_Renewal__c": company.renewal_on and company.renewal_on.isoformat(),
        } | self._stamps(company.created_on, company.created_on)

    def _opportunity(self, deal: Deal) -> Record:
        told = {
            "Name": deal.name[:120].strip(),
            "AccountId": None if deal.company is None else self._ids["Account"][deal.company],
            "StageName": STAGE_NAMES[deal.stage],
            "Amount": None if deal.amount is None else deal.amount / 100,
            "CloseDate": deal.closed_on.isoformat(),
            "Type": _TYPES.get(deal.type or ""),
            "HasOpportunityLineItem": int(bool(deal.lines)),
            "OwnerId": self._ids["User"][deal.owner],
            "RecordTypeId": self._record_types[deal.pipeline],
        }
        modified = deal.closed_on if deal.stage.is_closed else deal.created_on
        return derived("Opportunity", told, told) | self._stamps(deal.created_on, modified)

    def _line_items(self) -> Iterator[Record]:
        ids = iter(
            self._records.mint_many("OpportunityLineItem", sum(len(deal.lines) for deal in self._business.deals))
        )
        for deal in self._business.deals:
            stamps = self._stamps(deal.created_on, deal.created_on) if deal.lines else {}
            for line in deal.lines:
                yield {
                    "_id": next(ids),
                    "OpportunityId": self._ids["Opportunity"][deal.key],
                    "PricebookEntryId": self._entries[line.product],
                    "Product2Id": self._products[line.product],
                    "Name": f"{deal.name} {line.product}",
                    "Quantity": line.quantity,
                    "UnitPrice": round(line.amount / 100 / line.quantity, 2),
                    "TotalPrice": line.amount / 100,
                    **stamps,
                }

    def _load_orders(self) -> None:
        book = orders.OrderBook(self._records, self._business, self._stamps)
        self._records.load("Order", book.orders(self._ids["Account"], self._ids["User"]))
        self._records.load("OrderItem", book.items(self._products, self._entries))

    def _count_won(self) -> None:
        """The roll-up on accounts."""
        opportunities = f"{self._records.table('Opportunity')} o WHERE o.AccountId = a._id AND o.IsWon"
        counted = f"(SELECT count(*) FROM {opportunities})"  # noqa: S608  names are ours
        with self._records.store.transaction() as database:
            table = f"{self._records.table('Account')} AS a"
            database.execute(f"UPDATE {table} SET Won_Opportunities__c = {counted}")  # noqa: S608

    def _contact(self, person: Person) -> Record:
        company = self._business.companies[person.company]
        favour = None if person.favourable is None else ("Yes" if person.favourable else "No")
        return {
            "AccountId": self._ids["Account"][person.company],
            "FirstName": person.first_name,
            "LastName": person.last_name,
            "Name": f"{person.first_name} {person.last_name}",
            "Email": person.email,
            "Title": person.title,
            "OwnerId": self._ids["User"][company.owner],
            "Role_In_Decisions__c": person.role,
            "In_Favour__c": favour,
        } | self._stamps(company.created_on, company.created_on)

    def _contact_roles(self) -> Iterator[Record]:
        """Each person with a role has it on the company's last deal."""
        last = {deal.company: deal.key for deal in self._business.deals}
        for person in self._business.people:
            if person.role and person.company in last:
                yield {
                    "_id": self._records.mint("OpportunityContactRole"),
                    "OpportunityId": self._ids["Opportunity"][last[person.company]],
                    "ContactId": self._ids["Contact"][person.key],
                    "Role": person.role,
                    "IsPrimary": int(bool(person.decision_maker)),
                    **self._stamps(self._business.as_of, self._business.as_of),
                }


_FORECASTS: Final = {"BestCase": "Best Case", "Forecast": "Commit"} | {
    one: one for one in ("Pipeline", "Closed", "Omitted")
}
"""What people see for a forecast category."""

_REGIONS: Final = {"United States": "AMER", "Brazil": "AMER", "Japan": "APAC"}
"""What the formula on accounts makes of their country; the rest is EMEA."""

_ORGANISATION: Final[Record] = {
    "Name": "Sandbox Supplies",
    "TimeZoneSidKey": "Europe/Berlin",
    "DefaultLocaleSidKey": "en_IE_EURO",
    "LanguageLocaleKey": "en_US",
    "OrganizationType": "Enterprise Edition",
    "InstanceName": "KE0",
    "IsSandbox": 1,
}


@lru_cache(maxsize=4096)
def _noon(day: date) -> int:
    return int(datetime.combine(day, time(12), UTC).timestamp()) * 1000
