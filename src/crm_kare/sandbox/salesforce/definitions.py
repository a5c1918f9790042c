"""The objects and standard fields of the sandbox's org, as a describe names them, and the org's few custom ones."""

from dataclasses import dataclass
from typing import Any, Final

from crm_kare.sandbox.generate.words import INDUSTRIES
from crm_kare.sandbox.store import FieldDef, Option


def _field(name: str, type_: str = "string", length: int = 0, label: str = "", **more: Any) -> FieldDef:
    return FieldDef(name=name, label=label or name, type=type_, length=length, custom=name.endswith("__c"), **more)


def _text(name: str, length: int = 255, label: str = "", **more: Any) -> FieldDef:
    return _field(name, "string", length, label, **more)


def _reference(name: str, target: str, relationship: str, **more: Any) -> FieldDef:
    return _field(name, "reference", 18, refers_to=target, relationship=relationship, **more)


def _picklist(name: str, *values: str, restricted: bool = False, label: str = "", **more: Any) -> FieldDef:
    options = tuple(Option(value, value) for value in values)
    return _field(name, "picklist", 255, label, options=options, restricted=restricted, **more)


def _number(name: str, type_: str, precision: int, scale: int = 0, label: str = "", **more: Any) -> FieldDef:
    return _field(name, type_, 0, label, precision=precision, scale=scale, **more)


_READ_ONLY: Final[dict[str, Any]] = {"writable": False, "tracked": False}


def _system(name: str, type_: str, column: str, **more: Any) -> FieldDef:
    return _field(name, type_, writable=False, required=True, extra={"column": column}, **more)


SYSTEM_FIELDS: Final = (
    _system("Id", "id", "_id"),
    _system("IsDeleted", "boolean", "_deleted"),
    _system("CreatedDate", "datetime", "_created"),
    _system("CreatedById", "reference", "_created_by", refers_to="User", relationship="CreatedBy"),
    _system("LastModifiedDate", "datetime", "_modified"),
    _system("LastModifiedById", "reference", "_modified_by", refers_to="User", relationship="LastModifiedBy"),
    _system("SystemModstamp", "datetime", "_modified"),
)
"""Fields of every object; they live in the store's own columns."""

MASTER_RECORD: Final = FieldDef(
    "MasterRecordId",
    "Master Record ID",
    "reference",
    writable=False,
    refers_to="Account",
    relationship="MasterRecord",
    extra={"column": "_merged_into"},
)
"""Of objects that can be merged: the survivor."""

STAGES: Final = (
    ("Prospecting", False, False, "Pipeline", 10),
    ("Qualification", False, False, "Pipeline", 20),
    ("Proposal/Price Quote", False, False, "BestCase", 60),
    ("Negotiation/Review", False, False, "Forecast", 85),
    ("Closed Won", True, True, "Closed", 100),
    ("Closed Won – Renewal", True, True, "Closed", 100),
    ("Closed Lost", True, False, "Omitted", 0),
    ("Closed Lost – No Decision", True, False, "Omitted", 0),
)
"""Stage, closed, won, forecast category, probability. Those with a dash are this org's own."""


@dataclass(frozen=True)
class ObjectDef:
    """An object: its fields beside the system ones, and where it shows.

    `setup` objects do not mix with others in a collection; `tooling` ones are seen by the Tooling API only.
    `read_only` ones take no writes by the API.
    """

    name: str
    label: str
    fields: tuple[FieldDef, ...]
    indexed: tuple[str, ...] = ()
    mergeable: bool = False
    setup: bool = False
    tooling: bool = False
    read_only: bool = False

    @property
    def has_bin(self) -> bool:
        """Whether deleted records go to the recycle bin; only then is there `IsDeleted`."""
        return not self.setup and self.name != "OpportunityStage"


_ACCOUNT: Final = ObjectDef(
    "Account",
    "Account",
    (
        _text("Name", 255, "Account Name", required=True),
        _picklist(
            "Type", "Prospect", "Customer", "Customer - Direct", "Customer - Channel", "Partner", label="Account Type"
        ),
        _reference("ParentId", "Account", "Parent", label="Parent Account ID"),
        _text("BillingStreet", 255, "Billing Street"),
        _text("BillingCity", 40, "Billing City"),
        _text("BillingState", 80, "Billing State/Province"),
        _text("BillingPostalCode", 20, "Billing Zip/Postal Code"),
        _text("BillingCountry", 80, "Billing Country"),
        _field("Phone", "phone", 40, "Account Phone"),
        _field("Website", "url", 255),
        _picklist("Industry", *(name for name, _ in INDUSTRIES)),
        _number("AnnualRevenue", "currency", 18, 0, "Annual Revenue"),
        _number("NumberOfEmployees", "int", 8, 0, "Employees"),
        _picklist("Rating", "Hot", "Warm", "Cold", label="Account Rating"),
        _picklist("AccountSource", "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"),
        _text("AccountNumber", 40, "Account Number"),
        _field("Description", "textarea", 32_000, "Account Description"),
        _reference("OwnerId", "User", "Owner", required=True),
        _reference("RecordTypeId", "RecordType", "RecordType"),
        _field("LastActivityDate", "date", label="Last Activity", **_READ_ONLY),
        _number("Wallet__c", "currency", 18, 2, "Wallet (yearly spend on our kind)"),
        _number("Sites__c", "double", 6, 0, "Sites in the country"),
        _field("Contract_Renewal__c", "date", label="Contract Renewal"),
    ),
    indexed=("ParentId", "OwnerId"),
    mergeable=True,
)

