"""The objects and standard fields of the sandbox's org, as a describe names them, and the org's few custom ones."""

from typing import Final

from crm_kare.sandbox.salesforce.definitions.fields import (
    DATED_RATES,
    MULTI_CURRENCY,
    PERSON_ACCOUNTS,
    RECORD_TYPES,
    SYSTEM_FIELDS,
    ObjectDef,
    master_record,
)
from crm_kare.sandbox.salesforce.definitions.metadata import METADATA
from crm_kare.sandbox.salesforce.definitions.sales import SALES, STAGES
from crm_kare.sandbox.salesforce.definitions.setup import OBJECT_RIGHTS, SETUP, SYSTEM_PERMISSIONS, VIEW_SETUP

OBJECTS: Final = (*SALES, *SETUP, *METADATA)
BY_NAME: Final = {one.name: one for one in OBJECTS}

__all__ = [
    "BY_NAME",
    "DATED_RATES",
    "MULTI_CURRENCY",
    "OBJECTS",
    "OBJECT_RIGHTS",
    "PERSON_ACCOUNTS",
    "RECORD_TYPES",
    "STAGES",
    "SYSTEM_FIELDS",
    "SYSTEM_PERMISSIONS",
    "VIEW_SETUP",
    "ObjectDef",
    "master_record",
]
