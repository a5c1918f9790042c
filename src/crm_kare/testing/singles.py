"""Single records: what a fetch by id brings, and what the CRM's own notices tell."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from crm_kare.errors import AccessError, ConfigError
from crm_kare.model import Kind
from crm_kare.ports import Connector, Notice, Page, SourceField, Told
from crm_kare.testing import steps
from crm_kare.testing.rig import Rig, Row

STRANGE = "no-such-organisation"


def a_fetched_record_is_as_a_pull_brings_it(rig: Rig) -> None:
    """In every stream; a connector that does not fetch says so."""
    connector = steps.ready(rig)
    if not connector.capabilities.fetches:
        with pytest.raises(ConfigError):
            connector.fetch(steps.accounts(rig), ["1"])
        return
    for stream, spec in rig.setting.specs.items():
        ids = rig.seed(stream, steps.stream_rows(rig, stream, 3))
        pulled = steps.pull(rig.connector(), spec).rows
        page = connector.fetch(spec, ids[:2])
        assert page.records.schema.equals(spec.arrow_schema()), f"what is fetched of {stream} has another schema"
        assert (_rows(page), page.deleted, page.cursor) == ({one: pulled[one] for one in ids[:2]}, (), "")


def a_fetch_sees_what_changed_in_this_moment(rig: Rig) -> None:
    """No index lags behind it."""
    connector, ids = _fetching(rig), steps.seeded(rig, 2)
    rig.edit("accounts", ids[1], {"name": "A moment ago"})
    assert _rows(connector.fetch(steps.accounts(rig), ids))[ids[1]]["name"] == "A moment ago"


def a_fetch_tells_what_is_gone(rig: Rig) -> None:
    """A deleted record is in `deleted`, the others come all the same."""
    connector, ids = _fetching(rig), steps.seeded(rig, 3)
    rig.delete("accounts", ids[1])
    page = connector.fetch(steps.accounts(rig), ids)
    assert page.deleted == (ids[1],)
    assert set(_rows(page)) == {ids[0], ids[2]}


def a_fetch_of_many_brings_each_once(rig: Rig) -> None:
    """More than a page of them, some asked for twice."""
    connector, ids = _fetching(rig), steps.seeded(rig, 2 * rig.setting.page + 1)
    page = connector.fetch(steps.accounts(rig), [*ids, *ids[:2]])
    assert sorted(str(one) for one in page.records.column(0).to_pylist()) == sorted(ids)
    assert page.deleted == ()


def a_fetch_of_nothing_brings_nothing(rig: Rig) -> None:
    """And asks for nothing."""
    connector = _fetching(rig)
    steps.pull(connector, steps.accounts(rig))
    before = rig.calls()
    page = connector.fetch(steps.accounts(rig), [])
    assert (page.records.num_rows, page.deleted, rig.calls() - before) == (0, (), 0)


def missing_fields_stop_a_fetch_and_are_all_named(rig: Rig) -> None:
    """As in a pull."""
    connector, ids = _fetching(rig), steps.seeded(rig, 1)
    spec = steps.accounts(rig)
    wrong = tuple(SourceField(f"x_{name}", f"no_such_{name}", Kind.TEXT) for name in ("one", "two"))
    with pytest.raises(ConfigError) as caught:
        connector.fetch(replace(spec, fields=spec.fields + wrong), ids)
    assert [one.source for one in wrong if one.source not in str(caught.value)] == []


def a_notice_names_the_records(rig: Rig) -> None:
    """By stream, without any call; a connector that has no notices says so."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 3)
    if not connector.capabilities.notifies:
        with pytest.raises(ConfigError):
            _told(rig, connector, Notice("POST", "", {}, b"[]"), "1")
        return
    organisation, calls = connector.organisation().id, rig.calls()
    told = _told(rig, connector, _notice(rig, {"accounts": ids[:2]}), organisation)
    assert set(told.records.get("accounts", ())) == set(ids[:2])
    assert told.until > rig.clock.now()
    assert rig.calls() == calls


def a_notice_that_was_altered_is_refused(rig: Rig) -> None:
    """Whatever part of it: body, method, address, any header that it needs."""
    connector = _notifying(rig)
    good = _notice(rig, {"accounts": steps.seeded(rig, 1)})
    _told(rig, connector, good, STRANGE)
    bad = [replace(good, body=good.body + b" "), replace(good, body=b"[]")]
    bad += [replace(good, headers={**good.headers, name: f"{value}1"}) for name, value in good.headers.items()]
    bad += [replace(good, headers={k: v for k, v in good.headers.items() if k != name}) for name in good.headers]
    for one in bad:
        with pytest.raises(AccessError):
            _told(rig, connector, one, STRANGE)


def an_old_notice_is_refused(rig: Rig) -> None:
    """However genuine, and in any case once nobody remembers that it came."""
    connector = _notifying(rig)
    notice = _notice(rig, {"accounts": steps.seeded(rig, 1)})
    told = _told(rig, connector, notice, STRANGE)
    rig.clock.advance((told.until - rig.clock.now()).total_seconds() + 1)
    with pytest.raises(AccessError):
        _told(rig, connector, notice, STRANGE)


def a_notice_of_another_organisation_names_nothing(rig: Rig) -> None:
    """It is genuine: one app may be installed in several."""
    connector = _notifying(rig)
    assert _told(rig, connector, _notice(rig, {"accounts": steps.seeded(rig, 1)}), STRANGE).records == {}


def a_notice_can_be_told_from_the_next(rig: Rig) -> None:
    """The same one has the same key each time, another one has another."""
    connector, ids = _notifying(rig), steps.seeded(rig, 1)
    first = _notice(rig, {"accounts": ids})
    rig.clock.advance(1)
    second = _notice(rig, {"accounts": ids})
    keys = [_told(rig, connector, one, STRANGE).key for one in (first, first, second)]
    assert keys[0] == keys[1] != keys[2]


def _fetching(rig: Rig) -> Connector:
    connector = steps.ready(rig)
    if not connector.capabilities.fetches:
        pytest.skip(connector.capabilities.reasons["fetches"])
    return connector


def _notifying(rig: Rig) -> Connector:
    connector = steps.ready(rig)
    if not connector.capabilities.notifies:
        pytest.skip(connector.capabilities.reasons["notifies"])
    return connector


def _notice(rig: Rig, records: Mapping[str, list[str]]) -> Notice:
    notice = rig.notice(records)
    assert notice is not None, "the connector notifies, so the rig must be able to send"
    return notice


def _told(rig: Rig, connector: Connector, notice: Notice, organisation: str) -> Told:
    return connector.notified(notice, list(rig.setting.specs.values()), rig.setting.fields, organisation)


def _rows(page: Page) -> dict[str, Row]:
    return {str(next(iter(row.values()))): row for row in page.records.to_pylist()}