_OPPORTUNITY: Final = ObjectDef(
    "Opportunity",
    "Opportunity",
    (
        _text("Name", 120, "Opportunity Name", required=True),
        _reference("AccountId", "Account", "Account"),
        _picklist("StageName", *(stage[0] for stage in STAGES), label="Stage", required=True),
        _number("Amount", "currency", 18, 2),
        _number("Probability", "percent", 3, 0, "Probability (%)"),
        _number("ExpectedRevenue", "currency", 18, 2, **_READ_ONLY),
        _field("CloseDate", "date", label="Close Date", required=True),
        _picklist(
            "Type",
            "New Customer",
            "Existing Customer - Upgrade",
            "Existing Customer - Replacement",
            "Existing Customer - Downgrade",
            "Renewal",
            label="Opportunity Type",
        ),
        _picklist("LeadSource", "Web", "Phone Inquiry", "Partner Referral", "Trade Show", "Other"),
        _field("IsClosed", "boolean", label="Closed", required=True, **_READ_ONLY),
        _field("IsWon", "boolean", label="Won", required=True, **_READ_ONLY),
        _picklist("ForecastCategory", "Omitted", "Pipeline", "BestCase", "Forecast", "Closed", **_READ_ONLY),
        _field("HasOpportunityLineItem", "boolean", label="Has Line Item", required=True, **_READ_ONLY),
        _field("Description", "textarea", 32_000),
        _reference("OwnerId", "User", "Owner", required=True),
        _reference("RecordTypeId", "RecordType", "RecordType"),
    ),
    indexed=("AccountId",),
)

_LINE_ITEM: Final = ObjectDef(
    "OpportunityLineItem",
    "Opportunity Product",
    (
        _reference("OpportunityId", "Opportunity", "Opportunity", required=True),
        _reference("Product2Id", "Product2", "Product2"),
        _text("Name", 376, **_READ_ONLY),
        _number("Quantity", "double", 12, 2, required=True),
        _number("UnitPrice", "currency", 18, 2),
        _number("TotalPrice", "currency", 18, 2),
        _field("ServiceDate", "date"),
    ),
    indexed=("OpportunityId",),
)

_CONTACT: Final = ObjectDef(
    "Contact",
    "Contact",
    (
        _reference("AccountId", "Account", "Account"),
        _text("FirstName", 40, "First Name"),
        _text("LastName", 80, "Last Name", required=True),
        _text("Name", 121, "Full Name", **_READ_ONLY),
        _field("Email", "email", 80),
        _text("Title", 128),
        _reference("OwnerId", "User", "Owner", required=True),
        _picklist("Role_In_Decisions__c", "Economic Buyer", "Decision Maker", "Executive Sponsor", "Technical Buyer",
                  "Evaluator", "Influencer", label="Role in decisions"),
        _picklist("In_Favour__c", "Yes", "No", label="In favour of us"),
    ),
    indexed=("AccountId",),
    mergeable=True,
)  # fmt: skip

_CONTACT_ROLE: Final = ObjectDef(
    "OpportunityContactRole",
    "Opportunity Contact Role",
    (
        _reference("OpportunityId", "Opportunity", "Opportunity", required=True),
        _reference("ContactId", "Contact", "Contact", required=True),
        _picklist(
            "Role",
            "Economic Buyer",
            "Decision Maker",
            "Executive Sponsor",
            "Technical Buyer",
            "Evaluator",
            "Influencer",
        ),
        _field("IsPrimary", "boolean", required=True),
    ),
    indexed=("OpportunityId",),
)

