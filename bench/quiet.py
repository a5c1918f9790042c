"""What a run costs in which nobody changed anything, from the command's start to its end: seconds, calls and peak memory.

A sandbox in a process of its own holds the org. A plan of every label is made and put into the sandbox's records as they lie, which is
quicker than to write it by its API. A run an hour later takes in all those accounts, and takes their labels for ours. Then, another hour
later, the run that is measured: it finds nothing new, judges every account all the same, and plans nothing. It goes through `sync.flow`
in a new process, with its imports, as `crm-kare sync` does. Beside it stands what judging from the same mirror takes by itself
(`crm-kare score`). With `--write` the first run writes by the API, which takes the sandbox a quarter of an hour at full size.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from crm_kare.clock import SystemClock

MOST_MB: Final = 1024.0
MOST_CPU: Final = 1.6
"""CPU of the whole run, as a multiple of judging alone."""

MOST_CALLS: Final = {"salesforce": 8, "hubspot": 8}
MORNING: Final = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
"""When the first run begins; the others fall into the same day, so that the organisation is not asked for again."""

ACCOUNTS: Final = {"salesforce": 200_000, "hubspot": 50_000}
"""HubSpot's are pulled a hundred at a time, and the ones that changed by searches, five a second."""

PLAN: Final = "first.plan"


class Shifted(SystemClock):
    """This machine's clock, so many seconds later."""

    def __init__(self, later: float) -> None:
        super().__init__()
        self.later = later

    def now(self) -> datetime:
        """The moment that it is said to be."""
        return super().now() + timedelta(seconds=self.later)


# -- processes of their own; what they need is imported there ---------------------------------------------------------


def serve_until_stopped(crm: str, accounts: int, opportunities: int, later: float) -> None:
    """The sandbox. A line that comes in moves its clock, or names a plan whose labels the accounts are to hold."""
    from crm_kare.sandbox import serve  # noqa: PLC0415  the measured process does without

    clock = Shifted(later)
    with serve(clock, accounts=accounts, opportunities=opportunities, vendors=(crm,)) as running:
        print(json.dumps(running.environment()), flush=True)
        for line in sys.stdin:
            if line.startswith("/"):
                label(running.store.orgs[crm], Path(line.strip()))
            else:
                clock.later = float(line)
            print("done", flush=True)


def label(org: Any, path: Path) -> None:
    """Put a plan's labels into the records, all of which are changed now."""
    from crm_kare.labels import FieldType  # noqa: PLC0415
    from crm_kare.sync.saved_plan import load  # noqa: PLC0415

    plan, now, who = load(path).plan, org.now_ms(), "quiet"
    number = int if org.vendor == "salesforce" else str
    kinds = {one.field: number if one.label.type is FieldType.NUMBER else str for one in plan.fields}
    names = ", ".join(f'"{one}" = ?' for one in kinds)
    with org.store.transaction() as database:
        for account, cells in plan.by_account():
            new = {one.field: kinds[one.field](one.new) for one in cells if one.new is not None}
            values = [*map(new.get, kinds), now, account["account_id"]]
            database.execute(f'UPDATE {org.table(plan.source)} SET {names}, "_modified" = ? WHERE _id = ?', values)  # noqa: S608
    org.update(plan.source, account["account_id"], new, who)  # what is held of earlier pages ends with a write


