"""What people were alerted of: told once, by one, and not again."""

from datetime import timedelta

from crm_kare.journal import FINE, Journal, open_journal
from crm_kare.testing.clock import MORNING

CLAIM = timedelta(minutes=15)
BODY = {"told": "3 accounts", "command": "crm-kare history one"}


def test_a_change_is_due_until_it_is_told_and_its_return_is_another(journal: Journal) -> None:
    alerts = journal.alerts
    alerts.observe("one", "brake", FINE, {}, MORNING)
    assert alerts.due() == []
    alerts.observe("one", "brake", "on", BODY, MORNING)
    (due,) = alerts.due()
    assert (due.crm, due.kind, due.state, due.told, due.since, due.body) == ("one", "brake", "on", FINE, MORNING, BODY)
    alerts.told(due)
    alerts.observe("one", "brake", "on", {"told": "4 accounts"}, MORNING + CLAIM)
    assert alerts.due() == []
    (active,) = alerts.active()
    assert (active.since, active.body) == (MORNING, {"told": "4 accounts"})
    alerts.observe("one", "brake", FINE, {}, MORNING + CLAIM)
    (well,) = alerts.due()
    assert (well.recovered, well.since) == (True, MORNING + CLAIM)
    assert alerts.active() == []
    alerts.told(well)
    assert alerts.due() == []


def test_what_came_and_went_before_anybody_was_told_is_not_told(journal: Journal) -> None:
    journal.alerts.observe("one", "brake", "on", BODY, MORNING)
    journal.alerts.observe("one", "brake", FINE, {}, MORNING)
    assert journal.alerts.due() == []


def test_a_later_mark_is_news_and_an_earlier_one_is_not(journal: Journal) -> None:
    alerts = journal.alerts
    for mark, news in (("2026-11-02", True), ("2026-11-03", True), ("2026-11-02", False), ("2026-11-03", False)):
        alerts.observe("one", "override-expired", mark, BODY, MORNING)
        assert bool(alerts.due()) is news
        for one in alerts.due():
            alerts.told(one)


def test_of_two_daemons_one_tells_and_after_its_death_the_other(url: str) -> None:
    first, second = open_journal(url), open_journal(url)
    try:
        first.alerts.observe("one", "brake", "on", BODY, MORNING)
        (seen,), (too) = first.alerts.due(), second.alerts.due()
        assert first.alerts.claim(seen, MORNING, CLAIM)
        assert not second.alerts.claim(too[0], MORNING, CLAIM)
        assert second.alerts.claim(too[0], MORNING + CLAIM, CLAIM)
        second.alerts.told(too[0])
        assert first.alerts.due() == []
        assert not first.alerts.claim(seen, MORNING + 2 * CLAIM, CLAIM)
    finally:
        first.close()
        second.close()


def test_what_changes_while_it_is_told_is_due_again(journal: Journal) -> None:
    alerts = journal.alerts
    alerts.observe("one", "brake", "on", BODY, MORNING)
    (due,) = alerts.due()
    assert alerts.claim(due, MORNING, CLAIM)
    alerts.observe("one", "brake", FINE, {}, MORNING)
    alerts.told(due)
    (well,) = alerts.due()
    assert well.recovered
    assert alerts.claim(well, MORNING, CLAIM)


def test_what_nobody_took_waits_for_its_time(journal: Journal) -> None:
    alerts = journal.alerts
    alerts.observe("one", "brake", "on", BODY, MORNING)
    (due,) = alerts.due()
    assert alerts.claim(due, MORNING, CLAIM)
    alerts.put_off(due, MORNING + timedelta(minutes=5))
    assert not alerts.claim(due, MORNING + timedelta(minutes=4), CLAIM)
    assert alerts.claim(due, MORNING + timedelta(minutes=5), CLAIM)


def test_a_slot_is_taken_once_and_never_after_a_later_one(journal: Journal) -> None:
    alerts = journal.alerts
    assert alerts.take_slot("digest", "2026-11-02T08:00", MORNING)
    assert not alerts.take_slot("digest", "2026-11-02T08:00", MORNING)
    assert alerts.take_slot("digest", "2026-11-09T08:00", MORNING)
    assert not alerts.take_slot("digest", "2026-11-02T08:00", MORNING)
    assert (alerts.due(), alerts.active()) == ([], [])