_USER: Final = ObjectDef(
    "User",
    "User",
    (
        _text("Username", 80, required=True),
        _text("FirstName", 40, "First Name"),
        _text("LastName", 80, "Last Name", required=True),
        _text("Name", 121, "Full Name", **_READ_ONLY),
        _field("Email", "email", 128, required=True),
        _text("Department", 80),
        _field("IsActive", "boolean", required=True, label="Active"),
        _picklist("UserType", "Standard", "AutomatedProcess", "CsnOnly", **_READ_ONLY),
        _text("TimeZoneSidKey", 40),
        _reference("ProfileId", "Profile", "Profile"),
        _reference("UserRoleId", "UserRole", "UserRole"),
    ),
    setup=True,
)

_ORGANIZATION: Final = ObjectDef(
    "Organization",
    "Organization",
    (
        _text("Name", 80, required=True),
        _text("TimeZoneSidKey", 40),
        _text("DefaultLocaleSidKey", 40),
        _text("LanguageLocaleKey", 40),
        _text("OrganizationType", 40),
        _text("InstanceName", 5),
        _field("IsSandbox", "boolean"),
        _text("NamespacePrefix", 15),
    ),
    setup=True,
    read_only=True,
)

OBJECTS: Final = (
    _ACCOUNT,
    _OPPORTUNITY,
    _LINE_ITEM,
    _CONTACT,
    _CONTACT_ROLE,
    ObjectDef(
        "Product2",
        "Product",
        (
            _text("Name", 255, required=True),
            _picklist("Family"),
            _text("ProductCode", 255),
            _field("IsActive", "boolean"),
        ),
    ),
    _USER,
    ObjectDef("Profile", "Profile", (_text("Name", 255, required=True),), setup=True, read_only=True),
    ObjectDef("UserRole", "Role", (_text("Name", 80, required=True), _text("DeveloperName", 80)), setup=True),
    _ORGANIZATION,
    ObjectDef(
        "RecordType",
        "Record Type",
        (
            _text("Name", 80, required=True),
            _text("DeveloperName", 80, required=True),
            _text("SobjectType", 40),
            _field("IsActive", "boolean"),
        ),
        setup=True,
        read_only=True,
    ),
    ObjectDef(
        "OpportunityStage",
        "Opportunity Stage",
        (
            _text("MasterLabel", 255),
            _text("ApiName", 255),
            _field("IsActive", "boolean"),
            _field("IsClosed", "boolean"),
            _field("IsWon", "boolean"),
            _text("ForecastCategory", 40),
            _number("DefaultProbability", "percent", 3),
            _number("SortOrder", "int", 4),
        ),
        read_only=True,
    ),
    ObjectDef(
        "AccountHistory",
        "Account History",
        (
            _reference("AccountId", "Account", "Account"),
            _text("Field", 255),
            _text("OldValue", 255),
            _text("NewValue", 255),
        ),
        read_only=True,
        indexed=("AccountId",),
    ),
    ObjectDef(
        "PermissionSet",
        "Permission Set",
        (
            _text("Name", 80, required=True),
            _text("Label", 80, required=True),
            _text("Description", 255),
            _reference("ProfileId", "Profile", "Profile", writable=False),
            _field("IsOwnedByProfile", "boolean", **_READ_ONLY),
            _field("PermissionsCustomizeApplication", "boolean"),
            _field("PermissionsViewSetup", "boolean"),
            _field("PermissionsApiEnabled", "boolean"),
        ),
        setup=True,
    ),
    ObjectDef(
        "PermissionSetAssignment",
        "Permission Set Assignment",
        (
            _reference("PermissionSetId", "PermissionSet", "PermissionSet", required=True),
            _reference("AssigneeId", "User", "Assignee", required=True),
        ),
        setup=True,
        indexed=("AssigneeId",),
    ),
    ObjectDef(
        "FieldPermissions",
        "Field Permissions",
        (
            _reference("ParentId", "PermissionSet", "Parent", required=True),
            _text("SobjectType", 40, required=True),
            _text("Field", 255, required=True),
            _field("PermissionsRead", "boolean"),
            _field("PermissionsEdit", "boolean"),
        ),
        setup=True,
        indexed=("ParentId",),
    ),
    ObjectDef(
        "ObjectPermissions",
        "Object Permissions",
        (
            _reference("ParentId", "PermissionSet", "Parent", required=True),
            _text("SobjectType", 40, required=True),
            *(
                _field(f"Permissions{right}", "boolean")
                for right in ("Read", "Create", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")
            ),
        ),
        setup=True,
        indexed=("ParentId",),
    ),
    ObjectDef(
        "CustomField",
        "Custom Field",
        (
            _text("DeveloperName", 80),
            _text("TableEnumOrId", 40),
            _text("NamespacePrefix", 15),
            _text("FullName", 120),
            _text("InlineHelpText", 510),
            _field("Metadata", "complexvalue"),
        ),
        setup=True,
        tooling=True,
    ),
)

BY_NAME: Final = {one.name: one for one in OBJECTS}
