"""Validation rules that an administrator of the portal set on properties; writes through dated addresses must keep them.

Source: HubSpot's changelog of August 2026 (from version 2026-09 on, all writes through the API). The code is not documented.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What values of one property must be: so long at most, of a pattern, within bounds."""

    longest: int | None = None
    pattern: str = ""
    least: int | None = None
    most: int | None = None

    def broken_by(self, value: str) -> str:
        """Why the value is not allowed; empty where it is."""
        if self.longest is not None and len(value) > self.longest:
            return f"Value must be at most {self.longest} characters long."
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"Value must match the pattern {self.pattern}."
        if self.least is not None and Decimal(value) < self.least:
            return f"Value must be at least {self.least}."
        if self.most is not None and Decimal(value) > self.most:
            return f"Value must be at most {self.most}."
        return ""


def broken(rules: Mapping[tuple[str, str], Rule], name: str, kept: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """What is wrong with an object's values by the portal's rules; blank values break none."""
    wrong = []
    for column, value in kept.items():
        rule = rules.get((name, column))
        if rule is not None and value is not None and (message := rule.broken_by(value)):
            wrong.append(
                {
                    "isValid": False,
                    "message": message,
                    "error": "VALIDATION_RULE_FAILED",
                    "name": column,
                    "localizedErrorMessage": message,
                    "propertyValue": value,
                }
            )
    return wrong
