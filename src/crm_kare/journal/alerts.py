"""What people were alerted of: one row per CRM and kind, with the state as it is and as it was last told.

A message is due where the two differ. Who sends it claims the row first, by an update in the database, so that of several
daemons one sends it, and a restart repeats nothing. A sender that dies leaves its claim to run out: the message is late then,
not lost.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from crm_kare.journal.store import Store
from crm_kare.journal.tables import ALERTS, moment_of, text_of

FINE: Final = ""
"""The state of what is well."""

_NEVER: Final = "0000"


@dataclass(frozen=True)
class Alert:
    """One row.

    Attributes:
        crm: the CRM's name; empty for what concerns the whole project.
        kind: what it is about.
        state: `FINE`, or a mark: a later one is news again.
        told: the state that people know of.
        since: when it came to be well, or not.
        body: what the message says: ids, counts and codes.
    """

    crm: str
    kind: str
    state: str
    told: str
    since: datetime
    body: Mapping[str, Any]

    @property
    def recovered(self) -> bool:
        """Whether it was told of, and is well again."""
        return self.state == FINE


class AlertStates:
    """What is wrong now, and who knows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def observe(self, crm: str, kind: str, state: str, body: Mapping[str, Any], now: datetime) -> None:
        """Note how something is: `FINE`, or a mark of what is wrong. What was wrong and is well keeps the body that told of it.

        A mark that is earlier than the one noted changes nothing but the body, as long as it is not well.
        """
        row = {
            "crm": crm,
            "kind": kind,
            "state": FINE,
            "told": FINE,
            "since": text_of(now),
            "until": _NEVER,
            "body": "{}",
        }
        mine = sa.and_(ALERTS.c.crm == crm, ALERTS.c.kind == kind)
        with self._store.writing() as connection:
            if state == FINE:
                wrong = sa.and_(mine, ALERTS.c.state != FINE)
                connection.execute(sa.update(ALERTS).where(wrong).values(state=FINE, since=row["since"]))
                return
            self._store.upsert(connection, ALERTS, [row], refresh=())
            was_well = sa.and_(mine, ALERTS.c.state == FINE)
            connection.execute(sa.update(ALERTS).where(was_well).values(since=row["since"]))
            connection.execute(sa.update(ALERTS).where(mine).values(body=json.dumps(body, sort_keys=True)))
            connection.execute(sa.update(ALERTS).where(mine, ALERTS.c.state < state).values(state=state))

    def due(self) -> list[Alert]:
        """What people do not know yet, in the order in which it came about."""
        return self._select(ALERTS.c.state != ALERTS.c.told)

    def active(self) -> list[Alert]:
        """What is wrong now."""
        return self._select(ALERTS.c.state != FINE)

    def claim(self, alert: Alert, now: datetime, ttl: timedelta) -> bool:
        """Take it upon oneself to tell of it until `now + ttl`; False where another does, or did, or it moved on."""
        free = sa.and_(
            _row(alert), ALERTS.c.state == alert.state, ALERTS.c.told == alert.told, ALERTS.c.until <= text_of(now)
        )
        with self._store.writing() as connection:
            return connection.execute(sa.update(ALERTS).where(free).values(until=text_of(now + ttl))).rowcount == 1

    def told(self, alert: Alert) -> None:
        """People know of it now."""
        with self._store.writing() as connection:
            connection.execute(sa.update(ALERTS).where(_row(alert)).values(told=alert.state, until=_NEVER))

    def put_off(self, alert: Alert, until: datetime) -> None:
        """Nobody could be told: another try from that moment on."""
        with self._store.writing() as connection:
            connection.execute(sa.update(ALERTS).where(_row(alert)).values(until=text_of(until)))

    def take_slot(self, topic: str, slot: str, now: datetime) -> bool:
        """Whether nobody has taken this slot of something that is sent on a schedule, or a later one; it is taken then."""
        row = {
            "crm": "",
            "kind": topic,
            "state": FINE,
            "told": FINE,
            "since": text_of(now),
            "until": _NEVER,
            "body": "{}",
        }
        with self._store.writing() as connection:
            self._store.upsert(connection, ALERTS, [row], refresh=())
            free = sa.and_(ALERTS.c.crm == "", ALERTS.c.kind == topic, ALERTS.c.until < slot)
            return connection.execute(sa.update(ALERTS).where(free).values(until=slot)).rowcount == 1

    def _select(self, which: sa.ColumnElement[bool]) -> list[Alert]:
        query = sa.select(ALERTS).where(which).order_by(ALERTS.c.since, ALERTS.c.crm, ALERTS.c.kind)
        with self._store.reading() as connection:
            return [_alert(row) for row in connection.execute(query).mappings()]


def _row(alert: Alert) -> sa.ColumnElement[bool]:
    return sa.and_(ALERTS.c.crm == alert.crm, ALERTS.c.kind == alert.kind)


def _alert(row: Mapping[Any, Any]) -> Alert:
    return Alert(row["crm"], row["kind"], row["state"], row["told"], moment_of(row["since"]), json.loads(row["body"]))
