"""Deletion, its way back, merges, and the end of the recycle bin.

Deleting an account deletes its contacts, opportunities and orders, with their lines and roles, and empties the lookups
of other accounts to it; undeleting it brings all of that back (Salesforce Help, "Considerations for Deleting Accounts").
"""

from dataclasses import dataclass, field
from typing import Final

from crm_kare.sandbox.salesforce.definitions import OBJECTS
from crm_kare.sandbox.store import Org

_PARTS: Final = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId"), ("Order", "AccountId")),
    "Contact": (("OpportunityContactRole", "ContactId"),),
    "Opportunity": (("OpportunityLineItem", "OpportunityId"), ("OpportunityContactRole", "OpportunityId")),
    "Order": (("OrderItem", "OrderId"),),
}
"""What goes with a record: object and the column that says whose it is."""

_LOOKUPS: Final = {"Account": (("Account", "ParentId"),)}
"""What stays and no longer refers to it."""

_Key = tuple[str, str]


@dataclass
class _Deletion:
    """One deletion: what went along, and which lookups were emptied (object, id, column)."""

    along: list[_Key] = field(default_factory=list)
    emptied: list[tuple[str, str, str]] = field(default_factory=list)


class RecycleBin:
    """Remembers what was deleted with what. `log_begins` is the moment before which the delete log was purged."""

    def __init__(self, records: Org) -> None:
        self.log_begins = 0
        self._records = records
        self._deletions: dict[_Key, _Deletion] = {}

    def delete(self, name: str, record_id: str, user_id: str) -> None:
        """Put a record into the bin, with all that belongs to it."""
        done = _Deletion()
        with self._records.store.transaction():
            self._records.delete(name, record_id, user_id)
            self._delete_parts(name, record_id, user_id, done)
            for other, column in _LOOKUPS.get(name, ()):
                for one in self._records.select(other, f'"{column}" = ?', (record_id,)):
                    self._records.update(other, one["_id"], {column: None}, user_id)
                    done.emptied.append((other, one["_id"], column))
        self._deletions[name, record_id] = done

    def _delete_parts(self, name: str, record_id: str, user_id: str, done: _Deletion) -> None:
        for other, column in _PARTS.get(name, ()):
            for one in self._records.select(other, f'"{column}" = ?', (record_id,)):
                self._records.delete(other, one["_id"], user_id)
                done.along.append((other, one["_id"]))
                self._delete_parts(other, one["_id"], user_id, done)

    def undelete(self, name: str, record_id: str, user_id: str) -> None:
        """Take a record out of the bin, with what went along; lookups that were filled anew meanwhile stay."""
        done = self._deletions.pop((name, record_id), _Deletion())
        with self._records.store.transaction():
            for other, other_id in [(name, record_id), *done.along]:
                held = self._records.get(other, other_id)
                if held is not None and held["_deleted"]:
                    self._records.undelete(other, other_id, user_id)
            for other, other_id, column in done.emptied:
                held = self._records.get(other, other_id)
                if held is not None and held[column] is None:
                    self._records.update(other, other_id, {column: record_id}, user_id)

    def merge(self, name: str, winner: str, loser: str, user_id: str) -> None:
        """The loser is deleted, and names the winner; its children move to the winner, their stamps with them."""
        with self._records.store.transaction():
            for other in OBJECTS:
                for column in other.fields:
                    if column.refers_to == name and not other.read_only:
                        self._move(other.name, column.name, winner, loser, user_id)
            self._records.delete(name, loser, user_id, merged_into=winner)

    def _move(self, other: str, column: str, winner: str, loser: str, user_id: str) -> None:
        """The winner itself cannot become its own child."""
        for child in self._records.select(other, f'"{column}" = ?', (loser,)):
            target = winner if child["_id"] != winner else None
            self._records.update(other, child["_id"], {column: target}, user_id)

    def purge(self, name: str, record_id: str) -> None:
        """Gone for good, with what went along; the delete log knows them still."""
        done = self._deletions.pop((name, record_id), _Deletion())
        for other, other_id in [(name, record_id), *done.along]:
            self._records.purge(other, other_id)

    def empty(self) -> None:
        """Somebody empties the bin."""
        with self._records.store.transaction():
            for one in OBJECTS:
                for record in self._records.select(one.name, deleted=True) if one.has_bin else ():
                    self._records.purge(one.name, record["_id"])
        self._deletions.clear()

    def forget_log(self) -> None:
        """The delete log is purged, as it is where it grows too long: what was deleted before can no longer be asked for."""
        self.log_begins = self._records.now_ms()
