"""A full pull: all records by list pages, the next one asked for before this one is made use of."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import quote

from crm_kare.errors import KareError
from crm_kare.http import CallError
from crm_kare.ports import Page
from crm_kare_hubspot.answers import meaning
from crm_kare_hubspot.client import Call
from crm_kare_hubspot.cursor import IDLE, SEARCH, Position
from crm_kare_hubspot.pull.ahead import Ahead
from crm_kare_hubspot.pull.changes import changes
from crm_kare_hubspot.pull.records import (
    MARGIN,
    OBJECT_ID,
    Pull,
    assembled,
    away_ids,
    links_listed,
    merged_away,
    properties,
    read_rows,
)
from crm_kare_hubspot.records import BATCH
from crm_kare_hubspot.rows import Answer, Rows

_LONGEST_QUERY: Final = 7_000
"""Characters of properties in an address; HubSpot answers 414 from about 8,000 on."""

_LONG: Final = timedelta(minutes=1)
"""After a list that took longer, what changed meanwhile is asked for at once."""

_AT_ONCE: Final = 10
"""Pages that are made columns of together, in a list that is longer."""

_NEWS: Final = timedelta(days=30)
"""Merges from before are no news to other streams, which are pulled more often."""

_NO_SUCH_TOKEN: Final = frozenset({"request", "gone"})


class _TokenError(Exception):
    """HubSpot does not know a paging token any more, or refuses the page for another reason, which `meaning` tells; never
    leaves this module.
    """

    def __init__(self, told: KareError) -> None:
        super().__init__()
        self.meaning = told


def full(pull: Pull, at: Position) -> Iterator[Page]:
    """All records from where `at` stands; what is gone too, where a mirror is only being renewed."""
    try:
        yield from _listed(pull, at)
    except _TokenError:  # from the first page again: what came before comes twice, which is no harm
        yield from _from_the_first(pull, at)


def _from_the_first(pull: Pull, at: Position) -> Iterator[Page]:
    """The list once more; a token of its own that is refused has not run out."""
    try:
        yield from _listed(pull, replace(at, after=""))
    except _TokenError as error:
        raise error.meaning from error


def _listed(pull: Pull, at: Position) -> Iterator[Page]:
    with closing(_grouped(_answers(pull, at.after))) as groups:
        for answers in groups:
            answer = answers[-1]
            rows = _complete(pull, pull.decoder.rows([one for part in answers for one in part.rows.records]))
            records = assembled(pull, rows, links_listed(pull, rows))
            merged = _merged(pull, rows, at)
            at = replace(at, after=answer.after) if answer.after else _end(pull, at)
            told = pull.doubts.problems() if at.phase == IDLE else ()
            yield Page(records, at.text(), away_ids(merged), problems=told)
    if at.phase == SEARCH:
        yield from changes(pull, at)


def _grouped(answers: Iterator[Answer]) -> Generator[list[Answer]]:
    """Ten single pages, then ten at a time: columns of a thousand records cost little more than of a hundred."""
    held: list[Answer] = []
    try:
        for number, answer in enumerate(answers):
            held.append(answer)
            if number < _AT_ONCE or len(held) == _AT_ONCE or not answer.after:
                yield held
                held = []
    except (KareError, _TokenError):
        if held:
            yield held
        raise


def _answers(pull: Pull, after: str) -> Generator[Answer]:
    first = _answer(pull, after)
    yield first
    if first.after:
        yield from Ahead(partial(_answer, pull), pull.spec.source).pages(first.after)


def _answer(pull: Pull, after: str) -> Answer:
    """The page at a token.

    Raises:
        _TokenError: it has run out, or the list was another one.
        KareError: as any call.
    """
    call = _list_call(pull, after)
    try:
        return pull.decoder.answer(pull.client.send(call).content)
    except CallError as error:
        told = meaning(error, call.where)
        if after and error.trouble.kind in _NO_SUCH_TOKEN:
            raise _TokenError(told) from error
        raise told from error


def _end(pull: Pull, at: Position) -> Position:
    """After the last list page: done, or on to what changed meanwhile and what is gone."""
    took = pull.client.now() - at.started
    if at.renewed or took > _LONG:
        return replace(at, phase=SEARCH, since=at.started - MARGIN, after="", listed=True)
    return replace(at, phase=IDLE, since=at.started, after="", listed=True)


def _merged(pull: Pull, rows: Rows, at: Position) -> dict[str, str]:
    """Merges that matter: those during this list, which may have shown the records that went into one, and all where a
    mirror stays. Those since other streams were last pulled are noted for them.
    """
    merged = merged_away(rows)
    if not merged:
        return merged
    stamps = dict(zip(rows.ids, rows.stamps(), strict=True))

    def since(moment: datetime) -> dict[str, str]:
        return {key: told for key, told in merged.items() if (stamp := stamps[key]) is None or stamp >= moment}

    pull.kin.note(pull.spec.source, since(at.started - _NEWS), pull.client.now())
    return merged if at.renewed else since(at.started)


def _list_call(pull: Pull, after: str) -> Call:
    query = [("limit", str(BATCH)), ("properties", _listed_properties(pull))]
    query += [("associations", ",".join(pull.want.targets))] if pull.want.targets else []
    query += [("after", after)] if after else []
    return Call("GET", pull.client.paths.objects(pull.spec.source), pull.spec.source, tuple(query), raw=True)


def _listed_properties(pull: Pull) -> str:
    names = ",".join(properties(pull.want))
    return names if len(quote(names)) <= _LONGEST_QUERY else OBJECT_ID


def _complete(pull: Pull, listed: Rows) -> Rows:
    """Where the properties were too many for the address, they are read by batch; who is gone by then is left out."""
    if not listed.ids or _listed_properties(pull) != OBJECT_ID:
        return listed
    found = {one.id: one for rows in read_rows(pull, listed.ids) for one in rows.records}
    for one in listed.records:
        if one.id in found:
            found[one.id].associations = one.associations
    return pull.decoder.rows([found[key] for key in listed.ids if key in found])
