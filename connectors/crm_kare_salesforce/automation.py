"""What the org's own people built that runs at every write: flows, triggers, validation and workflow rules.

A first run writes most accounts once, and sets each of these off as often. Sources: FlowDefinitionView (object reference),
ApexTrigger, ValidationRule and WorkflowRule (Tooling API reference).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from crm_kare.http import CallError
from crm_kare.model import Problem
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.site import refused

_STAGED: Final = (
    "Begin with `crm-kare sync {crm} --force --limit 50`, look at those accounts and their neighbours, then go on; exempt the"
    " integration user where one of them sends mail, calls out or is slow."
)
_EXEMPT: Final = (
    "Accounts that break one already are rejected when a label is written: begin with `crm-kare sync {crm} --force --limit 50`,"
    " correct such records, or exempt the integration user in the rule."
)
_SEEN_WITH: Final = "Grant View Setup and Configuration to see it in `doctor`; nothing else needs it."

_NAMED: Final = 10
_SINGLE_ROWS: Final = 25
"""Workflow rules looked at: Salesforce gives the metadata of one in a call."""

_SAVES: Final = frozenset({"RecordBeforeSave", "RecordAfterSave"})
_ON_UPDATE: Final = frozenset({"Update", "CreateAndUpdate"})


def findings(client: Client, crm: str, source: str) -> list[Problem]:
    """One finding per kind that is there, and one for the kinds that this user may not see."""
    hidden: list[str] = []
    found: list[Problem] = []
    for noun, code, ask, fix in _KINDS:
        try:
            names = ask(client, source)
        except CallError as error:
            if not refused(error):
                raise
            hidden.append(noun)
            continue
        if names:
            text = f"{_counted(len(names), noun)} would run at every write: {_listed(names)}."
            found.append(Problem(code, text, fix.format(crm=crm), where=source, level="warning"))
    if hidden:
        kinds = [_counted(2, noun).removeprefix("2 ") for noun in hidden]
        text = f"This user may not see {', '.join(kinds)}, which may run at every write."
        found.append(Problem("automation-unseen", text, _SEEN_WITH, where=source, level="info"))
    return found


def _flows(client: Client, source: str) -> list[str]:
    """Record-triggered flows of the object. `IsActive` tells of the latest version only, so the active one counts."""
    columns = ("ApiName", "TriggerType", "RecordTriggerType", "ActiveVersionId")
    test = soql.equals("TriggerObjectOrEvent.QualifiedApiName", source)
    rows = client.views(soql.select(columns, "FlowDefinitionView", test))
    return [
        str(one.get("ApiName"))
        for one in rows
        if one.get("ActiveVersionId")
        and one.get("TriggerType") in _SAVES
        and (one.get("RecordTriggerType") or "Update") in _ON_UPDATE
    ]


def _processes(client: Client, _source: str) -> list[str]:
    """Processes of the Process Builder; which object starts one stands in its metadata only, so all are listed."""
    test = soql.equals("ProcessType", "Workflow")
    rows = client.views(soql.select(("ApiName", "ActiveVersionId"), "FlowDefinitionView", test))
    return [str(one.get("ApiName")) for one in rows if one.get("ActiveVersionId")]


def _triggers(client: Client, source: str) -> list[str]:
    """Active Apex triggers that run before or after an update."""
    columns = ("Id", "Name", "NamespacePrefix", "UsageBeforeUpdate", "UsageAfterUpdate")
    tests = _of(source), soql.equals("Status", "Active")
    rows = client.tooling_rows(soql.select(columns, "ApexTrigger", *tests))
    return [_full(one, "Name") for one in rows if one.get("UsageBeforeUpdate") or one.get("UsageAfterUpdate")]


def _of(source: str) -> str:
    """The test for an object: `TableEnumOrId` holds the name of standard objects, and an id for custom ones."""
    return soql.equals("EntityDefinition.QualifiedApiName" if source.endswith("__c") else "TableEnumOrId", source)


def _validations(client: Client, source: str) -> list[str]:
    tests = soql.equals("EntityDefinition.QualifiedApiName", source), "Active = true"
    rows = client.tooling_rows(
        soql.select(("Id", "ValidationName", "NamespacePrefix"), "ValidationRule", *tests),
    )
    return [_full(one, "ValidationName") for one in rows]


def _workflows(client: Client, source: str) -> list[str]:
    """Active workflow rules. Whether one is active stands in its metadata, which is given one row at a time."""
    rows = client.tooling_rows(soql.select(("Id", "Name"), "WorkflowRule", soql.equals("TableEnumOrId", source)))
    active = []
    for one in rows[:_SINGLE_ROWS]:
        query = soql.select(("Id", "Metadata"), "WorkflowRule", soql.equals("Id", one["Id"]))
        if any((row.get("Metadata") or {}).get("active") for row in client.tooling_rows(query)):
            active.append(str(one.get("Name")))
    return active + [str(one.get("Name")) for one in rows[_SINGLE_ROWS:]]


def _full(row: Mapping[str, Any], key: str) -> str:
    """The name with the namespace of the package that brought it."""
    prefix = row.get("NamespacePrefix")
    return f"{prefix}__{row.get(key)}" if prefix else str(row.get(key))


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + rest


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith('s') else 's'}"


_KINDS: Final[tuple[tuple[str, str, Callable[[Client, str], list[str]], str], ...]] = (
    ("active record-triggered flow", "automation-flows", _flows, _STAGED),
    ("active Process Builder process", "automation-processes", _processes, _STAGED),
    ("active Apex trigger", "automation-triggers", _triggers, _STAGED),
    ("active validation rule", "automation-validations", _validations, _EXEMPT),
    ("active workflow rule", "automation-workflows", _workflows, _STAGED),
)
