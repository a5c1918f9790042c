"""The rows of an export: records of a view, in the words of the file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from crm_kare.sandbox.hubspot.definitions import ObjectType, Property
from crm_kare.sandbox.hubspot.exports.task import Order
from crm_kare.sandbox.hubspot.links import TYPES, linked
from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.hubspot.records import value
from crm_kare.sandbox.store import Record

CHUNK: Final = 2000
"""Records read at once; what people do between two looks shows in the chunks after."""
ASSOCIATED: Final = 1000
"""Associated records of a row, where no more were asked for."""

Cell = Callable[[str | None], str]


def header(portal: Portal, order: Order) -> list[str]:
    """The titles of the columns: the record's id first, then what was asked for, then the associated records."""
    known = portal.properties(order.kind)
    first = "hs_object_id" if order.names else "Record ID"
    titles = [one if order.names else known[one].label for one in _asked(order, known)]
    return [first, *titles, *(title for target in order.associated for title in _association_titles(order, target))]


def _asked(order: Order, known: Mapping[str, Property]) -> list[str]:
    return [one for one in order.properties if one in known and one != "hs_object_id"]


def _association_titles(order: Order, target: ObjectType) -> list[str]:
    word = f"Associated {target.singular.replace('_', ' ').title()}"
    labels = [f"{word} IDs ({label})" for _, label in _labels(order, target)]
    return [*([word] if order.titles else []), f"{word} IDs", *labels]


def _labels(order: Order, target: ObjectType) -> list[tuple[str, str]]:
    """Type id and label of each labelled kind of association, where they are asked for."""
    types = TYPES.get((order.kind.name, target.name), {})
    return [(one, label) for one, (_, label) in types.items() if label and order.labelled]


def rows(portal: Portal, order: Order) -> Iterator[list[list[str]]]:
    """The view's rows, some at a time."""
    known = portal.properties(order.kind)
    cells = {name: _cell(portal, known[name], order) for name in _asked(order, known)}
    hidden = portal.settings.exports.hidden
    for chunk in _chunks(portal, order, list(cells)):
        found, hidden = chunk[hidden:], max(0, hidden - len(chunk))
        ties = [_ties(portal, order, target, found) for target in order.associated]
        yield [
            [
                one["_id"],
                *(cell(value(one, order.kind, name)) for name, cell in cells.items()),
                *(text for tie in ties for text in tie[one["_id"]]),
            ]
            for one in found
        ]


def _chunks(portal: Portal, order: Order, names: Sequence[str]) -> Iterator[list[Record]]:
    """The view's records; in the order of their ids each chunk is found by the last one's id."""
    kind, last, done = order.kind, "", 0
    columns = names or [kind.created]
    while True:
        if order.order == "_id":
            where, values, offset = f"{order.where} AND _id > ?", (*order.values_of_where, last), 0
        else:
            where, values, offset = order.where, order.values_of_where, done
        found = portal.org.select(
            kind.name, where, values, order=order.order, limit=CHUNK, offset=offset, columns=columns
        )
        if not found:
            return
        last, done = found[-1]["_id"], done + len(found)
        yield found


def _ties(portal: Portal, order: Order, target: ObjectType, records: Sequence[Record]) -> dict[str, list[str]]:
    """By record id: the cells about associated records."""
    ids = [one["_id"] for one in records]
    found = linked(portal, order.kind.name, target.name, ids)
    most = None if order.unbounded else ASSOCIATED
    names = _names(portal, order, target, found)
    made: dict[str, list[str]] = {}
    for one in ids:
        ends = dict(list(found.get(one, {}).items())[:most])
        labelled = [
            [there for there, kinds in ends.items() if type_id in kinds] for type_id, _ in _labels(order, target)
        ]
        titles = [";".join(names[there] for there in ends)] if order.titles else []
        made[one] = [*titles, ";".join(ends), *map(";".join, labelled)]
    return made


def _names(
    portal: Portal, order: Order, target: ObjectType, found: Mapping[str, Mapping[str, Sequence[str]]]
) -> dict[str, str]:
    if not order.titles:
        return {}
    column = next(one for one in ("dealname", "email", "name") if one in portal.properties(target))
    held = portal.org.get_many(target.name, list({there for ends in found.values() for there in ends}))
    return {key: record[column] or "" for key, record in held.items()}


def _cell(portal: Portal, known: Property, order: Order) -> Cell:
    """How one property's values are written."""
    if known.type == "datetime":
        settings = portal.settings
        zone, form = ZoneInfo(settings.exports.zone or settings.timezone), _TIMES[settings.exports.times]
        return lambda held: form(_moment(held).astimezone(zone)) if held else ""
    labels = {} if order.values else _option_labels(portal, known)
    return lambda held: labels.get(held, held) if held else ""


def _moment(held: str) -> datetime:
    found = datetime.fromisoformat(held)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_TIMES: Final[Mapping[str, Callable[[datetime], str]]] = {
    "minutes": lambda moment: f"{moment:%Y-%m-%d %H:%M}",
    "american": lambda moment: f"{moment:%m/%d/%Y %I:%M %p}",
    "zoned": lambda moment: moment.isoformat(timespec="milliseconds"),
    "milliseconds": lambda moment: str(round(moment.timestamp() * 1000)),
}


def _option_labels(portal: Portal, known: Property) -> dict[str, str]:
    if known.name == "hubspot_owner_id":
        owners = portal.org.select("owners", deleted=None)
        return {one["_id"]: f"{one['firstName']} {one['lastName']}" for one in owners}
    if known.name == "dealstage":
        return {stage.id: stage.label for line in portal.pipelines for stage in line.stages}
    if known.name == "pipeline":
        return {one.id: one.label for one in portal.pipelines}
    return {one.value: one.label for one in known.options}
