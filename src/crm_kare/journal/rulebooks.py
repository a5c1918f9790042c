"""The rulebooks that were used, by version, as they stood in their files: to be looked at, compared and put back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crm_kare.journal.labels import counting
from crm_kare.journal.store import Store
from crm_kare.journal.tables import LABEL_HISTORY, RULEBOOKS, moment_of, text_of


@dataclass(frozen=True)
class KeptRulebook:
    """A rulebook of the past.

    Attributes:
        version: its stamp (`Rulebook.stamp`).
        text: its file, comments included, as the last run of that version found it.
        playbooks: the playbooks beside it, text by file name.
        first_used: when a run first judged by it and wrote; None where none did.
        last_used: when the last one did.
        accounts: accounts whose present label came under it.
    """

    version: str
    text: str
    playbooks: Mapping[str, str]
    first_used: datetime | None
    last_used: datetime | None
    accounts: int = 0


class Rulebooks:
    """Rulebooks, kept for good: each is a small text."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def use(self, version: str, text: str, playbooks: Mapping[str, str], now: datetime) -> None:
        """A run has judged by it."""
        self._keep(version, text, playbooks, text_of(now), ["last_used", "text", "playbooks"])

    def put_aside(self, version: str, text: str, playbooks: Mapping[str, str]) -> None:
        """Keep one that another one is about to replace, used or not."""
        self._keep(version, text, playbooks, None, ["text", "playbooks"])

    def listed(self) -> list[KeptRulebook]:
        """All of them, the one used last first, those never used at the end."""
        query = sa.select(RULEBOOKS, _standing().label("accounts"))
        with self._store.reading() as connection:
            found = [_kept(row) for row in connection.execute(query).mappings()]
        used = sorted((one for one in found if one.last_used), key=lambda one: str(one.last_used), reverse=True)
        return used + sorted((one for one in found if not one.last_used), key=lambda one: one.version)

    def _keep(self, version: str, text: str, playbooks: Mapping[str, str], at: str | None, refresh: list[str]) -> None:
        row = {"version": version, "first_used": at, "last_used": at, "text": text, "playbooks": json.dumps(playbooks)}
        with self._store.writing() as connection:
            self._store.upsert(connection, RULEBOOKS, [row], refresh=refresh)
            if at is not None:
                unused = sa.and_(RULEBOOKS.c.version == version, RULEBOOKS.c.first_used.is_(None))
                connection.execute(sa.update(RULEBOOKS).where(unused).values(first_used=at))


def _standing() -> sa.ScalarSelect[int]:
    """How many accounts' newest label came under a version."""
    other = LABEL_HISTORY.alias("other")
    newest = (
        sa.select(sa.func.max(other.c.entry))
        .where(counting(other))
        .group_by(other.c.crm, other.c.account_id)
        .scalar_subquery()
    )
    same = LABEL_HISTORY.c.rules_version == RULEBOOKS.c.version
    return (
        sa.select(sa.func.count()).where(same, LABEL_HISTORY.c.entry.in_(newest)).correlate(RULEBOOKS).scalar_subquery()
    )


def _kept(row: Mapping[Any, Any]) -> KeptRulebook:
    moments = {name: moment_of(row[name]) if row[name] else None for name in ("first_used", "last_used")}
    return KeptRulebook(row["version"], row["text"], json.loads(row["playbooks"]), **moments, accounts=row["accounts"])
