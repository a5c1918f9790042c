"""The org itself, its users and their permissions, its currencies, record types and stages."""

from typing import Final

from crm_kare.sandbox.salesforce.definitions.fields import (
    DATED_RATES,
    FIXED,
    MULTI_CURRENCY,
    PERSON_ACCOUNTS,
    READ_ONLY,
    ObjectDef,
    currency,
    field,
    number,
    only_with,
    picklist,
    reference,
    text,
)

VIEW_SETUP: Final = ("ViewSetup",)
SYSTEM_PERMISSIONS: Final = (
    "ApiEnabled",
    "ViewSetup",
    "CustomizeApplication",
    "ManageProfilesPermissionsets",
    "AssignPermissionSets",
    "ManageUsers",
    "ViewAllData",
    "ModifyAllData",
)
"""System permissions that the sandbox knows; a permission set has a field `Permissions...` for each."""

OBJECT_RIGHTS: Final = ("Read", "Create", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")

_USER: Final = ObjectDef(
    "User",
    "User",
    (
        text("Username", 80, required=True),
        text("FirstName", 40, "First Name"),
        text("LastName", 80, "Last Name", required=True),
        text("Name", 121, "Full Name", **READ_ONLY),
        field("Email", "email", 128, required=True),
        text("Department", 80),
        field("IsActive", "boolean", required=True, label="Active"),
        picklist("UserType", "Standard", "AutomatedProcess", "CsnOnly", **READ_ONLY),
        text("TimeZoneSidKey", 40),
        reference("ProfileId", "Profile", "Profile"),
        reference("UserRoleId", "UserRole", "UserRole"),
        only_with(MULTI_CURRENCY, picklist("DefaultCurrencyIsoCode", label="Default Currency ISO Code")),
        currency(),
    ),
    setup=True,
    write_right="ManageUsers",
)

_ORGANIZATION: Final = ObjectDef(
    "Organization",
    "Organization",
    (
        text("Name", 80, required=True),
        text("TimeZoneSidKey", 40),
        text("DefaultLocaleSidKey", 40),
        text("LanguageLocaleKey", 40),
        text("OrganizationType", 40),
        text("InstanceName", 5),
        field("IsSandbox", "boolean"),
        text("NamespacePrefix", 15),
        field("TrialExpirationDate", "datetime"),
    ),
    setup=True,
    read_only=True,
)

_RECORD_TYPE: Final = ObjectDef(
    "RecordType",
    "Record Type",
    (
        text("Name", 80, required=True),
        text("DeveloperName", 80, required=True),
        text("NamespacePrefix", 15),
        text("Description", 255),
        text("SobjectType", 40),
        field("IsActive", "boolean"),
        only_with(PERSON_ACCOUNTS, field("IsPersonType", "boolean")),
    ),
    setup=True,
    read_only=True,
)

_STAGE: Final = ObjectDef(
    "OpportunityStage",
    "Opportunity Stage",
    (
        text("MasterLabel", 255),
        text("ApiName", 255),
        field("IsActive", "boolean"),
        field("IsClosed", "boolean"),
        field("IsWon", "boolean"),
        text("ForecastCategory", 40),
        text("ForecastCategoryName", 255),
        number("DefaultProbability", "percent", 3),
        number("SortOrder", "int", 4),
        text("Description", 255),
    ),
    setup=True,
    read_only=True,
)

_CURRENCY_TYPE: Final = ObjectDef(
    "CurrencyType",
    "Currency Type",
    (
        picklist("IsoCode", restricted=True, required=True),
        number("ConversionRate", "double", 18, 6, required=True),
        number("DecimalPlaces", "int", 9, required=True),
        field("IsActive", "boolean"),
        field("IsCorporate", "boolean"),
    ),
    setup=True,
    needs=MULTI_CURRENCY,
)

_DATED_RATE: Final = ObjectDef(
    "DatedConversionRate",
    "Dated Conversion Rate",
    (
        picklist("IsoCode", restricted=True, required=True),
        field("StartDate", "date", required=True),
        field("NextStartDate", "date", **READ_ONLY),
        number("ConversionRate", "double", 18, 6, required=True),
    ),
    setup=True,
    needs=DATED_RATES,
)

_PERMISSION_SET: Final = ObjectDef(
    "PermissionSet",
    "Permission Set",
    (
        text("Name", 80, required=True),
        text("Label", 80, required=True),
        text("Description", 255),
        text("NamespacePrefix", 15, writable=False),
        reference("ProfileId", "Profile", "Profile", writable=False),
        field("IsOwnedByProfile", "boolean", **READ_ONLY),
        *(field(f"Permissions{right}", "boolean") for right in SYSTEM_PERMISSIONS),
    ),
    setup=True,
    view_rights=(*VIEW_SETUP, "AssignPermissionSets"),
    write_right="ManageProfilesPermissionsets",
)

_ASSIGNMENT: Final = ObjectDef(
    "PermissionSetAssignment",
    "Permission Set Assignment",
    (
        reference("PermissionSetId", "PermissionSet", "PermissionSet", **FIXED),
        reference("AssigneeId", "User", "Assignee", **FIXED),
    ),
    setup=True,
    indexed=("AssigneeId",),
    view_rights=("ViewSetup", "AssignPermissionSets", "ManageUsers"),
    write_right="AssignPermissionSets",
)

_FIELD_PERMISSIONS: Final = ObjectDef(
    "FieldPermissions",
    "Field Permissions",
    (
        reference("ParentId", "PermissionSet", "Parent", **FIXED),
        text("SobjectType", 40, **FIXED),
        text("Field", 255, **FIXED),
        field("PermissionsRead", "boolean"),
        field("PermissionsEdit", "boolean"),
    ),
    setup=True,
    indexed=("ParentId",),
    view_rights=VIEW_SETUP,
    write_right="ManageProfilesPermissionsets",
)

_OBJECT_PERMISSIONS: Final = ObjectDef(
    "ObjectPermissions",
    "Object Permissions",
    (
        reference("ParentId", "PermissionSet", "Parent", **FIXED),
        text("SobjectType", 40, **FIXED),
        *(field(f"Permissions{right}", "boolean") for right in OBJECT_RIGHTS),
    ),
    setup=True,
    indexed=("ParentId",),
    view_rights=VIEW_SETUP,
    write_right="ManageProfilesPermissionsets",
)

SETUP: Final = (
    _USER,
    ObjectDef("Profile", "Profile", (text("Name", 255, required=True),), setup=True, read_only=True),
    ObjectDef("UserRole", "Role", (text("Name", 80, required=True), text("DeveloperName", 80)), setup=True),
    _ORGANIZATION,
    _RECORD_TYPE,
    _STAGE,
    _CURRENCY_TYPE,
    _DATED_RATE,
    _PERMISSION_SET,
    _ASSIGNMENT,
    _FIELD_PERMISSIONS,
    _OBJECT_PERMISSIONS,
)
