"""Who wrote last where a record holds something else than expected: a person, another program, or we ourselves.

HubSpot's property history tells the kind of source and its id. Which of them is ours is told by a record that we wrote a
moment ago. What our own app wrote is nobody's edit: a run that was killed left it, and the plan was made before the
mirror knew (search lags behind).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call, Client

AT_ONCE: Final = 50
"""Records in one batch read with history, at most."""

_PROGRAMS: Final = {"INTEGRATION": "Another app", "API": "Another app", "IMPORT": "An import"}
_WORKFLOWS: Final = ("AUTOMATION", "WORKFLOW")
_USER: Final = re.compile(r"userId:(\d+)")
"""How `sourceId` names a person (HubSpot's changelog)."""


@dataclass(frozen=True)
class Hand:
    """The last write of one property of one record."""

    kind: str
    id: str
    at: datetime
    user: str = ""

    def is_of(self, other: "Hand") -> bool:
        """Whether the same program or person wrote both."""
        return bool(self.kind and self.id) and (self.kind, self.id, self.user) == (other.kind, other.id, other.user)

    def words(self) -> str:
        """Who it was and when, as far as HubSpot tells."""
        when = f" on {self.at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC" if self.at > NEVER else ""
        return f"{self.who()} edited it{when}, since the plan was made."

    def who(self) -> str:
        """The person or program, as far as HubSpot tells."""
        if self.user:
            return f"A person (user {self.user})"
        if self.kind in _PROGRAMS:
            return f"{_PROGRAMS[self.kind]} ({self.id})" if self.id else _PROGRAMS[self.kind]
        if self.kind.startswith(_WORKFLOWS):
            return "A workflow"
        return f"Somebody ({self.kind})" if self.kind else "Somebody"


Hands = Mapping[str, Mapping[str, Hand]]
"""By record id and property."""


def last_hands(client: Client, source: str, ids: Sequence[str], properties: Sequence[str]) -> Hands:
    """Who wrote these properties of these records last.

    Raises:
        KareError: HubSpot could not be asked.
    """
    found: dict[str, dict[str, Hand]] = {}
    for start in range(0, len(ids), AT_ONCE):
        for record in _read(client, source, ids[start : start + AT_ONCE], properties):
            history = record.get("propertiesWithHistory") or {}
            found[str(record.get("id"))] = {name: _last(entries) for name, entries in history.items() if entries}
    return found


def _read(client: Client, source: str, ids: Sequence[str], properties: Sequence[str]) -> list[Json]:
    inputs = [{"id": one} for one in ids]
    body: Json = {"properties": [], "propertiesWithHistory": list(properties), "inputs": inputs}
    call = Call("POST", client.paths.objects(source, "batch", "read"), where=source, body=body)
    return results(client.ask(call).body, source)


def _last(entries: Sequence[Json]) -> Hand:
    """The newest entry; of those of one moment the first, for HubSpot gives them newest first."""
    told = max(entries, key=_moment)
    user = _USER.match(str(told.get("sourceId") or ""))
    return Hand(
        kind=str(told.get("sourceType") or ""),
        id=str(told.get("sourceId") or ""),
        at=_moment(told),
        user=str(told.get("updatedByUserId") or (user[1] if user else "")),
    )


def _moment(told: Json) -> datetime:
    try:
        found = datetime.fromisoformat(str(told.get("timestamp")))
    except ValueError:
        return NEVER
    return found if found.tzinfo else NEVER


NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)
"""Of writes whose moment HubSpot does not tell."""
