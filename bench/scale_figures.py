"""What the capacity model and its simulation reckon with: what was measured, what vendors allow, what is assumed. Sources in docs/scale.md."""

from dataclasses import dataclass, field
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0


@dataclass(frozen=True)
class Vendor:
    """One organisation's CRM: 200,000 accounts, 1,000,000 opportunities.

    Attributes:
        name: of the vendor.
        quiet_calls: API calls of a run that finds nothing.
        quiet_cpu: CPU seconds of it: pull, judgement, plan.
        full_calls: calls of a pull in full.
        full_cpu: its CPU seconds, on top of a quiet run.
        full_wait: seconds for which the vendor makes the files of it.
        write_calls: calls that write a thousand accounts, reading back included.
        calls_a_second: at most.
        latency: seconds that a call takes where nothing limits it.
        day_calls: allowance of the smallest edition in which it makes sense.
    """

    name: str
    quiet_calls: int
    quiet_cpu: float
    full_calls: int
    full_cpu: float
    full_wait: float
    write_calls: float
    calls_a_second: float
    latency: float
    day_calls: int

    def seconds(self, calls: float, *, at_once: float = 1.0) -> float:
        """How long so many calls take, so many of them side by side where the vendor lets them."""
        return calls * max(self.latency / at_once, 1 / self.calls_a_second)


SALESFORCE: Final = Vendor(
    "salesforce", quiet_calls=7, quiet_cpu=40.0, full_calls=35, full_cpu=5.0, full_wait=120.0, write_calls=6.0,
    calls_a_second=25.0, latency=0.3, day_calls=100_000,
)  # fmt: skip
HUBSPOT: Final = Vendor(
    "hubspot", quiet_calls=7, quiet_cpu=40.0, full_calls=12_005, full_cpu=60.0, full_wait=0.0, write_calls=20.0,
    calls_a_second=17.1, latency=0.15, day_calls=650_000,
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """What one row of a table takes in PostgreSQL with its indexes, in bytes, and how many there are of an organisation.

    Attributes:
        change: of `changes`, one value of one field.
        outcome: one account of one run.
        written: one value that we wrote last.
        label: one entry of the labels' history.
        run: one run, with its summary.
        mirror: of the mirror's files, an organisation.
    """

    change: float = 328.0
    outcome: float = 137.0
    written: float = 230.0
    label: float = 400.0
    run: float = 1_400.0
    mirror: float = 60e6


@dataclass(frozen=True)
class Figures:
    """An installation.

    Attributes:
        organisations: how many; every second one has HubSpot.
        accounts: of each.
        fields: values that a first run writes, an account.
        moved: accounts whose label changes in a day, a share.
        moved_fields: values that change with a label.
        cpu_a_change: CPU seconds to plan, send and journal one value.
        hold: seconds for which a run tries again where the CRM does not answer.
        again: first and longest wait before such a run is made again.
        full_days: days between pulls in full.
        spread: seconds over which starts of one minute are spread.
        read: bytes that a run reads from the journal.
    """

    organisations: int = 10_000
    accounts: int = 200_000
    fields: float = 6.9
    moved: float = 0.003
    moved_fields: float = 4.0
    cpu_a_change: float = 1 / 20_000
    hold: float = 31.0
    again: tuple[float, float] = (60.0, 900.0)
    full_days: float = 7.0
    spread: float = 20.0
    read: float = 200e6
    vendors: tuple[Vendor, ...] = (SALESFORCE, HUBSPOT)
    size: Size = field(default_factory=Size)

    def vendor(self, organisation: int) -> Vendor:
        """Whose CRM an organisation has."""
        return self.vendors[organisation % len(self.vendors)]

    def share(self) -> float:
        """Of one vendor."""
        return 1 / len(self.vendors)

    @property
    def first_changes(self) -> float:
        """Values that a first run writes."""
        return self.accounts * self.fields

    def changes(self, seconds: float) -> float:
        """Values that change in so long."""
        return self.accounts * self.moved * self.moved_fields * seconds / DAY

    def moved_accounts(self, seconds: float) -> float:
        """Accounts whose labels change in so long."""
        return self.accounts * self.moved * seconds / DAY


@dataclass(frozen=True)
class Work:
    """What one run does: waiting for the CRM, computing, waiting for it again; its calls, the values it writes."""

    pull: float
    cpu: float
    write: float
    calls: float
    changes: float

    @property
    def alone(self) -> float:
        """Seconds where nothing stands in its way."""
        return self.pull + self.cpu + self.write


def work(figures: Figures, vendor: Vendor, since: float, *, full: bool = False, first: bool = False) -> Work:
    """A run so many seconds after the one before."""
    accounts = float(figures.accounts) if first else figures.moved_accounts(since)
    changes = figures.first_changes if first else figures.changes(since)
    pulled = vendor.full_calls if full or first else 0
    written = vendor.write_calls * accounts / 1000
    cpu = vendor.quiet_cpu + (vendor.full_cpu if pulled else 0.0) + changes * figures.cpu_a_change
    pull = vendor.seconds(vendor.quiet_calls + pulled) + (vendor.full_wait if pulled else 0.0)
    write = vendor.seconds(written, at_once=20.0)
    return Work(pull, cpu, write, vendor.quiet_calls + pulled + written, changes)
