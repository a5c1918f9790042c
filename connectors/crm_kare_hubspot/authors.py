"""Who gave properties their present values: by the property history, persons by the portal's list of users."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from crm_kare.errors import AccessError
from crm_kare.ports import Author, LabelField
from crm_kare_hubspot.client import Client
from crm_kare_hubspot.owners import everybody, name_of
from crm_kare_hubspot.wrote_last import NEVER, Hand, last_hands


def authors(
    client: Client, source: str, ids: Sequence[str], fields: Sequence[LabelField]
) -> Mapping[str, Mapping[str, Author]]:
    """By record id and label name: one call for each fifty records, and where persons are among them the list of users."""
    names = {one.field: one.label.name for one in fields}
    hands = last_hands(client, source, ids, tuple(names)) if ids and names else {}
    users = {hand.user for found in hands.values() for hand in found.values() if hand.user}
    persons = _persons(client, users) if users else {}
    return {
        key: {names[held]: _author(hand, persons) for held, hand in found.items() if held in names and hand.kind}
        for key, found in hands.items()
    }


def _persons(client: Client, wanted: AbstractSet[str]) -> dict[str, tuple[str, str]]:
    """Name and e-mail address by user id; nobody where the scope for owners is not granted. Who left is asked for last."""
    found: dict[str, tuple[str, str]] = {}
    try:
        for raw in everybody(client):
            if (user := str(raw.get("userId") or "")) in wanted:
                found[user] = (name_of(raw) or "", str(raw.get("email") or ""))
            if len(found) == len(wanted):
                break
    except AccessError:
        return {}
    return found


def _author(hand: Hand, persons: Mapping[str, tuple[str, str]]) -> Author:
    at: datetime | None = hand.at if hand.at > NEVER else None
    if not hand.user:
        return Author(hand.who(), at)
    name, email = persons.get(hand.user, ("", ""))
    return Author(name or email or hand.who(), at, tuple(one for one in (hand.user, email) if one))
