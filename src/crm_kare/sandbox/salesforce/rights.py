"""Who may do what with objects and fields: what all permission sets assigned to a user give together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from crm_kare.sandbox.salesforce.definitions import BY_NAME, OBJECT_RIGHTS, SYSTEM_PERMISSIONS
from crm_kare.sandbox.store import Access, FieldDef, Org

EVERYTHING: Final = frozenset(OBJECT_RIGHTS)
_SOURCES: Final = ("PermissionSet", "PermissionSetAssignment", "ObjectPermissions", "FieldPermissions")
_NOTHING: Final = Access(read=False, edit=False)


@dataclass(frozen=True)
class ObjectAccess:
    """What a user may do with an object: rights (`Read`, `Edit` …), fields seen by name in lower case, fields written."""

    rights: frozenset[str]
    visible: Mapping[str, FieldDef]
    editable: frozenset[str]


class Rights:
    """Reckons rights from the permission records, anew when these change."""

    def __init__(self, records: Org, fields: Callable[[str], Mapping[str, FieldDef]]) -> None:
        self._records = records
        self._fields = fields
        self._known: dict[tuple[str, str], tuple[object, ObjectAccess]] = {}

    def of(self, user_id: str, name: str, features: object) -> ObjectAccess:
        """A user's access to an object; `features` are those that the org has, for fields come and go with them."""
        state = (self._records.version(*_SOURCES), features)
        held = self._known.get((user_id, name))
        if held is None or held[0] != state:
            held = self._known[user_id, name] = state, self._reckoned(user_id, name)
        return held[1]

    def system(self, user_id: str) -> frozenset[str]:
        """A user's system permissions."""
        columns = ", ".join(f"max(p.Permissions{one})" for one in SYSTEM_PERMISSIONS)
        rows = self._records.store.rows(f"SELECT {columns} {self._sets('PermissionSet', '_id')}", (user_id,))
        return frozenset(one for one, held in zip(SYSTEM_PERMISSIONS, rows[0], strict=True) if held)

    def _sets(self, name: str, link: str) -> str:
        """SQL of the rows `p` of an object of permissions that reach a user."""
        return (
            f" FROM {self._records.table(name)} p"
            f" JOIN {self._records.table('PermissionSetAssignment')} a ON a.PermissionSetId = p.{link}"
            f" WHERE a.AssigneeId = ? AND a._deleted = 0 AND p._deleted = 0"
        )

    def _reckoned(self, user_id: str, name: str) -> ObjectAccess:
        granted = self._granted(user_id, name)
        access = {one.name: self._access(user_id, name, one, granted) for one in self._fields(name).values()}
        visible = {key: one for key, one in self._fields(name).items() if access[one.name].read}
        editable = frozenset(one.name for one in visible.values() if one.writable and access[one.name].edit)
        return ObjectAccess(self._rights(user_id, name), visible, editable)

    def _rights(self, user_id: str, name: str) -> frozenset[str]:
        """Setup objects are open for reading, but those that need a right; writing them needs a right of their own."""
        definition, system = BY_NAME[name], self.system(user_id)
        if definition.view_rights and not system & set(definition.view_rights):
            return frozenset()
        if not definition.governor:
            changes = not definition.read_only and definition.write_right in system
            return EVERYTHING if changes else frozenset({"Read", "ViewAllRecords"})
        if "ModifyAllData" in system:
            return EVERYTHING
        columns = ", ".join(f"max(p.Permissions{one})" for one in OBJECT_RIGHTS)
        sql = f"SELECT {columns} {self._sets('ObjectPermissions', 'ParentId')} AND p.SobjectType = ?"
        row = self._records.store.rows(sql, (user_id, definition.governor))[0]
        held = {one for one, given in zip(OBJECT_RIGHTS, row, strict=True) if given}
        return frozenset(held | ({"Read", "ViewAllRecords"} if "ViewAllData" in system else set()))

    def _access(self, user_id: str, name: str, one: FieldDef, granted: Mapping[str, Access]) -> Access:
        """What field-level security applies to is seen by those to whom it was granted; the rest by all."""
        told = self._records.access(user_id, name, one.name)
        if told is not None:
            return told
        return granted.get(one.name, _NOTHING) if BY_NAME[name].permissionable(one) else Access()

    def _granted(self, user_id: str, name: str) -> dict[str, Access]:
        columns = "p.Field, max(p.PermissionsRead), max(p.PermissionsEdit)"
        reaching = self._sets("FieldPermissions", "ParentId")
        sql = f"SELECT {columns} {reaching} AND p.SobjectType = ? GROUP BY p.Field"
        rows = self._records.store.rows(sql, (user_id, name))
        return {field_name.split(".")[1]: Access(bool(read), bool(edit)) for field_name, read, edit in rows}
