"""The mirror: what a reader sees, what a brake can refuse, what damage does."""

from decimal import Decimal
from pathlib import Path

import ibis
import pytest
from sync_store.kit import NOW, SPEC, named, names_of, page, pulled, rows_of, taken

from crm_kare.errors import BusyError, ConfigError, RetryError, StopError
from crm_kare.journal import Journal
from crm_kare.sync.mirror import Mirror, intake
from crm_kare.sync.mirror import mirror as mirror_module


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "mirror" / "acme" / "accounts").iterdir())


def test_rows_are_typed_and_come_back_by_name(mirror: Mirror) -> None:
    taken(mirror, page(("1", "Ann", "1.50"), ("2", None, None)))
    assert rows_of(mirror) == [
        {"account_id": "1", "name": "Ann", "annual_revenue": Decimal("1.5000")},
        {"account_id": "2", "name": None, "annual_revenue": None},
    ]


def test_a_record_that_moves_between_pages_stands_once_as_it_came_last(mirror: Mirror) -> None:
    result = taken(mirror, named("a", "b", cursor="1"), named("a=Ann", "c", cursor="2"), named("a=Anna", cursor="3"))
    assert names_of(mirror) == {"a": "Anna", "b": "b", "c": "c"}
    assert result.streams[0].rows == 3


def test_a_tombstone_removes_and_a_later_row_revives(mirror: Mirror) -> None:
    taken(mirror, named("a", "b", "c"))
    assert taken(mirror, named(gone=["a", "b", "unknown"])).deleted == 2
    assert names_of(mirror) == {"c": "c"}
    taken(mirror, named("a=back"))
    assert names_of(mirror) == {"a": "back", "c": "c"}


def test_in_one_page_the_tombstone_comes_after_the_rows(mirror: Mirror) -> None:
    taken(mirror, named("a", "b", gone=["a"]))
    assert names_of(mirror) == {"b": "b"}
    assert mirror.counts() == {"accounts": 1}


def test_counts_follow_every_delta(mirror: Mirror) -> None:
    taken(mirror, named("a", "b"))
    result = taken(mirror, named("b=new", "c", "c=again", gone=["a", "x"]), named("d", gone=["d"]))
    (stream,) = result.streams
    assert (stream.before, stream.rows, stream.deleted) == (2, 2, 1)
    assert mirror.counts() == {"accounts": len(rows_of(mirror))}


def test_a_full_pull_replaces_everything_and_counts_what_is_gone(mirror: Mirror) -> None:
    taken(mirror, named("a", "b", "c"))
    result = taken(mirror, named("b=B", "d"), full=True)
    assert names_of(mirror) == {"b": "B", "d": "d"}
    assert result.deleted == 2


def test_an_empty_crm_is_an_empty_table_with_its_columns(mirror: Mirror) -> None:
    taken(mirror, named())
    assert rows_of(mirror) == []
    assert mirror.exists()


def test_nothing_changes_before_it_is_accepted_and_a_refused_pull_is_forgotten(mirror: Mirror) -> None:
    taken(mirror, named("a", "b", "c", cursor="first"))
    result = pulled(mirror, named("a"), full=True)
    assert (result.streams[0].before, result.streams[0].rows) == (3, 1)
    assert names_of(mirror) == {"a": "a", "b": "b", "c": "c"}
    mirror.discard()
    assert names_of(mirror) == {"a": "a", "b": "b", "c": "c"}
    taken(mirror, named(gone=["a"]))
    assert names_of(mirror) == {"b": "b", "c": "c"}


def test_a_pull_that_stopped_half_way_cannot_be_accepted(mirror: Mirror) -> None:
    with pytest.raises(RetryError):
        pulled(mirror, named("a"), RetryError("down"))
    with pytest.raises(StopError, match="half-way"):
        mirror.accept()
    assert not mirror.exists()


def test_accept_with_nothing_pending_does_nothing(mirror: Mirror) -> None:
    taken(mirror, named("a"))
    mirror.accept()
    assert mirror.pulled_at() == NOW


def test_a_reader_keeps_what_it_saw_through_the_next_generation(mirror: Mirror, tmp_path: Path) -> None:
    taken(mirror, named("a", "b"))
    con = ibis.duckdb.connect()
    con.raw_sql("SET threads = 1")
    with pytest.warns(DeprecationWarning, match="fetch_arrow_table"):  # Ibis 12 calls what DuckDB 2.0 deprecates
        before = mirror.tables(con)["accounts"]
    taken(mirror, named("c"), full=True)
    assert before.count().to_pyarrow().as_py() == 2
    assert len(files_in(tmp_path)) == 2
    taken(mirror, named("d"), full=True)
    assert len(files_in(tmp_path)) == 2
    con.disconnect()


