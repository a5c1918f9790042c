"""One run at a time per CRM, whoever starts it: a lease with a heartbeat, taken over when its holder died."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from crm_kare.journal.store import Store
from crm_kare.journal.tables import LEASES, text_of


class Leases:
    """Who may run which CRM now. Every method is one atomic statement."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def acquire(self, crm: str, holder: str, now: datetime, ttl: timedelta) -> bool:
        """Take the lease until `now + ttl` where it is free, run out, or the holder's own; whether it was taken."""
        row = {"crm": crm, "holder": holder, "until": text_of(now + ttl)}
        free = sa.or_(LEASES.c.holder == holder, LEASES.c.until <= text_of(now))
        with self._store.writing() as connection:
            self._store.upsert(connection, LEASES, [row], refresh=())
            taken = connection.execute(
                sa.update(LEASES).where(LEASES.c.crm == crm, free).values(holder=holder, until=row["until"])
            )
            return taken.rowcount == 1

    def release(self, crm: str, holder: str) -> None:
        """Give it back; nothing happens where another holds it."""
        with self._store.writing() as connection:
            connection.execute(sa.delete(LEASES).where(LEASES.c.crm == crm, LEASES.c.holder == holder))

    def holder(self, crm: str, now: datetime) -> str | None:
        """Who holds it now, for the message to the one who waits."""
        with self._store.reading() as connection:
            return connection.scalar(
                sa.select(LEASES.c.holder).where(LEASES.c.crm == crm, LEASES.c.until > text_of(now))
            )