def prepare(folder: Path, crm: str, environment: dict[str, str]) -> None:
    """A starter project, and our fields in the CRM."""
    from crm_kare.config.starters import starter_files  # noqa: PLC0415
    from crm_kare.sync.runtime import open_project  # noqa: PLC0415
    from crm_kare.sync.setup import provision  # noqa: PLC0415

    for path, text in starter_files({crm: crm}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    with closing(open_project(folder, environment, SystemClock())) as runtime:
        provision(runtime, crm, dry_run=False)


def run(folder: Path, crm: str, environment: dict[str, str], later: float) -> dict[str, Any]:
    """One whole run in this process: what it says, and how long each step took."""
    from crm_kare.sync.crm_run import Options  # noqa: PLC0415
    from crm_kare.sync.flow import sync  # noqa: PLC0415
    from crm_kare.sync.runtime import open_project  # noqa: PLC0415

    steps: dict[str, tuple[float, float]] = {}
    with closing(open_project(folder, environment, Shifted(later))) as runtime:
        steps["start"] = time.perf_counter(), _peak()
        (result,) = sync(runtime, [crm], Options(force=True), progress=_watch(steps))
    return result.to_json() | {"steps": _seconds(steps)}


def judge_alone(folder: Path, crm: str, environment: dict[str, str], later: float) -> dict[str, Any]:
    """The judgement by itself, in this process."""
    from crm_kare.sync.judge import judge  # noqa: PLC0415
    from crm_kare.sync.runtime import open_project  # noqa: PLC0415

    with closing(open_project(folder, environment, Shifted(later))) as runtime:
        return {"scored": judge(runtime, crm).labels.num_rows}


def _watch(steps: dict[str, tuple[float, float]]) -> Callable[[str, str, int, int | None], None]:
    """Note when each step was first told of, and the peak of memory until then."""

    def told(_crm: str, step: str, _done: int, _total: int | None) -> None:
        steps.setdefault(step.split(maxsplit=1)[0], (time.perf_counter(), _peak()))

    return told


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _seconds(steps: dict[str, tuple[float, float]]) -> dict[str, str]:
    """How long each step was the last one told of, and the peak of memory at its end."""
    ends = [*list(steps.values())[1:], (time.perf_counter(), _peak())]
    pairs = zip(steps.items(), ends, strict=True)
    return {name: f"{end - began:.1f} s, {peak:.0f} MB" for (name, (began, _)), (end, peak) in pairs}


def plan_all(folder: Path, crm: str, environment: dict[str, str], later: float) -> dict[str, Any]:
    """A plan that labels every account, saved."""
    from crm_kare.sync.flow import plan_only  # noqa: PLC0415
    from crm_kare.sync.runtime import open_project  # noqa: PLC0415
    from crm_kare.sync.saved_plan import save  # noqa: PLC0415

    clock = Shifted(later)
    with closing(open_project(folder, environment, clock)) as runtime:
        result, plan = plan_only(runtime, crm)
        if plan is None:
            raise SystemExit(f"no plan: {result.problems}")
        save(plan, folder / PLAN, clock.now())
    return result.to_json()


JOBS: Final = {"plan": plan_all, "run": run, "judge": judge_alone}


def do(job: str, folder: Path, crm: str, environment: dict[str, str], later: float) -> None:
    """A job in this process; prints what came of it and what the process took in all."""
    told = JOBS[job](folder, crm, environment, later)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(told | {"cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}))


# -- the bench --------------------------------------------------------------------------------------------------------


class Sandbox:
    """The sandbox's process, and the hour it has there."""

    def __init__(self, served: "subprocess.Popen[str]", later: float) -> None:
        self._served, self.later = served, later
        self.environment: dict[str, str] = json.loads(self._line())

    def an_hour_on(self) -> None:
        """Move its clock."""
        self.later += 3600
        self.tell(str(self.later))

    def tell(self, line: str) -> None:
        """Have it do what a line says."""
        if self._served.stdin is not None:
            print(line, file=self._served.stdin, flush=True)
            self._line()

    def _line(self) -> str:
        return self._served.stdout.readline() if self._served.stdout else ""


@contextmanager
def sandbox(crm: str, accounts: int, opportunities: int) -> Iterator[Sandbox]:
    """A sandbox with an org."""
    later = (MORNING - datetime.now(UTC)).total_seconds()
    size = ["--accounts", str(accounts), "--opportunities", str(opportunities), "--later", str(later)]
    words = [sys.executable, __file__, "--serve", "--crm", crm, *size]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as served:  # noqa: S603  ourselves
        yield Sandbox(served, later)
        served.terminate()


def apart(job: str, folder: Path, crm: str, there: Sandbox) -> dict[str, Any]:
    """A job in a process of its own, with its wall time."""
    given = ["--in", str(folder), "--environment", json.dumps(there.environment), "--later", str(there.later)]
    words = [sys.executable, __file__, "--do", job, "--crm", crm, *given]
    began = time.perf_counter()
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  ourselves
    told: dict[str, Any] = json.loads(done.stdout)
    return told | {"wall": time.perf_counter() - began}


def measure(
    crm: str, size: tuple[int, int], times: int, *, write: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The quiet runs, and judging alone, in turns."""
    with sandbox(crm, *size) as there, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, crm, there.environment)
        _tell("first", apart("run" if write else "plan", folder, crm, there))
        if not write:
            there.tell(str(folder / PLAN))
        there.an_hour_on()
        _tell("after", apart("run", folder, crm, there))
        there.an_hour_on()
        quiet, alone = [], []
        for _ in range(times):
            quiet.append(apart("run", folder, crm, there))
            alone.append(apart("judge", folder, crm, there))
            there.an_hour_on()
    return quiet, alone


def _tell(what: str, told: dict[str, Any]) -> None:
    calls, pulled, steps = sum(told["api_calls"].values()), told["pulled"], json.dumps(told.get("steps", {}))
    print(
        f"{what:6}{pulled['accounts']:>10} + {pulled['opportunities']:<9} pulled, {told['scored']} judged,"
        f" {told['planned']['accounts']} planned; {told['wall']:.1f} s wall, {told['cpu']:.1f} s CPU,"
        f" {calls} calls, {told['mb']:.0f} MB; {steps}",
        flush=True,
    )


def judged(crm: str, quiet: list[dict[str, Any]], alone: list[dict[str, Any]], *, any_speed: bool) -> int:
    """Show both and the ratios; 1 where the run was not quiet, or took more than it may."""
    for one in quiet:
        _tell("quiet", one)
    mine, bare = (
        {key: statistics.median(one[key] for one in found) for key in ("wall", "cpu", "mb")} for found in (quiet, alone)
    )
    most = max(one["mb"] for one in quiet)
    calls = max(sum(one["api_calls"].values()) for one in quiet)
    print(
        f"{crm}: a quiet run takes {mine['cpu'] / bare['cpu']:.2f} × the CPU and {mine['wall'] / bare['wall']:.2f} × the"
        f" time of judging alone ({bare['cpu']:.1f} s CPU, {bare['wall']:.1f} s, {bare['mb']:.0f} MB), {calls} calls,"
        f" and peaks at {most:.0f} of {MOST_MB:.0f} MB"
    )
    still = all(one["status"] == "done" and not one["planned"]["accounts"] for one in quiet)
    same = {one["scored"] for one in quiet} == {one["scored"] for one in alone}
    lean = mine["cpu"] <= MOST_CPU * bare["cpu"] and most <= MOST_MB
    return 0 if still and same and calls <= MOST_CALLS[crm] and (any_speed or lean) else 1


def main() -> int:
    """Measure and show; 1 where a run was not quiet, or took more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crm", choices=list(MOST_CALLS), help="default: one after the other")
    parser.add_argument("--accounts", type=int, help="default: 200,000 in Salesforce, 50,000 in HubSpot")
    parser.add_argument("--opportunities", type=int, help="default: five for each account")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the labels by the CRM's API")
    parser.add_argument("--any-speed", action="store_true", help="don't judge CPU and memory")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--do", choices=list(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--environment", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--later", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve_until_stopped(args.crm, args.accounts, args.opportunities, args.later)
        return 0
    if args.do:
        do(args.do, args.folder, args.crm, args.environment, args.later)
        return 0
    results = []
    for crm in [args.crm] if args.crm else MOST_CALLS:
        accounts = args.accounts or ACCOUNTS[crm]
        found = measure(crm, (accounts, args.opportunities or 5 * accounts), args.times, write=args.write)
        results.append(judged(crm, *found, any_speed=args.any_speed))
    return max(results)


if __name__ == "__main__":
    sys.exit(main())
