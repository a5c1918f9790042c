"""Accounts and what they buy: opportunities, orders, products."""

from typing import Final

from crm_kare.sandbox.generate.words import INDUSTRIES
from crm_kare.sandbox.salesforce.definitions.fields import (
    CALCULATED,
    FIXED,
    OPEN,
    PERSON_ACCOUNTS,
    READ_ONLY,
    RECORD_TYPES,
    ObjectDef,
    currency,
    field,
    number,
    only_with,
    picklist,
    reference,
    text,
)

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

FORMULA_LENGTH: Final = 1300
"""Characters that a text formula can give."""

_RECORD_TYPE: Final = only_with(RECORD_TYPES, reference("RecordTypeId", "RecordType", "RecordType", **OPEN))
_PERSON: Final = (
    field("IsPersonAccount", "boolean", label="Is Person Account", required=True, **READ_ONLY),
    reference("PersonContactId", "Contact", "PersonContact", writable=False, **OPEN),
    text("FirstName", 40, "First Name", **OPEN),
    text("LastName", 80, "Last Name", **OPEN),
    field("PersonEmail", "email", 80, "Email"),
    text("PersonTitle", 80, "Title"),
    picklist("In_Favour__pc", "Yes", "No", label="In favour of us"),
)
"""Fields of person accounts; those that end in `__pc` are the contact's own."""

_ACCOUNT: Final = ObjectDef(
    "Account",
    "Account",
    (
        text("Name", 255, "Account Name", required=True),
        picklist(
            "Type", "Prospect", "Customer", "Customer - Direct", "Customer - Channel", "Partner", label="Account Type"
        ),
        reference("ParentId", "Account", "Parent", label="Parent Account ID"),
        text("BillingStreet", 255, "Billing Street"),
        text("BillingCity", 40, "Billing City"),
        text("BillingState", 80, "Billing State/Province"),
        text("BillingPostalCode", 20, "Billing Zip/Postal Code"),
        text("BillingCountry", 80, "Billing Country"),
        field("Phone", "phone", 40, "Account Phone"),
        field("Website", "url", 255),
        picklist("Industry", *(name for name, _ in INDUSTRIES)),
        number("AnnualRevenue", "currency", 18, 0, "Annual Revenue"),
        number("NumberOfEmployees", "int", 8, 0, "Employees"),
        picklist("Rating", "Hot", "Warm", "Cold", label="Account Rating"),
        picklist("AccountSource", "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"),
        text("AccountNumber", 40, "Account Number"),
        field("Description", "textarea", 32_000, "Account Description"),
        reference("OwnerId", "User", "Owner", required=True),
        _RECORD_TYPE,
        field("LastActivityDate", "date", label="Last Activity", **READ_ONLY),
        number("Wallet__c", "currency", 18, 2, "Wallet (yearly spend on our kind)"),
        number("Sites__c", "double", 6, 0, "Sites in the country"),
        field("Contract_Renewal__c", "date", label="Contract Renewal"),
        number("Won_Opportunities__c", "double", 18, 0, "Won Opportunities", **CALCULATED),
        text("Region__c", FORMULA_LENGTH, "Region", **CALCULATED),
        *(only_with(PERSON_ACCOUNTS, one) for one in _PERSON),
        currency(),
    ),
    indexed=("ParentId", "OwnerId"),
    mergeable=True,
)

_OPPORTUNITY: Final = ObjectDef(
    "Opportunity",
    "Opportunity",
    (
        text("Name", 120, "Opportunity Name", required=True),
        reference("AccountId", "Account", "Account"),
        picklist("StageName", *(stage[0] for stage in STAGES), label="Stage", required=True),
        number("Amount", "currency", 18, 2),
        number("Probability", "percent", 3, 0, "Probability (%)"),
        number("ExpectedRevenue", "currency", 18, 2, **READ_ONLY),
        field("CloseDate", "date", label="Close Date", required=True),
        picklist(
            "Type",
            "New Customer",
            "Existing Customer - Upgrade",
            "Existing Customer - Replacement",
            "Existing Customer - Downgrade",
            "Renewal",
            label="Opportunity Type",
        ),
        picklist("LeadSource", "Web", "Phone Inquiry", "Partner Referral", "Trade Show", "Other"),
        field("IsClosed", "boolean", label="Closed", required=True, **READ_ONLY),
        field("IsWon", "boolean", label="Won", required=True, **READ_ONLY),
        picklist("ForecastCategory", "Omitted", "Pipeline", "BestCase", "Forecast", "Closed", **READ_ONLY),
        field("HasOpportunityLineItem", "boolean", label="Has Line Item", required=True, **READ_ONLY),
        field("Description", "textarea", 32_000),
        reference("OwnerId", "User", "Owner", required=True),
        reference("Pricebook2Id", "Pricebook2", "Pricebook2"),
        _RECORD_TYPE,
        currency(),
    ),
    indexed=("AccountId",),
)

_LINE_ITEM: Final = ObjectDef(
    "OpportunityLineItem",
    "Opportunity Product",
    (
        reference("OpportunityId", "Opportunity", "Opportunity", **FIXED),
        reference("PricebookEntryId", "PricebookEntry", "PricebookEntry"),
        reference("Product2Id", "Product2", "Product2"),
        text("Name", 376, **READ_ONLY),
        number("Quantity", "double", 12, 2, required=True),
        number("UnitPrice", "currency", 18, 2),
        number("TotalPrice", "currency", 18, 2),
        field("ServiceDate", "date"),
        currency(writable=False),
    ),
    indexed=("OpportunityId",),
    governed_by="Opportunity",
    parent="OpportunityId",
)

