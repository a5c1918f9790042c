"""Rejected rows as a table for people: which account, what it was to hold, why the CRM refused it, what to do."""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import Final

import pyarrow as pa

from crm_kare.errors import KareError
from crm_kare.journal import Refusal
from crm_kare.sync.runtime import Runtime

COLUMNS: Final = (
    "crm",
    "account_id",
    "link",
    "field",
    "value",
    "code",
    "message",
    "cause",
    "fix",
    "tries",
    "next_try",
    "run_id",
)

_CAUSES: Final[Mapping[str, str]] = {
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "A validation rule of your org does not accept the record as it is.",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "The field's list of values lacks this one.",
    "REQUIRED_FIELD_MISSING": "The record lacks a value that your org requires.",
    "STRING_TOO_LONG": "The field is too short for the text.",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "The integration user may not edit this field.",
    "INSUFFICIENT_ACCESS_OR_READONLY": "The integration user may not edit this record.",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "The integration user may not see a record that this one refers to.",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "A trigger or flow of your org failed on the record.",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "A flow of your org failed on the record.",
    "UNABLE_TO_LOCK_ROW": "Somebody else was writing the record, or its group, at that moment.",
    "ENTITY_IS_DELETED": "The record was deleted.",
    "ENTITY_IS_LOCKED": "The record is locked, for example by an approval.",
    "DUPLICATES_DETECTED": "A duplicate rule of your org stops the record.",
    "JOB_ABORTED": "Somebody aborted the job that wrote it.",
    "INVALID_OPTION": "The property's options lack this value.",
    "PROPERTY_DOESNT_EXIST": "The property is not there.",
    "READ_ONLY_VALUE": "HubSpot does not let this property be written.",
    "OBJECT_NOT_FOUND": "The record was deleted.",
    "MERGED": "The record was merged into another one.",
    "MISSING_SCOPES": "The app or key may not write these records.",
}
_OTHER: Final = "The CRM does not accept the record as it is."


def rejections(runtime: Runtime, crm: str, refused: Sequence[Refusal]) -> pa.Table:
    """The rows with the columns `COLUMNS`, all text but `tries`; a link where the CRM can be asked for its address."""
    links = _links(runtime, crm, refused)
    schema = pa.schema([(name, pa.int64() if name == "tries" else pa.string()) for name in COLUMNS])
    rows = [
        {
            **vars(one),
            "link": links.get(one.account_id, ""),
            "cause": _CAUSES.get(one.code, _OTHER),
            "next_try": one.next_try.isoformat() if one.next_try else None,
        }
        for one in refused
    ]
    return pa.Table.from_pylist(rows, schema)


def _links(runtime: Runtime, crm: str, refused: Sequence[Refusal]) -> dict[str, str]:
    """Where people see the accounts; none where the CRM cannot be reached."""
    if not refused:
        return {}
    with suppress(KareError):
        source = runtime.mapping(crm).streams.accounts.source
        with closing(runtime.connector(crm)) as connector:
            connector.organisation()
            return {one.account_id: connector.record_url(source, one.account_id) for one in refused}
    return {}
