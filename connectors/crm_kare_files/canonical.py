"""Values of files to canonical text (see `crm_kare.ports`): whole columns at a time where they are clean already.

Rules for texts, after trimming (an empty text is blank):

- number, money: a currency sign or ISO code before or after, a per cent sign, spaces and ' are taken away; `(12)`,
  `12-` and `−12` are negative; thousands may be grouped by the sign that is not the decimal one, in threes only;
- date: ISO 8601, or the stream's `date_format`. A time without zone is dropped: the day counts as written. A point in
  time with zone stays one. Anything like 03/04/2026 without `date_format` is an error: nobody can know the month;
- bool: true, yes, y, t, 1, x and false, no, n, f, 0 in any case.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.model import Kind
from crm_kare_files.chunk import Column
from crm_kare_files.options import Reading

_pc: Final[Any] = pc  # the stubs lack the overloads for mixed arrays and scalars
_PLAIN: Final = r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"
_ISO_DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_AMBIGUOUS: Final = re.compile(r"\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}(\D.*)?")
_SIGNS: Final = re.compile(r"[A-Z]{3}|[$€£¥₹₽₩₺฿₫₴₦%]")
_SPACES: Final = re.compile(r"[\s'\u2019]")
_TRUE: Final = frozenset({"true", "yes", "y", "t", "1", "x"})
_FALSE: Final = frozenset({"false", "no", "n", "f", "0"})
_ARTEFACT: Final = 17
"""A float's shortest text of so many characters shows the error of a sum, not what anybody typed."""


class UnreadableError(ValueError):
    """A text that is not of its column's kind. Never leaves this package."""


class AmbiguousDateError(Exception):
    """A date whose day and month nobody can tell apart. Never leaves this package; `index` is its place in the column."""

    def __init__(self, index: int) -> None:
        super().__init__("a date in another order than ISO")
        self.index = index


@dataclass(frozen=True)
class Converted:
    """A column in canonical text, and the places that could not be read (they are None)."""

    values: Column
    unread: tuple[int, ...] = ()


def converted(array: Column, kind: Kind, reading: Reading) -> Converted:
    """A column of a file as canonical text.

    Raises:
        AmbiguousDateError: a date in another order than ISO, and no `date_format`.
    """
    if not _is_text(array.type):
        return _by_kind(_typed(array, kind), kind, replace(reading, decimal=".", date_format=""))
    return _by_kind(_trimmed(_pc.cast(array, pa.string()), reading), kind, reading)


def _by_kind(array: Column, kind: Kind, reading: Reading) -> Converted:
    match kind:
        case Kind.TEXT:
            return Converted(array)
        case Kind.NUMBER | Kind.MONEY:
            return _numbers(array, reading.decimal)
        case Kind.DATE:
            return _dates(array, reading)
        case Kind.BOOL:
            return _patched(array, _pc.is_in(array, pa.array(["true", "false"])), truth)


def _numbers(array: Column, decimal: str) -> Converted:
    """Groups and decimal commas are made plain for the whole column at once, all other texts by `number`."""
    group = "," if decimal == "." else "."
    grouped = _pc.match_substring_regex(array, rf"^[+-]?([0-9]{{1,3}}(\{group}[0-9]{{3}})+|[0-9]+)(\{decimal}[0-9]+)?$")
    ungrouped = _pc.replace_substring(_pc.replace_substring(array, group, ""), decimal, ".")
    clean = _pc.or_(grouped, _pc.and_(_pc.match_substring_regex(array, _PLAIN), pa.scalar(decimal == ".")))
    return _patched(_pc.if_else(grouped, ungrouped, array), clean, lambda text: number(text, decimal))


def _dates(array: Column, reading: Reading) -> Converted:
    clean = _pc.and_(_pc.match_substring_regex(array, _ISO_DAY), pa.scalar(not reading.date_format))
    try:
        _pc.cast(_pc.if_else(clean, array, None), pa.date32())
    except pa.ArrowInvalid:
        clean = _pc.and_(clean, pa.scalar(value=False))
    return _patched(array, clean, lambda text: day(text, reading.date_format))


def _patched(array: Column, clean: Column, read: Callable[[str], str]) -> Converted:
    """The column with every value that is not clean read one by one."""
    if _pc.all(clean, skip_nulls=True).as_py() is not False:
        return Converted(array)
    values: list[str | None] = array.to_pylist()
    unread: list[int] = []
    for index, (text, good) in enumerate(zip(array.to_pylist(), clean.to_pylist(), strict=True)):
        if good or text is None:
            continue
        try:
            values[index] = read(text)
        except UnreadableError:
            values[index] = None
            unread.append(index)
        except AmbiguousDateError:
            raise AmbiguousDateError(index) from None
    return Converted(pa.array(values, pa.string()), tuple(unread))


