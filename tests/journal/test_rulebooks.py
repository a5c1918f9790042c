"""The rulebooks that the journal keeps."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from crm_kare.journal import Journal

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def test_rulebooks_are_kept_by_version_with_their_newest_text(journal: Journal) -> None:
    books = journal.rulebooks
    books.use("1-a", "first", {"keep.md": "one"}, NOW)
    books.use("2-b", "second", {}, NOW + timedelta(days=1))
    books.use("1-a", "first, with a comment", {"keep.md": "two"}, NOW + timedelta(days=2))
    books.put_aside("3-c", "never used", {})
    books.put_aside("2-b", "second, with a comment", {})
    told = [(one.version, one.text, one.first_used, one.last_used) for one in books.listed()]
    assert told == [
        ("1-a", "first, with a comment", NOW, NOW + timedelta(days=2)),
        ("2-b", "second, with a comment", NOW + timedelta(days=1), NOW + timedelta(days=1)),
        ("3-c", "never used", None, None),
    ]
    assert books.listed()[0].playbooks == {"keep.md": "two"}
    books.use("3-c", "used now", {}, NOW + timedelta(days=3))
    assert books.listed()[0].first_used == NOW + timedelta(days=3)


def test_a_version_counts_the_accounts_whose_present_label_came_under_it(journal: Journal) -> None:
    for number, (version, profiles) in enumerate((("1-a", ["Keep", "Keep"]), ("2-b", ["Expand", "Keep"]))):
        run = f"run-{number}"
        journal.runs.start(run, "acme", NOW)
        labels = pa.table(
            {
                "account_id": ["a", "b"],
                "computed_profile": profiles,
                "shown_profile": profiles,
                "badge": pa.nulls(2, pa.string()),
                "reason": ["why", "why"],
            }
        )
        journal.labels.record(run, "acme", labels, as_of=date(2026, 11, 3), rules_version=version, now=NOW)
        journal.rulebooks.use(version, "", {}, NOW + timedelta(days=number))
    assert [(one.version, one.accounts) for one in journal.rulebooks.listed()] == [("2-b", 1), ("1-a", 1)]
