"""The capacity model in closed form: what an installation needs, and how fresh its labels are, without playing it."""

import math
from dataclasses import dataclass
from typing import Final

from scale_figures import DAY, Figures, Vendor, Work, work

BUSY: Final = 0.8
"""Share of the cores that is planned for; the rest is for first runs, full pulls and what goes wrong."""

_ROUNDS: Final = 8
"""Where runs come later than they should, more of them are pulls in full, which take longer: after so many rounds it stands."""


@dataclass(frozen=True)
class Plant:
    """What there is: cores, and runs at a time (each may take a GiB)."""

    cores: int
    places: int


@dataclass(frozen=True)
class Expected:
    """What the model says of a day of schedules.

    Attributes:
        runs: a day.
        busy: share of the cores that work.
        held: share of the places that are held.
        drained: seconds until all runs of one start have ended.
        fresh: seconds from a change in the CRM to its label there, on average.
        stale: the same, at most: a pull in full, the last in its queue.
        calls: an organisation and day, by vendor.
        changes: values written, a day.
    """

    runs: float
    busy: float
    held: float
    drained: float
    fresh: float
    stale: float
    calls: dict[str, float]
    changes: float


def _mean(figures: Figures, value: dict[str, float]) -> float:
    return sum(value[one.name] for one in figures.vendors) * figures.share()


def usual(figures: Figures, vendor: Vendor, every: float) -> Work:
    """An average run: one in so many is a pull in full."""
    part = min(1.0, every / (figures.full_days * DAY))
    plain, full = work(figures, vendor, every), work(figures, vendor, every, full=True)
    mixed = (one + part * (other - one) for one, other in zip(vars(plain).values(), vars(full).values(), strict=True))
    return Work(*mixed)


def expected(figures: Figures, plant: Plant, every: float, *, together: bool) -> Expected:
    """A day of schedules.

    Args:
        figures: the installation.
        plant: what it has.
        every: seconds between the starts of an organisation.
        together: whether all start on the same minutes, as `*/15` does, or spread over the interval.
    """
    real = every
    for _ in range(_ROUNDS):
        runs = {one.name: usual(figures, one, real) for one in figures.vendors}
        cpu = _mean(figures, {name: one.cpu for name, one in runs.items()})
        alone = _mean(figures, {name: one.alone for name, one in runs.items()})
        drained = figures.organisations * max(cpu / plant.cores, alone / plant.places)
        real = max(every, drained)
    crowded = drained >= every
    queued = plant.places * cpu / plant.cores if together or crowded else alone
    ends = max(alone, queued)
    spread = max(0.0, drained) if together and not crowded else 0.0
    fresh = real / 2 + spread**2 / (12 * real) + ends
    longest = max(work(figures, one, real, full=True).alone for one in figures.vendors)
    stale = real + spread + ends + longest
    return Expected(
        runs=figures.organisations * DAY / real,
        busy=min(1.0, figures.organisations * cpu / (plant.cores * every)),
        held=min(1.0, figures.organisations * alone / (plant.places * every)),
        drained=drained,
        fresh=fresh,
        stale=stale,
        calls={name: one.calls * DAY / real for name, one in runs.items()},
        changes=figures.organisations * figures.changes(DAY),
    )


def cores_for(figures: Figures, every: float) -> int:
    """Cores that keep up with a schedule, a fifth of them free."""
    cpu = _mean(figures, {one.name: usual(figures, one, every).cpu for one in figures.vendors})
    return math.ceil(figures.organisations * cpu / every / BUSY)


def first_wave(figures: Figures, plant: Plant) -> tuple[float, dict[str, float]]:
    """Seconds until every organisation has its first labels, all of them joining at once; and one's own, by vendor, alone."""
    firsts = {one.name: work(figures, one, 0.0, first=True) for one in figures.vendors}
    cpu = _mean(figures, {name: one.cpu for name, one in firsts.items()})
    alone = {name: one.alone for name, one in firsts.items()}
    return figures.organisations * max(cpu / plant.cores, _mean(figures, alone) / plant.places), alone


@dataclass(frozen=True)
class Stored:
    """Bytes in PostgreSQL, of all organisations, by what they hold."""

    runs: float
    changes: float
    written: float
    labels: float
    first: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.runs + self.changes + self.written + self.labels + self.first


def stored(figures: Figures, every: float, *, kept_days: float, age_days: float) -> Stored:
    """What the journal holds, `age_days` after the first runs, where runs are kept for `kept_days`."""
    size, days = figures.size, min(kept_days, age_days)
    moved = figures.accounts * figures.moved
    of_change = size.change + size.outcome / figures.moved_fields
    first = figures.first_changes * size.change + figures.accounts * size.outcome
    return Stored(
        runs=figures.organisations * days * DAY / every * size.run,
        changes=figures.organisations * days * moved * figures.moved_fields * of_change,
        written=figures.organisations * figures.first_changes * size.written,
        labels=figures.organisations * (figures.accounts + age_days * moved) * size.label,
        first=figures.organisations * first * (age_days <= kept_days),
    )


@dataclass(frozen=True)
class Load:
    """One thing that can give: how much of it is used, of how much there is."""

    what: str
    used: float
    limit: float
    unit: str

    @property
    def share(self) -> float:
        """Of what there is."""
        return self.used / self.limit


def loads(figures: Figures, every: float) -> list[Load]:
    """What can give, for one organisation or one server of each kind, the fullest first."""
    found = [
        Load("a core", _cpu(figures, every), 1 / figures.organisations, "core"),
        Load("PostgreSQL, rows sent to runs", figures.organisations * figures.read / every, 500e6, "B/s"),
        Load("PostgreSQL, values written", figures.organisations * figures.changes(DAY) / DAY, 5_000.0, "values/s"),
    ]
    for one in figures.vendors:
        calls = usual(figures, one, every).calls * DAY / every
        found.append(Load(f"{one.name}, calls of an organisation's day", calls, 0.8 * one.day_calls, "calls"))
        busy = work(figures, one, 0.0, first=True)
        found.append(Load(f"{one.name}, calls of a first run", busy.calls, 0.8 * one.day_calls, "calls"))
    return sorted(found, key=lambda one: -one.share)


def _cpu(figures: Figures, every: float) -> float:
    return _mean(figures, {one.name: usual(figures, one, every).cpu for one in figures.vendors}) / every
