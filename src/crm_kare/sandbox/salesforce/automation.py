"""What an org's own people built that runs when records are saved: flows, triggers, validation and workflow rules.

Flows and triggers are listed only. A validation rule that is active refuses what its condition is true of.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from crm_kare.sandbox.salesforce import ids
from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.sandbox.salesforce.errors import RecordError
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import Record

Broken = Callable[[Record], bool]
"""Whether a record, as it would be saved, breaks a rule."""

VIRTUAL_ID: Final = "000000000000000AAA"
"""The id that views on metadata show for every row."""

_MOMENTS: Final = (
    "BeforeInsert",
    "AfterInsert",
    "BeforeUpdate",
    "AfterUpdate",
    "BeforeDelete",
    "AfterDelete",
    "AfterUndelete",
)


def add_flow(
    org: SalesforceOrg,
    name: str,
    entity: str | None = None,
    *,
    trigger: str | None = "RecordBeforeSave",
    saved: str | None = "CreateAndUpdate",
    process: str = "AutoLaunchedFlow",
    active: bool = True,
    namespace: str | None = None,
) -> str:
    """A flow; its id.

    Args:
        org: where.
        name: API name; the label is the same in words.
        entity: the object whose records start it, None for one that no record starts.
        trigger: `RecordBeforeSave`, `RecordAfterSave`, `RecordBeforeDelete`, `Scheduled`, or None.
        saved: `Create`, `Update`, `CreateAndUpdate` or `Delete`.
        process: `AutoLaunchedFlow`; `Workflow` is a process of the Process Builder.
        active: whether a version of it is.
        namespace: of the managed package that brought it.
    """
    serial = org.serial()
    version = ids.mint("Flow", serial)
    row = {
        "DurableId": ids.mint("FlowDefinition", serial),
        "ApiName": f"{namespace}__{name}" if namespace else name,
        "Label": name.replace("_", " "),
        "ProcessType": process,
        "TriggerType": trigger,
        "RecordTriggerType": saved if entity else None,
        "TriggerObjectOrEventId": entity,
        "TriggerObjectOrEventLabel": entity,
        "NamespacePrefix": namespace,
        "ActiveVersionId": version if active else None,
        "LatestVersionId": version,
        "VersionNumber": 1,
        "Builder": "Flow Builder",
        "ManageableState": "installed" if namespace else "unmanaged",
        "IsActive": int(active),
        "IsOutOfDate": 0,
        "IsTemplate": 0,
        "LastModifiedBy": org.user(org.integration_user)["Name"],
    }
    return org.records.insert("FlowDefinitionView", row, org.integration_user)


def add_trigger(
    org: SalesforceOrg, name: str, entity: str, *moments: str, active: bool = True, namespace: str | None = None
) -> str:
    """An Apex trigger on `entity` that runs at these moments (`BeforeUpdate`, `AfterInsert` …); its id."""
    body = f"trigger {name} on {entity} ({', '.join(moments)}) {{}}"
    row = {
        "Name": name,
        "NamespacePrefix": namespace,
        "TableEnumOrId": entity,
        "EntityDefinitionId": entity,
        "Status": "Active" if active else "Inactive",
        "IsValid": 1,
        "ApiVersion": 60.0,
        "LengthWithoutComments": len(body),
        "Body": "(hidden)" if namespace else body,
        "UsageIsBulk": 0,
    }
    usage = {f"Usage{one}": int(one in moments) for one in _MOMENTS}
    return org.records.insert("ApexTrigger", row | usage, org.integration_user)


def add_validation_rule(
    org: SalesforceOrg,
    name: str,
    entity: str,
    message: str,
    broken: Broken,
    *,
    at: str | None = None,
    formula: str = "true",
    active: bool = True,
) -> str:
    """A validation rule; its id. While it is active it refuses what `broken` is true of.

    Args:
        org: where.
        name: API name.
        entity: the object whose records it checks.
        message: what the person is told.
        broken: the condition.
        at: the field beside which the message stands.
        formula: the condition as the org's people wrote it, for its metadata.
        active: whether it is in force.
    """
    told: dict[str, Any] = {
        "active": active,
        "description": None,
        "errorConditionFormula": formula,
        "errorDisplayField": at,
        "errorMessage": message,
        "shouldEvaluateOnClient": None,
        "urls": None,
    }
    row = {
        "ValidationName": name,
        "EntityDefinitionId": entity,
        "Active": int(active),
        "ErrorDisplayField": at,
        "ErrorMessage": message,
        "FullName": f"{entity}.{name}",
        "Metadata": json.dumps(told),
    }
    rule_id = org.records.insert("ValidationRule", row, org.integration_user)

    def rule(saved: str, record: Record) -> RecordError | None:
        held = org.records.get("ValidationRule", rule_id)
        if saved != entity or held is None or not held["Active"] or not broken(record):
            return None
        return RecordError("FIELD_CUSTOM_VALIDATION_EXCEPTION", message, (at,) if at else ())

    org.settings.validation_rules.append(rule)
    return rule_id


def add_workflow_rule(org: SalesforceOrg, name: str, entity: str, *, active: bool = True) -> str:
    """A workflow rule; its id. Whether it is active stands in its metadata only."""
    told = {"active": active, "triggerType": "onAllChanges", "formula": "true", "fullName": None}
    row = {"Name": name, "TableEnumOrId": entity, "FullName": f"{entity}.{name}", "Metadata": json.dumps(told)}
    return org.records.insert("WorkflowRule", row, org.integration_user)


def load(org: SalesforceOrg) -> None:
    """What a new org of the sandbox has, and the rows of `EntityDefinition` that all of it points at."""
    entities = [
        {
            "_id": name,
            "Id": VIRTUAL_ID,
            "DurableId": name,
            "QualifiedApiName": name,
            "DeveloperName": name,
            "Label": name,
            "KeyPrefix": ids.PREFIXES[name],
            "InternalSharingModel": "ControlledByParent" if BY_NAME[name].parent else "ReadWrite",
        }
        for name in org.records.objects()
    ]
    org.records.load("EntityDefinition", entities)
    add_flow(org, "Account_Set_Defaults", "Account")
    add_flow(org, "Account_Old_Scoring", "Account", trigger="RecordAfterSave", saved="Update", active=False)
    add_flow(org, "Weekly_Clean_Up", trigger="Scheduled")
    add_trigger(org, "AccountTrigger", "Account", "BeforeInsert", "BeforeUpdate", "AfterUpdate")
    add_trigger(org, "AccountLegacy", "Account", "AfterUpdate", active=False)
    add_validation_rule(
        org,
        "Renewal_Is_Not_Ancient",
        "Account",
        "The contract's renewal cannot lie before 1990.",
        lambda record: (record.get("Contract_Renewal__c") or "9") < "1990",
        at="Contract_Renewal__c",
        formula="Contract_Renewal__c < DATE(1990, 1, 1)",
    )
    add_workflow_rule(org, "Tell the owner of large accounts", "Account", active=False)
