"""Who typed what people typed: the CRM is asked once for each value, and the journal remembers."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from crm_kare.config.mapping import label_fields
from crm_kare.errors import KareError
from crm_kare.journal import Typed
from crm_kare.ports import Author
from crm_kare.sync.crm_run import CrmRun

Cell = tuple[str, str, str]
"""Account, label and the value that stands there."""

MOST: Final = 1000
"""Cells asked for in one run where only a report depends on the answer."""


def authors(run: CrmRun, cells: Collection[Cell], *, again: Collection[str] = ()) -> Mapping[tuple[str, str], Author]:
    """The authors of cells by account and label, as far as the CRM tells.

    Args:
        run: the run.
        cells: what people typed.
        again: accounts of which the CRM is asked even if it told before.

    Raises:
        KareError: the CRM could not be asked.
    """
    journal = run.runtime.journal
    known = journal.authors.known(run.crm, sorted({account for account, _, _ in cells})) if cells else {}
    new = [one for one in cells if one[0] in again or not _is_known(one, known)]
    if new:
        asked = list(_ask(run, new))
        journal.authors.keep(run.crm, asked, run.runtime.clock.now())
        known |= {(one.account_id, one.label): one for one in asked}
    return {place: one.author for place, one in known.items() if one.author is not None}


def authors_if_told(run: CrmRun, cells: Collection[Cell]) -> Mapping[tuple[str, str], Author]:
    """As `authors`, of the first `MOST` cells, where nothing but a report depends on it: no error of the CRM ends the run."""
    with suppress(KareError):
        return authors(run, sorted(cells)[:MOST])
    return {}


def _is_known(cell: Cell, known: Mapping[tuple[str, str], Typed]) -> bool:
    account, label, value = cell
    return (account, label) in known and known[account, label].value == value


def _ask(run: CrmRun, cells: Iterable[Cell]) -> Iterator[Typed]:
    wanted = list(cells)
    ids = sorted({account for account, _, _ in wanted})
    labels = {label for _, label, _ in wanted}
    fields = [one for one in label_fields(run.mapping, run.connector) if one.label.name in labels]
    told = run.connector.authors(run.mapping.streams.accounts.source, ids, fields)
    for account, label, value in wanted:
        yield Typed(account, label, value, told.get(account, {}).get(label))
