"""Columns of canonical text in its plainest form, typed by Arrow's own strict casts: no exponent, no blanks, no oddity.

Most columns of most pages are so. What is not, in a single value, is left to `crm_kare.sync.typed`, whose reading of the
odd values is the one that counts; where both read a value, they read it alike.
"""

import re
from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.model import Kind

_FIRST_DAY: Final = (date.min - date(1970, 1, 1)).days
_DAY: Final = 10
_INSTANT: Final = 20
_INSTANT_TYPE: Final = pa.timestamp("us", "UTC")
_NUL: Final = re.compile(b"\0")


def plain_column(texts: Any, kind: Kind) -> Any:
    """The typed column; a moment in UTC where `kind` is a date and all values are points in time in UTC; None where
    a value is not of the plainest form.
    """
    match kind:
        case Kind.TEXT:
            return texts if _sound(texts) else None
        case Kind.NUMBER | Kind.MONEY:
            return _cast(texts, pa.decimal128(18, 4))
        case Kind.BOOL:
            return _bool(texts)
        case Kind.DATE:
            return _date(texts)


def is_instant(column: Any) -> bool:
    """Whether a plain column holds points in time."""
    return bool(column.type == _INSTANT_TYPE)


def _sound(texts: Any) -> bool:
    """No NUL byte and no empty text. The bytes are searched as they lie; those of a slice's neighbours do no harm."""
    if pc.min(pc.binary_length(texts)).as_py() == 0:
        return False
    return not any(_NUL.search(memoryview(buffer)) for chunk in texts.chunks if (buffer := chunk.buffers()[2]))


def _bool(texts: Any) -> Any:
    is_true = pc.equal(texts, pa.scalar("true"))
    known = pc.or_(is_true, pc.equal(texts, pa.scalar("false")))
    return is_true if pc.all(known).as_py() in {True, None} else None


def _date(texts: Any) -> Any:
    lengths: Any = pc.min_max(pc.binary_length(texts))
    shortest, longest = lengths["min"].as_py(), lengths["max"].as_py()
    if shortest is None:
        return pa.chunked_array([pa.nulls(len(texts), pa.date32())])
    if shortest == longest == _DAY:
        return _in_calendar(_cast(texts, pa.date32()))
    if shortest == longest == _INSTANT and pc.all(pc.ends_with(texts, "Z")).as_py():
        return _cast(texts, _INSTANT_TYPE)
    return None


def _in_calendar(days: Any) -> Any:
    """The days, where all of them are within Python's calendar."""
    return days if days is not None and pc.min(days).cast(pa.int32()).as_py() >= _FIRST_DAY else None


def _cast(texts: Any, kind: pa.DataType) -> Any:
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        return None
