"""What ends a write before all is written: allowances, logins, a server that is down. What was not sent is told as such."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import AccessError, QuotaError, RetryError
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import NOT_SENT, RecordWrite, WriteRequest
from crm_kare.sandbox.faults import DROP, Fault
from crm_kare.sandbox.hubspot import Limits
from crm_kare.sandbox.hubspot.portal import APP
from crm_kare.testing import steps

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

CHANGED, UNKNOWN = OutcomeStatus.CHANGED, OutcomeStatus.UNKNOWN
UPDATE = "/crm/v3/objects/companies/batch/update"


def write(rig: Any, connector: Any, ids: Sequence[str]) -> list[Outcome]:
    records = tuple(RecordWrite(key, {"Profile": "Keep"}, {"Profile": None}) for key in ids)
    outcomes: list[Outcome] = connector.write(WriteRequest("companies", steps.ours(rig), records))
    return outcomes


def holding(rig: Any) -> set[str]:
    return {key for key, one in rig.records("accounts").items() if one["kare_profile"] == "Keep"}


def told_apart(rig: Any, outcomes: Sequence[Outcome]) -> list[str]:
    """Those that were not sent; all others are changed, and exactly they hold the value."""
    left = [one.account_id for one in outcomes if one.status is not CHANGED]
    assert {(one.status, one.code) for one in outcomes if one.account_id in left} == {(UNKNOWN, NOT_SENT)}
    assert holding(rig) == {one.account_id for one in outcomes} - set(left)
    return left


def test_updates_that_stay_down_leave_the_rest_unsent_and_the_next_write_says_why(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 300)
    rig.running.faults.order(Fault(UPDATE, "POST", status=503, skip=1, times=0))
    left = told_apart(rig, write(rig, connector, ids))
    assert len(left) == 200
    with pytest.raises(RetryError) as caught:
        write(rig, connector, left)
    assert caught.value.exit_code == 7
    rig.running.faults.clear()
    assert {one.status for one in write(rig, connector, left)} == {CHANGED}


def test_the_set_share_of_the_day_is_never_overrun_by_threads(rig: Any) -> None:
    limits = Limits(daily=100)
    steps.ready(rig)
    ids = steps.seeded(rig, 1000)
    rig.portal.settings = replace(rig.portal.settings, limits=limits)
    made = rig.static(daily_share=0.2)
    made.organisation()
    left = told_apart(rig, write(rig, made, ids))
    assert left
    assert rig.portal.meter.used_today <= 20
    with pytest.raises(QuotaError):
        write(rig, made, left)


def test_a_daily_429_ends_the_call_and_is_not_repeated(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 1)
    rig.running.faults.order(Fault(UPDATE, "POST", status=429, body='{"policyName": "DAILY"}', times=0))
    with pytest.raises(QuotaError) as caught:
        write(rig, rig.static(), ids)
    assert caught.value.exit_code == 7
    assert len(rig.running.faults.calls(UPDATE)) == 1


def test_a_login_that_is_revoked_on_the_way_ends_it_with_the_login_to_blame(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 3)
    connector.organisation()
    rig.portal.grants.clear()
    rig.portal.settings = replace(rig.portal.settings, refresh_token="another")
    with pytest.raises(AccessError) as caught:
        write(rig, connector, ids)
    assert (caught.value.exit_code, caught.value.where) == (4, "HUBSPOT_REFRESH_TOKEN")


def test_threads_share_one_renewal_ahead_of_the_end_and_one_after_a_401(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 600)
    connector.organisation()
    before = len(rig.running.faults.calls("/oauth/*"))
    rig.clock.advance(26 * steps.MINUTE)
    assert {one.status for one in write(rig, connector, ids[:300])} == {CHANGED}
    assert len(rig.running.faults.calls("/oauth/*")) == before + 1
    rig.portal.grants.clear()
    assert {one.status for one in write(rig, connector, ids[300:])} == {CHANGED}
    assert len(rig.running.faults.calls("/oauth/*")) == before + 2


def test_a_record_that_hubspot_holds_locked_is_looked_at_again_after_its_wait(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    rig.running.faults.order(Fault(UPDATE, "POST", status=423, body='{"message": "locked"}'))
    slept = len(rig.clock.slept)
    assert [one.status for one in write(rig, connector, ids)] == [CHANGED] * 2
    assert rig.clock.slept[slept:] == [2.0]
    assert len(rig.running.faults.calls("*/batch/read")) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
def test_a_gateway_that_fails_before_or_after_the_write_loses_and_doubles_nothing(rig: Any, status: int) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 200)
    page = "<html>gateway</html>"
    rig.running.faults.order(
        Fault(UPDATE, "POST", status=status, body=page), Fault(UPDATE, "POST", status=status, body=page, after=True)
    )
    assert {one.status for one in write(rig, connector, ids)} == {CHANGED}
    changes = rig.portal.org.history("companies", ids, "kare_profile")
    assert sorted(one.record_id for one in changes) == sorted(ids)


def test_a_lost_post_is_not_sent_again_by_the_pool(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    rig.running.faults.order(Fault(UPDATE, "POST", DROP, after=True))
    assert [one.status for one in write(rig, connector, ids)] == [CHANGED] * 2
    assert len(rig.running.faults.calls(UPDATE)) == 1


def test_connectors_of_one_token_share_one_allowance_over_time_too(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, limits=Limits(burst=10))
    (key,) = steps.seeded(rig, 1)
    for _ in range(3):
        one, other = rig.static(burst_share=1.0), rig.static(burst_share=1.0)
        for made in (one, other) * 4:
            made.read("companies", [key], ())
        one.close()
        other.close()
    assert {one.status for one in rig.running.faults.calls("/crm/*")} == {200}
    # ten calls at once, ten from the eleventh second on, and four in the third window, half a second apart
    assert rig.clock.monotonic() - steps.DAY == pytest.approx(21.5, abs=0.1)


def test_what_another_process_with_our_token_sent_is_seen_by_the_headers(rig: Any) -> None:
    limits = Limits(burst=10)
    rig.portal.settings = replace(rig.portal.settings, limits=limits)
    (key,) = steps.seeded(rig, 1)
    for _ in range(7):
        rig.portal.meter.admit(limits, APP, oauth=False, timezone="UTC", group="")
    made = rig.static(burst_share=1.0)
    for _ in range(9):
        made.read("companies", [key], ())
    assert {one.status for one in rig.running.faults.calls("/crm/*")} == {200}


def test_a_token_that_lives_shortly_is_not_renewed_at_every_call(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, token_life=60)
    connector, (key,) = rig.connector(), steps.seeded(rig, 1)
    for _ in range(4):
        connector.read("companies", [key], ())
        rig.clock.advance(10.0)
    assert len(rig.running.faults.calls("/oauth/*")) == 1
    rig.clock.advance(15.0)
    connector.read("companies", [key], ())
    assert len(rig.running.faults.calls("/oauth/*")) == 2
    assert {one.status for one in rig.running.faults.calls("/crm/*")} == {200}


@pytest.mark.parametrize(("version", "missing"), [("v3", 1), ("2026-09", 2)])
def test_an_older_address_for_tokens_is_taken_where_the_newer_is_not_there(
    rig: Any, version: str, missing: int
) -> None:
    (key,) = steps.seeded(rig, 1)
    rig.running.faults.order(Fault("/oauth/*", "POST", status=404, times=missing))
    assert set(rig.connector(api_version=version).read("companies", [key], ())) == {key}
    assert [one.status for one in rig.running.faults.calls("/oauth/*")] == [404] * missing + [200]
    assert rig.running.faults.calls("/oauth/*")[-1].path == "/oauth/v1/token"