def test_many_small_deltas_are_merged_and_say_the_same(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_module, "_DELTA_FILES", 3)
    taken(mirror, named(*(f"a{number}" for number in range(100))))
    for number in range(10):
        taken(mirror, named(f"a{number}=new", f"b{number}", gone=[f"a{number + 50}"]))
    names = names_of(mirror)
    assert len(names) == mirror.counts()["accounts"] == 100
    assert names["a3"] == "new"
    assert "a50" not in names
    assert len(files_in(tmp_path)) <= 3 + 3


def test_deltas_above_a_share_make_a_new_base(mirror: Mirror, tmp_path: Path) -> None:
    taken(mirror, named("a", "b", "c"))
    taken(mirror, named("b=B", gone=["a"]))
    assert names_of(mirror) == {"b": "B", "c": "c"}
    taken(mirror, named())
    assert len(files_in(tmp_path)) == 3  # the new base, and what it superseded


def test_a_small_delta_writes_little(mirror: Mirror, tmp_path: Path) -> None:
    taken(mirror, named(*(f"a{number}" for number in range(5000))))
    before = set(files_in(tmp_path))
    taken(mirror, named("a1=new"))
    (new,) = set(files_in(tmp_path)) - before
    assert (tmp_path / "mirror" / "acme" / "accounts" / new).stat().st_size < 3000


def test_an_empty_delta_writes_no_file(mirror: Mirror, tmp_path: Path) -> None:
    taken(mirror, named("a", cursor="1"))
    before = files_in(tmp_path)
    taken(mirror, named(cursor="2"))
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("harm", ["remove", "cut", "garble"])
def test_a_damaged_file_is_found_before_anything_is_read_and_the_next_pull_is_full(
    mirror: Mirror, tmp_path: Path, harm: str
) -> None:
    taken(mirror, named("a", "b"))
    path = tmp_path / "mirror" / "acme" / "accounts" / files_in(tmp_path)[0]
    whole = path.read_bytes()
    match harm:
        case "remove":
            path.unlink()
        case "cut":
            path.write_bytes(whole[:-10])
        case "garble":
            path.write_bytes(whole[:-4] + b"XXXX")
    with pytest.raises(StopError, match="full pull is needed"):
        rows_of(mirror)
    result = taken(mirror, named("a"))
    assert result.streams[0].full
    assert [problem.code for problem in result.problems] == ["mirror-damaged"]
    assert names_of(mirror) == {"a": "a"}


def test_files_are_for_their_owner_only(mirror: Mirror, tmp_path: Path) -> None:
    taken(mirror, named("a", "b"))
    taken(mirror, named("b=B", gone=["a"]))  # merged by the engine
    paths = list((tmp_path / "mirror").rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}


def test_any_folder_and_crm_name_will_do(tmp_path: Path, journal: Journal) -> None:
    mirror = Mirror(tmp_path / "it's [a] *?", journal, '../o"dd/name')
    taken(mirror, named("a"))
    taken(mirror, named("b", gone=["a"]))
    assert names_of(mirror) == {"b": "b"}
    assert not (tmp_path / 'o"dd').exists()


def test_two_writers_cannot_both_move_the_mirror(mirror: Mirror) -> None:
    taken(mirror, named("a"))
    first = mirror.intake(SPEC, "shape", full=True, now=NOW, convert=lambda table: table)
    second = mirror.intake(SPEC, "shape", full=True, now=NOW, convert=lambda table: table)
    first.add(named("b").records, (), "1")
    second.add(named("c").records, (), "1")
    first.checkpoint()
    with pytest.raises(BusyError):
        second.checkpoint()


def test_a_page_with_other_columns_is_refused(mirror: Mirror) -> None:
    wrong = named("a").records.rename_columns(["name", "account_id", "annual_revenue"])
    begun = mirror.intake(SPEC, "shape", full=True, now=NOW, convert=lambda table: table)
    with pytest.raises(StopError, match="other columns"):
        begun.add(wrong, (), "1")


def test_reading_before_the_first_pull_says_what_to_do(mirror: Mirror) -> None:
    with pytest.raises(ConfigError, match="crm-kare pull acme"):
        rows_of(mirror)
    assert not mirror.exists()
    assert mirror.pulled_at() is None


def test_much_data_becomes_durable_by_itself(mirror: Mirror, monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    monkeypatch.setattr(intake, "SEGMENT_ROWS", 3)
    begun = mirror.intake(SPEC, "shape", full=True, now=NOW, convert=lambda table: table)
    begun.add(named("a", "b").records, (), "1")
    assert journal.pointers.get("acme", "accounts").version == 0
    begun.add(named("c").records, (), "2")
    assert journal.pointers.get("acme", "accounts").version == 1
