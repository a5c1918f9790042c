"""Salesforce ids: 15 case-sensitive characters, and 3 more that make them safe where case is lost."""

import re
from typing import Final

PREFIXES: Final = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "OpportunityLineItem": "00k",
    "OpportunityContactRole": "00K",
    "AccountHistory": "017",
    "Organization": "00D",
    "Profile": "00e",
    "UserRole": "00E",
    "Product2": "01t",
    "OpportunityStage": "01J",
    "RecordType": "012",
    "PermissionSet": "0PS",
    "PermissionSetAssignment": "0Pa",
    "FieldPermissions": "01k",
    "ObjectPermissions": "110",
    "CustomField": "00N",
    "Order": "801",
    "OrderItem": "802",
    "Pricebook2": "01s",
    "PricebookEntry": "01u",
    "CurrencyType": "01L",
    "DatedConversionRate": "04w",
    "EntityDefinition": "4ie",
    "FlowDefinitionView": "3dd",
    "FlowDefinition": "300",
    "Flow": "301",
    "ApexTrigger": "01q",
    "ValidationRule": "03d",
    "WorkflowRule": "01Q",
    "UserRecordAccess": "000",
}

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM: Final = re.compile(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?")
_INSTANCE: Final = "KE0000"
"""Characters 4 to 9: the pod, and reserved zeros."""

_PAIRS: Final = [one + two for one in _ALPHABET for two in _ALPHABET]
_CAPITALS: Final = str.maketrans({sign: "1" if "A" <= sign <= "Z" else "0" for sign in _ALPHABET})
_LETTERS: Final = {f"{number:05b}"[::-1]: letter for number, letter in enumerate(_CHECKS)}
"""Which of five characters are capitals, as ones and noughts, and the letter that says so."""


def mint(name: str, serial: int) -> str:
    """The 18-character id of an object's record number `serial`."""
    rest, last = divmod(serial, len(_PAIRS))
    first, middle = divmod(rest, len(_PAIRS))
    return with_checks(f"{PREFIXES[name]}{_INSTANCE}{_PAIRS[first]}{_PAIRS[middle]}{_PAIRS[last]}")


def with_checks(short: str) -> str:
    """The 18-character form of a 15-character id: one check letter for the capitals of each five characters."""
    bits = short.translate(_CAPITALS)
    return f"{short}{_LETTERS[bits[:5]]}{_LETTERS[bits[5:10]]}{_LETTERS[bits[10:]]}"


def normalised(text: str) -> str | None:
    """The 18-character form of an id given in either form; `None` where it is none, or its check letters are wrong.

    In the 18-character form case may have been lost: it is restored from the check letters.
    """
    if not _FORM.fullmatch(text):
        return None
    if len(text) == 15:  # noqa: PLR2004  the short form
        return with_checks(text)
    restored = ""
    for place, sign in enumerate(text[:15]):
        bits = _CHECKS.find(text[15 + place // 5].upper())
        restored += sign.upper() if bits >> place % 5 & 1 else sign.lower()
    whole = with_checks(restored)
    return whole if whole[15:] == text[15:].upper() else None
