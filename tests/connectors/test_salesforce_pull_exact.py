"""What a pull must find out although no query shows it: emptied bins, merges and deletions that leave no stamp."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import SecretStr

from crm_kare.errors import InterruptedRun, StaleCursorError
from crm_kare.journal import open_journal
from crm_kare.ports import Context, Organisation, StreamSpec
from crm_kare.sandbox.faults import Fault
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.pull import pull
from crm_kare.testing import steps
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.records import rows
from crm_kare_salesforce.connector import SalesforceConnector

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0
LOG = "/services/data/*/sobjects/*/deleted*"


@pytest.fixture
def org(salesforce: Any) -> Any:
    return salesforce


def accounts(org: Any, count: int) -> list[str]:
    ids: list[str] = org.seed("accounts", rows(org.setting, "accounts", count))
    org.clock.advance(DAY)
    return ids


def spec(org: Any, stream: str = "accounts") -> StreamSpec:
    found: StreamSpec = org.setting.specs[stream]
    return found


def queries(org: Any) -> int:
    return len(org.running.faults.calls("/services/data/*/query*"))


def test_what_left_the_recycle_bin_is_told_by_the_delete_log(org: Any) -> None:
    ids, connector = accounts(org, 6), org.connector()
    first = steps.pull(connector, spec(org))
    org.clock.advance(HOUR)
    for key in ids[:2]:
        org.delete("accounts", key)
    org.org.empty_bin()
    org.clock.advance(HOUR)
    second = steps.pull(connector, spec(org), first.cursor)
    assert second.deleted == set(ids[:2])
    assert not second.rows


def test_a_record_that_came_back_since_is_not_taken_away(org: Any) -> None:
    ids, connector = accounts(org, 3), org.connector()
    first = steps.pull(connector, spec(org))
    told = {"deletedRecords": [{"id": ids[0], "deletedDate": "2026-11-02T08:00:00.000+0000"}]}
    body = json.dumps(told | {"latestDateCovered": "2026-11-02T08:00:00.000+0000"})
    org.clock.advance(HOUR)
    org.running.faults.order(Fault(LOG, "GET", status=200, body=body))
    second = steps.pull(connector, spec(org), first.cursor)
    assert not second.deleted
    assert set(second.rows) == {ids[0]}


def test_a_merge_that_moves_no_stamp_still_brings_the_children(org: Any) -> None:
    connector = org.connector()
    winner, loser = accounts(org, 2)
    (deal,) = org.seed("opportunities", rows(org.setting, "opportunities", 1, account_id=loser))
    cursors = _pulled(org, connector)
    before = org.org.records.now_ms()
    org.clock.advance(HOUR)
    org.org.merge("Account", winner, loser, org.person)
    org.org.records.backdate("Opportunity", deal, before - 86_400_000)
    org.clock.advance(HOUR)
    later = {name: steps.pull(connector, spec(org, name), cursor) for name, cursor in cursors.items()}
    assert later["accounts"].deleted == {loser}
    assert later["opportunities"].rows[deal]["account_id"] == winner


@pytest.mark.parametrize("alone", [False, True])
def test_a_deletion_that_moves_no_stamp_of_the_children_takes_them_along(org: Any, *, alone: bool) -> None:
    connector = org.connector()
    (gone, _) = accounts(org, 2)
    (deal,) = org.seed("opportunities", rows(org.setting, "opportunities", 1, account_id=gone))
    cursors = _pulled(org, connector)
    before = org.org.records.now_ms()
    org.clock.advance(HOUR)
    org.org.bin.delete("Account", gone, org.person)
    org.org.records.backdate("Opportunity", deal, before - 86_400_000)
    org.clock.advance(HOUR)
    connector = org.connector()
    names = ["opportunities"] if alone else ["accounts", "opportunities"]
    later = {name: steps.pull(connector, spec(org, name), cursors[name]) for name in names}
    assert later["opportunities"].deleted == {deal}


def _pulled(org: Any, connector: Any) -> dict[str, str]:
    return {name: steps.pull(connector, spec(org, name)).cursor for name in ("accounts", "opportunities")}


def test_nothing_lost_means_no_call_for_it(org: Any) -> None:
    ids, connector = accounts(org, 3), org.connector()
    org.seed("opportunities", rows(org.setting, "opportunities", 2, account_id=ids[0]))
    org.clock.advance(DAY)
    cursors = _pulled(org, connector)
    org.clock.advance(HOUR)
    org.edit("accounts", ids[1], {"name": "Edited"})
    before = org.calls()
    for name, cursor in cursors.items():
        steps.pull(connector, spec(org, name), cursor)
    assert org.calls() - before == 4


def test_a_purged_delete_log_needs_a_full_pull(org: Any) -> None:
    connector = org.connector()
    accounts(org, 3)
    first = steps.pull(connector, spec(org))
    org.clock.advance(DAY)
    org.org.bin.forget_log()
    with pytest.raises(StaleCursorError):
        steps.pull(connector, spec(org), first.cursor)


def test_the_core_then_pulls_in_full_by_itself(org: Any, tmp_path: Path) -> None:
    ids, connector = accounts(org, 5), org.connector()
    with closing(open_journal(f"sqlite:///{tmp_path}/journal.db")) as journal:
        mirror = Mirror(tmp_path / "mirror", journal, "org")
        _taken(org, connector, mirror)
        org.delete("accounts", ids[0])
        org.org.empty_bin()
        org.clock.advance(30 * DAY)
        pulled = _taken(org, connector, mirror)
        assert [one.full for one in pulled.streams] == [True]
        assert [one.code for one in pulled.problems] == ["cursor-old"]
        assert mirror.counts() == {"accounts": 4}


@pytest.mark.parametrize("bulk_from", [1, 1_000_000])
def test_a_full_pull_begun_anew_halfway_keeps_no_record_that_went_meanwhile(
    org: Any, tmp_path: Path, bulk_from: int
) -> None:
    """The first job's pages are in the pending pull; its results end, records are deleted and purged, all begins anew."""
    org.org.settings.bulk.most_rows = 4
    ids = accounts(org, 13)
    with closing(open_journal(f"sqlite:///{tmp_path}/journal.db")) as journal:
        mirror = Mirror(tmp_path / "mirror", journal, "org")
        asked = iter([False, False, True])
        with pytest.raises(InterruptedRun):
            _taken(org, org.connector(bulk_from=bulk_from), mirror, stop=lambda: next(asked))
        org.clock.advance(HOUR)
        for key in ids[:3]:
            org.delete("accounts", key)
        org.org.empty_bin()
        org.clock.advance(8 * DAY)
        _taken(org, org.connector(bulk_from=bulk_from), mirror)
        org.clock.advance(HOUR)
        _taken(org, org.connector(bulk_from=bulk_from), mirror)
        assert mirror.counts() == {"accounts": 10}