_ORDER: Final = ObjectDef(
    "Order",
    "Order",
    (
        reference("AccountId", "Account", "Account"),
        reference("Pricebook2Id", "Pricebook2", "Pricebook2"),
        text("OrderNumber", 30, "Order Number", required=True, writable=False, extra={"autoNumber": True}),
        text("Name", 80, "Order Name"),
        field("EffectiveDate", "date", label="Order Start Date", required=True),
        field("EndDate", "date", label="Order End Date"),
        picklist("Status", "Draft", "Activated", required=True),
        picklist("StatusCode", "Draft", "Activated", label="Status Category", required=True, **READ_ONLY),
        number("TotalAmount", "currency", 18, 2, "Order Amount", required=True, **READ_ONLY),
        picklist("Type", label="Order Type"),
        text("PoNumber", 80, "PO Number"),
        text("OrderReferenceNumber", 80, "Order Reference Number"),
        field("IsReductionOrder", "boolean", label="Reduction Order", required=True),
        text("BillingCity", 40, "Billing City"),
        text("BillingCountry", 80, "Billing Country"),
        field("Description", "textarea", 32_000),
        field("ActivatedDate", "datetime", label="Activated Date", **READ_ONLY),
        reference("OwnerId", "User", "Owner", required=True),
        currency(),
    ),
    indexed=("AccountId",),
)

_ORDER_ITEM: Final = ObjectDef(
    "OrderItem",
    "Order Product",
    (
        reference("OrderId", "Order", "Order", **FIXED),
        reference("PricebookEntryId", "PricebookEntry", "PricebookEntry"),
        reference("Product2Id", "Product2", "Product2"),
        text("OrderItemNumber", 30, "Order Product Number", required=True, writable=False, extra={"autoNumber": True}),
        number("Quantity", "double", 18, 2, required=True),
        number("UnitPrice", "currency", 18, 2, "Unit Price"),
        number("ListPrice", "currency", 18, 2, "List Price", **READ_ONLY),
        number("TotalPrice", "currency", 18, 2, "Total Price", **READ_ONLY),
        field("ServiceDate", "date", label="Start Date"),
        text("Description", 255, "Line Description"),
        currency(writable=False),
    ),
    indexed=("OrderId",),
    governed_by="Order",
    parent="OrderId",
)

_CONTACT: Final = ObjectDef(
    "Contact",
    "Contact",
    (
        reference("AccountId", "Account", "Account"),
        text("FirstName", 40, "First Name", **OPEN),
        text("LastName", 80, "Last Name", required=True),
        text("Name", 121, "Full Name", required=True, **READ_ONLY),
        field("Email", "email", 80),
        text("Title", 128),
        reference("OwnerId", "User", "Owner", required=True),
        only_with(PERSON_ACCOUNTS, field("IsPersonAccount", "boolean", required=True, **READ_ONLY)),
        picklist("Role_In_Decisions__c", "Economic Buyer", "Decision Maker", "Executive Sponsor", "Technical Buyer",
                  "Evaluator", "Influencer", label="Role in decisions"),
        picklist("In_Favour__c", "Yes", "No", label="In favour of us"),
        currency(),
    ),
    indexed=("AccountId",),
    mergeable=True,
    parent="AccountId",
)  # fmt: skip

_CONTACT_ROLE: Final = ObjectDef(
    "OpportunityContactRole",
    "Opportunity Contact Role",
    (
        reference("OpportunityId", "Opportunity", "Opportunity", **FIXED),
        reference("ContactId", "Contact", "Contact", required=True),
        picklist(
            "Role",
            "Economic Buyer",
            "Decision Maker",
            "Executive Sponsor",
            "Technical Buyer",
            "Evaluator",
            "Influencer",
        ),
        field("IsPrimary", "boolean", required=True),
    ),
    indexed=("OpportunityId",),
    governed_by="Opportunity",
    parent="OpportunityId",
    field_security=False,
)

_HISTORY: Final = ObjectDef(
    "AccountHistory",
    "Account History",
    (
        reference("AccountId", "Account", "Account"),
        text("Field", 255),
        text("OldValue", 255),
        text("NewValue", 255),
    ),
    read_only=True,
    indexed=("AccountId",),
    governed_by="Account",
    parent="AccountId",
)

_PRODUCT: Final = ObjectDef(
    "Product2",
    "Product",
    (
        text("Name", 255, required=True),
        picklist("Family"),
        text("ProductCode", 255),
        field("IsActive", "boolean"),
        currency(),
    ),
)

_PRICEBOOK: Final = ObjectDef(
    "Pricebook2",
    "Price Book",
    (
        text("Name", 255, required=True),
        text("Description", 255),
        field("IsActive", "boolean"),
        field("IsStandard", "boolean", **READ_ONLY),
    ),
)

_PRICEBOOK_ENTRY: Final = ObjectDef(
    "PricebookEntry",
    "Price Book Entry",
    (
        text("Name", 255, writable=False),
        reference("Pricebook2Id", "Pricebook2", "Pricebook2", required=True),
        reference("Product2Id", "Product2", "Product2", required=True),
        number("UnitPrice", "currency", 18, 2, required=True),
        field("IsActive", "boolean"),
        text("ProductCode", 255, writable=False),
        currency(),
    ),
    governed_by="Pricebook2",
    field_security=False,
)

SALES: Final = (
    _ACCOUNT,
    _OPPORTUNITY,
    _LINE_ITEM,
    _CONTACT,
    _CONTACT_ROLE,
    _PRODUCT,
    _PRICEBOOK,
    _PRICEBOOK_ENTRY,
    _ORDER,
    _ORDER_ITEM,
    _HISTORY,
)
