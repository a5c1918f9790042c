"""How fast labels are written, against bare sObject Collections calls with the same payloads in the same run.

A sandbox in a process of its own takes the writes. `ours` is `sync.apply` with the journal, from a plan to journalled
outcomes; `bare` sends ready-made bodies over one connection, two hundred records a call, and reads the answers. They take
turns, and every turn writes values of its own. One record in five hundred is refused. Then HubSpot: `write_hubspot.py`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import requests
import write_hubspot
from plans import labels, opened, plan_of
from pydantic import SecretStr

from crm_kare.clock import SystemClock
from crm_kare.journal import Journal
from crm_kare.labels import LABELS, FieldType, Label
from crm_kare.ports import Connector, Context, LabelField
from crm_kare.sandbox import serve
from crm_kare.sandbox.salesforce import org_of
from crm_kare.sync.apply import apply
from crm_kare.sync.plan import Plan
from crm_kare_salesforce import connector as connect

LEAST: Final = 0.8
"""Our rate, as a share of the bare one."""

LOOKS_BACK: Final = timedelta(minutes=11)
AT_ONCE: Final = 200


def bodies(plan: Plan) -> list[bytes]:
    """The plan as ready-made bodies of collection calls."""
    kinds = {one.label.name: one.label for one in plan.fields}
    records = [
        {
            "attributes": {"type": plan.source},
            "id": account["account_id"],
            **{cell.field: _json(kinds[cell.label], cell.new or "") for cell in cells},
        }
        for account, cells in plan.by_account()
    ]
    parts = (records[start : start + AT_ONCE] for start in range(0, len(records), AT_ONCE))
    return [json.dumps({"allOrNone": False, "records": part}).encode() for part in parts]


def _json(label: Label, text: str) -> str | int:
    return int(text) if label.type is FieldType.NUMBER else text


def bare(session: requests.Session, url: str, ready: list[bytes]) -> Counter[bool]:
    """Nothing but the calls."""
    told: Counter[bool] = Counter()
    for body in ready:
        answer = session.patch(url, data=body, timeout=120)
        answer.raise_for_status()
        told.update(one["success"] for one in answer.json())
    return told


def ours(connector: Connector, journal: Journal, plan: Plan, turn: int) -> Counter[str]:
    """`sync.apply` with the journal."""
    clock = SystemClock()
    # the turn before lies outside the time that is looked back: no run follows another at once
    late = clock.now() + LOOKS_BACK
    told: Counter[str] = Counter()
    for outcomes in apply(connector, journal, plan, f"run {turn}", clock, read_at=late):
        told.update(one.status.value for one in outcomes)
    return told


@contextmanager
def sandbox(accounts: int) -> Iterator[dict[str, Any]]:
    """A provisioned sandbox in a process of its own: its environment, a token, the ids of its accounts."""
    words = [sys.executable, __file__, "--serve", "--accounts", str(accounts)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as served:  # noqa: S603  ourselves
        yield json.loads(served.stdout.readline() if served.stdout else "")
        served.terminate()


def fields(written: tuple[Label, ...]) -> tuple[LabelField, ...]:
    """The labels with their fields."""
    return tuple(LabelField(one, f"{'KARE_' if one.prefixed else ''}{one.name}__c") for one in written)


def serve_until_stopped(accounts: int) -> None:
    """The other process."""
    clock = SystemClock()
    with serve(clock, accounts=accounts, vendors=("salesforce",)) as running, tempfile.TemporaryDirectory() as folder:
        environment = running.salesforce_environment()
        secret = {name: SecretStr(text) for name, text in environment.items()}
        with closing(connect(Context("acme", secret, clock, Path(folder), Path(folder)))) as connector:
            connector.provision("Account", fields(tuple(one for one in LABELS if one.default)), dry_run=False)
        org = org_of(running.sandbox)
        ids = sorted(one["_id"] for one in org.records.select("Account"))
        told = {"url": running.url, "environment": environment, "token": org.log_in(org.integration_user), "ids": ids}
        print(json.dumps(told), flush=True)
        sys.stdin.read()


def measure(accounts: int, times: int, *, one: bool) -> dict[str, float]:
    """Medians: seconds of each, and our own CPU seconds."""
    took: dict[str, list[float]] = {"ours": [], "bare": [], "cpu": []}
    with (
        sandbox(accounts) as served,
        tempfile.TemporaryDirectory() as folder,
        requests.Session() as session,
        opened(connect, served["environment"], Path(folder)) as (connector, journal),
    ):
        session.headers.update({"Authorization": f"Bearer {served['token']}", "Content-Type": "application/json"})
        url = f"{served['url']}/services/data/v62.0/composite/sobjects"
        ids, written = served["ids"], fields(labels(one=one))
        for turn in range(0, 2 * times, 2):
            ready = bodies(plan_of(ids, "Account", written, turn))
            began = time.perf_counter()
            said = bare(session, url, ready)
            took["bare"].append(time.perf_counter() - began)
            plan = plan_of(ids, "Account", written, turn + 1)
            journal.runs.start(f"run {turn}", "acme", SystemClock().now())
            began, cpu = time.perf_counter(), time.process_time()
            told = ours(connector, journal, plan, turn)
            took["ours"].append(time.perf_counter() - began)
            took["cpu"].append(time.process_time() - cpu)
            if (told["changed"], told["rejected"]) != (said[True], said[False]):
                raise SystemExit(f"ours wrote {told}, the bare calls {said}")
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def main() -> int:
    """Measure and show; 1 where ours is slower than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=5000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--companies", type=int, default=write_hubspot.COMPANIES, help="in HubSpot; 0 leaves it out")
    parser.add_argument("--any-speed", action="store_true", help="don't judge the rate")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve_until_stopped(args.accounts)
        return 0
    slowest = 1.0
    for one, what in ((False, "all labels"), (True, "one label")):
        found = measure(args.accounts, args.times, one=one)
        rate = found["bare"] / found["ours"]
        slowest = min(slowest, rate)
        print(
            f"{what}: {args.accounts} accounts, bare {found['bare']:.2f} s, ours {found['ours']:.2f} s"
            f" (CPU {found['cpu']:.2f} s); ours at {rate:.0%} of the bare rate"
        )
    busy = not args.companies or write_hubspot.run(args.companies, one=False)
    return 0 if args.any_speed or (slowest >= LEAST and busy) else 1


if __name__ == "__main__":
    sys.exit(main())
