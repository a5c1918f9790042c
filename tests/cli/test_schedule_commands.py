"""Commands to the daemons of a project: pause, resume, run, status, and what history says of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cli.doors import PROJECT, Door

from crm_kare.journal import Daemon, Journal, open_journal


@pytest.fixture
def journal(shop: Door) -> Iterator[Journal]:
    """The project's, beside the commands; the CRM is on a schedule in Berlin."""
    shop.put(
        "crm-kare.yaml", PROJECT.replace("{connector", '{schedule: "0 3 * * *", timezone: Europe/Berlin, connector')
    )
    made = open_journal(f"sqlite:///{shop.file('.crm-kare/state.db')}")
    yield made
    made.close()


def live(journal: Journal, *, ago: float = 5) -> None:
    """A daemon of another machine gave a sign of life."""
    beat = datetime.now(UTC) - timedelta(seconds=ago)
    journal.daemons.beat(Daemon("9@elsewhere#1", beat, beat, beat))


def test_status_tells_schedule_next_start_and_that_nobody_is_there(shop: Door, journal: Journal) -> None:
    del journal
    (told,) = shop("status", "--json").document["crms"]
    assert (told["crm"], told["schedule"], told["timezone"]) == ("shop", "0 3 * * *", "Europe/Berlin")
    assert datetime.fromisoformat(told["next_start"]) > datetime.now(UTC)
    assert told["paused"] is told["last_run"] is told["last_success"] is told["asked"] is told["waits"] is None
    assert told["open_rejections"] == 0
    assert "No daemon is alive" in shop("status").out


def test_a_pause_is_told_with_its_end_and_who_made_it_until_it_is_taken_back(shop: Door, journal: Journal) -> None:
    assert shop("pause", "shop", "--until", "2h").code == 0
    (told,) = shop("status", "--json").document["crms"]
    left = datetime.fromisoformat(told["paused"]["until"]) - datetime.now(UTC)
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    assert "@" in told["paused"]["by"]
    assert shop("history", "--json").document["paused"] == ["shop"]
    assert "shop is paused" in shop("history").out
    assert "goes on" in shop("resume", "--all").out
    assert "was not paused" in shop("resume", "shop").out
    assert not journal.schedules.get("shop").paused(datetime.now(UTC))


def test_an_end_without_zone_is_in_the_crms(shop: Door, journal: Journal) -> None:
    told = shop("pause", "--all", "--until", "2099-01-15T08:00")
    assert (told.code, "until 2099-01-15 07:00 UTC" in told.out) == (0, True)
    assert journal.schedules.get("shop").paused_until == datetime(2099, 1, 15, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["pause"], "--all"),
        (["pause", "shop", "--all"], "--all"),
        (["pause", "nobody"], "no CRM is called `nobody`"),
        (["pause", "shop", "--until", "soon"], "`soon` is no time"),
        (["pause", "shop", "--until", "2020-01-01"], "is over"),
        (["resume"], "--all"),
        (["run", "nobody"], "no CRM is called `nobody`"),
    ],
)
def test_what_is_typed_wrongly_ends_with_2_and_changes_nothing(
    shop: Door, journal: Journal, arguments: list[str], told: str
) -> None:
    ended = shop(*arguments)
    assert ended.code == 2
    assert told in ended.err
    assert journal.schedules.all() == {}


def test_a_run_is_asked_of_a_daemon_that_is_alive(shop: Door, journal: Journal) -> None:
    live(journal)
    assert shop("run", "shop").code == 0
    assert journal.schedules.get("shop").asked_at is not None
    told = shop("status", "--json").document
    assert told["crms"][0]["asked"]["by"] == journal.schedules.get("shop").asked_by
    assert [one["name"] for one in told["daemons"]] == ["9@elsewhere#1"]
    assert "9@elsewhere#1" in shop("status").out


def test_without_one_it_says_so_and_asks_for_nothing(shop: Door, journal: Journal) -> None:
    live(journal, ago=91)
    ended = shop("run", "shop")
    assert ended.code == 7
    assert "no daemon is alive" in ended.err
    assert "crm-kare sync shop" in ended.err
    assert journal.schedules.all() == {}


def test_a_paused_crm_is_not_run(shop: Door, journal: Journal) -> None:
    live(journal)
    shop("pause", "shop")
    ended = shop("run", "shop")
    assert ended.code == 2
    assert "crm-kare resume shop" in ended.err
    assert journal.schedules.get("shop").asked_at is None
