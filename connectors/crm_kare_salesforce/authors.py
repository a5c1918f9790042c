"""Who gave fields their present values: by the field history, which an org keeps of the fields it was told to track."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from crm_kare.http import CallError
from crm_kare.ports import Author, LabelField
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.values import at_path, long_id

_AT_ONCE: Final = 200
_WHO: Final = ("CreatedById", "CreatedBy.Name", "CreatedBy.Email", "CreatedBy.Username")
_NO_HISTORY: Final = frozenset({"INVALID_TYPE", "INVALID_FIELD"})
"""The object keeps none, or this user may not read it."""


def authors(
    client: Client, source: str, ids: Sequence[str], fields: Sequence[LabelField]
) -> Mapping[str, Mapping[str, Author]]:
    """By record id as it was given, and label name: a call for each two hundred records.

    Raises:
        CallError: Salesforce could not be asked.
    """
    names = {one.field.lower(): one.label.name for one in fields}
    found: dict[str, dict[str, Author]] = {}
    for start in range(0, len(ids) if names else 0, _AT_ONCE):
        asked = {long_id(one): one for one in ids[start : start + _AT_ONCE]}
        for row in _history(client, source, tuple(asked), [one.field for one in fields]):
            key = asked.get(long_id(str(row[_record_id(source)])))
            label = names.get(str(row["Field"]).lower())
            if key is not None and label is not None:
                found.setdefault(key, {}).setdefault(label, _author(row))
    return found


def _history(client: Client, source: str, ids: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the history, the newest first."""
    key = _record_id(source)
    columns = ("Id", key, "Field", "CreatedDate", *_WHO)
    tests = (soql.one_of(key, ids), soql.one_of("Field", fields))
    try:
        return client.rows(soql.select(columns, _history_of(source), *tests, order="CreatedDate DESC, Id DESC"))
    except CallError as error:
        if error.trouble.code in _NO_HISTORY or error.trouble.kind == "permission":
            return []
        raise


def _history_of(source: str) -> str:
    """`AccountHistory`; of an object of the org's own `Firm__History`."""
    return f"{source.removesuffix('c')}History" if source.endswith("__c") else f"{source}History"


def _record_id(source: str) -> str:
    return "ParentId" if source.endswith("__c") else f"{source}Id"


def _author(row: Mapping[str, Any]) -> Author:
    told = [str(at_path(row, path) or "") for path in _WHO]
    return Author(
        told[1] or told[0],
        datetime.fromisoformat(str(row["CreatedDate"])),
        tuple(one for one in (told[0], *told[2:]) if one),
    )
