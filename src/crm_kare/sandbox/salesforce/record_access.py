"""UserRecordAccess: what a user may do with each of up to 200 records, reckoned when a query asks."""

import re
from typing import Final

from crm_kare.sandbox.salesforce import ids
from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.sandbox.salesforce.errors import bad_request
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import Record

NAME: Final = "UserRecordAccess"
MOST: Final = 200
_ASKED: Final = re.compile(r"\bFROM\s+UserRecordAccess\b", re.IGNORECASE)
_USER: Final = re.compile(r"\bUserId\s*=\s*'(\w+)'", re.IGNORECASE)
_RECORDS: Final = re.compile(r"\bRecordId\s*(?:=|IN)\s*\(?((?:\s*'\w+'\s*,?)+)\)?", re.IGNORECASE)


def prepare(org: SalesforceOrg, text: str) -> None:
    """Reckon the rows that a query of this object asks for; nothing where it is about another one.

    Raises:
        SalesforceError: it names no single user, or not its records, or more than 200 of them.
    """
    if not _ASKED.search(text):
        return
    user, listed = _USER.search(text), _RECORDS.search(text)
    wanted = re.findall(r"\w+", listed[1]) if listed else []
    if user is None or not wanted:
        raise bad_request("MALFORMED_QUERY", "Can select only by a single UserId and by RecordId")
    if len(wanted) > MOST:
        raise bad_request("MALFORMED_QUERY", f"Number of record ids exceeds the limit: {MOST}")
    for held in org.records.select(NAME):
        org.records.purge(NAME, held["_id"])
    org.records.load(NAME, [_row(org, ids.normalised(user[1]) or "", one) for one in wanted])


def _row(org: SalesforceOrg, user_id: str, given: str) -> Record:
    record_id = ids.normalised(given) or given
    entity = next((name for name, prefix in ids.PREFIXES.items() if record_id.startswith(prefix)), "")
    record = org.records.get(entity, record_id) if entity in BY_NAME else None
    told: Record = {"_id": record_id, "RecordId": record_id, "UserId": user_id}
    rights = org.access(entity, user_id).rights if record else frozenset()
    reads = bool(record) and "Read" in rights and org.sharing.sees(rights, user_id, entity, record or {})
    edits = reads and "Edit" in rights and org.sharing.edits(rights, entity, record or {})
    return told | {"HasReadAccess": int(reads), "HasEditAccess": int(edits), "MaxAccessLevel": _level(reads, edits)}


def _level(reads: bool, edits: bool) -> str:  # noqa: FBT001  two facts about one record
    return "Edit" if edits else "Read" if reads else "None"
