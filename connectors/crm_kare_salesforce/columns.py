"""Columns of texts as Salesforce sends them to canonical text (see `crm_kare.ports`), a column at a time."""

from functools import reduce
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.model import Kind
from crm_kare.ports import SourceField

_DAY: Final = 10
"""Characters of `2026-11-03`."""

_INSTANTS: Final = ((".000Z", "Z"), (".000+0000", "Z"), ("+0000", "Z"))
"""Bulk writes points in time as `…00.000Z`, REST as `…00.000+0000`."""

_SHORT: Final = 15
_ID_LETTERS: Final = pa.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"))


def canonical_column(texts: Any, field: SourceField) -> Any:
    """Canonical text of one column; blank is null already."""
    if field.kind is Kind.DATE:
        return _instants(texts)
    return long_ids(texts) if field.column.endswith("_id") else texts


def long_ids(texts: Any) -> Any:
    """Record ids in their 18-character form; what is no id stays as it is."""
    lengths: Any = pc.binary_length(texts)
    short = pc.equal(lengths, pa.scalar(_SHORT))
    if not pc.any(short).as_py():
        return texts
    short = pc.and_(short, pc.match_substring_regex(texts, "^[A-Za-z0-9]*$"))
    joined: Any = pc.binary_join_element_wise  # its types know no arrays beside the separator
    longer = joined(texts, *(_mark(texts, start) for start in (0, 5, 10)), "")
    return pc.if_else(short, longer, texts)


def _mark(texts: Any, start: int) -> Any:
    """The letter that tells which of five characters are capitals."""
    bits = [
        pc.if_else(pc.utf8_is_upper(pc.utf8_slice_codeunits(texts, place, place + 1)), 1 << place - start, 0)
        for place in range(start, start + 5)
    ]
    return _ID_LETTERS.take(reduce(pc.add, bits))


def _instants(texts: Any) -> Any:
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= _DAY:
        return texts
    made: Any = reduce(lambda column, pair: pc.replace_substring(column, pair[0], pair[1]), _INSTANTS, texts)
    if pc.all(pc.ends_with(made, "Z")).as_py():
        return made
    return pc.replace_substring_regex(made, r"([+-]\d\d)(\d\d)$", r"\1:\2")
