"""Undoing a run, and looking at what the CRM refused, from the command line."""

import csv
from datetime import UTC, datetime
from io import StringIO

import pytest
from cli.doors import Door

from crm_kare.journal import open_journal
from crm_kare.model import Change, Outcome, OutcomeStatus


def _newest(shop: Door) -> str:
    run_id: str = shop("history", "--json").document["runs"][0]["run_id"]
    return run_id


@pytest.fixture
def labelled(shop: Door, profiles: dict[str, str]) -> Door:
    """Four accounts labelled Keep, then a1 Recapture."""
    assert shop("sync", "--force").code == 0
    profiles["a1"] = "Recapture"
    assert shop("sync").code == 0
    return shop


def test_a_run_is_undone_after_its_plan_was_shown_and_confirmed(
    labelled: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _newest(labelled)
    dry = labelled("undo", run, "--dry-run")
    assert dry.code == 0
    assert "Recapture" in dry.out

    monkeypatch.setattr("typer.confirm", lambda _text, **_words: True)
    undone = labelled("undo", run)
    assert undone.code == 0
    assert "changed 1" in undone.out
    assert "wait for approval" in undone.out
    assert [one["verb"] for one in labelled("history", "--json").document["runs"]][:3] == ["undo", "plan", "plan"]
    assert labelled("sync").code == 6


@pytest.mark.slow
def test_who_says_no_changes_nothing(labelled: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _newest(labelled)
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    assert labelled("undo", run).code == 130
    assert labelled("sync", "--json").document["runs"][0]["planned"]["accounts"] == 0


@pytest.mark.slow
def test_an_undo_is_saved_and_applied_or_told_as_json(labelled: Door) -> None:
    run = _newest(labelled)
    asked = labelled("undo", run, "--json")
    assert (asked.code, asked.out) == (2, "")
    saved = labelled("undo", run, "-o", str(labelled.file("undo.plan")), "--json").document
    assert saved["undo"] == {"run": run, "left": []}
    assert saved["plan"]["hash"]
    assert labelled.file("undo.plan").stat().st_mode & 0o777 == 0o600
    assert labelled("apply", "shop", str(labelled.file("undo.plan"))).code == 0
    shown = labelled("undo", run, "--yes", "--json")
    assert (shown.code, shown.document["runs"][0]["planned"]["accounts"]) == (0, 0)
    assert labelled("undo", "nonesuch", "--yes").code == 2


def test_rejected_rows_are_listed_with_cause_and_fix_and_exported_without_formulas(labelled: Door) -> None:
    run = _newest(labelled)
    refused = Outcome(
        "a2", OutcomeStatus.REJECTED, "STRING_TOO_LONG", "=said by the CRM", "Make it longer.", "kare_reason"
    )
    journal = open_journal(f"sqlite:///{labelled.file('.crm-kare') / 'state.db'}")
    journal.changes.intend(run, [Change("a2", "Reason", "KARE_Reason", "old", "=1+1")])
    journal.changes.settle(run, "shop", [refused], datetime.now(UTC))
    journal.close()

    (row,) = labelled("rejected", "--json").document["rejected"]
    assert (row["account_id"], row["value"], row["message"]) == ("a2", "=1+1", "=said by the CRM")
    assert (row["cause"], row["fix"]) == ("The field is too short for the text.", "Make it longer.")
    assert (row["tries"], row["run_id"]) == (1, run)
    assert datetime.fromisoformat(row["next_try"]) > datetime.now(UTC)

    assert labelled("show", run, "--rejected", "--json").document["rejected"] == [row]
    assert "too short" in labelled("rejected", "shop").out
    for command in (("rejected", "shop"), ("show", run)):
        assert labelled(*command, "-o", str(labelled.file("rows.csv"))).code == 0
        with labelled.file("rows.csv").open(encoding="utf-8", newline="") as file:
            (cells,) = list(csv.DictReader(file))
        assert list(cells) == list(row)
        assert (cells["value"], cells["message"]) == ("'=1+1", "'=said by the CRM")
        assert labelled.file("rows.csv").stat().st_mode & 0o777 == 0o600
    assert labelled("show", "nonesuch", "--rejected").code == 2


@pytest.mark.slow
def test_the_journal_is_backed_up_and_restored(labelled: Door) -> None:
    file = labelled.file("kare.backup")
    made = labelled("backup", str(file), "--json").document
    assert (made["runs"], file.stat().st_mode & 0o777) == (2, 0o600)
    assert "2 runs" in labelled("backup", str(file)).out
    assert labelled("sync").code == 0
    refused = labelled("restore", str(file))
    assert (refused.code, "newer" in refused.err) == (2, True)
    assert labelled("restore", str(file), "--yes").code == 0
    assert len(labelled("history", "--json").document["runs"]) == 2
    assert labelled("sync", "--json").document["runs"][0]["planned"]["accounts"] == 0
    assert labelled("restore", str(labelled.file("crm-kare.yaml")), "--yes").code == 2


@pytest.mark.slow
def test_what_is_kept_of_a_deleted_account_is_erased(labelled: Door) -> None:
    assert labelled("erase", "shop", "a1", "--yes").code == 2
    rows = labelled.file("accounts.csv").read_text().splitlines(keepends=True)
    labelled.put("accounts.csv", "".join(row for row in rows if not row.startswith("a1,")))
    assert labelled("pull", "shop").code == 0
    erased = labelled("erase", "shop", "a1", "--yes", "--json")
    assert (erased.code, erased.document["account_id"]) == (0, "a1")
    assert erased.document["erased"] > 0
    assert "0 rows erased" in labelled("erase", "shop", "a1", "--yes").out


@pytest.mark.slow
@pytest.mark.usefixtures("judged_once")
def test_overrides_are_told_as_table_json_and_csv(shop: Door) -> None:
    assert shop("overrides").code == 3
    assert shop("pull", "shop").code == 0
    assert shop("overrides", "shop", "--older-than", "30", "--json").document == {"overrides": []}
    assert "0 overrides" in shop("overrides").out
    assert shop("overrides", "-o", str(shop.file("o.csv"))).code == 0
    assert shop.file("o.csv").read_text().startswith("crm,account_id,name,owner,override,until")
