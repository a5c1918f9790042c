"""Trouble: what the CRM does, and what must come out. Waits are counted on the rig's clock."""

from collections.abc import Callable

import pytest

from crm_kare.errors import AccessError, KareError, QuotaError, RetryError, StopError
from crm_kare.model import OutcomeStatus
from crm_kare.testing import steps
from crm_kare.testing.rig import Break, Rig

_MANY = 30
"""More calls than this for one broken call is hammering."""


def a_login_refused_once_is_renewed(rig: Rig) -> None:
    """One refresh, the same request again, no error."""
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    breaks_after_login(rig, connector.organisation, Break.LOGIN_ONCE)
    assert set(steps.pull(connector, steps.accounts(rig)).rows) == set(ids)


def a_login_refused_always_is_an_access_error(rig: Rig) -> None:
    """After a refresh at most, without hammering."""
    _fails(rig, Break.LOGIN, AccessError)


def a_missing_permission_is_an_access_error(rig: Rig) -> None:
    """Not retried: no wait helps."""
    _fails(rig, Break.PERMISSION, AccessError)


def too_fast_waits_as_asked(rig: Rig) -> None:
    """As long as the CRM says, or by our own growing waits, and then goes on."""
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    breaks_after_login(rig, connector.organisation, Break.RATE_ONCE)
    slept = len(rig.clock.slept)
    assert set(steps.pull(connector, steps.accounts(rig)).rows) == set(ids)
    waited = sum(rig.clock.slept[slept:])
    assert waited >= (rig.setting.retry_after or 0.1)


def a_used_up_allowance_is_a_quota_error(rig: Rig) -> None:
    """Not waited for: the next window may be hours away."""
    _fails(rig, Break.QUOTA, QuotaError)


def one_server_error_on_reading_is_repeated(rig: Rig) -> None:
    """With a wait on the clock; nothing is lost."""
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    breaks_after_login(rig, connector.organisation, Break.SERVER_ONCE)
    assert set(steps.pull(connector, steps.accounts(rig)).rows) == set(ids)


def a_server_that_stays_down_is_a_retry_error(rig: Rig) -> None:
    """After some tries with growing waits."""
    slept = len(rig.clock.slept)
    _fails(rig, Break.SERVER, RetryError)
    waits = rig.clock.slept[slept:]
    assert len(waits) >= 2
    assert waits[-1] > waits[0]


def a_write_on_a_server_that_is_down_writes_nothing_and_says_so(rig: Rig) -> None:
    """Either the call raises RetryError, or each outcome is `unknown`; never `changed`, never `rejected` for good."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    blank = {key: {"Reason": None} for key in ids}
    breaks_after_login(rig, connector.organisation, Break.SERVER)
    try:
        outcomes = steps.write(rig, connector, {key: {"Reason": "Hello"} for key in ids}, blank)
        assert steps.statuses(outcomes) == [OutcomeStatus.UNKNOWN] * 2
    except RetryError:
        pass
    rig.mend()
    held = steps.read(rig, rig.connector(), ids)
    assert [held[key]["Reason"] for key in ids] == [None, None]


def a_lost_answer_to_a_write_is_neither_lost_nor_doubled(rig: Rig) -> None:
    """The write was applied, its answer lost: `unknown`, or read back and `changed`; the next try says `same`."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    blank = {key: {"Reason": None} for key in ids}
    before = set(rig.records("accounts"))
    breaks_after_login(rig, connector.organisation, Break.LOST_WRITE)
    outcomes = steps.write(rig, connector, {key: {"Reason": "Hello"} for key in ids}, blank)
    rig.mend()
    assert [one.account_id for one in outcomes] == ids
    assert set(steps.statuses(outcomes)) <= {OutcomeStatus.UNKNOWN, OutcomeStatus.CHANGED, OutcomeStatus.SAME}
    held = steps.read(rig, rig.connector(), ids)
    assert [held[key]["Reason"] for key in ids] == ["Hello", "Hello"]
    assert set(rig.records("accounts")) == before
    again = steps.write(rig, rig.connector(), {key: {"Reason": "Hello"} for key in ids}, blank)
    assert steps.statuses(again) == [OutcomeStatus.SAME] * 2


def html_is_an_answer_that_cannot_be_read(rig: Rig) -> None:
    """A gateway's page with status 200: an error of ours, without the page in it."""
    _fails(rig, Break.HTML, StopError, RetryError)


def half_an_answer_cannot_be_read(rig: Rig) -> None:
    """Cut in the middle: an error of ours; nothing of it is taken as data."""
    _fails(rig, Break.HALF, StopError, RetryError)


def after_trouble_the_same_connector_works(rig: Rig) -> None:
    """A daemon keeps its connector: once the CRM is back, so is the pull."""
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    breaks_after_login(rig, connector.organisation, Break.SERVER)
    with pytest.raises(RetryError):
        steps.pull(connector, steps.accounts(rig))
    rig.mend()
    assert set(steps.pull(connector, steps.accounts(rig)).rows) == set(ids)


def breaks_after_login(rig: Rig, login: Callable[[], object], kind: Break) -> None:
    """Break something once the connector is logged in, so that the trouble meets a call and not the login."""
    login()
    steps.breaks(rig, kind)


def _fails(rig: Rig, kind: Break, *wanted: type[KareError]) -> None:
    """A pull under this trouble raises one of the errors, with place, without secrets or bodies, in few calls."""
    connector = steps.ready(rig)
    steps.seeded(rig, 2)
    breaks_after_login(rig, connector.organisation, kind)
    before = rig.calls()
    with steps.listening() as heard, pytest.raises(wanted) as caught:
        steps.pull(connector, steps.accounts(rig))
    text = steps.shown(caught.value) + " ".join(heard)
    assert caught.value.where, "an error names its place"
    assert [number for number, secret in enumerate(rig.setting.secrets) if secret in text] == []
    assert "<html" not in text.lower(), "an error holds the CRM's page"
    assert rig.calls() - before <= _MANY
