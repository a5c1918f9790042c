"""Words of a query."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request

LONGEST: Final = 100_000
_TOKEN: Final = re.compile(
    r"""\s+
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d(?![\dT]))
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w]))
    | (?P<name>[A-Za-z][A-Za-z0-9_]*)
    | (?P<sign><=|>=|!=|<>|[=<>(),.])
    """,
    re.VERBOSE,
)
_ESCAPES: Final = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
    "_": "\\_",
    "%": "\\%",
}


@dataclass(frozen=True)
class Token:
    """One word: kind, text, place."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """The words of a query, and an `end` after them.

    Raises:
        SalesforceError: MALFORMED_QUERY.
    """
    if len(text) > LONGEST:
        raise bad_request("MALFORMED_QUERY", f"SOQL statements can not be longer than {LONGEST} characters.")
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise malformed(text, at, f"line 1:{at} no viable alternative at character '{text[at]}'")
        if match.lastgroup:
            found.append(Token(match.lastgroup, match.group(), at))
        at = match.end()
    return [*found, Token("end", "<EOF>", len(text))]


def unescaped(token: Token, text: str) -> str:
    r"""A string's value. `\_` and `\%` keep their backslash: they mean the sign itself in LIKE."""
    made, at, body = "", 0, token.text[1:-1]
    while at < len(body):
        if body[at] != "\\":
            made, at = made + body[at], at + 1
            continue
        if body[at + 1] not in _ESCAPES:
            raise malformed(text, token.at, f"Illegal string escape: \\{body[at + 1]}")
        made, at = made + _ESCAPES[body[at + 1]], at + 2
    return made


def moment(token: Token, text: str) -> int:
    """A date and time in epoch milliseconds."""
    try:
        return int(datetime.fromisoformat(token.text).astimezone(UTC).timestamp() * 1000)
    except ValueError as error:
        raise malformed(text, token.at, f"line 1:{token.at} invalid dateTime '{token.text}'") from error


def place(text: str, at: int, message: str) -> str:
    """The message with the place, as Salesforce shows it: the text about it, an arrow, row and column."""
    row = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1)
    begin = max(0, at - 30)
    about = " ".join(text[begin : at + 30].split("\n"))
    return f"\n{about}\n{' ' * (at - begin)}^\nERROR at Row:{row}:Column:{column + 1}\n{message}"


def malformed(text: str, at: int, message: str) -> SalesforceError:
    """A query that cannot be read."""
    return bad_request("MALFORMED_QUERY", place(text, at, message))


def invalid_field(text: str, at: int, message: str) -> SalesforceError:
    """A field that is not there, or a value that does not fit it."""
    return bad_request("INVALID_FIELD", place(text, at, message))
