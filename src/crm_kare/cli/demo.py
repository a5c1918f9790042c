"""The demo: every step of the way on a local Salesforce and HubSpot."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from crm_kare.cli import show
from crm_kare.cli.door import Stop
from crm_kare.config.starters import starter_files
from crm_kare.model import Profile
from crm_kare.report.exports import labels_of, rows
from crm_kare.sandbox import RunningSandbox
from crm_kare.sandbox import serve as serve_sandbox
from crm_kare.sync.crm_run import Options
from crm_kare.sync.flow import plan_only, score_only, sync
from crm_kare.sync.result import exit_code
from crm_kare.sync.runtime import Runtime, open_project
from crm_kare.sync.setup import connected, provision

_CRMS: Final = {"salesforce": "salesforce", "hubspot": "hubspot"}
_TOP: Final = 2


def run(accounts: int, seed: int, stop: Stop, wait: Callable[[], None] | None) -> int:
    """Run the demo in a folder of its own that goes away with it; `wait` is called at its end, to leave the CRMs up."""
    clock = stop.clock
    with (
        tempfile.TemporaryDirectory(prefix="crm-kare-demo-") as name,
        serve_sandbox(clock, accounts=accounts, seed=seed) as running,
    ):
        folder = Path(name)
        _write_project(folder)
        environment = {**running.salesforce_environment(), **running.hubspot_environment()}
        runtime = open_project(folder, environment, clock)
        try:
            code = _steps(runtime, running, stop)
        finally:
            runtime.close()
        if wait is not None and not stop():
            show.say(f"\nLeft running at {running.url}/ (Ctrl-C ends it). The project, while it runs: {folder}", "bold")
            wait()
    return code


def _write_project(folder: Path) -> None:
    for path, text in starter_files(_CRMS).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _steps(runtime: Runtime, running: RunningSandbox, stop: Callable[[], bool]) -> int:
    _head("1. Two CRMs", f"A local Salesforce and HubSpot with an invented business, at {running.url}/")
    _head("2. Provision", "Our fields, created in both (crm-kare provision CRM)")
    for crm in _CRMS:
        done = [one for one in provision(runtime, crm, dry_run=False) if one.action != "none"]
        show.say(
            f"  {crm}: {len(done)} steps done; running it again: {sum(one.action != 'none' for one in provision(runtime, crm, dry_run=True))}"
        )
    _head("3. Pull, score, plan", "What a sync would write, and why (crm-kare plan CRM)")
    for crm in _CRMS:
        _, made = plan_only(runtime, crm, stop=stop)
        if made is not None:
            show.plan(made, shown=_TOP)
    _head("4. Apply", "The first run wants your approval: crm-kare sync --force")
    first = sync(runtime, (), Options(force=True), stop=stop)
    for one in first:
        show.result(one)
    _head("5. The labels", "The top of each profile, with reasons (crm-kare score, crm-kare explain CRM ACCOUNT)")
    for crm in _CRMS:
        _top(runtime, crm)
    _head("6. Again", "A second sync finds nothing to write")
    second = sync(runtime, (), stop=stop)
    for one in second:
        show.result(one)
    quiet = all(one.planned.accounts == 0 for one in second)
    show.say(
        f"\nThe second sync wrote {'nothing' if quiet else 'something: that is a fault'}.",
        "bold green" if quiet else "bold red",
    )
    return exit_code([*first, *second]) or (0 if quiet or stop() else 1)


def _head(title: str, line: str) -> None:
    show.say(f"\n{title}", "bold underline")
    show.say(line, "dim")


def _top(runtime: Runtime, crm: str) -> None:
    """The first accounts of each profile by ICP score and revenue, and where to see them."""
    labels = list(rows(labels_of([score_only(runtime, crm)])))
    shown = [row for profile in Profile for row in _best([one for one in labels if one["profile"] == profile])]
    with connected(runtime, crm) as connector:
        connector.organisation()  # a login tells where the pages are
        source = runtime.mapping(crm).streams.accounts.source
        link = {row["account_id"]: connector.record_url(source, row["account_id"]) for row in shown}
    cells = ((row["profile"], row["name"], row["icp_score"], row["reason"]) for row in shown)
    show.table(("profile", "name", "icp", "reason"), cells, crm)
    show.say("In the browser, as a rep sees them (the demo with --keep leaves them up):")
    for row in shown[::_TOP]:
        show.say(f"  {row['profile']:<9} {link[row['account_id']]}")


def _best(labels: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(labels, key=lambda row: (-(row["icp_score"] or 0), -(row["revenue_window"] or 0), row["account_id"]))[
        :_TOP
    ]
