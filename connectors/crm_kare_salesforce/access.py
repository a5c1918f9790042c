"""Permission sets: one for the integration user (edits our fields, reads what is mapped), one for reps (reads ours, edits
people's). Nothing is taken from a set but the right to edit one of our fields that is not its people's.

View All and Modify All are granted where the mapping's options ask for them, never else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.http import CallError
from crm_kare.labels import Editor
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_salesforce import soql
from crm_kare_salesforce.readable import Reads
from crm_kare_salesforce.site import HAND, Site, by_hand, create_all, created, refused, told, tried
from crm_kare_salesforce.wishes import INTEGRATION, REPS, Wishes

_READ: Final = "PermissionsRead"
_EDIT: Final = "PermissionsEdit"
_OBJECT_RIGHTS: Final[Mapping[str, str]] = {
    _READ: "read",
    _EDIT: "edit",
    "PermissionsDelete": "delete",
    "PermissionsViewAllRecords": "view all",
    "PermissionsModifyAllRecords": "modify all",
}
_VIEW_ALL: Final = (_READ, "PermissionsViewAllRecords")
_MODIFY_ALL: Final = tuple(_OBJECT_RIGHTS)
"""Salesforce gives Modify All only together with the four others, Delete among them."""

_IN_SETUP: Final = (
    "Grant it in Setup > Permission Sets, or ask an admin with the permission for this step to run provision."
)
_NO_SUCH: Final = "Salesforce knows no such field, or sets no permission on it; correct the mapping, or leave it."


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


def grant(
    site: Site, fields: Sequence[LabelField], reads: Reads, wishes: Wishes, unmade: frozenset[str]
) -> list[ProvisionStep]:
    """Make both sets right and assign them. `unmade` are fields that do not exist, since Salesforce refused them."""
    steps: list[ProvisionStep] = []
    try:
        held = set_ids(site)
        for wanted in SETS:
            for step in _made_right(site, wanted, held.get(wanted.name), fields, reads, wishes, unmade):
                steps.append(step)  # noqa: PERF402  those before a refusal are kept
    except CallError as error:
        if not refused(error):
            raise
        step = ProvisionStep("grant", "permission sets")
        steps.append(by_hand(step, told(error.trouble), "It needs the permission View Setup and Configuration."))
    return steps + [_unclear(path) for path in reads.unclear]


def _made_right(
    site: Site,
    wanted: WantedSet,
    set_id: str | None,
    fields: Sequence[LabelField],
    reads: Reads,
    wishes: Wishes,
    unmade: frozenset[str],
) -> Iterator[ProvisionStep]:
    step, set_id = _set(site, wanted, set_id)
    yield step
    if step.action == HAND:
        return
    granting = _Granting(site, wanted.name, set_id)
    done = 0
    for done, one in enumerate(granting.objects(_object_rights(site, reads, wanted, wishes)), 1):  # noqa: B007
        yield one
    for one in granting.fields(_field_rights(site, fields, reads, wanted, unmade)):
        done += 1
        yield one
    if not done:
        yield ProvisionStep("none", f"permissions of {wanted.name}", "all granted")
    yield from _assigned(site, wanted.name, set_id, wishes.assign.get(wanted.name, ()))


def set_ids(site: Site) -> dict[str, str]:
    """Ids of our sets that exist, by name; ours have no namespace."""
    test = soql.one_of("Name", (one.name for one in SETS))
    rows = site.client.rows(soql.select(("Id", "Name"), "PermissionSet", test))
    return {str(row.get("Name")): str(row["Id"]) for row in rows}


def _set(site: Site, wanted: WantedSet, set_id: str | None) -> tuple[ProvisionStep, str]:
    """The step that makes the set, and its id; empty where there is none yet."""
    what = f"permission set {wanted.name}"
    if set_id is not None:
        return ProvisionStep("none", what, "exists"), set_id
    step = ProvisionStep("create", what, wanted.description)
    if site.dry_run:
        return step, ""
    try:
        body = {"Name": wanted.name, "Label": wanted.label, "Description": wanted.description}
        return step, created(site.client, "PermissionSet", body)
    except CallError as error:
        if not refused(error):
            raise
        return by_hand(step, told(error.trouble), "It needs the permission Manage Profiles and Permission Sets."), ""


def _object_rights(site: Site, reads: Reads, wanted: WantedSet, wishes: Wishes) -> dict[str, tuple[str, ...]]:
    """Rights to grant, by object. An update needs Edit on the object beside Edit on the field."""
    if not wanted.object_too:
        return {}
    rights: dict[str, tuple[str, ...]] = {site.source: (_READ, _EDIT)}
    for name in reads.objects:
        rights.setdefault(name, (_READ,))
    for name, wish in rights.items():
        more = (
            _MODIFY_ALL if name.lower() in wishes.modify_all else _VIEW_ALL if name.lower() in wishes.view_all else ()
        )
        rights[name] = tuple(one for one in _OBJECT_RIGHTS if one in {*wish, *more})
    return rights


def _field_rights(
    site: Site, fields: Sequence[LabelField], reads: Reads, wanted: WantedSet, unmade: frozenset[str]
) -> dict[str, dict[str, bool]]:
    """Rights to have, by `Object.Field`: exactly these on our own fields, at least these on what is mapped."""
    ours = {
        f"{site.source}.{one.field}": {_READ: True, _EDIT: one.label.editor in wanted.edits}
        for one in fields
        if one.field not in unmade
    }
    names = {one.lower() for one in ours} | {f"{site.source}.{one}".lower() for one in unmade}
    mapped = {name: {_READ: True} for name in reads.fields if wanted.object_too and name.lower() not in names}
    return {**ours, **mapped}


class _Granting:
    """The rights of one permission set while they are made right; `set_id` is empty before the set exists."""

    def __init__(self, site: Site, name: str, set_id: str) -> None:
        self._site, self._name, self._set_id = site, name, set_id

    def objects(self, wanted: Mapping[str, Sequence[str]]) -> Iterator[ProvisionStep]:
        """One step per object whose rights are not there."""
        held = self._held("ObjectPermissions", "SobjectType", _OBJECT_RIGHTS) if wanted else {}
        for name, rights in wanted.items():
            present = held.get(name.lower())
            missing = [one for one in rights if present is None or present.get(one) is not True]
            if missing:
                step = self._step(name, f"{', '.join(_OBJECT_RIGHTS[one] for one in missing)} records")
                yield tried(self._site, step, lambda: self._give_object(name, rights, present), _IN_SETUP)  # noqa: B023

    def _give_object(self, name: str, rights: Sequence[str], present: Mapping[str, Any] | None) -> None:
        told = dict.fromkeys(rights, True)
        if present is None:
            created(self._site.client, "ObjectPermissions", {"ParentId": self._set_id, "SobjectType": name, **told})
        else:
            self._site.client.patch(f"sobjects/ObjectPermissions/{present['Id']}", told)

    def fields(self, wanted: Mapping[str, Mapping[str, bool]]) -> list[ProvisionStep]:
        """One step per field whose rights are not as they are to be."""
        held = self._held("FieldPermissions", "Field", (_READ, _EDIT))
        steps: list[ProvisionStep] = []
        new: dict[str, ProvisionStep] = {}
        for name, right in wanted.items():
            present = held.get(name.lower())
            step = self._step(name, "read and edit" if right.get(_EDIT) else "read")
            if present is None:
                new[name] = step
            elif any(present.get(key) is not value for key, value in right.items()):
                path = f"sobjects/FieldPermissions/{present['Id']}"
                steps.append(tried(self._site, step, lambda: self._site.client.patch(path, right), _IN_SETUP))  # noqa: B023
        return [*steps, *self._give_fields(wanted, new)]

    def _give_fields(
        self, wanted: Mapping[str, Mapping[str, bool]], new: Mapping[str, ProvisionStep]
    ) -> Iterator[ProvisionStep]:
        """All that are new in one call; one that is refused does not lose the others."""
        if self._site.dry_run:
            yield from new.values()
            return
        bodies = [
            {"ParentId": self._set_id, "SobjectType": name.partition(".")[0], "Field": name, **wanted[name]}
            for name in new
        ]
        for step, why in zip(new.values(), create_all(self._site.client, "FieldPermissions", bodies), strict=True):
            yield by_hand(step, why, _NO_SUCH) if why else step

    def _step(self, name: str, detail: str) -> ProvisionStep:
        return ProvisionStep("grant", f"{self._name}: {name}", detail)

    def _held(self, kind: str, key: str, rights: Sequence[str] | Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
        """What the set grants now, by name in lower case."""
        if not self._set_id:
            return {}
        query = soql.select(("Id", key, *rights), kind, soql.equals("ParentId", self._set_id))
        return {str(row.get(key)).lower(): row for row in self._site.client.rows(query)}


def _unclear(path: str) -> ProvisionStep:
    why = "this user does not see the look-up, so where it leads is not told"
    return ProvisionStep(HAND, f"{INTEGRATION}: {path}", f"grant read: {why}. Run provision again once it is granted.")


def _assigned(site: Site, name: str, set_id: str, usernames: Sequence[str]) -> Iterator[ProvisionStep]:
    """The integration set to ourselves, and each set to those whom the mapping names."""
    if name == INTEGRATION:
        yield _assign(site, f"assignment of {name}", "to the integration user", set_id, site.client.user_id())
    users = _users(site, usernames)
    for username in usernames:
        what, user = f"assignment of {name} to {username}", users.get(username.lower())
        if user is None or user.get("IsActive") is not True:
            why = "there is no user of this name" if user is None else "the user is not active"
            yield ProvisionStep(
                HAND, what, f"grant: {why}. Correct options.assign in the mapping, or activate the user."
            )
        elif not (name == INTEGRATION and user["Id"] == site.client.user_id()):
            yield _assign(site, what, "", set_id, str(user["Id"]))


def _users(site: Site, usernames: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Users by name in lower case; a hundred in one query keeps it short enough for an address."""
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(usernames), 100):
        test = soql.one_of("Username", usernames[start : start + 100])
        rows = site.client.rows(soql.select(("Id", "Username", "IsActive"), "User", test))
        found |= {str(row.get("Username")).lower(): row for row in rows}
    return found


def _assign(site: Site, what: str, detail: str, set_id: str, user: str) -> ProvisionStep:
    if set_id:
        tests = soql.equals("PermissionSetId", set_id), soql.equals("AssigneeId", user)
        if site.client.rows(soql.select(("Id",), "PermissionSetAssignment", *tests)):
            return ProvisionStep("none", what, detail or "assigned")
    body = {"PermissionSetId": set_id, "AssigneeId": user}
    step = ProvisionStep("grant", what, detail)
    return tried(
        site,
        step,
        lambda: created(site.client, "PermissionSetAssignment", body),
        "It needs the permission Assign Permission Sets, and a licence of the user that allows what the set grants.",
    )
