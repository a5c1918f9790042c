"""Label history: rows on change, since when, counting only when the run says so."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from sqlalchemy.engine import Connection

from crm_kare.journal import Journal, labels
from crm_kare.journal.store import Store

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
Held = tuple[str, str | None, str | None, str | None]


def table(*rows: Held) -> pa.Table:
    names = ("account_id", "computed_profile", "shown_profile", "badge")
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(names)}
    return pa.table({**columns, "reason": pa.array(["why"] * len(rows), pa.string()), "other": [1] * len(rows)})


def record(journal: Journal, run_id: str, day: int, *rows: Held) -> int:
    journal.runs.start(run_id, "acme", NOW)
    return journal.labels.record(run_id, "acme", table(*rows), as_of=date(2026, 11, day), rules_version="v1", now=NOW)


def held(journal: Journal) -> dict[str, tuple[str | None, str | None, int]]:
    rows = journal.labels.held("acme").to_pylist()
    return {row["account_id"]: (row["computed_profile"], row["badge"], row["since"].day) for row in rows}


def test_nothing_is_held_before_the_first_run(journal: Journal) -> None:
    empty = journal.labels.held("acme")
    assert empty.num_rows == 0
    assert empty.schema.names == ["account_id", "computed_profile", "badge", "since"]
    assert empty.schema.field("since").type == pa.date32()


def test_rows_are_written_on_change_only(journal: Journal) -> None:
    first: list[Held] = [("1", "Keep", "Keep", None), ("2", None, None, None)]
    assert record(journal, "r1", 1, *first) == 2
    assert record(journal, "r2", 2, *first) == 0
    assert record(journal, "r3", 3, ("1", "Keep", "Keep", "At risk"), ("2", "Attain", "Attain", None)) == 2
    assert held(journal) == {"1": ("Keep", "At risk", 1), "2": ("Attain", None, 3)}


def test_since_moves_with_the_computed_profile_only(journal: Journal) -> None:
    record(journal, "r1", 1, ("1", "Keep", "Keep", None))
    record(journal, "r2", 2, ("1", "Keep", "Expand", None))
    record(journal, "r3", 3, ("1", None, None, None))
    record(journal, "r4", 4, ("1", None, None, None), ("3", "Attain", "Attain", None))
    history = journal.labels.of_account("acme", "1")
    assert [(one.computed_profile, one.shown_profile, one.since.day, one.run_id) for one in history] == [
        (None, None, 3, "r3"),
        ("Keep", "Expand", 1, "r2"),
        ("Keep", "Keep", 1, "r1"),
    ]
    assert history[0].as_of == date(2026, 11, 3)
    assert journal.labels.of_account("other", "1") == []


def test_an_account_that_is_away_for_a_while_keeps_its_history(journal: Journal) -> None:
    record(journal, "r1", 1, ("1", "Keep", "Keep", None), ("2", "Keep", "Keep", None))
    record(journal, "r2", 2, ("2", "Keep", "Keep", None))
    assert record(journal, "r3", 3, ("1", "Keep", "Keep", None), ("2", "Keep", "Keep", None)) == 0
    assert held(journal) == {"1": ("Keep", None, 1), "2": ("Keep", None, 1)}


def test_a_run_that_dies_while_writing_history_leaves_none(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    record(journal, "r1", 1, ("1", "Keep", "Keep", None), ("2", "Keep", "Keep", None))
    monkeypatch.setattr(labels, "batches", lambda rows: ([row] for row in rows))
    real, calls = Store.append, []

    def dying(store: Store, connection: Connection, *rest: object) -> None:
        calls.append(rest)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(store, connection, *rest)  # type: ignore[arg-type]

    changed: list[Held] = [("1", "Recapture", "Recapture", None), ("2", "Expand", "Expand", None)]
    with monkeypatch.context() as patch:
        patch.setattr(Store, "append", dying)
        with pytest.raises(KeyboardInterrupt):
            record(journal, "r2", 2, *changed)
    assert held(journal) == {"1": ("Keep", None, 1), "2": ("Keep", None, 1)}
    run = journal.runs.get("r2")
    assert run is not None
    assert not run.labels_counted
    assert len(journal.labels.of_account("acme", "1")) == 1
    assert record(journal, "r3", 3, *changed) == 2
    again = journal.labels.record("r2", "acme", table(*changed), as_of=date(2026, 11, 2), rules_version="v1", now=NOW)
    assert again == 0
    assert held(journal) == {"1": ("Recapture", None, 3), "2": ("Expand", None, 3)}
