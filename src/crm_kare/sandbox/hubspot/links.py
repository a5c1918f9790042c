"""Links between records: typed, directed, kept in both directions; and the values HubSpot counts from them."""

from collections.abc import Iterable, Sequence
from typing import Final

from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.store import Record

TYPES: Final[dict[tuple[str, str], dict[str, tuple[str, str | None]]]] = {
    ("deals", "companies"): {"5": ("deal_to_company", "Primary"), "341": ("deal_to_company_unlabeled", None)},
    ("companies", "deals"): {"6": ("company_to_deal", "Primary"), "342": ("company_to_deal_unlabeled", None)},
    ("contacts", "companies"): {"1": ("contact_to_company", "Primary"), "279": ("contact_to_company_unlabeled", None)},
    ("companies", "contacts"): {"2": ("company_to_contact", "Primary"), "280": ("company_to_contact_unlabeled", None)},
    ("companies", "companies"): {
        "13": ("parent_to_child_company", "Child Company"),
        "14": ("child_to_parent_company", "Parent Company"),
    },
    ("deals", "line_items"): {"19": ("deal_to_line_item", None)},
    ("line_items", "deals"): {"20": ("line_item_to_deal", None)},
    ("deals", "contacts"): {"3": ("deal_to_contact", None)},
    ("contacts", "deals"): {"4": ("contact_to_deal", None)},
    ("orders", "companies"): {"509": ("order_to_company", None)},
    ("companies", "orders"): {"510": ("company_to_order", None)},
    ("tasks", "companies"): {"192": ("task_to_company", None)},
    ("companies", "tasks"): {"191": ("company_to_task", None)},
    ("tasks", "deals"): {"216": ("task_to_deal", None)},
    ("deals", "tasks"): {"215": ("deal_to_task", None)},
    ("tasks", "contacts"): {"204": ("task_to_contact", None)},
    ("contacts", "tasks"): {"203": ("contact_to_task", None)},
}
"""Name (as v3 lists write it) and label of each type id, by source and target."""

_PAIRS: Final = (
    *(("5", "6"), ("341", "342"), ("1", "2"), ("279", "280"), ("13", "14"), ("19", "20"), ("3", "4")),
    *(("509", "510"), ("191", "192"), ("215", "216"), ("203", "204")),
)
OPPOSITE: Final = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}


PRIMARY: Final = "Primary"
"""The label that at most one company has for a deal or a contact."""


def types_between(portal: Portal, source: str, target: str) -> dict[str, tuple[str, str | None]]:
    """HubSpot's own types between two object types, and those that this portal's labels made."""
    return TYPES.get((source, target), {}) | portal.labels.get((source, target), {})


def opposite(portal: Portal, type_id: str) -> str:
    """The type of the same link seen from its other end; a label without an inverse is its own."""
    return OPPOSITE.get(type_id) or portal.inverses.get(type_id, type_id)


def tie(portal: Portal, source: str, target: str, links: Iterable[tuple[str, str, str]]) -> None:
    """Link records (source id, target id, type id), and back with the opposite type."""
    held = list(links)
    portal.org.link(source, target, held)
    portal.org.link(target, source, ((there, here, opposite(portal, kind)) for here, there, kind in held))
    _recount_ends(portal, source, target, held)


def untie(portal: Portal, source: str, target: str, links: Iterable[tuple[str, str, str]]) -> None:
    """Take links away, in both directions."""
    held = list(links)
    portal.org.unlink(source, target, held)
    portal.org.unlink(target, source, ((there, here, opposite(portal, kind)) for here, there, kind in held))
    _recount_ends(portal, source, target, held)


def _recount_ends(portal: Portal, source: str, target: str, links: Sequence[tuple[str, str, str]]) -> None:
    recount(portal, source, {here for here, _, _ in links})
    recount(portal, target, {there for _, there, _ in links})


def linked(portal: Portal, source: str, target: str, ids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Type ids by source id and live target id."""
    found: dict[str, dict[str, list[str]]] = {}
    for here, there, kind in portal.org.live_links(source, target, ids):
        found.setdefault(here, {}).setdefault(there, []).append(kind)
    return found


_COUNTED: Final[dict[str, tuple[tuple[str, str, frozenset[str], bool], ...]]] = {
    "companies": (
        ("hs_parent_company_id", "companies", frozenset({"14"}), False),
        ("hs_num_child_companies", "companies", frozenset({"13"}), True),
        ("num_associated_deals", "deals", frozenset({"6", "342"}), True),
        ("num_associated_contacts", "contacts", frozenset({"2", "280"}), True),
    ),
    "deals": (
        ("hs_primary_associated_company", "companies", frozenset({"5"}), False),
        ("hs_num_of_associated_line_items", "line_items", frozenset({"19"}), True),
    ),
    "contacts": (("associatedcompanyid", "companies", frozenset({"1"}), False),),
}
"""By object type: property, target, types that matter, and whether the ends are counted or the one end is named."""


def recount(portal: Portal, name: str, ids: Iterable[str]) -> None:
    """Bring up to date what is calculated from these records' links; a change moves the record's stamp, where it does at all."""
    records = portal.org.get_many(name, list(ids), deleted=False)
    for column, target, types, counted in _COUNTED.get(name, ()):
        found = linked(portal, name, target, list(records))
        for record_id, record in records.items():
            ends = sorted(there for there, kinds in found.get(record_id, {}).items() if not types.isdisjoint(kinds))
            _set(
                portal, name, record, column, (str(len(ends)) if ends else None) if counted else next(iter(ends), None)
            )


def _set(portal: Portal, name: str, record: Record, column: str, value: str | None) -> None:
    if (record[column] or "0") == (value or "0"):
        return
    if portal.settings.links_move_dates:
        portal.org.update(name, record["_id"], {column: value}, "calculated")
    else:
        portal.org.recompute(name, record["_id"], {column: value})


def recount_around(portal: Portal, name: str, record_id: str) -> None:
    """Bring up to date the neighbours of a record that came or went."""
    for source, target in TYPES:
        if source == name:
            recount(portal, target, [there for _, there, _ in portal.org.links(name, target, [record_id])])
