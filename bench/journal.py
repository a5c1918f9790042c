"""How fast a large plan is journalled, and in how much memory: a first run over an org, its intents and outcomes on SQLite.

`make` judges a made-up org and saves the plan that writes every label of it. `apply` reads that plan and applies it, through
`sync.apply`, to a CRM that takes everything at once and keeps nothing (one account in five hundred it refuses): what is left is
what the journal takes. A part of the accounts first, then all of them, each in a new process with a new database in a folder on disk.
A change is one value of one field; of each, its intent, its outcome and what was written last are kept.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import world

import crm_kare_mappings
from crm_kare.clock import SystemClock
from crm_kare.config.rulebook import load_rulebook
from crm_kare.journal import open_journal
from crm_kare.labels import LABELS, Editor
from crm_kare.method import score
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import Capabilities, Connector, LabelField, WriteRequest
from crm_kare.sync.apply import apply
from crm_kare.sync.judge import engine
from crm_kare.sync.mapped import streams
from crm_kare.sync.plan import Plan, make_plan
from crm_kare.sync.policy import Compared, Policy
from crm_kare.sync.saved_plan import load, save

LEAST: Final = 20_000.0
"""Changes a second."""

MOST_GROWTH_MB: Final = 48.0
"""By which four times the plan may take more memory than the plan itself does."""

PARTS: Final = (4, 1)
BATCH: Final = 2_000
ONE_IN: Final = 500
OWN: Final = pa.schema([("account_id", pa.string()), ("label", pa.string()), ("value", pa.string())])
PLAN: Final = "first.plan"


def fields() -> tuple[LabelField, ...]:
    """All labels that we write by default."""
    ours = (one for one in LABELS if one.editor is Editor.OURS and one.default)
    return tuple(LabelField(one, f"{'KARE_' if one.prefixed else ''}{one.name}__c") for one in ours)


def make(folder: Path, accounts: int) -> dict[str, Any]:
    """Judge an org and save the plan that writes all of it; what planning took."""
    world.make(folder, accounts, 3 * accounts, seed=7)
    mirror = world.open_mirror(folder)
    rulebook = load_rulebook(Path(crm_kare_mappings.__file__).with_name("rulebook.yaml"), {})
    with engine() as con:
        tables = mirror.tables(con)
        canonical, _ = streams(tables, world.mapping(), world.ORGANISATION, world.AS_OF)
        labels = score(canonical, rulebook, world.AS_OF).labels
        present = con.to_pyarrow(tables["accounts"].select("account_id", "name", "parent_id"))
    began, cpu = time.perf_counter(), time.process_time()
    compared = Compared(labels, present, OWN.empty_table(), None, ranked=True)
    plan = make_plan("bench", "Account", world.AS_OF, compared, Policy(fields()))
    took = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu, "changes": plan.changes.num_rows}
    save(plan, folder / PLAN, SystemClock().now())
    return took


def part_of(plan: Plan, share: int) -> Plan:
    """One in so many of a plan's accounts: the first ones."""
    accounts = plan.accounts.slice(0, plan.accounts.num_rows // share)
    return replace(
        plan,
        accounts=accounts,
        changes=plan.changes.filter(pc.is_in(plan.changes["account_id"], accounts["account_id"])),
    )


def taker() -> Connector:
    """A CRM that takes everything at once, but for one account in so many, and keeps nothing."""

    def write(request: WriteRequest) -> list[Outcome]:
        return [
            Outcome(one.account_id, OutcomeStatus.CHANGED)
            if place % ONE_IN
            else Outcome(one.account_id, OutcomeStatus.REJECTED, "VALIDATION_FAILED", "The CRM refused the record.")
            for place, one in enumerate(request.records)
        ]

    return cast("Connector", SimpleNamespace(capabilities=Capabilities(frozenset(), BATCH), write=write))


def applied(folder: Path, share: int) -> dict[str, Any]:
    """Apply a part of the saved plan: what it took, and what memory and disk it took on top of the plan itself."""
    plan, clock = part_of(load(folder / PLAN).plan, share), SystemClock()
    told: Counter[str] = Counter()
    database = folder / f"journal-{share}.db"
    with closing(open_journal(f"sqlite:///{database}")) as journal:
        journal.runs.start("run", "bench", clock.now())
        watch = _Memory()
        began, cpu = time.perf_counter(), time.process_time()
        for outcomes in apply(taker(), journal, plan, "run", clock, read_at=clock.now()):
            told.update(one.status.value for one in outcomes)
            watch.look()
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    size = sum(one.stat().st_size for one in folder.glob(f"{database.name}*")) / 1e6
    took = {"wall": wall, "cpu": cpu, "accounts": plan.accounts.num_rows, "changes": plan.changes.num_rows}
    return took | {"grown": watch.grown, "size": size, "told": dict(told)}


class _Memory:
    """How much more memory the process holds than at first, at its most."""

    def __init__(self) -> None:
        self._first, self.grown = self._now(), 0.0

    def look(self) -> None:
        """At a batch's border."""
        self.grown = max(self.grown, self._now() - self._first)

    @staticmethod
    def _now() -> float:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / 1e6


JOBS: Final[dict[str, Callable[[Path, int], dict[str, Any]]]] = {"make": make, "apply": applied}


def apart(job: str, folder: Path, number: int) -> dict[str, Any]:
    """A job in a process of its own."""
    words = [sys.executable, __file__, "--do", job, "--in", str(folder), "--accounts", str(number)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  ourselves
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def show(one: dict[str, Any]) -> float:
    """Print what a part took; changes a second."""
    rate: float = one["changes"] / one["wall"]
    print(
        f"{one['accounts']:>8} accounts {one['changes']:>9} changes  {one['wall']:7.1f} s wall {one['cpu']:7.1f} s CPU"
        f" {rate:8.0f} changes/s ({one['changes'] / one['cpu']:.0f} a CPU second)  +{one['grown']:.0f} MB, peak {one['mb']:.0f} MB,"
        f" database {one['size']:.0f} MB ({1e6 * one['size'] / one['changes']:.0f} B a change); {one['told']}",
        flush=True,
    )
    return rate


def main() -> int:
    """Measure and show; 1 where it is slower than it may be, or memory grows with the plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--any-speed", action="store_true", help="don't judge rate and memory")
    parser.add_argument("--do", choices=list(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.do:
        told = JOBS[args.do](args.folder, args.accounts)
        print(json.dumps(told | {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planned = apart("make", folder, args.accounts)
        print(
            f"planned {planned['changes']} changes in {planned['wall']:.1f} s wall, {planned['cpu']:.1f} s CPU",
            flush=True,
        )
        parts = [apart("apply", folder, share) for share in PARTS]
    rates = [show(one) for one in parts]
    growth = parts[1]["grown"] - parts[0]["grown"]
    print(f"four times the plan takes {growth:.0f} MB more on top of it; at most {MOST_GROWTH_MB:.0f}")
    return 0 if args.any_speed or (min(rates) >= LEAST and growth <= MOST_GROWTH_MB) else 1


if __name__ == "__main__":
    sys.exit(main())
