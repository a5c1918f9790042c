"""How well HubSpot's burst allowance is used while labels are written, and whether a call is ever refused as too fast.

A sandbox in a process of its own has HubSpot's limits (190 calls in any ten seconds) and answers 150 ms late. `sync.apply`
writes every company with the journal; the set share of the allowance is all of it. What the calls took is compared with
the least time in which that many calls are allowed: ten seconds for each 190 after the first.
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import requests
from plans import labels, opened, plan_of
from pydantic import SecretStr

from crm_kare.clock import SystemClock
from crm_kare.labels import LABELS, Label
from crm_kare.model import Outcome
from crm_kare.ports import Connector, Context, LabelField, WriteRequest
from crm_kare.sandbox import serve
from crm_kare.sandbox.hubspot import Limits, portal_of
from crm_kare.sync.apply import apply
from crm_kare_hubspot import connector as connect

LEAST: Final = 0.95
"""Share of the allowance that is to be busy."""

COMPANIES: Final = 40_000
_LATENCY: Final = 0.15
_WINDOW: Final = 10.0
_TOO_FAST: Final = 429


@dataclass(frozen=True)
class Found:
    """What a run took: seconds from the first write to the last, calls, our CPU seconds, calls refused as too fast, the sandbox's median seconds for an
    answer, and what became of the companies.
    """

    took: float
    calls: int
    cpu: float
    refused: int
    answer: float
    told: Counter[str]

    @property
    def least(self) -> float:
        """Seconds that so many calls take at least."""
        return (self.calls - 1) // Limits().burst * _WINDOW

    @property
    def busy(self) -> float:
        """Share of the allowance that was used."""
        return self.least / self.took

    def good(self) -> bool:
        """Whether it is as it should be; nothing is said of speed where the calls fit into one window."""
        return not self.refused and (not self.least or self.busy >= LEAST)


class Watched:
    """A connector, and when its first write began and its last one ended: the journal works before and after."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.began = self.ended = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def write(self, request: WriteRequest) -> list[Outcome]:
        """As the connector's own."""
        self.began = self.began or time.perf_counter()
        outcomes = self._connector.write(request)
        self.ended = time.perf_counter()
        return outcomes


def fields(written: tuple[Label, ...]) -> tuple[LabelField, ...]:
    """The labels with their properties."""
    return tuple(LabelField(one, f"{'kare_' if one.prefixed else ''}{one.name}".lower()) for one in written)


@contextmanager
def sandbox(companies: int) -> Iterator[dict[str, Any]]:
    """A provisioned sandbox in a process of its own: its environment, and the ids of its companies."""
    words = [sys.executable, __file__, "--serve", "--companies", str(companies)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as served:  # noqa: S603  ourselves
        yield json.loads(served.stdout.readline() if served.stdout else "")
        served.terminate()


def serve_until_stopped(companies: int) -> None:
    """The other process."""
    clock = SystemClock()
    with (
        serve(clock, accounts=companies, vendors=("hubspot",), opportunities=0) as running,
        tempfile.TemporaryDirectory() as folder,
    ):
        environment = running.hubspot_environment()
        secret = {name: SecretStr(text) for name, text in environment.items()}
        with closing(connect(Context("acme", secret, clock, Path(folder), Path(folder)))) as connector:
            connector.provision("companies", fields(tuple(one for one in LABELS if one.default)), dry_run=False)
        portal = portal_of(running.sandbox)
        portal.settings = replace(portal.settings, limits=Limits(), latency=_LATENCY)
        ids = [one["_id"] for one in portal.org.select("companies")][:companies]
        print(json.dumps({"url": running.url, "environment": environment, "ids": sorted(ids)}), flush=True)
        sys.stdin.read()


def measure(companies: int, *, one: bool) -> Found:
    """Write every company once."""
    with (
        sandbox(companies) as served,
        tempfile.TemporaryDirectory() as folder,
        opened(connect, served["environment"], Path(folder), burst_share=1.0) as (connector, journal),
    ):
        plan = plan_of(served["ids"], "companies", fields(labels(one=one)), 0)
        clock = SystemClock()
        journal.runs.start("run", "acme", clock.now())
        told: Counter[str] = Counter()
        watched, before, cpu = Watched(connector), connector.calls(), time.process_time()
        for outcomes in apply(watched, journal, plan, "run", clock, read_at=clock.now()):
            told.update(outcome.status.value for outcome in outcomes)
        made, cpu = connector.calls(), time.process_time() - cpu
        calls = requests.get(f"{served['url']}/sandbox/calls", timeout=60).json()
        refused = sum(call["status"] == _TOO_FAST for call in calls)
        answer = statistics.median(call["seconds"] for call in calls)
        return Found(
            watched.ended - watched.began,
            made.read + made.write - before.read - before.write,
            cpu,
            refused,
            answer,
            told,
        )


def run(companies: int, *, one: bool) -> bool:
    """Measure and show; whether it is as it should be."""
    found = measure(companies, one=one)
    print(
        f"HubSpot, {'one label' if one else 'all labels'}: {companies} companies in {found.calls} calls, {found.took:.1f} s of at least {found.least:.0f} s"
        f" (CPU {found.cpu:.1f} s, answers after {found.answer:.2f} s): {found.busy:.1%} of the burst allowance busy,"
        f" {found.refused} calls too fast; {dict(found.told)}"
    )
    return found.good()


def main() -> int:
    """Measure and show; 1 where the allowance is not used, or overrun."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=COMPANIES)
    parser.add_argument("--one-label", action="store_true", help="write the profile alone")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve_until_stopped(args.companies)
        return 0
    return 0 if run(args.companies, one=args.one_label) else 1


if __name__ == "__main__":
    sys.exit(main())