def _taken(org: Any, connector: Any, mirror: Mirror, stop: Any = lambda: False) -> Any:
    told = Organisation("00D", "Org")
    pulled = pull(connector, [spec(org)], mirror, told, now=org.clock.now(), stop=stop)
    mirror.accept()
    return pulled


CHANGED = {"totalSize": 0, "done": True, "records": []}


def connected(folder: Path, clock: FakeClock) -> SalesforceConnector:
    given = {
        "SALESFORCE_INSTANCE_URL": SecretStr("https://acme.my.salesforce.com"),
        "SALESFORCE_ACCESS_TOKEN": SecretStr("00D000000000001!AQ.secret"),
    }
    return SalesforceConnector(Context("acme", given, clock, folder, folder, {}))


@responses.activate
@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "EXCEEDED_ID_LIMIT"), (400, "INVALID_REPLICATION_DATE"), (400, "INVALID_TYPE_FOR_OPERATION")],
)
def test_what_the_log_refuses(org: Any, tmp_path: Path, status: int, code: str) -> None:
    """Too long or purged: a full pull. An object without a log: the query alone."""
    clock = FakeClock()
    data = "https://acme.my.salesforce.com/services/data/v62.0"
    responses.get(f"{data}/queryAll/", json=CHANGED)
    responses.get(f"{data}/sobjects/Account/deleted/", status=status, json=[{"errorCode": code, "message": "no"}])
    since = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    clock.advance(HOUR)
    pages = connected(tmp_path, clock).pull(spec(org), json.dumps({"v": 1, "since": since, "until": "", "last": ""}))
    if code == "INVALID_TYPE_FOR_OPERATION":
        assert len(list(pages)) == 1
    else:
        with pytest.raises(StaleCursorError):
            list(pages)


@responses.activate
def test_the_next_pull_asks_the_log_from_where_it_was_complete(org: Any, tmp_path: Path) -> None:
    clock = FakeClock()
    data = "https://acme.my.salesforce.com/services/data/v62.0"
    responses.get(f"{data}/queryAll/", json=CHANGED)
    told = {"deletedRecords": [], "latestDateCovered": (clock.now()).strftime("%Y-%m-%dT%H:%M:%S.000+0000")}
    log = responses.get(f"{data}/sobjects/Account/deleted/", json=told)
    since = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    connector = connected(tmp_path, clock)
    clock.advance(HOUR)
    (page,) = connector.pull(spec(org), json.dumps({"v": 1, "since": since}))
    clock.advance(HOUR)
    list(connector.pull(spec(org), page.cursor))
    starts = [one.request.params["start"] for one in log.calls]
    assert starts[1] == starts[0]
