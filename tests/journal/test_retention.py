"""What the journal forgets, and what it keeps all the same."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from crm_kare.journal import Journal
from crm_kare.model import Change, Outcome, OutcomeStatus, RunStatus

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)


def _run(journal: Journal, run: str, at: datetime, labels: dict[str, str], *, ended: bool = True) -> None:
    journal.runs.start(run, "acme", at)
    journal.changes.intend(run, [Change(one, "Profile", "f", None, profile) for one, profile in labels.items()])
    journal.changes.settle(run, "acme", [Outcome(one, OutcomeStatus.CHANGED) for one in labels], at)
    names = ("computed_profile", "shown_profile", "badge", "reason")
    columns = {name: pa.array(list(labels.values()), pa.string()) for name in names}
    table = pa.table({"account_id": pa.array(list(labels), pa.string()), **columns})
    journal.labels.record(run, "acme", table, as_of=at.date(), rules_version="1", now=at)
    if ended:
        problems = [{"code": "conflict", "message": "m", "fix": "", "account_id": one} for one in labels]
        journal.runs.end(run, RunStatus.DONE, at, {"problems": problems, "scored": len(labels)})


def _changes(journal: Journal, run: str) -> list[str]:
    return [one.change.account_id for one in journal.changes.of_run(run)]


def test_old_runs_go_with_their_changes_and_what_runs_lean_on_stays(journal: Journal) -> None:
    _run(journal, "r1", NOW, {"a": "Keep", "b": "Keep"})
    _run(journal, "r2", NOW + timedelta(days=1), {"a": "Keep", "b": "Keep"})
    _run(journal, "r3", NOW + timedelta(days=2), {"a": "Expand"})
    _run(journal, "r4", NOW + timedelta(days=1), {}, ended=False)
    limit = NOW + timedelta(days=2)
    assert journal.retention.forget_runs("acme", limit, most=1) == 1
    assert journal.retention.forget_runs("acme", limit) == 1
    assert journal.retention.forget_runs("acme", limit) == 0
    assert journal.retention.forget_runs("other", limit) == 0
    assert [_changes(journal, run) for run in ("r1", "r2", "r3")] == [[], [], ["a"]]
    assert {one.run_id for one in journal.runs.newest()} == {"r1", "r3", "r4"}
    assert journal.changes.last_written("acme").num_rows == 2
    assert [one.run_id for one in journal.labels.of_account("acme", "a")] == ["r3", "r1"]


def test_old_labels_go_but_for_the_newest_of_each_account(journal: Journal) -> None:
    _run(journal, "r1", NOW, {"a": "Keep", "b": "Keep"})
    _run(journal, "r2", NOW + timedelta(days=1), {"a": "Expand", "b": "Keep"})
    _run(journal, "r3", NOW + timedelta(days=2), {"a": "Attain", "b": "Keep"})
    journal.retention.forget_labels("acme", date(2026, 11, 5))
    assert [one.computed_profile for one in journal.labels.of_account("acme", "a")] == ["Attain"]
    assert [one.computed_profile for one in journal.labels.of_account("acme", "b")] == ["Keep"]


def test_nothing_is_left_of_an_account_that_is_erased(journal: Journal) -> None:
    _run(journal, "r1", NOW, {"a": "Keep", "b": "Keep", "ab": "Keep"})
    journal.changes.settle("r1", "acme", [Outcome("a", OutcomeStatus.REJECTED, "C", "m", "f")], NOW)
    assert journal.retention.erase("acme", "a") == 6
    assert journal.retention.erase("acme", "a") == 0
    assert _changes(journal, "r1") == ["ab", "b"]
    assert set(journal.changes.last_written("acme")["account_id"].to_pylist()) == {"ab", "b"}
    assert journal.labels.of_account("acme", "a") == []
    assert journal.changes.rejected("acme") == []
    run = journal.runs.get("r1")
    assert run is not None
    assert [one["account_id"] for one in run.summary["problems"]] == ["b", "ab"]
    assert run.summary["scored"] == 3
