"""Permission sets: one for the integration user (read and edit our fields), one for reps (read ours, edit people's)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.http import CallError, Trouble, redacted
from crm_kare.labels import Editor
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import AT_ONCE, Client

INTEGRATION: Final = "KARE_Integration"
REPS: Final = "KARE_Reps"
_RIGHTS: Final = ("PermissionsRead", "PermissionsEdit")


@dataclass(frozen=True)
class WantedSet:
    """A permission set: which of our fields it lets its people edit, and whether it grants the object itself."""

    name: str
    label: str
    description: str
    edits: frozenset[Editor]
    object_too: bool


SETS: Final = (
    WantedSet(
        INTEGRATION,
        "KARE Integration",
        "Lets the integration user read all KARE fields and edit those that it writes.",
        frozenset({Editor.OURS}),
        object_too=True,
    ),
    WantedSet(
        REPS,
        "KARE Reps",
        "Lets reps read the KARE fields and edit those that people set.",
        frozenset({Editor.PEOPLE}),
        object_too=False,
    ),
)


def grant(client: Client, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
    """Make both sets right and assign the integration one to the user that we are."""
    steps: list[ProvisionStep] = []
    held = _set_ids(client)
    for wanted in SETS:
        set_id = held.get(wanted.name)
        if set_id is None:
            set_id = "" if dry_run else _created(client, "PermissionSet", _described(wanted))
            steps.append(ProvisionStep("create", f"permission set {wanted.name}", wanted.description))
        else:
            steps.append(ProvisionStep("none", f"permission set {wanted.name}", "exists"))
        steps += _grants(client, source, fields, wanted, set_id, dry_run=dry_run)
        if wanted.name == INTEGRATION:
            steps.append(_assigned(client, set_id, dry_run=dry_run))
    return steps


def revoke(client: Client, *, dry_run: bool) -> list[ProvisionStep]:
    """Take both sets away, with their assignments; their field permissions go with them."""
    steps = []
    for name, set_id in _set_ids(client).items():
        if not dry_run:
            test = soql.equals("PermissionSetId", set_id)
            for row in client.rows(soql.select(("Id",), "PermissionSetAssignment", test)):
                client.delete(f"sobjects/PermissionSetAssignment/{row['Id']}")
            client.delete(f"sobjects/PermissionSet/{set_id}")
        steps.append(ProvisionStep("delete", f"permission set {name}", "with its assignments"))
    return steps


def _described(wanted: WantedSet) -> dict[str, Any]:
    return {"Name": wanted.name, "Label": wanted.label, "Description": wanted.description}


def _set_ids(client: Client) -> dict[str, str]:
    """Ids of our sets that exist; ours have no namespace."""
    test = soql.one_of("Name", (one.name for one in SETS))
    rows = client.rows(soql.select(("Id", "Name"), "PermissionSet", test))
    return {str(row.get("Name")): str(row["Id"]) for row in rows}


def _grants(
    client: Client, source: str, fields: Sequence[LabelField], wanted: WantedSet, set_id: str, *, dry_run: bool
) -> list[ProvisionStep]:
    steps = []
    if wanted.object_too:
        steps.append(_object_grant(client, source, set_id, dry_run=dry_run))
    held = _field_grants(client, source, set_id) if set_id else {}
    missing: list[dict[str, Any]] = []
    for one in fields:
        name = f"{source}.{one.field}"
        right = {"PermissionsRead": True, "PermissionsEdit": one.label.editor in wanted.edits}
        present = held.get(name.lower())
        if present is not None and all(present.get(key) is value for key, value in right.items()):
            continue
        steps.append(ProvisionStep("grant", name, "read and edit" if right["PermissionsEdit"] else "read"))
        if present is None:
            missing.append({"ParentId": set_id, "SobjectType": source, "Field": name, **right})
        elif not dry_run:
            client.patch(f"sobjects/FieldPermissions/{present['Id']}", right)
    if not dry_run:
        _create_all(client, "FieldPermissions", missing)
    granted = [step for step in steps if step.action != "none"]
    return granted or [ProvisionStep("none", f"permissions of {wanted.name}", "all granted")]


def _field_grants(client: Client, source: str, set_id: str) -> dict[str, Mapping[str, Any]]:
    rows = client.rows(
        soql.select(("Id", "Field", *_RIGHTS), "FieldPermissions", *_of(set_id, source)),
    )
    return {str(row.get("Field")).lower(): row for row in rows}


def _object_grant(client: Client, source: str, set_id: str, *, dry_run: bool) -> ProvisionStep:
    """An update needs edit on the object beside edit on the field."""
    right = dict.fromkeys(_RIGHTS, True)
    tests = soql.equals("Parent.Name", INTEGRATION), soql.equals("SobjectType", source)
    try:
        held = client.rows(soql.select(("Id", *_RIGHTS), "ObjectPermissions", *tests))
    except CallError as error:
        if error.trouble.kind not in {"request", "permission"}:
            raise
        return ProvisionStep("none", source, "object permissions cannot be seen: grant Read and Edit on it by hand")
    if held and all(held[0].get(name) is True for name in right):
        return ProvisionStep("none", source, "read and edit")
    if not dry_run and held:
        client.patch(f"sobjects/ObjectPermissions/{held[0]['Id']}", right)
    elif not dry_run:
        _created(client, "ObjectPermissions", {"ParentId": set_id, "SobjectType": source, **right})
    return ProvisionStep("grant", source, "read and edit the object")


def _assigned(client: Client, set_id: str, *, dry_run: bool) -> ProvisionStep:
    what = f"assignment of {INTEGRATION}"
    if not set_id:
        return ProvisionStep("grant", what, "to the integration user")
    user = client.user_id()
    tests = soql.equals("PermissionSetId", set_id), soql.equals("AssigneeId", user)
    if client.rows(soql.select(("Id",), "PermissionSetAssignment", *tests)):
        return ProvisionStep("none", what, "to the integration user")
    if not dry_run:
        _created(client, "PermissionSetAssignment", {"PermissionSetId": set_id, "AssigneeId": user})
    return ProvisionStep("grant", what, "to the integration user")


def _of(set_id: str, source: str) -> tuple[str, str]:
    return soql.equals("ParentId", set_id), soql.equals("SobjectType", source)


def _created(client: Client, kind: str, body: Mapping[str, Any]) -> str:
    answer = client.post(f"sobjects/{kind}", body)
    if not isinstance(answer, dict) or answer.get("success") is not True:
        raise CallError(Trouble("shape", 200, f"create-{kind}", applied=True))
    return str(answer["id"])


def _create_all(client: Client, kind: str, bodies: Sequence[Mapping[str, Any]]) -> None:
    """Create records through sObject Collections; the first that is refused is raised."""
    for start in range(0, len(bodies), AT_ONCE):
        records = [{"attributes": {"type": kind}, **body} for body in bodies[start : start + AT_ONCE]]
        answer = client.post("composite/sobjects", {"allOrNone": False, "records": records})
        if not isinstance(answer, list) or len(answer) != len(records):
            raise CallError(Trouble("shape", 200, f"create-{kind}", applied=True))
        for one in answer:
            if one.get("success") is not True:
                first = (one.get("errors") or [{}])[0]
                raise CallError(
                    Trouble("request", 200, str(first.get("statusCode")), redacted(str(first.get("message"))))
                )
