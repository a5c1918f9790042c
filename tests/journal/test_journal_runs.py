"""Leases, runs and the small notes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from crm_kare.errors import BusyError
from crm_kare.journal import Journal, Pointer, open_journal
from crm_kare.model import RunStatus
from crm_kare.ports import Organisation

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
TTL = timedelta(minutes=2)


def test_a_lease_is_held_by_one_until_it_is_given_back(journal: Journal) -> None:
    assert journal.leases.acquire("acme", "one", NOW, TTL)
    assert not journal.leases.acquire("acme", "two", NOW, TTL)
    assert journal.leases.acquire("other", "two", NOW, TTL)
    assert journal.leases.holder("acme", NOW) == "one"
    journal.leases.release("acme", "two")
    assert journal.leases.holder("acme", NOW) == "one"
    journal.leases.release("acme", "one")
    assert journal.leases.acquire("acme", "two", NOW, TTL)


def test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_learns_it(journal: Journal) -> None:
    journal.leases.acquire("acme", "one", NOW, TTL)
    assert journal.leases.acquire("acme", "one", NOW + TTL / 2, TTL)
    assert not journal.leases.acquire("acme", "two", NOW + TTL, TTL)
    assert journal.leases.acquire("acme", "two", NOW + TTL * 1.5, TTL)
    assert not journal.leases.acquire("acme", "one", NOW + TTL * 1.5, TTL)
    assert journal.leases.holder("acme", NOW + TTL * 1.5) == "two"
    assert journal.leases.holder("acme", NOW + TTL * 4) is None


def test_of_many_who_ask_at_once_one_gets_the_lease(url: str) -> None:
    opened = open_journal(url)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda number: opened.leases.acquire("acme", f"h{number}", NOW, TTL), range(8)))
    assert sum(got) == 1
    opened.close()


def test_a_run_is_kept_with_what_it_said(journal: Journal) -> None:
    journal.runs.start("r1", "acme", NOW, as_of=date(2026, 11, 3))
    begun = journal.runs.get("r1")
    assert begun is not None
    assert (begun.status, begun.ended_at, begun.summary, begun.as_of) == (
        RunStatus.RUNNING,
        None,
        {},
        date(2026, 11, 3),
    )
    journal.runs.end("r1", RunStatus.PARTIAL, NOW + TTL, {"run_id": "r1", "applied": {"changed": 3}})
    ended = journal.runs.get("r1")
    assert ended is not None
    assert (ended.status, ended.started_at, ended.ended_at) == (RunStatus.PARTIAL, NOW, NOW + TTL)
    assert ended.summary["applied"] == {"changed": 3}
    assert journal.runs.get("r2") is None


def test_runs_come_newest_first_of_one_crm_or_of_all(journal: Journal) -> None:
    for number, crm in enumerate(["acme", "other", "acme"]):
        journal.runs.start(f"r{number}", crm, NOW + timedelta(seconds=number))
    assert [run.run_id for run in journal.runs.newest()] == ["r2", "r1", "r0"]
    assert [run.run_id for run in journal.runs.newest("acme")] == ["r2", "r0"]
    assert [run.run_id for run in journal.runs.newest(limit=1)] == ["r2"]


def test_runs_that_died_are_closed_by_the_next_holder(journal: Journal) -> None:
    journal.runs.start("dead", "acme", NOW)
    journal.runs.start("alive", "other", NOW)
    assert journal.runs.close_dead("acme", NOW + TTL) == ["dead"]
    assert journal.runs.close_dead("acme", NOW + TTL) == []
    statuses = {run.run_id: run.status for run in journal.runs.newest()}
    assert statuses == {"dead": RunStatus.INTERRUPTED, "alive": RunStatus.RUNNING}


def test_a_moment_without_zone_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="time zone"):
        journal.runs.start("r1", "acme", NOW.replace(tzinfo=None))


def test_the_portfolio_figures_measured_last_count(journal: Journal) -> None:
    assert journal.notes.portfolio("acme") is None
    journal.notes.keep_portfolio("acme", date(2026, 11, 1), "v1", {"usual_gap": 50}, NOW)
    journal.notes.keep_portfolio("acme", date(2026, 10, 1), "v1", {"usual_gap": 40}, NOW)
    journal.notes.keep_portfolio("acme", date(2026, 11, 1), "v2", {"usual_gap": 55}, NOW)
    kept = journal.notes.portfolio("acme")
    assert kept is not None
    assert (kept.measured_on, kept.rules_version, kept.figures) == (date(2026, 11, 1), "v2", {"usual_gap": 55})


def test_notes_are_kept_per_crm(journal: Journal) -> None:
    organisation = Organisation("1", "Acme", "Pacific/Auckland", "NZD", "https://acme.example")
    journal.notes.keep_organisation("acme", organisation, NOW)
    journal.notes.keep_metrics("acme", {"unknown_share": 0.25}, NOW)
    journal.notes.keep_metrics("acme", {"accounts": 7}, NOW)
    journal.notes.mark_applied("acme", "abc", "r1", NOW)
    assert journal.notes.organisation("acme") == (organisation, NOW)
    assert journal.notes.organisation("other") is None
    assert journal.notes.metrics("acme") == {"accounts": 7}
    assert journal.notes.metrics("other") == {}
    assert journal.notes.applied_by("acme", "abc") == "r1"
    assert journal.notes.applied_by("other", "abc") is None


def test_pointers_move_together_or_not_at_all(journal: Journal) -> None:
    journal.pointers.swap([Pointer("acme", "accounts", cursor="1", rows=1, pulled_at=NOW, files={"base": [1]})])
    accounts = journal.pointers.get("acme", "accounts")
    assert (accounts.version, accounts.cursor, accounts.pulled_at, accounts.files) == (1, "1", NOW, {"base": [1]})
    with pytest.raises(BusyError):
        journal.pointers.swap([Pointer("acme", "owners", cursor="9"), Pointer("acme", "accounts", cursor="9")])
    assert [pointer.stream for pointer in journal.pointers.all("acme")] == ["accounts"]
    journal.pointers.swap([accounts])
    with pytest.raises(BusyError):
        journal.pointers.swap([accounts])
    assert journal.pointers.get("acme", "nothing").version == 0
