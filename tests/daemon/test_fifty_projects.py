"""Fifty projects on one PostgreSQL, run by two daemons: each start once and in time, whatever a few of them are in trouble with."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from daemon.fleet_rig import PATIENCE, WORKERS, Drive, Many
from flow.sandbox_project import BOTH, Verdict
from psycopg import sql

from crm_kare.config import registry
from crm_kare.config.starters import starter_files
from crm_kare.daemon.fleet import connections
from crm_kare.ports import Connector, ConnectorFactory
from crm_kare.sandbox import serve
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.runtime import Runtime, open_project
from crm_kare.sync.setup import provision
from crm_kare.testing.clock import FakeClock

SLOT = timedelta(minutes=15)
SLOTS = 1
APPROVED = 10
GREEDY, BROKEN, CRASHING, LOCKED_OUT = "greedy", "broken", "crashing", "locked-out"
TROUBLE = {GREEDY, BROKEN, CRASHING, LOCKED_OUT}
REAL = ("real",)


class Endless:
    """A connector whose pull goes on until the gate opens."""

    def __init__(self, inner: Connector, gate: Event) -> None:
        self._inner, self._gate = inner, gate

    def __getattr__(self, name: str) -> Any:
        if name == "pull":
            assert self._gate.wait(10 * PATIENCE)
        return getattr(self._inner, name)


class Installation:
    """The projects, their database, and the two daemons, each with a clock of its own."""

    def __init__(self, folder: Path, database: str, stack: ExitStack) -> None:
        self.many, self.database, self.gate = Many(folder), database, Event()
        self.healthy = [f"project-{number:02d}" for number in range(50 - len(TROUBLE) - len(REAL))]
        for name in (*self.healthy, BROKEN, CRASHING, LOCKED_OUT):
            self.many.add(name, *(("one", "two") if name.endswith("0") else ("one",)))
        self.many.add(GREEDY, *(f"crm{number}" for number in range(10)))
        for name in REAL:
            _sandbox(folder / name, self.many.clock, stack)
        (folder / BROKEN / "crm-kare.yaml").write_text("version: 7\n")
        self.many.wrap[GREEDY] = lambda one: Endless(one, self.gate)
        self.many.wrap[CRASHING] = _crash
        self.many.crm(LOCKED_OUT).token = "renewed meanwhile"
        self.clocks = [FakeClock(self.many.clock.now() + timedelta(seconds=late)) for late in (0, 3)]
        told = {"CRM_KARE_DATABASE_URL": database}
        self.drives = [Drive(self.many, told, clock, self._find) for clock in self.clocks]

    def _find(self, name: str) -> ConnectorFactory:
        return self.many.connector(name) if name == "memory" else registry.load(name)

    def approve(self) -> None:
        """People approve the first runs of some projects; those of the others are looked at in time, and wait for it."""
        first = self.drives[0]
        for name in (*self.healthy[:APPROVED], *REAL):
            runtime = first.project(name).service.runtime
            first.workers.submit(name, partial(_approve, runtime))
        assert first.workers.settled(PATIENCE)

    def pass_time(self, by: timedelta) -> None:
        """Time goes on; both daemons look at what is due at the same moment, and do it."""
        for clock in (self.many.clock, *self.clocks):
            clock.advance(by.total_seconds())
        with ThreadPoolExecutor(2) as at_once:
            list(at_once.map(Drive.begin, self.drives))
        assert all(one.workers.settled(PATIENCE, frozenset({GREEDY})) for one in self.drives)

    def runs(self, project: str, since: datetime) -> list[tuple[str, str, datetime]]:
        """CRM, status and start of a project's runs since then, as its schema tells."""
        query = sql.SQL("SELECT crm, status, started_at FROM {}.runs ORDER BY started_at")
        with psycopg.connect(self.database.replace("+psycopg", "")) as connection:
            rows = connection.execute(query.format(sql.Identifier(f"kare_{project}"))).fetchall()
        begun = [(crm, status, datetime.fromisoformat(at).astimezone(UTC)) for crm, status, at in rows]
        return [one for one in begun if one[2] >= since]

    def accounts(self, project: str) -> set[str]:
        """Accounts that a project's schema names."""
        query = sql.SQL("SELECT DISTINCT account_id FROM {}.written")
        with psycopg.connect(self.database.replace("+psycopg", "")) as connection:
            return {one for (one,) in connection.execute(query.format(sql.Identifier(f"kare_{project}")))}

    def connections(self) -> int:
        """How many connections there are to the database."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with psycopg.connect(self.database.replace("+psycopg", "")) as connection:
            (count,) = connection.execute(query).fetchone() or (0,)
        return int(count)


def _sandbox(folder: Path, clock: FakeClock, stack: ExitStack) -> None:
    """A provisioned project with a Salesforce and a HubSpot on loopback that are its own."""
    running = stack.enter_context(serve(clock, accounts=5, seed=1, vendors=BOTH))
    for path, text in starter_files({name: name for name in BOTH}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    logins = {**running.salesforce_environment(), **running.hubspot_environment()}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in logins.items()))
    with closing(open_project(folder, {}, clock)) as runtime:
        for name in BOTH:
            provision(runtime, name, dry_run=False)


def _approve(runtime: Runtime) -> None:
    sync(runtime, (), Options(force=True))


def _crash(_connector: Connector) -> Connector:
    raise RuntimeError("a connector with a mistake in it")


@pytest.fixture
def installation(tmp_path: Path, postgresql: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr("crm_kare.sync.steps.judge", Verdict(tmp_path).judge)
    with psycopg.connect(postgresql.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE DATABASE fifty")
    (tmp_path / "projects").mkdir()
    with ExitStack() as stack:
        made = Installation(tmp_path / "projects", postgresql.rpartition("/")[0] + "/fifty", stack)
        for one in made.drives:
            stack.callback(one.close)
        stack.callback(made.gate.set)
        yield made


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_projects_are_in_time_on_one_database_with_two_daemons(installation: Installation) -> None:
    one = installation
    with ThreadPoolExecutor(2) as at_once:
        told = list(at_once.map(Drive.look, one.drives))
    assert [[name for name, it in each.items() if "problem" in it] for each in told] == [[BROKEN]] * 2
    assert [len(each) for each in told] == [50, 50]
    one.approve()
    one.pass_time(timedelta())
    slots = [one.many.clock.now() + SLOT * (number + 1) for number in range(SLOTS)]
    one.pass_time(timedelta(seconds=20))
    for _ in range(SLOTS):
        one.pass_time(SLOT)
        assert one.connections() <= 2 * connections(WORKERS)
    for name in one.healthy:
        begun, crms = one.runs(name, slots[0]), list(one.many.worlds[name].crms)
        approved = name in one.healthy[:APPROVED]
        assert {status for _, status, _ in begun} == {"done" if approved else "refused"}, name
        assert Counter(crm for crm, _, _ in begun) == dict.fromkeys(crms, SLOTS), name
        for crm in crms:
            starts = [at for it, _, at in begun if it == crm]
            assert all(slot <= at <= slot + timedelta(minutes=1) for slot, at in zip(slots, starts, strict=True)), name
            held = one.many.worlds[name].labels(crm, f"{name}-{crm}")["Profile"]
            assert held == ("Keep" if approved else None)
        assert one.accounts(name) == ({f"{name}-{crm}" for crm in crms} if approved else set())
    for name in REAL:
        done = Counter((crm, status) for crm, status, _ in one.runs(name, slots[0]))
        assert done == {(crm, "done"): SLOTS for crm in BOTH}
    for name in (CRASHING, LOCKED_OUT):
        assert {status for _, status, _ in one.runs(name, slots[0])} == {"failed"}
    assert [it.workers.busy(GREEDY) for it in one.drives] == [it.workers.share for it in one.drives]
