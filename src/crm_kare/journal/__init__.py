"""The journal: all that must outlive a run. One database, SQLite by default, PostgreSQL when shared."""

from dataclasses import dataclass

from crm_kare.errors import KareError
from crm_kare.journal.alerts import FINE, Alert, AlertStates
from crm_kare.journal.authors import Authors, Typed
from crm_kare.journal.backup import Backup, back_up, restore
from crm_kare.journal.changes import WAITS, Changes, Recorded, Rejection
from crm_kare.journal.engines import Pools
from crm_kare.journal.labels import HeldLabel, LabelHistory
from crm_kare.journal.leases import Leases
from crm_kare.journal.migrate import migrate
from crm_kare.journal.notes import KeptPortfolio, Notes
from crm_kare.journal.placements import Placed, Placements
from crm_kare.journal.pointers import Pointer, Pointers
from crm_kare.journal.rates import Rates
from crm_kare.journal.refusals import Refusal, Refusals
from crm_kare.journal.retention import Retention
from crm_kare.journal.rulebooks import KeptRulebook, Rulebooks
from crm_kare.journal.runs import Run, Runs
from crm_kare.journal.schedules import Daemon, Daemons, Schedules, Standing
from crm_kare.journal.store import Store, connect
from crm_kare.journal.undos import UNDO, Undos

__all__ = [
    "FINE",
    "UNDO",
    "WAITS",
    "Alert",
    "AlertStates",
    "Authors",
    "Backup",
    "Changes",
    "Daemon",
    "Daemons",
    "HeldLabel",
    "Journal",
    "KeptPortfolio",
    "KeptRulebook",
    "LabelHistory",
    "Leases",
    "Notes",
    "Placed",
    "Placements",
    "Pointer",
    "Pointers",
    "Pools",
    "Rates",
    "Recorded",
    "Refusal",
    "Refusals",
    "Rejection",
    "Retention",
    "Rulebooks",
    "Run",
    "Runs",
    "Schedules",
    "Standing",
    "Typed",
    "Undos",
    "back_up",
    "open_journal",
    "restore",
]


@dataclass(frozen=True)
class Journal:
    """An open journal, one part per concern.

    Attributes:
        store: the database.
        leases: who may run which CRM now.
        runs: every run, how it ended and what it said.
        changes: intents, outcomes, own last values, rejected accounts.
        labels: each account's profiles over time.
        pointers: where each stream of the mirror stands.
        notes: portfolio figures, applied plans, organisation, label fields there, the last run's metrics.
        rates: exchange rates as they were first seen.
        undos: runs that were undone.
        refusals: what the CRM refused, to be looked at.
        retention: what is forgotten.
        rulebooks: the rulebooks that were used, by version.
        authors: who typed what people typed.
        placements: which field each label lay in.
        alerts: what is wrong now, and who knows.
        schedules: where each CRM's schedule stands.
        daemons: which daemons live.
    """

    store: Store
    leases: Leases
    runs: Runs
    changes: Changes
    labels: LabelHistory
    pointers: Pointers
    notes: Notes
    rates: Rates
    undos: Undos
    refusals: Refusals
    retention: Retention
    rulebooks: Rulebooks
    authors: Authors
    placements: Placements
    alerts: AlertStates
    schedules: Schedules
    daemons: Daemons

    def close(self) -> None:
        """Give back all connections."""
        self.store.close()


def open_journal(url: str, schema: str = "", pools: Pools | None = None) -> Journal:
    """Open the journal at a database address (`sqlite:////abs/path`, `postgresql+psycopg://…`) and bring its tables up
    to date.

    Args:
        url: the address.
        schema: the schema of PostgreSQL that its tables are in; made where it is not there.
        pools: connections to PostgreSQL that it shares with others.

    Raises:
        ConfigError: the address or the schema cannot be used.
        StopError: the database refuses, or is of a newer version than this program.
        BusyError: another program holds it.
    """
    store = connect(url, schema, pools)
    try:
        migrate(store)
    except KareError:
        store.close()
        raise
    return Journal(
        store,
        Leases(store),
        Runs(store),
        Changes(store),
        LabelHistory(store),
        Pointers(store),
        Notes(store),
        Rates(store),
        Undos(store),
        Refusals(store),
        Retention(store),
        Rulebooks(store),
        Authors(store),
        Placements(store),
        AlertStates(store),
        Schedules(store),
        Daemons(store),
    )
