"""Intents, outcomes, own last values, rejected accounts."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from crm_kare.journal import WAITS, Journal, changes
from crm_kare.model import Change, Outcome, OutcomeStatus

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


def profile(account: str, new: str | None, old: str | None = None) -> Change:
    return Change(account, "Profile", "KARE_Profile__c", old, new, "because")


def reason(account: str, new: str | None) -> Change:
    return Change(account, "Reason", "KARE_Reason__c", None, new)


def outcome(account: str, status: OutcomeStatus = OutcomeStatus.CHANGED) -> Outcome:
    return Outcome(account, status, "CODE", "said", "do this", "KARE_Profile__c")


@pytest.fixture(autouse=True)
def runs(journal: Journal) -> None:
    journal.runs.start("r1", "acme", NOW)
    journal.runs.start("r2", "acme", NOW + timedelta(hours=1))
    journal.runs.start("x1", "other", NOW)


def written(journal: Journal, crm: str = "acme") -> dict[tuple[str, str], str | None]:
    rows = journal.changes.last_written(crm).to_pylist()
    return {(row["account_id"], row["label"]): row["value"] for row in rows}


def test_an_intent_without_outcome_is_unsettled_until_its_fate_is_known(journal: Journal) -> None:
    assert journal.changes.intend("r1", [profile("1", "Keep"), reason("1", "x"), profile("2", "Attain")]) == 3
    journal.changes.settle("r1", "acme", [outcome("1"), outcome("2", OutcomeStatus.UNKNOWN)], NOW)
    journal.changes.intend("r2", [profile("3", None, "Keep")])
    left = journal.changes.unsettled("acme")
    assert [(one.run_id, one.change.account_id) for one in left] == [("r1", "2"), ("r2", "3")]
    assert left[1].change == profile("3", None, "Keep")
    assert left[1].outcome is None
    journal.changes.settle("r1", "acme", [outcome("2", OutcomeStatus.SAME)], NOW)
    journal.changes.settle("r2", "acme", [outcome("3", OutcomeStatus.CONFLICT)], NOW)
    assert journal.changes.unsettled("acme") == []
    assert journal.changes.unsettled("other") == []


def test_only_what_landed_becomes_our_last_written_value(journal: Journal) -> None:
    statuses = dict(zip("12345", OutcomeStatus, strict=True))
    journal.changes.intend(
        "r1", [change for name in statuses for change in (profile(name, "Keep"), reason(name, None))]
    )
    journal.changes.settle("r1", "acme", [outcome(name, status) for name, status in statuses.items()], NOW)
    assert written(journal) == {
        (name, label): value
        for name, status in statuses.items()
        if status in (OutcomeStatus.CHANGED, OutcomeStatus.SAME)
        for label, value in (("Profile", "Keep"), ("Reason", None))
    }
    assert written(journal, "other") == {}


def test_a_later_write_replaces_the_value_of_its_labels_only(journal: Journal) -> None:
    journal.changes.intend("r1", [profile("1", "Keep"), reason("1", "old")])
    journal.changes.settle("r1", "acme", [outcome("1")], NOW)
    journal.changes.intend("r2", [profile("1", "Expand", "Keep")])
    journal.changes.settle("r2", "acme", [outcome("1")], NOW)
    assert written(journal) == {("1", "Profile"): "Expand", ("1", "Reason"): "old"}


def test_last_written_values_of_the_accounts_asked_for(journal: Journal) -> None:
    names = [f"a{number:05}" for number in range(1200)]
    journal.changes.intend("r1", [profile(name, "Keep") for name in names])
    journal.changes.settle("r1", "acme", [outcome(name) for name in names], NOW)
    assert journal.changes.last_written("acme", names[::2]).num_rows == 600
    assert journal.changes.last_written("acme", ["unknown"]).num_rows == 0
    assert journal.changes.last_written("acme", []).schema.names == ["account_id", "label", "value"]


def test_the_changes_of_a_run_come_page_by_page_in_order(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "BATCH", 7)
    names = [f"a{number:03}" for number in range(20)]
    journal.changes.intend(
        "r1", [change for name in reversed(names) for change in (reason(name, "x"), profile(name, "K"))]
    )
    journal.changes.settle("r1", "acme", [outcome(name) for name in names[:10]], NOW)
    found = list(journal.changes.of_run("r1"))
    assert [(one.change.account_id, one.change.label) for one in found] == [
        (name, label) for name in names for label in ("Profile", "Reason")
    ]
    assert found[0].outcome == outcome("a000")
    assert found[-1].outcome is None
    assert list(journal.changes.of_run("r2")) == []


def test_the_same_intent_twice_is_one_row(journal: Journal) -> None:
    journal.changes.intend("r1", [profile("1", "Keep")])
    journal.changes.intend("r1", [profile("1", "Keep")])
    assert len(list(journal.changes.of_run("r1"))) == 1


def test_refused_accounts_wait_longer_every_time_and_leave_when_they_land(journal: Journal) -> None:
    now = NOW
    for tries, wait in enumerate([*WAITS, WAITS[-1]], start=1):
        journal.changes.settle("r1", "acme", [outcome("1", OutcomeStatus.REJECTED)], now)
        (rejection,) = journal.changes.rejected("acme")
        assert (rejection.tries, rejection.next_try, rejection.message) == (tries, now + wait, "said")
        assert journal.changes.waiting("acme", now) == {"1"}
        now = rejection.next_try
        assert journal.changes.waiting("acme", now) == frozenset()
    assert journal.changes.rejected("other") == []
    journal.changes.settle("r2", "acme", [outcome("1")], now)
    assert journal.changes.rejected("acme") == []


def test_retry_lets_them_all_be_tried_now(journal: Journal) -> None:
    refused = [outcome(name, OutcomeStatus.REJECTED) for name in "12"]
    journal.changes.settle("r1", "acme", refused, NOW)
    journal.changes.settle("r1", "acme", refused, NOW)
    assert journal.changes.retry_now("acme", NOW) == 2
    assert journal.changes.waiting("acme", NOW) == frozenset()
    journal.changes.settle("r2", "acme", refused[:1], NOW)
    assert journal.changes.rejected("acme")[0].next_try == NOW + WAITS[0]


def test_any_text_survives(journal: Journal) -> None:
    odd = "Ä\u2028'; DROP TABLE runs; -- %s :name {x} 😀"
    journal.changes.intend("r1", [Change("1", "Reason", "f", odd, odd, odd)])
    journal.changes.settle("r1", "acme", [outcome("1")], NOW)
    (found,) = journal.changes.of_run("r1")
    assert found.change == Change("1", "Reason", "f", odd, odd, odd)
    assert written(journal) == {("1", "Reason"): odd}


def test_values_that_the_crm_holds_already_are_adopted_as_ours(journal: Journal) -> None:
    cells = pa.table({"account_id": ["1", "2"], "label": ["Profile", "Profile"], "value": ["Keep", None]})
    assert journal.changes.adopt("r1", "acme", cells) == 2
    assert written(journal) == {("1", "Profile"): "Keep", ("2", "Profile"): None}
    assert journal.changes.unsettled("acme") == []
