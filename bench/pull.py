"""How a large pull compares with a bare loop over the same pages: rate, CPU, calls and peak memory.

A sandbox in a process of its own holds the org. `ours` is `sync.pull` into a mirror; `bare`, for Salesforce, makes the query
jobs, waits, fetches page after page with requests and parses them with pyarrow, and keeps nothing; for HubSpot see
`pull_hubspot.py`. Each turn runs in a new process.
The full size is `--accounts 200000 --opportunities 1000000`; the sandbox needs a minute or two to make that.
"""

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pull_hubspot
import requests
from mirrored import STREAMS, mirrored, starter
from pyarrow import csv
from pydantic import SecretStr

from crm_kare.clock import SystemClock
from crm_kare.ports import Context, StreamSpec
from crm_kare.sandbox import serve
from crm_kare.sandbox.salesforce import org_of
from crm_kare_salesforce import connector as connect

LEAST_RATE: Final = {"salesforce": 0.6, "hubspot": 0.9}
MOST_CPU: Final = 3.0
MOST_CALLS: Final = 1.1
MOST_MB: Final = 600.0
ROWS: Final = 50_000
"""Records in a result page of the bare loop: what simple-salesforce asks for too."""

ACCOUNTS: Final = {"salesforce": 40_000, "hubspot": 4_000}
DATA: Final = "/services/data/v62.0"


def specs() -> list[StreamSpec]:
    """Accounts and opportunities as the starter mapping maps them."""
    return starter("salesforce")


def ours(served: dict[str, Any], folder: Path) -> tuple[int, int]:
    """Records in the mirror, and calls."""
    given = {"SALESFORCE_INSTANCE_URL": SecretStr(served["url"]), "SALESFORCE_ACCESS_TOKEN": SecretStr(served["token"])}
    context = Context("bench", given, SystemClock(), folder, folder, {"bulk_from": served["bulk_from"]})
    return mirrored(connect, context, specs())


def bare(served: dict[str, Any], _folder: Path) -> tuple[int, int]:
    """Records parsed, and calls."""
    records = calls = 0
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {served['token']}"
        for spec in specs():
            found, made = _bare_stream(session, f"{served['url']}{DATA}/jobs/query", spec)
            records, calls = records + found, calls + made
    return records, calls


def _bare_stream(session: requests.Session, address: str, spec: StreamSpec) -> tuple[int, int]:
    fields = ", ".join(dict.fromkeys(["Id", *(one.source for one in spec.fields)]))
    body = {"operation": "query", "query": f"SELECT {fields} FROM {spec.source}"}  # noqa: S608  ours
    job = f"{address}/{session.post(address, json=body, timeout=60).json()['id']}"
    calls, records, pause = 2, 0, 0.25
    while session.get(job, timeout=600).json()["state"] != "JobComplete":
        time.sleep(pause)
        calls, pause = calls + 1, pause * 2
    locator = ""
    while locator != "null":
        where = {"maxRecords": str(ROWS)} | ({"locator": locator} if locator else {})
        answer = session.get(f"{job}/results", params=where, timeout=600)
        table = csv.read_csv(io.BytesIO(answer.content), parse_options=csv.ParseOptions(newlines_in_values=True))
        calls, records, locator = calls + 1, records + table.num_rows, answer.headers.get("Sforce-Locator", "null")
    return records, calls


CONTENDERS: Final = {
    "salesforce": {"ours": ours, "bare": bare},
    "hubspot": {"ours": pull_hubspot.ours, "bare": pull_hubspot.bare},
}


