"""Rows that the suite seeds: golden ones with every kind of value, plain ones by number, and hostile texts."""

from typing import Final

from crm_kare.model import Kind
from crm_kare.ports import SourceField
from crm_kare.testing.rig import Row, Setting

LINKS: Final = frozenset({"account_id", "opportunity_id", "owner_id", "parent_id", "affiliate_id"})
"""Columns that hold another record's id: seeded by the check that has such an id, else left blank."""

INSTANT: Final = "2026-11-03T23:30:00Z"
"""A point in time that is another day east of Greenwich."""

_GOLDEN: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.TEXT: ("Nordlicht Werke", 'O\'Hara "Tools", Ltd; & Söhne', "NULL"),
    Kind.NUMBER: ("0", "2500", "7"),
    Kind.MONEY: ("1234567.89", "-12.5", "0.01"),
    Kind.DATE: ("2024-02-29", "2026-12-31", "1999-01-01"),
    Kind.BOOL: ("true", "false", "true"),
}

HOSTILE: Final = (
    "emoji 🏭🧑‍🔧 Fabrik",
    "quotes \" and 'single' and `back`",
    "=HYPERLINK(0)",
    "+49 30 1234",
    "-1+1",
    "@sum",
    "'=quoted already",
    "شركة الاختبار",
    "back\\slash \\n",
    "comma, semicolon; tab\tpipe|",
    "two\nlines",
    "<script>alert(1)</script>",
    "%s {0} ${x} #{y}",
    "'; DROP TABLE accounts; --",
    "nul\\u0000 spelt out",
    "\u00a0no-break space inside\u00a0it",
    "ß İ ı Å Å",
    "0012",
    "1e5",
    "true",
    "n/a",
)
"""Texts that come back exactly, or trimmed at the ends at most."""


def value(setting: Setting, stream: str, field: SourceField, number: int) -> str | None:
    """A value for one column of the record of that number."""
    if field.column in LINKS:
        return None
    if allowed := setting.examples.get((stream, field.column)):
        return allowed[number % len(allowed)]
    if field.column in setting.instants.get(stream, frozenset()):
        return INSTANT
    choices = _GOLDEN[field.kind]
    return choices[number % len(choices)]


def row(setting: Setting, stream: str, number: int, **given: str | None) -> dict[str, str | None]:
    """A full row without its id; `given` columns that the spec names replace what the number would give."""
    columns = setting.specs[stream].fields[1:]
    made = {field.column: value(setting, stream, field, number) for field in columns}
    if "name" in made:
        made["name"] = f"{made['name']} {number}"
    return made | {name: text for name, text in given.items() if name in made}


def rows(setting: Setting, stream: str, count: int, **given: str | None) -> list[Row]:
    """Rows numbered from 0."""
    return [row(setting, stream, number, **given) for number in range(count)]


def blank_row(setting: Setting, stream: str, **given: str | None) -> Row:
    """A row whose every column is blank that may be."""
    required = setting.required.get(stream, frozenset())
    full = row(setting, stream, 0, **given)
    return {name: text if name in required or name in given else None for name, text in full.items()}
