"""Opening the journal: made, migrated, private, refused with words."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from crm_kare.errors import BusyError, ConfigError, RetryError, StopError
from crm_kare.journal import Journal, engines, open_journal
from crm_kare.journal.tables import METADATA


def test_migrations_make_exactly_the_tables_that_the_code_uses(journal: Journal) -> None:
    with journal.store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_database_answers_until_it_cannot_be_read(journal: Journal) -> None:
    assert journal.store.answers()
    with journal.store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE alembic_version RENAME TO gone")
    assert not journal.store.answers()


def test_opening_again_keeps_everything(url: str, journal: Journal) -> None:
    journal.notes.keep_metrics("acme", {"unknown_share": 0.5}, store_now())
    again = open_journal(url)
    assert again.notes.metrics("acme") == {"unknown_share": 0.5}
    again.close()


def test_many_programs_may_open_a_new_journal_at_once(url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(open_journal, [url] * 6))
    for one in opened:
        assert one.runs.newest() == []
        one.close()


def test_a_journal_of_a_newer_version_is_refused(url: str) -> None:
    opened = open_journal(url)
    with opened.store.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    opened.close()
    with pytest.raises(StopError, match="newer version"):
        open_journal(url)


def test_the_sqlite_file_is_for_its_owner_only_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.db"
    opened = open_journal(f"sqlite:///{path}")
    opened.notes.keep_metrics("acme", {}, store_now())
    assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()
    opened.close()


@pytest.mark.parametrize("url", ["not a url", "nosuchdb://x/y", "sqlite:////proc/none/journal.db"])
def test_an_address_that_cannot_be_used_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="CRM_KARE_DATABASE_URL"):
        open_journal(url)


def test_a_file_that_is_no_database_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StopError, match=r"journal\.db"):
        open_journal(f"sqlite:///{path}")


def test_a_server_that_is_away_is_one_to_try_later_and_no_password_stands_in_the_error() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(RetryError, match="cannot be reached") as caught:
        open_journal("postgresql+psycopg://kare:topsecret@127.0.0.1:1/none?connect_timeout=2")
    assert (caught.value.exit_code, caught.value.code) == (7, "database-unreachable")
    assert "topsecret" not in str(caught.value)


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    opened = open_journal(f"sqlite:///{tmp_path}/journal.db")
    with opened.store.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StopError, match=r"disk .* is full") as caught:
        opened.notes.keep_metrics("acme", {f"figure {number}": 1.0 for number in range(10_000)}, store_now())
    assert caught.value.code == "disk-full"
    assert "Free space" in caught.value.fix
    assert opened.notes.metrics("acme") == {}
    opened.close()


def test_a_writer_that_waits_too_long_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_PATIENCE_MS", 1)
    opened = open_journal(f"sqlite:///{tmp_path}/journal.db")
    with opened.store.writing(), pytest.raises(BusyError, match="locked"):
        opened.notes.keep_metrics("acme", {}, store_now())
    opened.close()


def test_readers_are_not_blocked_by_a_writer(tmp_path: Path) -> None:
    opened = open_journal(f"sqlite:///{tmp_path}/journal.db")
    with opened.store.writing():
        assert opened.runs.newest() == []
    opened.close()


def store_now() -> datetime:
    return datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


def test_a_postgresql_that_hangs_is_noticed_and_the_address_may_say_how_soon() -> None:
    made, _ = engines.engine("postgresql+psycopg://kare@db.example.com/kare?connect_timeout=3")
    assert made.url.query["connect_timeout"] == "3"
    assert {"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"} <= set(made.url.query)
    made.dispose()
