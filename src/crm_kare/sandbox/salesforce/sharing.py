"""Which records a user sees and may edit, beside what the permissions on their object say.

Everything is shared with all until a test says otherwise. Nothing here binds users who may view or modify all records.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.sandbox.store import Org, Record

_SEES_ALL: Final = frozenset({"ViewAllRecords", "ModifyAllRecords"})


class Sharing:
    """What was taken out of sharing, by object."""

    def __init__(self, records: Org) -> None:
        self._records = records
        self._hidden: dict[str, set[str]] = {}
        self._locked: dict[str, set[str]] = {}
        self._private: set[str] = set()

    def hide(self, name: str, ids: Iterable[str]) -> None:
        """Nobody sees these records, their owners neither."""
        self._hidden.setdefault(name, set()).update(ids)

    def lock(self, name: str, ids: Iterable[str]) -> None:
        """All see these records and nobody edits them: the org's default lets the others be read only."""
        self._records.update("EntityDefinition", name, {"InternalSharingModel": "Read"}, "")
        self._locked.setdefault(name, set()).update(ids)

    def make_private(self, name: str) -> None:
        """Only their owners see the object's records."""
        self._private.add(name)
        self._records.update("EntityDefinition", name, {"InternalSharingModel": "Private"}, "")

    def open_all(self) -> None:
        """Everything is shared again."""
        self._hidden.clear()
        self._locked.clear()
        self._private.clear()
        for name in self._records.objects():
            if not BY_NAME[name].parent:
                self._records.update("EntityDefinition", name, {"InternalSharingModel": "ReadWrite"}, "")

    def condition(self, rights: frozenset[str], user_id: str, name: str, alias: str) -> tuple[str, list[Any]]:
        """SQL that is true of the rows a user sees, with its parameters; empty where that is all of them."""
        if _SEES_ALL & rights:
            return "", []
        parts, parameters = self._own(user_id, name, f"{alias}._id", f"{alias}.OwnerId")
        parent = self._parent(name)
        if parent is not None:
            column, over = parent
            inside, more = self._own(user_id, over, "over._id", "over.OwnerId")
            if inside:
                table = self._records.table(over)
                seen = f"SELECT _id FROM {table} over WHERE {' AND '.join(inside)}"  # noqa: S608  names are ours
                parts.append(f"({alias}.{column} IS NULL OR {alias}.{column} IN ({seen}))")
                parameters += more
        return " AND ".join(parts), parameters

    def sees(self, rights: frozenset[str], user_id: str, name: str, record: Record) -> bool:
        """Whether a user sees a record."""
        condition, parameters = self.condition(rights, user_id, name, "main")
        if not condition:
            return True
        sql = f"SELECT 1 FROM {self._records.table(name)} main WHERE main._id = ? AND {condition}"  # noqa: S608
        return bool(self._records.store.rows(sql, [record["_id"], *parameters]))

    def edits(self, rights: frozenset[str], name: str, record: Record) -> bool:
        """Whether a user who sees a record may change it; a part is changed with what it belongs to."""
        if "ModifyAllRecords" in rights:
            return True
        parent = self._parent(name)
        over = parent is not None and record[parent[0]] in self._locked.get(parent[1], ())
        return not over and record["_id"] not in self._locked.get(name, ())

    def _own(self, user_id: str, name: str, id_column: str, owner_column: str) -> tuple[list[str], list[Any]]:
        parts, parameters = [], []
        if self._hidden.get(name):
            parts.append(f"{id_column} NOT IN (SELECT value FROM json_each(?))")  # noqa: S608  names are ours
            parameters.append(json.dumps(sorted(self._hidden[name])))
        if name in self._private:
            parts.append(f"{owner_column} = ?")
            parameters.append(user_id)
        return parts, parameters

    def _parent(self, name: str) -> tuple[str, str] | None:
        """Column and object of the record with which this object's records are seen."""
        column = BY_NAME[name].parent
        return (column, self._records.fields(name)[column].refers_to) if column else None
