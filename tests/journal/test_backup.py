"""The journal goes into one file while others write, and comes back from it, on SQLite and PostgreSQL."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from crm_kare.errors import BusyError, StopError, UsageError
from crm_kare.journal import Journal, Pointer, back_up, open_journal, restore
from crm_kare.journal.tables import METADATA
from crm_kare.model import Change, Outcome, OutcomeStatus, RunStatus

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)


def _label(journal: Journal, run: str, at: datetime, profile: str) -> None:
    journal.runs.start(run, "acme", at)
    journal.changes.intend(run, [Change(one, "Profile", "f", None, profile, "Ä 'why'") for one in "ab"])
    outcomes = [Outcome("a", OutcomeStatus.CHANGED), Outcome("b", OutcomeStatus.REJECTED, "C", "said", "do", "f")]
    journal.changes.settle(run, "acme", outcomes, at)
    names = ("account_id", "computed_profile", "shown_profile", "badge", "reason")
    labels = pa.table({name: pa.array(["a" if name == "account_id" else profile], pa.string()) for name in names})
    journal.labels.record(run, "acme", labels, as_of=at.date(), rules_version="1", now=at)
    journal.notes.keep_metrics("acme", {"unknown_share": 0.5}, at)
    journal.runs.end(run, RunStatus.DONE, at, {"run_id": run})


def _contents(journal: Journal) -> dict[str, list[tuple[object, ...]]]:
    with journal.store.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in METADATA.sorted_tables
            if table.name not in {"leases", "mirror_pointers"}
        }


def test_a_backup_restores_everything_and_leaves_the_mirrors_pointers(journal: Journal, tmp_path: Path) -> None:
    _label(journal, "r1", NOW, "Keep")
    before, file = _contents(journal), tmp_path / "kare.backup"
    made = back_up(journal.store, file, NOW)
    assert (made.made_at, made.runs, made.newest) == (NOW, 1, NOW)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir() if "backup" in one.name] == ["kare.backup"]

    _label(journal, "r2", NOW + timedelta(days=1), "Expand")
    journal.pointers.swap([Pointer("acme", "accounts", rows=7)])
    assert restore(journal.store, file, NOW, over_newer=True) == made
    assert _contents(journal) == before
    assert journal.pointers.get("acme", "accounts").rows == 7
    _label(journal, "r3", NOW + timedelta(days=2), "Attain")
    assert [one.run_id for one in journal.labels.of_account("acme", "a")] == ["r3", "r1"]


def test_a_backup_of_one_database_restores_into_another(journal: Journal, tmp_path: Path) -> None:
    _label(journal, "r1", NOW, "Keep")
    back_up(journal.store, tmp_path / "b", NOW)
    other = open_journal(f"sqlite:///{tmp_path}/other.db")
    restore(other.store, tmp_path / "b", NOW)
    assert _contents(other) == _contents(journal)
    other.close()


def test_runs_that_the_backup_does_not_know_are_not_lost_by_accident(journal: Journal, tmp_path: Path) -> None:
    back_up(journal.store, tmp_path / "b", NOW)
    _label(journal, "r1", NOW, "Keep")
    before = _contents(journal)
    with pytest.raises(UsageError, match="1 runs that are newer"):
        restore(journal.store, tmp_path / "b", NOW)
    assert _contents(journal) == before


def test_nothing_is_restored_under_a_run(journal: Journal, tmp_path: Path) -> None:
    back_up(journal.store, tmp_path / "b", NOW)
    journal.leases.acquire("acme", "me", NOW, timedelta(seconds=90))
    with pytest.raises(BusyError, match="under way"):
        restore(journal.store, tmp_path / "b", NOW)
    restore(journal.store, tmp_path / "b", NOW + timedelta(seconds=91))


def test_a_backup_is_of_one_moment_while_others_write(journal: Journal, url: str, tmp_path: Path) -> None:
    _label(journal, "r1", NOW, "Keep")
    other = open_journal(url)
    with journal.store.snapshot() as connection:
        connection.execute(sa.text("SELECT count(*) FROM runs")).all()
        _label(other, "r2", NOW, "Expand")
        assert connection.scalar(sa.text("SELECT count(*) FROM runs")) == 1
    other.close()
    assert back_up(journal.store, tmp_path / "b", NOW).runs == 2


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    opened = open_journal(f"sqlite:///{tmp_path}/journal.db")
    _label(opened, "r1", NOW, "Keep")
    (tmp_path / "text").write_text("no backup")
    with closing(sqlite3.connect(tmp_path / "empty.db")) as raw:
        raw.execute("CREATE TABLE one (two)")
    for name in ("text", "empty.db", "nonesuch"):
        with pytest.raises(UsageError):
            restore(opened.store, tmp_path / name, NOW, over_newer=True)
    back_up(opened.store, tmp_path / "b", NOW)
    with closing(sqlite3.connect(tmp_path / "b")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StopError, match="newer version"):
        restore(opened.store, tmp_path / "b", NOW, over_newer=True)
    with pytest.raises(UsageError, match="cannot be written"):
        back_up(opened.store, tmp_path / "no" / "such" / "folder", NOW)
    assert [one.run_id for one in opened.runs.newest()] == ["r1"]
    assert opened.labels.of_account("acme", "a")[0].as_of == date(2026, 11, 3)
    opened.close()
