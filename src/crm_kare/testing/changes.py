"""Reading again: cursors, ties, stops in mid-pull, deletions."""

import pytest

from crm_kare.testing import steps
from crm_kare.testing.records import rows
from crm_kare.testing.rig import Rig


def a_second_pull_brings_what_changed(rig: Rig) -> None:
    """Edited and new records come, with their new values; others only where the connector is not incremental."""
    connector, spec = steps.ready(rig), steps.accounts(rig)
    ids = steps.seeded(rig, rig.setting.page + 2)
    first = steps.pull(connector, spec)
    rig.clock.advance(steps.HOUR)
    rig.edit("accounts", ids[1], {"name": "Renamed"})
    new = rig.seed("accounts", rows(rig.setting, "accounts", 1))
    rig.clock.advance(steps.MINUTE)
    second = steps.pull(rig.connector(), spec, first.cursor)
    assert second.name(ids[1]) == "Renamed"
    wanted = {ids[1], *new}
    assert set(second.rows) == (wanted if connector.capabilities.incremental else {*ids, *new})


def equal_stamps_at_the_border_lose_nothing(rig: Rig) -> None:
    """A record that changes in the very moment of the last pull comes with the next."""
    connector, spec = steps.ready(rig), steps.accounts(rig)
    ids = steps.seeded(rig, 3)
    rig.edit("accounts", ids[0], {"name": "First"})
    first = steps.pull(connector, spec)
    rig.edit("accounts", ids[1], {"name": "In the same moment"})
    rig.clock.advance(steps.MINUTE)
    second = steps.pull(connector, spec, first.cursor)
    assert second.name(ids[1]) == "In the same moment"


def many_equal_stamps_cross_a_page(rig: Rig) -> None:
    """Two pages and one of records of one moment all come in an incremental pull."""
    connector, spec = steps.ready(rig), steps.accounts(rig)
    first = steps.pull(connector, spec)
    rig.clock.advance(steps.HOUR)
    ids = rig.seed("accounts", rows(rig.setting, "accounts", 2 * rig.setting.page + 1))
    rig.clock.advance(steps.MINUTE)
    second = steps.pull(connector, spec, first.cursor)
    assert set(second.rows) == set(ids)
    rig.clock.advance(steps.HOUR)
    third = steps.pull(connector, spec, second.cursor)
    assert set(third.rows) <= set(ids), "what lies in the overlap may come again, and nothing else"
    rig.clock.advance(steps.HOUR)
    fourth = steps.pull(connector, spec, third.cursor)
    assert len(fourth.rows) == (0 if connector.capabilities.incremental else len(ids))


def a_stop_in_mid_pull_loses_nothing(rig: Rig) -> None:
    """The first page's cursor, handed to a new connector, brings the rest."""
    spec = steps.accounts(rig)
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2 * rig.setting.page + 1)
    pulled = steps.Pulled()
    pages = connector.pull(spec, None)
    pulled.add(next(pages))
    del pages
    connector.close()
    for page in rig.connector().pull(spec, pulled.cursor):
        pulled.add(page)
    assert set(pulled.rows) == set(ids)


def a_stop_in_mid_pull_keeps_the_starting_point(rig: Rig) -> None:
    """What changed behind the page already read comes with the pull after, however late the rest was read."""
    spec = steps.accounts(rig)
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2 * rig.setting.page + 1)
    pulled = steps.Pulled()
    pulled.add(next(iter(connector.pull(spec, None))))
    early = next(key for key in ids if key in pulled.rows)
    rig.clock.advance(steps.MINUTE)
    rig.edit("accounts", early, {"name": "Changed behind us"})
    rig.clock.advance(steps.HOUR)
    for page in rig.connector().pull(spec, pulled.cursor):
        pulled.add(page)
    for page in rig.connector().pull(spec, pulled.cursor):
        pulled.add(page)
    assert set(pulled.rows) == set(ids)
    assert pulled.name(early) == "Changed behind us"


def a_record_that_moves_between_pages_is_not_lost(rig: Rig) -> None:
    """Edited while the pages are read: in the end its new value is there, and every other record."""
    spec, connector = steps.accounts(rig), steps.ready(rig)
    ids = steps.seeded(rig, 2 * rig.setting.page + 1)
    pulled = steps.Pulled()
    for number, page in enumerate(connector.pull(spec, None)):
        pulled.add(page)
        if number == 0:
            rig.edit("accounts", ids[0], {"name": "Moved"})
            rig.edit("accounts", ids[-1], {"name": "Moved"})
    rig.clock.advance(steps.MINUTE)
    for page in connector.pull(spec, pulled.cursor):
        pulled.add(page)
    assert set(pulled.rows) == set(ids)
    assert {pulled.name(ids[0]), pulled.name(ids[-1])} == {"Moved"}


def deleted_records_become_tombstones(rig: Rig) -> None:
    """In an incremental pull; where a connector cannot tell, it names none, and a full pull leaves them out."""
    connector, spec = steps.ready(rig), steps.accounts(rig)
    ids = steps.seeded(rig, rig.setting.page + 2)
    first = steps.pull(connector, spec)
    rig.clock.advance(steps.HOUR)
    rig.delete("accounts", ids[0])
    rig.clock.advance(steps.MINUTE)
    second = steps.pull(rig.connector(), spec, first.cursor)
    assert second.deleted == ({ids[0]} if connector.capabilities.deletions else set())
    assert ids[0] not in second.rows
    assert set(steps.pull(connector, spec).rows) == set(ids[1:])


def a_record_deleted_in_mid_pull_becomes_a_tombstone_later(rig: Rig) -> None:
    """It may have come on an early page: the next pull takes it away."""
    connector, spec = steps.ready(rig), steps.accounts(rig)
    if not connector.capabilities.deletions:
        pytest.skip(connector.capabilities.reasons["deletions"])
    steps.seeded(rig, 2 * rig.setting.page + 1)
    pulled, gone = steps.Pulled(), ""
    for number, page in enumerate(connector.pull(spec, None)):
        pulled.add(page)
        if number == 0:
            gone = next(iter(pulled.rows))
            rig.delete("accounts", gone)
    rig.clock.advance(steps.MINUTE)
    assert gone in steps.pull(connector, spec, pulled.cursor).deleted
