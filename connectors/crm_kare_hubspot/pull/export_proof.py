"""Whether a file says what HubSpot's records say: a sample of its rows is read by id and compared, value by value."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from crm_kare.model import Kind
from crm_kare.ports import SourceField
from crm_kare_hubspot.cursor import Position
from crm_kare_hubspot.pull.export_cells import LOCAL, LocalTime
from crm_kare_hubspot.pull.export_file import FileRows
from crm_kare_hubspot.pull.records import Links, Pull, assembled, links_fetched, read_rows
from crm_kare_hubspot.pull.unclear import UnclearError
from crm_kare_hubspot.records import BATCH
from crm_kare_hubspot.rows import Rows

_LEAST: Final = 10
"""Records that must be left to compare, where the sample has as many."""


def prove(pull: Pull, rows: FileRows, at: Position, local: LocalTime, times: Sequence[str]) -> None:
    """Compare up to a hundred rows, evenly spread, which nobody changed since the export was asked for.

    Where times in the file bear no zone, `local` knows afterwards whether they are the portal's; `times` are the
    properties that hold times.

    Raises:
        UnclearError: something differs, or hardly any of the records is as it was.
    """
    sample = rows.some(range(0, len(rows), max(1, -(-len(rows) // BATCH))))
    (now,) = read_rows(pull, sample.ids)
    kept = [key for key, stamp in zip(now.ids, now.stamps(), strict=True) if _old(pull, stamp, at)]
    if len(kept) < min(_LEAST, len(sample)):
        raise UnclearError("nearly all its records were changed meanwhile, so that it cannot be checked")
    place = {key: number for number, key in enumerate(sample.ids)}
    theirs = pull.decoder.rows([one for one in now.records if one.id in set(kept)])
    ours = sample.some([place[key] for key in theirs.ids])
    _prove_zone(ours, theirs, local, times)
    _compare(pull, ours, theirs, local)


def file_links(pull: Pull, rows: FileRows) -> Links:
    """The associations as the file tells them."""
    return {target: rows.links() for target in pull.want.targets}


def _old(pull: Pull, stamp: datetime | None, at: Position) -> bool:
    return stamp is not None and stamp < at.started - pull.overlap


def _prove_zone(ours: FileRows, theirs: Rows, local: LocalTime, times: Sequence[str]) -> None:
    pairs = [pair for name in times for pair in zip(ours.raw(name), theirs.values(name), strict=True)]
    shown = [(text, now) for text, now in pairs if text and now and LOCAL.fullmatch(text)]
    if any(local.minute(datetime.fromisoformat(now)) != text.replace("T", " ")[:16] for text, now in shown):
        raise UnclearError("times in it bear no zone, and are not those of the portal's zone")
    local.proven = bool(shown)


def _compare(pull: Pull, ours: FileRows, theirs: Rows, local: LocalTime) -> None:
    told = assembled(pull, ours, file_links(pull, ours)).to_pydict()
    known = assembled(pull, theirs, links_fetched(pull, theirs)).to_pydict()
    doubted = {one.column for one in pull.spec.fields if one.kind is Kind.DATE and _twice(ours, one, local)}
    if wrong := [one for one in _differing(pull.spec.fields, told, known, local) if one not in doubted]:
        raise UnclearError(f"its values of {', '.join(wrong)} are not what the records hold")


def _twice(rows: FileRows, one: SourceField, local: LocalTime) -> bool:
    """Whether a column has times that are read by id anyway."""
    return not one.source.startswith("@") and any(local.twice(text) for text in rows.raw(one.source) if text)


def _differing(
    fields: Sequence[SourceField], told: Mapping[str, Any], known: Mapping[str, Any], local: LocalTime
) -> Iterator[str]:
    for one in fields:
        pairs = zip(told[one.column], known[one.column], strict=True)
        if any(_meant(mine, one.kind, local) != _meant(now, one.kind, local) for mine, now in pairs):
            yield one.column


def _meant(text: str | None, kind: Kind, local: LocalTime) -> object:
    """What a mirror makes of a text: a day of a date, a number of digits."""
    if text is None:
        return None
    try:
        if kind in {Kind.NUMBER, Kind.MONEY}:
            return Decimal(text)
        if kind is Kind.DATE:
            moment = datetime.fromisoformat(text)
            return (moment.astimezone(local.zone) if moment.tzinfo else moment).date()
    except (InvalidOperation, ValueError):
        pass  # a text that a mapping takes for something else
    return text
