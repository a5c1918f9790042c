"""What an installation of many organisations needs: the capacity model, checked by playing it. The tables of docs/scale.md.

`python bench/scale.py` plays 10,000 organisations of 200,000 accounts each, which takes some minutes; it ends with 1 where the model
and what was played differ by more than they may.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from scale_figures import DAY, HOUR, MINUTE, Figures
from scale_model import Expected, Plant, cores_for, expected, first_wave, loads, stored
from scale_simulation import Play, Played, Scene

APART: Final = 0.10
"""By which model and play may differ."""

ENOUGH: Final = 300
"""Pulls in full from which their calls can be told."""

QUARTER: Final = 15 * MINUTE
PLACES: Final = 2
"""Runs at a time for each core: while one waits for its CRM, another computes."""

GB: Final = 1e9


@dataclass(frozen=True)
class Compared:
    """A schedule, the model's day of it and the played one."""

    name: str
    figures: Figures
    plant: Plant
    scene: Scene
    model: Expected
    played: Played

    def pairs(self) -> dict[str, tuple[float, float]]:
        """What both tell, the model's number first."""
        days, played = (self.scene.lasts - self.scene.counted) / DAY, self.played
        each = self.figures.organisations / len(self.figures.vendors)
        return {
            "runs a day": (self.model.runs, played.runs / days),
            "cores busy": (self.model.busy, played.computed / self.plant.cores / days / DAY),
            "fresh, mean s": (self.model.fresh, played.fresh()),
            "values a day": (self.model.changes, played.changes / days),
            **{
                f"{name}, calls a day": (calls, played.calls[name] / each / days)
                for name, calls in self.model.calls.items()
            },
        }

    def apart(self) -> float:
        """By how much the worst pair differs; calls do not count where there were too few pulls in full to tell."""
        days = (self.scene.lasts - self.scene.counted) / DAY
        told = days * self.figures.organisations / self.figures.full_days >= ENOUGH
        pairs = (both for name, both in self.pairs().items() if told or "calls" not in name)
        return max(abs(model - found) / model for model, found in pairs)

    def holds(self) -> bool:
        """Whether the model is borne out: the pairs are close, and nothing is staler than it says."""
        return self.apart() <= APART and self.played.stale() <= self.model.stale


def schedules(figures: Figures, lasts: float, seed: int) -> Iterator[Compared]:
    """Days of schedules: every quarter and hourly, on the same minutes and spread, and a plant that is too small."""
    for name, every, together, part in (
        ("15 min, on the same minutes", QUARTER, True, 1.0),
        ("15 min, spread", QUARTER, False, 1.0),
        ("hourly, on the same minute", HOUR, True, 1.0),
        ("hourly, spread", HOUR, False, 1.0),
        ("15 min, half the cores it needs", QUARTER, True, 0.4),
    ):
        cores = max(1, round(cores_for(figures, every) * part))
        plant = Plant(cores, PLACES * cores)
        scene = Scene(
            every, lasts, 3 * max(every, expected(figures, plant, every, together=together).drained), together
        )
        played = Play(figures, plant, scene, seed).run()
        yield Compared(name, figures, plant, scene, expected(figures, plant, every, together=together), played)


def bad_days(figures: Figures, plant: Plant, lasts: float, seed: int) -> Iterator[tuple[str, Played]]:
    """A vendor that is down for two hours; everybody's pull in full in one night; everybody new at once."""
    down = (2 * HOUR, 4 * HOUR)
    yield "HubSpot down for 2 h", Play(figures, plant, Scene(QUARTER, 8 * HOUR, HOUR, down=down), seed).run()
    yield "all pull in full at 2:00", Play(figures, plant, Scene(QUARTER, 8 * HOUR, HOUR, nightly=2.0), seed).run()
    new = Scene(QUARTER, lasts, joins=True)
    yield "all are new at once", Play(figures, plant, new, seed).run()


def show(compared: list[Compared]) -> None:
    """Model and play, side by side."""
    names = list(compared[0].pairs())
    heads = ["schedule", "cores", "places", *names, "apart", "95 % fresh within s", "all within s (at most)"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for one in compared:
        cells = " | ".join(f"{_short(model)} / {_short(found)}" for model, found in one.pairs().values())
        within = f"{_short(one.played.quantile(0.95))} | {_short(one.played.stale())} ({_short(one.model.stale)})"
        print(f"| {one.name} | {one.plant.cores} | {one.plant.places} | {cells} | {one.apart():.1%} | {within} |")


def show_bad(figures: Figures, plant: Plant, found: list[tuple[str, Played]]) -> None:
    """What bad days do."""
    print(
        "\n| day | runs | not made | most in the queue | fresh, mean s | fresh, worst s | over after s |\n|---|---|---|---|---|---|---|"
    )
    for name, one in found:
        over = one.first_at or one.caught_up
        cells = map(_short, (one.runs, one.failed, one.waited, one.fresh(), one.stale(), over))
        print(f"| {name} | {' | '.join(cells)} |")
    wave, alone = first_wave(figures, plant)
    print(
        f"\nModel: the first wave takes {_short(wave)} s; a first run alone "
        + ", ".join(f"{name} {_short(one)} s" for name, one in alone.items())
    )


def show_stores(figures: Figures) -> None:
    """PostgreSQL by schedule and retention, a year and more after the first runs; what gives first."""
    print(
        "\n| schedule | runs kept, days | age, days | runs GB | changes GB | first GB | last written GB | labels GB | all GB |\n|---|---|---|---|---|---|---|---|---|"
    )
    for every in (QUARTER, HOUR):
        for kept, age in ((400.0, 365.0), (400.0, 730.0), (90.0, 365.0), (30.0, 365.0)):
            one = stored(figures, every, kept_days=kept, age_days=age)
            cells = " | ".join(
                _short(part / GB) for part in (one.runs, one.changes, one.first, one.written, one.labels, one.total)
            )
            print(f"| {every / MINUTE:.0f} min | {kept:.0f} | {age:.0f} | {cells} |")
    for every in (QUARTER, HOUR):
        print(f"\n| {every / MINUTE:.0f} min: what | used | of | share |\n|---|---|---|---|")
        for load in loads(figures, every):
            print(f"| {load.what} | {_short(load.used)} | {_short(load.limit)} {load.unit} | {load.share:.2%} |")


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def main() -> int:
    """Play and show; 1 where the model and the play differ too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=12.0, help="to play of each schedule")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="the compared schedules alone, as JSON")
    args = parser.parse_args()
    figures = replace(Figures(), organisations=args.organisations)
    compared = list(schedules(figures, args.hours * HOUR, args.seed))
    if args.json:
        print(
            json.dumps(
                {one.name: {"pairs": one.pairs(), "stale": [one.model.stale, one.played.stale()]} for one in compared}
            )
        )
    else:
        show(compared)
        plant = compared[0].plant
        show_bad(figures, plant, list(bad_days(figures, plant, 10 * DAY, args.seed)))
        show_stores(figures)
    return 0 if all(one.holds() for one in compared) else 1


if __name__ == "__main__":
    sys.exit(main())
