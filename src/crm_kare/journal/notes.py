"""Small facts per CRM that outlive a run: portfolio figures, applied plans, the organisation, label fields there, the last run's
metrics.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from crm_kare.journal.store import Store
from crm_kare.journal.tables import NOTES, PLANS, PORTFOLIO, moment_of, text_of
from crm_kare.ports import Organisation

_ORGANISATION: Final = "organisation"
_METRICS: Final = "metrics"
_FIELDS: Final = "fields"
_UNMAPPED: Final = "unmapped"


@dataclass(frozen=True)
class KeptPortfolio:
    """Portfolio figures as JSON, with the day they were measured and the rules version they belong to."""

    measured_on: date
    rules_version: str
    figures: Mapping[str, Any]


class Notes:
    """What is kept per CRM beside runs and changes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep_portfolio(
        self, crm: str, measured_on: date, rules_version: str, figures: Mapping[str, Any], now: datetime
    ) -> None:
        """Keep the figures measured on a day; measured again on the same day, they replace it."""
        row = {
            "crm": crm,
            "measured_on": measured_on.isoformat(),
            "rules_version": rules_version,
            "kept_at": text_of(now),
            "figures": json.dumps(figures, sort_keys=True),
        }
        with self._store.writing() as connection:
            self._store.upsert(connection, PORTFOLIO, [row])

    def portfolio(self, crm: str) -> KeptPortfolio | None:
        """The figures measured last."""
        query = sa.select(PORTFOLIO).where(PORTFOLIO.c.crm == crm).order_by(PORTFOLIO.c.measured_on.desc()).limit(1)
        with self._store.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        measured_on = date.fromisoformat(row["measured_on"])
        return KeptPortfolio(measured_on, row["rules_version"], json.loads(row["figures"]))

    def mark_applied(self, crm: str, digest: str, run_id: str, now: datetime) -> None:
        """Write down that the saved plan of that hash is being applied."""
        row = {"crm": crm, "digest": digest, "run_id": run_id, "applied_at": text_of(now)}
        with self._store.writing() as connection:
            self._store.upsert(connection, PLANS, [row])

    def applied_by(self, crm: str, digest: str) -> str | None:
        """The run that applied the plan of that hash."""
        query = sa.select(PLANS.c.run_id).where(PLANS.c.crm == crm, PLANS.c.digest == digest)
        with self._store.reading() as connection:
            return connection.scalar(query)

    def keep_organisation(self, crm: str, organisation: Organisation, now: datetime) -> None:
        """Keep what the CRM said about itself, for commands that make no call. Its rates have a place of their own."""
        body = {name: value for name, value in asdict(organisation).items() if name != "rates"}
        self._keep(crm, _ORGANISATION, body, now)

    def organisation(self, crm: str) -> tuple[Organisation, datetime] | None:
        """What the CRM last said about itself, without rates, and when."""
        found = self._kept(crm, _ORGANISATION)
        return (Organisation(**found[0]), found[1]) if found else None

    def keep_fields(self, crm: str, fields: Collection[str], now: datetime) -> None:
        """Keep which label fields were in the CRM when last asked."""
        self._keep(crm, _FIELDS, {"there": sorted(fields)}, now)

    def fields(self, crm: str) -> frozenset[str]:
        """The label fields that were in the CRM when last asked."""
        found = self._kept(crm, _FIELDS)
        return frozenset(found[0]["there"]) if found else frozenset()

    def keep_metrics(self, crm: str, metrics: Mapping[str, float], now: datetime) -> None:
        """Keep a run's figures that the next run's brakes compare with (unknown share, row counts)."""
        self._keep(crm, _METRICS, metrics, now)

    def metrics(self, crm: str) -> dict[str, float]:
        """The last kept run's figures; empty where there are none."""
        found = self._kept(crm, _METRICS)
        return found[0] if found else {}

    def keep_unmapped(self, crm: str, values: Collection[tuple[str, str, str]], now: datetime) -> None:
        """Keep which values the mapping did not know (stream, column, value) at a run that passed."""
        self._keep(crm, _UNMAPPED, {"values": sorted(values)}, now)

    def unmapped(self, crm: str) -> frozenset[tuple[str, str, str]] | None:
        """The values kept; None where no run has passed yet."""
        found = self._kept(crm, _UNMAPPED)
        return frozenset((stream, column, value) for stream, column, value in found[0]["values"]) if found else None

    def _keep(self, crm: str, topic: str, body: Mapping[str, Any], now: datetime) -> None:
        row = {"crm": crm, "topic": topic, "kept_at": text_of(now), "body": json.dumps(body, sort_keys=True)}
        with self._store.writing() as connection:
            self._store.upsert(connection, NOTES, [row])

    def _kept(self, crm: str, topic: str) -> tuple[dict[str, Any], datetime] | None:
        query = sa.select(NOTES.c.body, NOTES.c.kept_at).where(NOTES.c.crm == crm, NOTES.c.topic == topic)
        with self._store.reading() as connection:
            row = connection.execute(query).first()
        return (json.loads(row.body), moment_of(row.kept_at)) if row else None
