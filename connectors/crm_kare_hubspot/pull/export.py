"""A full pull from an exported file, where the mapping asks for it; whatever is not exactly understood, lists bring all.

A file is no state at one moment, and may be behind as search is. So what changed since before it was asked for is
searched for right after it, and the number of its rows is held against what search counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import Final
from zoneinfo import ZoneInfo

from crm_kare.ports import Clock, Page
from crm_kare_hubspot.answers import Json
from crm_kare_hubspot.client import Call
from crm_kare_hubspot.columns import nothing
from crm_kare_hubspot.cursor import EXPORT, LIST, SEARCH, Position
from crm_kare_hubspot.definitions import Property
from crm_kare_hubspot.paths import object_name
from crm_kare_hubspot.pull.changes import changes
from crm_kare_hubspot.pull.doubts import Doubts
from crm_kare_hubspot.pull.export_cells import Cell, LocalTime, cell
from crm_kare_hubspot.pull.export_file import COMPANIES, PRIMARY, FileRows, pieces
from crm_kare_hubspot.pull.export_proof import file_links, prove
from crm_kare_hubspot.pull.export_task import GoneError, ask, fetch
from crm_kare_hubspot.pull.listing import full
from crm_kare_hubspot.pull.records import OBJECT_ID, Pull, assembled, links_fetched, read_rows
from crm_kare_hubspot.pull.unclear import UnclearError
from crm_kare_hubspot.records import BATCH

_TARGETS: Final[Mapping[str, tuple[str, ...]]] = {
    "companies": (),
    "deals": ("companies",),
    "contacts": ("companies",),
}
"""Objects that are exported, and those at the other ends of associations that a file tells exactly."""

_TURNS: Final = 2


@dataclass(frozen=True)
class Terms:
    """What an export needs beside the pull.

    Attributes:
        least: records from which on there is an export.
        properties: definitions of the object's properties.
        clock: for the waits.
    """

    least: int
    properties: Mapping[str, Property]
    clock: Clock


@dataclass(frozen=True)
class _Reading:
    """How the file is read: its cells by property, the properties that hold times, and the zone of these."""

    cells: Mapping[str, Cell]
    times: tuple[str, ...]
    local: LocalTime


def exportable(pull: Pull) -> bool:
    """Whether a file can hold all that the stream shows."""
    allowed = _TARGETS.get(object_name(pull.spec.source))
    return allowed is not None and not pull.want.products and set(pull.want.targets) <= set(allowed)


def exported(pull: Pull, at: Position, terms: Terms) -> Iterator[Page]:
    """All records from where `at` stands; by lists where they are few, or where the export comes to nothing."""
    listed = replace(at, phase=LIST, after="")
    count = 0
    if at.phase == LIST and (count := _count(pull)) < terms.least:
        yield from full(pull, listed)
        return
    try:
        reading = _reading(pull, terms)
        if at.phase == LIST:
            at = _asked(pull, at, count, reading)
            yield Page(nothing(pull.spec), at.text(), total=count)
        yield from _taken(pull, at, terms, reading)
    except (UnclearError, OSError) as error:
        reason = str(error) if isinstance(error, UnclearError) else f"there is no room for it here ({error.strerror})"
        lists = replace(pull, doubts=Doubts(pull.spec))  # what a useless file made doubtful is nobody's concern
        lists.doubts.not_exported(reason)
        yield from full(lists, listed)
        return
    since = at.started - pull.overlap
    yield from changes(pull, replace(at, phase=SEARCH, since=since, after="", listed=False))


def _count(pull: Pull) -> int:
    """How many records there are, as search sees it; none where it does not tell."""
    body: Json = {"filterGroups": [], "properties": [OBJECT_ID], "limit": 1}
    path = pull.client.paths.objects(pull.spec.source, "search")
    call = Call("POST", path, f"{pull.spec.source} search", body=body, search=True, raw=True)
    return pull.ask(call).total or 0


def _reading(pull: Pull, terms: Terms) -> _Reading:
    """How the cells of all properties are read; raises `UnclearError`."""
    known = {name: one for name in pull.want.properties if (one := terms.properties.get(name))}
    if lost := set(pull.want.properties) - set(known):
        raise UnclearError(f"the portal has no property {', '.join(sorted(lost))}")
    times = tuple(name for name, one in known.items() if one.value_type() == "datetime")
    local = LocalTime(_zone(pull) if times else ZoneInfo("UTC"))
    kinds = {name: [one.kind for one in pull.spec.fields if one.source == name] for name in known}
    cells = {name: cell(one, kinds[name], local) for name, one in known.items()}
    return _Reading({OBJECT_ID: str, **cells}, times, local)


def _zone(pull: Pull) -> ZoneInfo:
    told = pull.client.ask(Call("GET", pull.client.paths.account(), "account-info")).body
    try:
        return ZoneInfo(str(told.get("timeZone")))
    except (KeyError, ValueError, OSError):
        raise UnclearError("the portal's time zone is not known") from None


def _asked(pull: Pull, at: Position, count: int, reading: _Reading) -> Position:
    task = ask(pull.client, pull.spec.source, list(reading.cells), pull.want.targets)
    return replace(at, phase=EXPORT, started=min(at.started, pull.client.now()), after=f"{task}:0:{count}")


def _taken(pull: Pull, at: Position, terms: Terms, reading: _Reading) -> Iterator[Page]:
    """The file's rows; an export that HubSpot forgot since the last run is asked for anew, once."""
    for _ in range(_TURNS):
        try:
            yield from _read(pull, at, terms, reading)
        except GoneError:
            at = _asked(pull, at, _count(pull), reading)
            yield Page(nothing(pull.spec), at.text())
        else:
            return
    raise UnclearError("HubSpot does not know the export any more")


