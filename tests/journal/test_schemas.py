"""Many projects on one PostgreSQL: each in its schema, all over a few connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from crm_kare.errors import BusyError, ConfigError
from crm_kare.journal import Journal, Pools, back_up, engines, open_journal, restore
from crm_kare.model import RunStatus

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
_DATABASES = count()


@pytest.fixture
def database(postgresql: str) -> str:
    """Address of an empty database on the server."""
    name = f"many{next(_DATABASES)}"
    with psycopg.connect(postgresql.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgresql.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def pools() -> Iterator[Pools]:
    with closing(Pools(1)) as made:
        yield made


def _run(journal: Journal, run_id: str) -> None:
    journal.runs.start(run_id, "acme", NOW, verb="sync", as_of=None)
    journal.runs.end(run_id, RunStatus.DONE, NOW, {"scored": 1})


def _ids(journal: Journal) -> list[str]:
    return [run.run_id for run in journal.runs.newest()]


def test_no_project_sees_anothers_rows_even_over_the_same_connection(database: str, pools: Pools) -> None:
    one, other = (open_journal(database, name, pools) for name in ("kare_one", "kare_other"))
    for number in range(8):  # the driver prepares a statement by itself when it comes for the sixth time
        _run(one, f"one-{number}")
        _run(other, f"other-{number}")
        assert len(_ids(one)) == len(_ids(other)) == number + 1
        assert all(run_id.startswith("one-") for run_id in _ids(one))
        assert all(run_id.startswith("other-") for run_id in _ids(other))
    assert one.leases.acquire("acme", "me", NOW, timedelta(seconds=90))
    assert other.leases.acquire("acme", "you", NOW, timedelta(seconds=90))
    assert one.leases.holder("acme", NOW) == "me"


def test_nothing_is_made_outside_of_the_schemas(database: str, pools: Pools) -> None:
    for name in ("kare_one", "kare-two"):
        open_journal(database, name, pools)
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'runs'").fetchall()
        outside = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert sorted(name for (name,) in found) == ["kare-two", "kare_one"]
    assert outside == (0,)


def test_journals_of_many_projects_may_be_opened_at_once(database: str) -> None:
    names = [f"kare_{number}" for number in range(6)] * 2
    with closing(Pools(3)) as shared, ThreadPoolExecutor(6) as threads:
        journals = list(threads.map(lambda name: open_journal(database, name, shared), names))
        assert all(journal.store.answers() for journal in journals)
        with psycopg.connect(database.replace("+psycopg", "")) as connection:
            rows = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
    assert rows is not None
    assert rows[0] <= 3


def test_what_is_read_page_by_page_is_read_from_the_projects_schema(
    database: str, pools: Pools, tmp_path: Path
) -> None:
    one, other = (open_journal(database, name, pools) for name in ("kare_one", "kare_other"))
    _run(one, "one")
    _run(other, "other")
    assert back_up(one.store, tmp_path / "one.backup", NOW).runs == 1
    _run(other, "other-2")
    restore(other.store, tmp_path / "one.backup", NOW, over_newer=True)
    assert (_ids(one), _ids(other)) == (["one"], ["one"])


def test_a_journal_that_closes_leaves_the_others_their_connections(database: str, pools: Pools) -> None:
    one, other = (open_journal(database, name, pools) for name in ("kare_one", "kare_other"))
    one.close()
    _run(other, "after")
    assert _ids(other) == ["after"]


def test_who_waits_too_long_for_a_connection_is_told_so(
    database: str, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_PATIENCE_MS", 1)
    one, other = (open_journal(database, name, pools) for name in ("kare_one", "kare_other"))
    with one.store.reading(), pytest.raises(BusyError, match="all connections"):
        other.runs.newest()


def test_who_may_make_no_schema_is_told_who_must(database: str) -> None:
    engine = sa.create_engine(database, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in ("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN"):
            connection.exec_driver_sql(statement)
        as_guest = database.replace("kare@", "guest@")
        with pytest.raises(ConfigError, match="may not be made") as caught:
            open_journal(as_guest, "kare_acme")
        assert caught.value.fix == 'Let somebody who may: CREATE SCHEMA "kare_acme" AUTHORIZATION guest.'
        connection.exec_driver_sql('CREATE SCHEMA "kare_acme" AUTHORIZATION guest')
    with closing(open_journal(as_guest, "kare_acme")) as journal:
        _run(journal, "now")
    engine.dispose()


def test_sqlite_has_no_schemas(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only PostgreSQL"):
        open_journal(f"sqlite:///{tmp_path}/state.db", "kare_acme")
