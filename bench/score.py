"""How fast accounts are scored, and in how much memory: as ratios to plain Pandas and to a bare scan of the same files.

`python bench/score.py` makes an org of 100,000 accounts and 1,000,000 opportunities, pulls it into a mirror, and lets
each of the three go from the mirror's Parquet files three times, each time in a new process; it shows the medians.
What Pandas says is compared with what ours says, row by row.
"""

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

COMPARED = ("profile", "badge", "lapsed_since", "icp_score", "icp_tier", "icp_completeness")
"""These must be equal in every row; the others are counted."""

LIMIT_MB = 1024


CONTENDERS = ("ours", "pandas", "scan")
"""`run_<name>.py` beside this file; its `job(folder)` gives the function that is timed."""


def run(name: str, folder: Path, out: Path | None) -> None:
    """Do one job in this process and print what it took; imports are done before the clock starts."""
    job = importlib.import_module(f"run_{name}").job(folder)
    wall, cpu = time.perf_counter(), time.process_time()
    result = job()
    took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    print(json.dumps({**took, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    if out is not None and result is not None:
        _write(result, out)


def _write(result: Any, out: Path) -> None:
    pq.write_table(result if isinstance(result, pa.Table) else pa.Table.from_pandas(result, preserve_index=False), out)


def _apart(*words: str) -> str:
    """This script in a process of its own; what it prints."""
    done = subprocess.run(  # noqa: S603  ourselves
        [sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def compare(folder: Path) -> int:
    """Print how many rows of each column differ; how many rows of the columns that must agree do."""
    ours, theirs = (pq.read_table(folder / f"{name}.parquet") for name in ("ours", "pandas"))
    differing = {
        name: _differing(ours[name], theirs[name]) for name in theirs.column_names if name in ours.column_names
    }
    told = ", ".join(f"{name} {count}" for name, count in differing.items() if count)
    print(f"rows that differ, by column: {told or 'none'}")
    return sum(differing[name] for name in ("account_id", *COMPARED))


def _differing(ours: Any, theirs: Any) -> int:
    pairs = zip(ours.to_pylist(), theirs.to_pylist(), strict=True)
    return sum(_plain(one) != _plain(other) for one, other in pairs)


def _plain(value: Any) -> Any:
    """Dates as days, numbers as floats with the last digits off."""
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    if value is None or isinstance(value, str | list | bool):
        return value
    return None if value != value else round(float(value), 2)  # noqa: PLR0124  not a number


def measure(folder: Path, times: int) -> dict[str, dict[str, float]]:
    """Medians by job; the jobs take turns, so that a busy machine slows all of them."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for _ in range(times):
        for name, results in found.items():
            results.append(
                json.loads(_apart("--run", name, "--in", str(folder), "--out", str(folder / f"{name}.parquet")))
            )
    return {
        name: {key: statistics.median(one[key] for one in results) for key in results[0]}
        for name, results in found.items()
    }


def show(medians: dict[str, dict[str, float]]) -> None:
    """The table, and the ratios."""
    print(f"{'':8}{'wall s':>8}{'cpu s':>8}{'peak MB':>9}")
    for name, one in medians.items():
        print(f"{name:8}{one['wall_s']:8.2f}{one['cpu_s']:8.2f}{one['mb']:9.0f}")
    ours, pandas, scan = (medians[name] for name in ("ours", "pandas", "scan"))
    for key, what in (("wall_s", "wall time"), ("cpu_s", "CPU time")):
        print(
            f"{what}: Pandas takes {pandas[key] / ours[key]:.2f} × ours; ours takes {ours[key] / scan[key]:.1f} × a bare scan"
        )
    print(
        f"memory: Pandas takes {pandas['mb'] / ours['mb']:.2f} × ours; ours peaks at {ours['mb']:.0f} of {LIMIT_MB} MB"
    )


def main() -> int:
    """Measure, compare, show; 1 where the labels differ or ours is not the faster and leaner one it has to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--opportunities", type=int, help="default: ten for each account")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--agree", action="store_true", help="only compare the labels, don't judge the times")
    parser.add_argument("--run", choices=[*CONTENDERS, "make"], help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    deals = args.opportunities or 10 * args.accounts
    if args.run == "make":
        importlib.import_module("world").make(args.folder, args.accounts, deals, args.seed)
        return 0
    if args.run:
        run(args.run, args.folder, args.out)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        sizes = ("--accounts", str(args.accounts), "--opportunities", str(deals), "--seed", str(args.seed))
        _apart("--run", "make", "--in", folder, *sizes)
        return _judged(Path(folder), args.times, agree_only=args.agree)


def _judged(folder: Path, times: int, *, agree_only: bool) -> int:
    medians = measure(folder, times)
    show(medians)
    different = compare(folder)
    print(f"labels: {', '.join(COMPARED)} differ in {different} places")
    fits = medians["ours"]["mb"] < LIMIT_MB and medians["ours"]["wall_s"] < medians["pandas"]["wall_s"]
    return int(different > 0 or not (agree_only or fits))


if __name__ == "__main__":
    sys.exit(main())