def _read(pull: Pull, at: Position, terms: Terms, reading: _Reading) -> Iterator[Page]:
    task, done, count = at.after.rsplit(":", 2)
    more = (COMPANIES, PRIMARY) if pull.want.targets else ()
    seen = 0
    odd = _Odd(pull, reading, at)
    with TemporaryFile() as file:
        fetch(pull.client, terms.clock, pull.spec.source, task, file)
        for rows in pieces(file, reading.cells, more):
            if not seen:
                prove(pull, rows, at, reading.local, reading.times)
            new = rows.without(max(0, int(done) - seen))
            seen += len(rows)
            if len(new):
                yield from odd.pages(new, replace(at, after=f"{task}:{seen}:{count}"))
        yield from odd.rest()
    now = _count(pull)
    if not min(int(count), now) <= seen <= max(int(count), now):
        raise UnclearError(f"it has {seen} records, where search counts {count} before it and {now} after it")


class _Odd:
    """Pages of a file's rows. Those with a time that stands for two moments, or for none, are read by id as well, a
    hundred at a time; until then the cursor stays before the first of them.
    """

    def __init__(self, pull: Pull, reading: _Reading, at: Position) -> None:
        self._pull, self._reading = pull, reading
        self._waiting: dict[str, None] = {}
        self._safe = self._last = at

    def pages(self, rows: FileRows, at: Position) -> Iterator[Page]:
        """Some rows, after which the file stands at `at`."""
        pull, self._last = self._pull, at
        for name in self._reading.times:
            self._waiting |= dict.fromkeys(_twice(rows, name, self._reading.local))
        self._safe = self._safe if self._waiting else at
        yield Page(assembled(pull, rows, file_links(pull, rows)), self._safe.text())
        if len(self._waiting) >= BATCH:
            yield from self.rest()

    def rest(self) -> Iterator[Page]:
        """Those that wait, as they are now."""
        if self._waiting:
            pull, ids = self._pull, list(self._waiting)
            now = pull.decoder.rows([one for found in read_rows(pull, ids) for one in found.records])
            self._waiting, self._safe = {}, self._last
            yield Page(assembled(pull, now, links_fetched(pull, now)), self._safe.text())


def _twice(rows: FileRows, name: str, local: LocalTime) -> list[str]:
    told = rows.raw(name)
    doubted = {text for text in set(told) if text and local.twice(text)}
    return [key for key, text in zip(rows.ids, told, strict=True) if text in doubted]
