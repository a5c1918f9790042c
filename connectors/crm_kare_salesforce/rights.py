"""Access to records, which sharing decides beside object and field permissions: what this user can read, and may edit.

Nobody tells a user what is hidden from it. What can be told: org-wide defaults and this user's View All and Modify All;
for a sample of accounts whether they may be edited (UserRecordAccess, 200 a query); and how the number of records that this
user counts compares with the org's own count, which knows no sharing but is some hours old.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.http import CallError
from crm_kare.model import Problem
from crm_kare.ports import ProvisionStep, StreamSpec
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.site import HAND, Site, refused
from crm_kare_salesforce.wishes import INTEGRATION

_SHARED: Final = ("account", "opportunity", "order", "contact", "contract")
"""Objects whose records have owners and are shared one by one; others go with a parent, or are read by all."""

_EDITED_BY_ALL: Final = frozenset({"edit", "readwrite", "readwritetransfer", "fullaccess", "all"})
_READ_BY_ALL: Final = _EDITED_BY_ALL | {"read"}
_DEFAULTS: Final = {"account": "DefaultAccountAccess", "opportunity": "DefaultOpportunityAccess"}
_SYSTEM: Final = ("PermissionsViewAllData", "PermissionsModifyAllData", "PermissionsViewSetup")
_OBJECT: Final = ("PermissionsViewAllRecords", "PermissionsModifyAllRecords")
_SAMPLE: Final = 200
_TOLERANCE: Final = 0.01
"""The org's own count is a snapshot: a difference smaller than this share says nothing."""


@dataclass(frozen=True)
class Held:
    """What this user holds beyond single records.

    Attributes:
        view_all: objects (lower case) of which it sees every record; `*` = all objects.
        modify_all: objects of which it edits every record.
        setup: whether it may view setup.
    """

    view_all: frozenset[str]
    modify_all: frozenset[str]
    setup: bool

    def sees(self, source: str) -> bool:
        """Whether sharing hides nothing of the object."""
        return bool({source.lower(), "*"} & (self.view_all | self.modify_all))

    def edits(self, source: str) -> bool:
        """Whether sharing forbids no edit of the object."""
        return bool({source.lower(), "*"} & self.modify_all)


def findings(client: Client, account: str, sources: Iterable[str]) -> list[Problem]:
    """Records that sharing hides from this user, or lets it read only. `account` is the object that carries the labels."""
    shared = [one for one in dict.fromkeys((account, *sources)) if one.lower() in _SHARED or one.endswith("__c")]
    held = _held(client)
    defaults = _defaults(client, shared)
    found = [] if held.setup else [_NO_SETUP]
    for source in shared:
        default = defaults.get(source.lower(), "")
        if not (held.sees(source) or default in _READ_BY_ALL or default.startswith("controlledby")):
            found += _hidden(client, source, default)
    if not held.edits(account) and defaults.get(account.lower(), "") not in _EDITED_BY_ALL:
        found += _read_only(client, account)
    return found


def left_to_share(site: Site, specs: Iterable[StreamSpec]) -> list[ProvisionStep]:
    """The same as steps for a person, since no permission set of ours opens records. Nothing is told to a user who may not
    edit the object yet, for then no record can be edited, whatever is shared.
    """
    if not site.objects.describe(site.source).get("updateable"):
        return []
    found = findings(site.client, site.source, (one.source for one in specs))
    return [
        ProvisionStep(HAND, "access to records", f"{one.message} {one.fix}") for one in found if one.level != "info"
    ]


def _held(client: Client) -> Held:
    """The union of this user's permission sets, the one behind its profile among them; nothing where it may not see them."""
    query = soql.select(
        ("Id", "PermissionSetId"), "PermissionSetAssignment", soql.equals("AssigneeId", client.user_id())
    )
    try:
        sets = list(dict.fromkeys(str(row.get("PermissionSetId")) for row in client.rows(query)))
        whole = client.rows(soql.select(("Id", *_SYSTEM), "PermissionSet", soql.one_of("Id", sets or [""])))
        query = soql.select(("Id", "SobjectType", *_OBJECT), "ObjectPermissions", soql.one_of("ParentId", sets or [""]))
        single = client.rows(query)
    except CallError as error:
        if not refused(error):
            raise
        return Held(frozenset(), frozenset(), setup=False)
    return Held(
        _where(_SYSTEM[0], whole, _OBJECT[0], single),
        _where(_SYSTEM[1], whole, _OBJECT[1], single),
        setup=any(row.get(_SYSTEM[2]) is True for row in whole),
    )


