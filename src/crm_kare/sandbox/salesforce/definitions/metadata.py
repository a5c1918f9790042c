"""What the org's admins built: custom fields, flows, triggers, validation and workflow rules."""

from typing import Final

from crm_kare.sandbox.salesforce.definitions.fields import ObjectDef, field, number, picklist, text
from crm_kare.sandbox.salesforce.definitions.setup import VIEW_SETUP

_ENTITY: Final = ObjectDef(
    "EntityDefinition",
    "Entity Definition",
    (
        field("Id", "id", 18, writable=False),
        text("DurableId", 255, writable=False, extra={"column": "_id"}),
        text("QualifiedApiName", 70),
        text("DeveloperName", 70),
        text("NamespacePrefix", 15),
        text("Label", 40),
        text("KeyPrefix", 3),
        picklist("InternalSharingModel", "Private", "Read", "ReadWrite", "ControlledByParent"),
    ),
    setup=True,
    everywhere=True,
    read_only=True,
    view=True,
)

_FLOW: Final = ObjectDef(
    "FlowDefinitionView",
    "Flow Definition",
    (
        field("Id", "id", 18, writable=False, extra={"column": "_id"}),
        text("DurableId", 255),
        text("ApiName", 255),
        text("Label", 255),
        text("Description", 255),
        picklist("ProcessType", "AutoLaunchedFlow", "Flow", "Workflow", "CustomEvent", "InvocableProcess"),
        picklist(
            "TriggerType", "RecordBeforeSave", "RecordAfterSave", "RecordBeforeDelete", "Scheduled", "PlatformEvent"
        ),
        picklist("RecordTriggerType", "Create", "Update", "CreateAndUpdate", "Delete", "None"),
        field("TriggerObjectOrEventId", "string", 255, refers_to="EntityDefinition",
              relationship="TriggerObjectOrEvent"),
        text("TriggerObjectOrEventLabel", 255),
        number("TriggerOrder", "int", 9),
        text("NamespacePrefix", 255),
        text("InstalledPackageName", 255),
        text("ActiveVersionId", 255),
        text("LatestVersionId", 255),
        number("VersionNumber", "int", 9),
        text("Builder", 255),
        text("ManageableState", 255),
        field("IsActive", "boolean"),
        field("IsOutOfDate", "boolean"),
        field("IsTemplate", "boolean"),
        text("LastModifiedBy", 255),
        field("LastModifiedDate", "datetime", extra={"column": "_modified"}),
    ),
    setup=True,
    read_only=True,
    view=True,
)  # fmt: skip

_TRIGGER: Final = ObjectDef(
    "ApexTrigger",
    "Apex Trigger",
    (
        text("Name", 255, required=True),
        text("NamespacePrefix", 15),
        text("TableEnumOrId", 40, required=True),
        field("EntityDefinitionId", "string", 255, refers_to="EntityDefinition", relationship="EntityDefinition"),
        picklist("Status", "Active", "Inactive", "Deleted", required=True),
        field("IsValid", "boolean"),
        number("ApiVersion", "double", 18, 1),
        number("LengthWithoutComments", "int", 9),
        field("Body", "textarea", 1_000_000),
        *(
            field(f"Usage{moment}", "boolean")
            for moment in (
                "BeforeInsert",
                "AfterInsert",
                "BeforeUpdate",
                "AfterUpdate",
                "BeforeDelete",
                "AfterDelete",
                "AfterUndelete",
                "IsBulk",
            )
        ),
    ),
    setup=True,
    everywhere=True,
    read_only=True,
    view_rights=VIEW_SETUP,
)

_VALIDATION: Final = ObjectDef(
    "ValidationRule",
    "Validation Rule",
    (
        text("ValidationName", 80, required=True),
        field("EntityDefinitionId", "string", 255, refers_to="EntityDefinition", relationship="EntityDefinition"),
        field("Active", "boolean"),
        text("Description", 255),
        text("ErrorDisplayField", 255),
        text("ErrorMessage", 255),
        text("NamespacePrefix", 15),
        text("FullName", 255),
        field("Metadata", "complexvalue"),
    ),
    setup=True,
    tooling=True,
    read_only=True,
    view_rights=VIEW_SETUP,
)

_WORKFLOW: Final = ObjectDef(
    "WorkflowRule",
    "Workflow Rule",
    (
        text("Name", 255, required=True),
        text("TableEnumOrId", 40),
        text("NamespacePrefix", 15),
        text("FullName", 255),
        field("Metadata", "complexvalue"),
    ),
    setup=True,
    tooling=True,
    read_only=True,
    view_rights=VIEW_SETUP,
)

_CUSTOM_FIELD: Final = ObjectDef(
    "CustomField",
    "Custom Field",
    (
        text("DeveloperName", 80),
        text("TableEnumOrId", 40),
        field("EntityDefinitionId", "string", 255, refers_to="EntityDefinition", relationship="EntityDefinition"),
        text("NamespacePrefix", 15),
        text("FullName", 120),
        text("InlineHelpText", 510),
        field("Metadata", "complexvalue"),
    ),
    setup=True,
    tooling=True,
    view_rights=VIEW_SETUP,
)

_RECORD_ACCESS: Final = ObjectDef(
    "UserRecordAccess",
    "User Record Access",
    (
        field("Id", "id", 18, writable=False),
        text("RecordId", 18, extra={"column": "_id"}),
        text("UserId", 18),
        field("HasReadAccess", "boolean"),
        field("HasEditAccess", "boolean"),
        picklist("MaxAccessLevel", "None", "Read", "Edit", "Delete", "Transfer", "All"),
    ),
    setup=True,
    read_only=True,
    view=True,
)

METADATA: Final = (_RECORD_ACCESS, _ENTITY, _FLOW, _TRIGGER, _VALIDATION, _WORKFLOW, _CUSTOM_FIELD)
