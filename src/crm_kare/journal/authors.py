"""Who typed the values that people typed, as the CRM told when it was asked: so that it is asked once."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crm_kare.journal.store import Store, name_groups
from crm_kare.journal.tables import AUTHORS, moment_of, text_of
from crm_kare.ports import Author


@dataclass(frozen=True)
class Typed:
    """A value that a person typed into a field of an account; `author` is None where the CRM does not tell."""

    account_id: str
    label: str
    value: str
    author: Author | None


class Authors:
    """Authors of values, by account and label."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, crm: str, typed: Iterable[Typed], now: datetime) -> None:
        """Keep what the CRM told of these."""
        rows = [_row(crm, one, now) for one in typed]
        with self._store.writing() as connection:
            self._store.upsert(connection, AUTHORS, rows)

    def known(self, crm: str, account_ids: Sequence[str]) -> dict[tuple[str, str], Typed]:
        """What is kept of these accounts, by account and label; the value may have changed since."""
        found: dict[tuple[str, str], Typed] = {}
        with self._store.reading() as connection:
            for names in name_groups(account_ids):
                query = sa.select(AUTHORS).where(AUTHORS.c.crm == crm, AUTHORS.c.account_id.in_(names))
                for row in connection.execute(query).mappings():
                    found[row["account_id"], row["label"]] = _typed(row)
        return found


def _row(crm: str, one: Typed, now: datetime) -> dict[str, Any]:
    author = one.author
    return {
        "crm": crm,
        "account_id": one.account_id,
        "label": one.label,
        "value": one.value,
        "author": author.by if author else None,
        "names": json.dumps(author.names if author else ()),
        "at": text_of(author.at) if author and author.at else None,
        "asked_at": text_of(now),
    }


def _typed(row: Mapping[Any, Any]) -> Typed:
    at = moment_of(row["at"]) if row["at"] else None
    author = None if row["author"] is None else Author(row["author"], at, tuple(json.loads(row["names"])))
    return Typed(row["account_id"], row["label"], row["value"], author)
