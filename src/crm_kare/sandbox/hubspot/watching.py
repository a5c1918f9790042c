"""What happens to a portal's records, told to whoever listens: webhooks do."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm_kare.sandbox.store import Org, Record


@dataclass(frozen=True)
class Happening:
    """One thing that happened to one record.

    Attributes:
        kind: as the second word of a subscription (`creation`, `propertyChange` …).
        name: the object; `record_id`: of its record, and with associations the one that they go from.
        at: epoch milliseconds; `who`: as the store keeps it.
        told: what else there is to tell, by HubSpot's names.
    """

    kind: str
    name: str
    record_id: str
    at: int
    who: str
    told: Mapping[str, Any] = field(default_factory=dict)


class PortalOrg(Org):
    """An org that tells what is written, inside of the transaction that writes it."""

    heard: Callable[[Happening], None] = staticmethod(lambda _: None)
    """Who is told."""
    listening: Callable[[], bool] = staticmethod(lambda: False)
    """Whether anybody wants to know."""

    def tell(self, kind: str, name: str, record_id: str, who: str, **told: Any) -> None:
        """Tell of something."""
        if self.listening():
            self.heard(Happening(kind, name, record_id, self.now_ms(), who, told))

    def insert(self, name: str, values: Mapping[str, Any], who: str) -> str:
        """See `Org.insert`. What a merge makes is no creation."""
        with self.store.transaction():
            made = super().insert(name, values, who)
            if not values.get("hs_merged_object_ids"):
                self.tell("creation", name, made, who)
        return made

    def update(self, name: str, record_id: str, changes: Mapping[str, Any], who: str) -> Record:
        """See `Org.update`."""
        if not self.listening():
            return super().update(name, record_id, changes, who)
        with self.store.transaction():
            before = self.get(name, record_id) or {}
            written = super().update(name, record_id, changes, who)
            for one in changes:
                if before[one] != written[one]:
                    self.tell(
                        "propertyChange", name, record_id, who, propertyName=one, propertyValue=written[one] or ""
                    )
        return written

    def delete(self, name: str, record_id: str, who: str, merged_into: str | None = None) -> None:
        """See `Org.delete`. What was merged away is not told as deleted."""
        with self.store.transaction():
            super().delete(name, record_id, who, merged_into)
            if merged_into is None:
                self.tell("deletion", name, record_id, who)

    def undelete(self, name: str, record_id: str, who: str) -> None:
        """See `Org.undelete`."""
        with self.store.transaction():
            super().undelete(name, record_id, who)
            self.tell("restore", name, record_id, who)

    def link(self, source: str, target: str, links: Iterable[tuple[str, str, str]]) -> None:
        """See `Org.link`."""
        with self.store.transaction():
            held = list(links)
            known = self._linked(source, target, held)
            super().link(source, target, held)
            self._tell_links(source, target, [one for one in held if one not in known], removed=False)

    def unlink(self, source: str, target: str, links: Iterable[tuple[str, str, str]]) -> None:
        """See `Org.unlink`."""
        with self.store.transaction():
            held = list(links)
            known = self._linked(source, target, held)
            super().unlink(source, target, held)
            self._tell_links(source, target, [one for one in held if one in known], removed=True)

    def live_links(self, source: str, target: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        """As `Org.links`, to records that are there."""
        return self.store.rows(
            "SELECT source_id, target_id, link.type FROM link"  # noqa: S608  names are ours
            f" CROSS JOIN {self.table(target)} ON _id = target_id AND _deleted = 0"
            " WHERE vendor = ? AND source = ? AND target = ?"
            " AND source_id IN (SELECT value FROM json_each(?)) ORDER BY 1, 2, 3",
            (self.vendor, source, target, json.dumps(list(ids))),
        )

    def _linked(self, source: str, target: str, links: Iterable[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
        ids = [here for here, _, _ in links] if self.listening() else []
        return set(self.links(source, target, ids)) if ids else set()

    def _tell_links(self, source: str, target: str, links: Iterable[tuple[str, str, str]], *, removed: bool) -> None:
        for here, there, type_id in links if self.listening() else ():
            self.tell("associationChange", source, here, "", target=target, there=there, type=type_id, removed=removed)