def _where(
    system: str, whole: Sequence[Mapping[str, Any]], right: str, single: Sequence[Mapping[str, Any]]
) -> frozenset[str]:
    everywhere = {"*"} if any(row.get(system) is True for row in whole) else set()
    return frozenset(everywhere | {str(row.get("SobjectType")).lower() for row in single if row.get(right) is True})


def _defaults(client: Client, sources: Sequence[str]) -> dict[str, str]:
    """Org-wide defaults in lower case, by object in lower case; those that cannot be told are missing."""
    query = soql.select(
        ("QualifiedApiName", "InternalSharingModel"), "EntityDefinition", soql.one_of("QualifiedApiName", sources)
    )
    try:
        rows = client.views(query)
        return {str(row.get("QualifiedApiName")).lower(): str(row.get("InternalSharingModel")).lower() for row in rows}
    except CallError as error:
        if not refused(error):
            raise
    return _organisation_defaults(client)


def _organisation_defaults(client: Client) -> dict[str, str]:
    try:
        rows = client.rows(f"{soql.select(('Id', *_DEFAULTS.values()), 'Organization')} LIMIT 1")
    except CallError as error:
        if not refused(error):
            raise
        return {}
    return {source: str(rows[0].get(name)).lower() for source, name in _DEFAULTS.items()} if rows else {}


def _hidden(client: Client, source: str, default: str) -> list[Problem]:
    """Records of an object that not everybody reads: how many, where the org tells."""
    share = f"its org-wide default is {default}" if default else "its org-wide default cannot be seen"
    fix = (
        f"Share them with the integration user by a sharing rule or a role above their owners, or grant View All on {source}:"
        f" `options: {{view_all: [{source}]}}` in the mapping and `crm-kare provision`."
    )
    seen, there = _counts(client, source)
    if there is not None and seen >= there * (1 - _TOLERANCE):
        return []
    if there is not None:
        text = f"This user sees {seen} of about {there} {source} records: sharing hides the others, which are not read."
        return [Problem("records-hidden", text, fix, where="sharing", level="warning")]
    text = (
        f"{source} records that sharing hides from this user (private ones, other territories) are not read: {share}."
    )
    return [Problem("sharing", text, fix, where="sharing", level="info")]


def _counts(client: Client, source: str) -> tuple[int, int | None]:
    """Records that this user counts, and those that the org counts; `None` where it does not tell."""
    try:
        told_counts = client.get("limits/recordCount", sObjects=source)["sObjects"]
        there = next(int(one["count"]) for one in told_counts if str(one["name"]).lower() == source.lower())
        return int(client.one_row(soql.counts((), source))["total"]), there
    except (KeyError, TypeError, ValueError, StopIteration):
        return 0, None
    except CallError as error:
        if not refused(error):
            raise
        return 0, None


def _read_only(client: Client, account: str) -> list[Problem]:
    """Accounts of a sample, the oldest and the newest, that this user reads and may not edit."""
    try:
        barred = looked_at = 0
        for order in ("Id", "Id DESC"):
            ids = [row["Id"] for row in client.rows(f"{soql.select(('Id',), account, order=order)} LIMIT {_SAMPLE}")]
            editable = _editable(client, ids) if ids else 0
            looked_at, barred = looked_at + len(ids), barred + len(ids) - editable
            if len(ids) < _SAMPLE:
                break
    except CallError as error:
        if not refused(error):
            raise
        text = f"Whether this user may edit each {account} record cannot be seen ({error.trouble.code})."
        fix = f"Make sure that sharing lets it: the org-wide default, a sharing rule, a role above the owners, or {INTEGRATION}."
        return [Problem("sharing", text, fix, where="sharing", level="info")]
    if not barred:
        return []
    text = f"Of {looked_at} {account} records looked at, this user may read but not edit {barred}: their labels are rejected."
    fix = (
        f"Share the accounts with the integration user for editing (a sharing rule, or a role above the owners), or grant"
        f" Modify All on {account}: `options: {{modify_all: [{account}]}}` in the mapping and `crm-kare provision`."
    )
    return [
        Problem("records-read-only", text, fix, where="sharing", level="warning" if barred < looked_at else "error")
    ]


def _editable(client: Client, ids: Sequence[str]) -> int:
    """How many of the records this user may edit; the object gives no ids of its own."""
    tests = soql.equals("UserId", client.user_id()), soql.one_of("RecordId", ids)
    rows = client.views(soql.select(("RecordId", "HasEditAccess"), "UserRecordAccess", *tests))
    return sum(row.get("HasEditAccess") is True for row in rows)


_NO_SETUP: Final = Problem(
    "setup-unseen",
    "This user has no permission View Setup and Configuration: `provision` cannot work, and `doctor` sees less.",
    "Runs do not need it: let an admin run `provision`, or grant it while you set up.",
    where="permissions",
    level="info",
)
