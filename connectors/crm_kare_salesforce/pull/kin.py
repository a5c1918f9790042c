"""Children of records that were merged, deleted or brought along by that: read once more.

A merge moves the loser's children to the winner, and a deletion takes children along. Neither fires the children's own
triggers, and nothing promises that their stamps move. So when an object lost records, the streams that refer to it ask
for those children by name; where nothing was lost, which is nearly always, that costs no call.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.fields import Objects
from crm_kare_salesforce.pull.ask import Ask, Found
from crm_kare_salesforce.pull.delete_log import looked_up, together
from crm_kare_salesforce.values import long_id

_ACCOUNT: Final = "account"
_TO_ACCOUNT: Final = frozenset({"account", "accountid"})


@dataclass(frozen=True)
class _Lost:
    """Ids of an object's lost records and of the winners of its merges, known from a moment on."""

    since: datetime
    ids: frozenset[str]


class Kin:
    """Remembers what each stream lost, for the streams that are pulled after it."""

    def __init__(self, client: Client, objects: Objects) -> None:
        self._client, self._objects = client, objects
        self._lost: dict[str, _Lost] = {}

    def forget(self, source: str) -> None:
        """What an earlier pull of an object showed: another one begins."""
        self._lost.pop(source.lower(), None)

    def note(self, source: str, since: datetime, ids: Iterable[str]) -> None:
        """What a whole incremental pull of an object showed."""
        self._lost[source.lower()] = _Lost(since, frozenset(ids))

    def children(self, ask: Ask) -> Found:
        """Records of the stream that belong to a lost record or to the winner of a merge.

        Raises:
            CallError, StaleCursorError: there are too many to ask for.
        """
        if ask.since is None:
            return together(ask.spec, [])
        known = {name: lost.ids for name, lost in self._lost.items() if lost.since <= ask.since}
        if _ACCOUNT not in known and _names_account(ask):
            known[_ACCOUNT] = self._asked(ask.since)
        found = [
            looked_up(self._client, ask, link, sorted(ids))
            for name, ids in known.items()
            if ids
            for link in self._objects.links(ask.spec.source, [one.source for one in ask.spec.fields], name)
        ]
        return together(ask.spec, found)

    def _asked(self, since: datetime) -> frozenset[str]:
        """Accounts lost, for a stream that is pulled without them: they stand later in the mapping, or a stop lies between."""
        query = soql.select(["Id", "MasterRecordId"], "Account", "IsDeleted = true", soql.since(since))
        rows = self._client.rows(query, everything=True)
        return frozenset(long_id(str(one[name])) for one in rows for name in ("Id", "MasterRecordId") if one.get(name))


def _names_account(ask: Ask) -> bool:
    steps = {step for one in ask.spec.fields for step in one.source.lower().split(".")}
    return ask.spec.source.lower() != _ACCOUNT and bool(steps & _TO_ACCOUNT)
