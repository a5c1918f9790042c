"""Where schedules stand, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

from crm_kare.journal import Daemon, Journal, Standing

NOW = datetime(2026, 11, 3, 8, 30, 0, 123456, tzinfo=UTC)


def test_a_standing_comes_back_as_it_was_kept(journal: Journal) -> None:
    assert journal.schedules.get("sales") == Standing("sales")
    kept = Standing(
        "sales", NOW, "1@here#1", True, NOW, NOW + timedelta(hours=1), 3, "busy", NOW, "ann", NOW, NOW + timedelta(days=1), "bob"
    )  # fmt: skip
    assert journal.schedules.change("sales", lambda _was: kept) == kept
    assert journal.schedules.all() == {"sales": kept}
    assert journal.schedules.change("sales", lambda _was: None) is None
    assert journal.schedules.get("sales") == kept


def test_of_many_who_take_a_slot_at_once_one_has_it(journal: Journal) -> None:
    """Nobody changes a standing between its being read and written."""
    ready = Barrier(6)

    def take(number: int) -> bool:
        ready.wait(60)
        return journal.schedules.change("sales", lambda was: _taken(was, str(number))) is not None

    with ThreadPoolExecutor(6) as pool:
        took = list(pool.map(take, range(6)))
    assert sum(took) == 1
    assert journal.schedules.get("sales").holder == str(took.index(True))


def _taken(was: Standing, name: str) -> Standing | None:
    return None if was.slot else replace(was, slot=NOW, holder=name, pending=True)


def test_daemons_are_known_by_their_last_sign_of_life(journal: Journal) -> None:
    first = Daemon("1@here#1", NOW, NOW, NOW)
    journal.daemons.beat(first)
    later = replace(first, beat_at=NOW + timedelta(seconds=20), problem="one.yaml: it is wrong.")
    journal.daemons.beat(later)
    assert journal.daemons.since(NOW + timedelta(seconds=10)) == [later]
    assert journal.daemons.since(NOW + timedelta(seconds=30)) == []
    journal.daemons.leave("1@here#1")
    assert journal.daemons.since(NOW) == []


def test_daemons_silent_for_a_day_are_forgotten_when_another_comes(journal: Journal) -> None:
    journal.daemons.beat(Daemon("old", NOW, NOW, NOW))
    later = NOW + timedelta(days=1, seconds=1)
    journal.daemons.beat(Daemon("new", later, later, later))
    assert [one.name for one in journal.daemons.since(NOW)] == ["new"]