def number(text: str, decimal: str = ".") -> str:
    """Plain decimal text of a number as people and programs write it.

    Raises:
        UnreadableError: it is none.
    """
    bare = _SPACES.sub("", text.replace("\u2212", "-"))
    negative = bare.startswith("(") and bare.endswith(")")
    bare = _SIGNS.sub("", bare.strip("()") if negative else bare, count=2)
    if bare.endswith("-"):
        bare, negative = bare[:-1], True
    if bare.startswith("-"):
        bare, negative = bare[1:], not negative
    group = re.escape("," if decimal == "." else ".")
    sign = re.escape(decimal)
    if not re.fullmatch(rf"\+?([0-9]{{1,3}}({group}[0-9]{{3}})+|[0-9]+)?({sign}[0-9]*)?([eE][+-]?[0-9]{{1,2}})?", bare):
        raise UnreadableError
    plain = re.sub(group, "", bare).replace(decimal, ".").lstrip("+")
    if not any(sign.isdigit() for sign in plain.lower().split("e")[0]):
        raise UnreadableError
    return f"{'-' if negative else ''}{Decimal(plain)}"


def day(text: str, pattern: str = "") -> str:
    """`YYYY-MM-DD`, or ISO 8601 with zone where the text has one.

    Raises:
        UnreadableError: no date.
        AmbiguousDateError: without a pattern, a date in another order than ISO.
    """
    try:
        moment = datetime.strptime(text, pattern) if pattern else datetime.fromisoformat(text)  # noqa: DTZ007  see below
    except ValueError as error:
        if not pattern and _AMBIGUOUS.fullmatch(text) and not re.match(r"\d{4}-\d\d?-\d\d?(\D|$)", text):
            raise AmbiguousDateError(0) from error
        raise UnreadableError from error
    return (
        moment.isoformat().replace("+00:00", "Z") if moment.tzinfo else moment.date().isoformat()
    )  # files know days, rarely zones


def truth(text: str) -> str:
    """`true` or `false`.

    Raises:
        UnreadableError: neither.
    """
    folded = text.casefold()
    if folded in _TRUE | _FALSE:
        return "true" if folded in _TRUE else "false"
    raise UnreadableError


def _trimmed(array: Column, reading: Reading) -> Column:
    trimmed = _pc.utf8_trim_whitespace(array)
    blank = _pc.is_in(trimmed, pa.array(["", *reading.blank]))
    filled: Column = _pc.if_else(blank, pa.scalar(None, pa.string()), trimmed)
    return filled


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
    value_type = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(is_text(value_type) for is_text in texts)


def is_readable(kind: pa.DataType) -> bool:
    """Whether a columnar file's type is one of text, number, date, point in time, bool."""
    value_type: Any = kind.value_type if pa.types.is_dictionary(kind) else kind
    return not (
        pa.types.is_nested(value_type) or pa.types.is_binary(value_type) or pa.types.is_large_binary(value_type)
    )


def _typed(array: Column, kind: Kind) -> Column:
    """A typed column as text."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_floating(array.type):
        return _floats(array)
    if pa.types.is_timestamp(array.type):
        return _moments(array, kind)
    plain: Column = _pc.cast(array, pa.string())
    return plain


def _floats(array: Column) -> Column:
    texts: Column = _pc.cast(_pc.if_else(_pc.is_nan(array), None, array), pa.string())
    odd = _pc.greater_equal(_pc.utf8_length(texts), _ARTEFACT)
    if not _pc.any(odd, skip_nulls=True).as_py():
        return texts
    return pa.array([_short(text) for text in texts.to_pylist()], pa.string())


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) < _ARTEFACT else f"{float(text):.15g}"


def _moments(array: Column, kind: Kind) -> Column:
    zoned = array.type.tz is not None
    seconds = _pc.cast(_pc.cast(array, pa.timestamp(array.type.unit)), pa.timestamp("s"), safe=False)
    if kind is Kind.DATE and not zoned:
        days: Column = _pc.cast(_pc.cast(seconds, pa.date32(), safe=False), pa.string())
        return days
    texts: Column = _pc.replace_substring(_pc.cast(seconds, pa.string()), " ", "T")
    marked: Column = _pc.binary_join_element_wise(texts, "Z", "") if zoned else texts
    return marked
