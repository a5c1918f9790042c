"""Which accounts show another profile than on a day before."""

from datetime import UTC, date, datetime

import pyarrow as pa

from crm_kare.journal import Journal

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


def record(journal: Journal, day: int, **shown: str | None) -> None:
    """A run of a day that shows these profiles, by account."""
    run_id = f"r{day}"
    journal.runs.start(run_id, "acme", NOW)
    texts = pa.array(list(shown.values()), pa.string())
    table = pa.table(
        {
            "account_id": pa.array(list(shown), pa.string()),
            "computed_profile": texts,
            "shown_profile": texts,
            "badge": pa.nulls(len(shown), pa.string()),
            "reason": pa.array([f"as of {day}"] * len(shown), pa.string()),
        }
    )
    journal.labels.record(run_id, "acme", table, as_of=date(2026, 11, day), rules_version="v1", now=NOW)


def test_moves_are_from_what_a_day_ended_with_to_what_is_shown_now(journal: Journal) -> None:
    record(journal, 1, a="Keep", b="Keep", c="Keep", d=None)
    record(journal, 5, a="Expand", b="Keep", c="Expand", d="Attain")
    record(journal, 9, a="Recapture", b="Keep", c="Keep", d=None, e="Attain")
    found = journal.labels.moved_since("acme", date(2026, 11, 4))
    told = [(now.account_id, before and before.shown_profile, now.shown_profile, now.reason) for now, before in found]
    assert told == [("a", "Keep", "Recapture", "as of 9"), ("e", None, "Attain", "as of 9")]
    assert [before is None for _, before in found] == [False, True]
    since_the_fifth = journal.labels.moved_since("acme", date(2026, 11, 5))
    assert [now.account_id for now, _ in since_the_fifth] == ["a", "c", "d", "e"]
    assert journal.labels.moved_since("acme", date(2026, 11, 9)) == []
    assert journal.labels.moved_since("other", date(2026, 11, 1)) == []
