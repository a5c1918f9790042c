"""What undoing a run asks of the journal, on SQLite and PostgreSQL; and what was refused, row by row."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from crm_kare.journal import Journal
from crm_kare.model import Change, Outcome, OutcomeStatus

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
DAY = date(2026, 11, 3)


def _label(journal: Journal, run: str, at: int, **profiles: str | None) -> None:
    now = NOW + timedelta(days=at)
    journal.runs.start(run, "acme", now)
    journal.changes.intend(run, [Change(one, "Profile", "f", None, profile) for one, profile in profiles.items()])
    journal.changes.settle(run, "acme", [Outcome(one, OutcomeStatus.CHANGED) for one in profiles], now)
    labels = pa.table(
        {
            "account_id": list(profiles),
            "computed_profile": pa.array(list(profiles.values()), pa.string()),
            "shown_profile": pa.array(list(profiles.values()), pa.string()),
            "badge": pa.nulls(len(profiles), pa.string()),
            "reason": pa.array([f"by {run}"] * len(profiles), pa.string()),
        }
    )
    journal.labels.record(run, "acme", labels, as_of=DAY + timedelta(days=at), rules_version=run, now=now)


def _held(journal: Journal) -> dict[str, tuple[str | None, str]]:
    rows = journal.labels.held("acme").to_pylist()
    return {row["account_id"]: (row["computed_profile"], row["since"].isoformat()) for row in rows}


def test_labels_held_before_a_run_count_again_unless_the_crm_kept_or_moved_them(journal: Journal) -> None:
    _label(journal, "r1", 0, a="Keep", b="Keep", c="Keep")
    _label(journal, "r2", 1, a="Expand", b="Expand", c="Expand", d="Expand")
    _label(journal, "r3", 2, c="Attain")
    journal.runs.start("u", "acme", NOW + timedelta(days=3))
    back = [Change("a", "Profile", "f", "Expand", "Keep"), Change("d", "Profile", "f", "Expand", None)]
    journal.changes.intend("u", back)
    journal.changes.settle("u", "acme", [Outcome(one.account_id, OutcomeStatus.CHANGED) for one in back], NOW)
    today = DAY + timedelta(days=3)
    journal.undos.restore_labels("u", "acme", "r2", today, NOW)
    assert _held(journal) == {
        "a": ("Keep", "2026-11-03"),
        "b": ("Expand", "2026-11-04"),
        "c": ("Attain", "2026-11-05"),
        "d": (None, "2026-11-06"),
    }
    assert [one.reason for one in journal.labels.of_account("acme", "a")] == ["by r1", "by r2", "by r1"]
    journal.undos.restore_labels("u", "acme", "r2", today, NOW)
    assert len(journal.labels.of_account("acme", "a")) == 3


def test_only_what_a_run_changed_can_be_taken_back(journal: Journal) -> None:
    journal.runs.start("r", "acme", NOW)
    journal.changes.intend("r", [Change(status.value, "Profile", "f", "x", "y") for status in OutcomeStatus])
    journal.changes.intend("r", [Change("unsent", "Profile", "f", "x", "y")])
    journal.changes.settle("r", "acme", [Outcome(status.value, status) for status in OutcomeStatus], NOW)
    expected = {"account_id": "changed", "label": "Profile", "field": "f", "old": "x", "new": "y"}
    assert journal.undos.changed_by("r").to_pylist() == [expected]


def test_a_crm_is_held_back_until_it_is_released(journal: Journal) -> None:
    journal.runs.start("u", "acme", NOW, verb="apply")
    journal.undos.begin("u", "acme", "r", NOW)
    run = journal.runs.get("u")
    assert run is not None
    assert (run.verb, journal.undos.holding("acme"), journal.undos.holding("other")) == ("undo", "r", None)
    journal.undos.release("acme")
    assert journal.undos.holding("acme") is None


def test_refusals_tell_field_and_value_and_stand_until_they_land(journal: Journal) -> None:
    journal.runs.start("r", "acme", NOW)
    journal.changes.intend(
        "r", [Change("a", "Reason", "KARE_Reason__c", "old", "new"), Change("b", "Badge", "x", None, "y")]
    )
    refused = [
        Outcome("a", OutcomeStatus.REJECTED, "CODE", "said", "do", "kare_reason__c"),
        Outcome("b", OutcomeStatus.REJECTED, "CODE", "said", "do"),
    ]
    journal.changes.settle("r", "acme", refused, NOW)
    first, second = journal.refusals.standing("acme")
    assert (first.account_id, first.field, first.value, first.code, first.tries) == (
        "a",
        "kare_reason__c",
        "new",
        "CODE",
        1,
    )
    assert first.next_try == NOW + timedelta(hours=1)
    assert (second.field, second.value) == ("", None)
    assert journal.refusals.of_run("r") == [first, second]
    journal.runs.start("r2", "acme", NOW)
    journal.changes.settle("r2", "acme", [Outcome("a", OutcomeStatus.CHANGED)], NOW)
    assert [one.account_id for one in journal.refusals.standing("acme")] == ["b"]
    assert [(one.account_id, one.tries) for one in journal.refusals.of_run("r")] == [("a", None), ("b", 1)]
    assert journal.refusals.standing("other") == []