def run(crm: str, name: str, served: dict[str, Any]) -> None:
    """One turn in this process; prints what it took."""
    specs()  # reading the mapping is not what is measured
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        records, calls = CONTENDERS[crm][name](served, Path(folder))
        took = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "calls": calls,
            "records": records,
        }
    print(json.dumps(took | {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


@contextmanager
def sandbox(crm: str, accounts: int, opportunities: int, latency: float) -> Iterator[dict[str, Any]]:
    """The sandbox's process: its address and a token."""
    size = ["--accounts", str(accounts), "--opportunities", str(opportunities), "--latency", str(latency)]
    words = ["--serve", "--crm", crm, *size]
    with subprocess.Popen(  # noqa: S603  ourselves
        [sys.executable, __file__, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as served:
        yield json.loads(served.stdout.readline() if served.stdout else "")
        served.terminate()


def serve_until_stopped(crm: str, accounts: int, opportunities: int, latency: float) -> None:
    """The other process."""
    if crm == "hubspot":
        with pull_hubspot.served(accounts, opportunities, latency) as served:
            print(json.dumps(served), flush=True)
            sys.stdin.read()
        return
    with serve(SystemClock(), accounts=accounts, opportunities=opportunities, vendors=("salesforce",)) as running:
        org = org_of(running.sandbox)
        org.settings.session_seconds = 86_400
        print(json.dumps({"url": running.url, "token": org.log_in(org.integration_user)}), flush=True)
        sys.stdin.read()


def measure(crm: str, accounts: int, opportunities: int, latency: float, times: int) -> dict[str, dict[str, float]]:
    """Medians by contender; they take turns, so that a busy machine slows both."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS[crm]}
    with sandbox(crm, accounts, opportunities, latency) as served:
        served["bulk_from"] = min(20_000, accounts // 2)
        for _ in range(times):
            for name, results in found.items():
                words = [sys.executable, __file__, "--crm", crm, "--run", name, "--served", json.dumps(served)]
                done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  ourselves
                results.append(json.loads(done.stdout))
    return {
        name: {key: statistics.median(one[key] for one in results) for key in results[0]}
        for name, results in found.items()
    }


def judged(crm: str, medians: dict[str, dict[str, float]], *, any_speed: bool) -> int:
    """Show the table and the ratios; 1 where one is out of its bounds."""
    print(f"{crm}\n{'':6}{'records':>10}{'wall s':>8}{'cpu s':>8}{'calls':>7}{'peak MB':>9}")
    for name, one in medians.items():
        print(f"{name:6}{one['records']:10.0f}{one['wall']:8.2f}{one['cpu']:8.2f}{one['calls']:7.0f}{one['mb']:9.0f}")
    mine, other = medians["ours"], medians["bare"]
    if mine["records"] != other["records"]:
        print("the records differ in number")
        return 1
    rate, cpu, calls = other["wall"] / mine["wall"], mine["cpu"] / other["cpu"], mine["calls"] / other["calls"]
    print(f"ours: {rate:.0%} of the bare rate, {cpu:.2f} × its CPU, {calls:.2f} × its calls, peak {mine['mb']:.0f} MB")
    fits = rate >= LEAST_RATE[crm] and cpu <= MOST_CPU and mine["mb"] <= MOST_MB
    few = mine["calls"] <= max(MOST_CALLS * other["calls"], other["calls"] + len(STREAMS))
    return 0 if any_speed or (fits and few) else 1


def main() -> int:
    """Measure and show; 1 where a ratio is out of its bounds. A small org has too few pages for the bound on calls:
    one more a stream is always let pass.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crm", choices=list(CONTENDERS), help="default: one after the other")
    parser.add_argument(
        "--accounts", type=int, help="default: 40,000 for Salesforce, 4,000 for HubSpot, which answers late"
    )
    parser.add_argument("--opportunities", type=int, help="default: five for each account")
    parser.add_argument("--latency", type=float, default=0.15, help="seconds by which HubSpot answers late")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--any-speed", action="store_true", help="don't judge the ratios")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--run", choices=["ours", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--served", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve_until_stopped(args.crm, args.accounts, args.opportunities, args.latency)
        return 0
    if args.run:
        run(args.crm, args.run, args.served)
        return 0
    results = []
    for crm in [args.crm] if args.crm else CONTENDERS:
        accounts = args.accounts or ACCOUNTS[crm]
        medians = measure(crm, accounts, args.opportunities or 5 * accounts, args.latency, args.times)
        results.append(judged(crm, medians, any_speed=args.any_speed))
    return max(results)


if __name__ == "__main__":
    sys.exit(main())
