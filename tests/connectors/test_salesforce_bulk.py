"""Pulls by query jobs, against the sandbox: the results are what REST brings, whatever happens on the way."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import AccessError, RetryError
from crm_kare.model import Kind
from crm_kare.ports import Page, SourceField, StreamSpec
from crm_kare.sandbox.faults import DROP, TRUNCATE, Fault
from crm_kare.sandbox.salesforce.bulk.jobs import QueryJob
from crm_kare.testing import steps
from crm_kare.testing.records import HOSTILE, row, rows

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0
RESULTS = "/services/data/*/jobs/query/*/results*"
JOBS = "/services/data/*/jobs/query*"


@pytest.fixture
def org(salesforce: Any) -> Any:
    """An org whose pulls go by jobs from the second REST page on, four records in a result page."""
    salesforce.org.settings.bulk.most_rows = 4
    return salesforce


def bulk(org: Any) -> Any:
    return org.connector(bulk_from=1)


def accounts(org: Any, count: int) -> list[str]:
    ids: list[str] = org.seed("accounts", rows(org.setting, "accounts", count))
    org.clock.advance(DAY)
    return ids


def spec(org: Any, stream: str = "accounts") -> StreamSpec:
    found: StreamSpec = org.setting.specs[stream]
    return found


def calls(org: Any, path: str = JOBS) -> Counter[str]:
    return Counter(one.method for one in org.running.faults.calls(path))


def test_a_large_pull_is_the_same_as_over_rest_at_one_call_more_than_a_bare_loop(org: Any) -> None:
    accounts(org, 11)
    over_rest = steps.pull(org.connector(), spec(org))
    org.running.faults.forget_calls()
    by_job = steps.pull(bulk(org), spec(org))
    assert by_job.rows == over_rest.rows
    assert len(by_job.ids) == 11
    bare = 1 + org.org.settings.bulk.looks + 3
    assert len(org.running.faults.calls("/services/data/*")) == bare + 1


@pytest.mark.parametrize("stream", ["accounts", "opportunities", "line_items", "contacts", "owners"])
def test_every_stream_comes_the_same_either_way(org: Any, stream: str) -> None:
    org.seed(stream, steps.stream_rows(org, stream, 6))
    over_rest = steps.pull(org.connector(), spec(org, stream))
    by_job = steps.pull(bulk(org), spec(org, stream))
    assert by_job.rows == over_rest.rows
    assert calls(org)["POST"] == 1


def test_few_records_stay_with_rest(org: Any) -> None:
    accounts(org, 4)
    assert len(steps.pull(bulk(org), spec(org)).rows) == 4
    accounts(org, 5)
    assert len(steps.pull(org.connector(), spec(org)).rows) == 9
    assert not calls(org)


def test_hostile_texts_come_through_csv(org: Any) -> None:
    ids = org.seed("accounts", [row(org.setting, "accounts", 0, name=text) for text in HOSTILE])
    pulled = steps.pull(bulk(org), spec(org)).rows
    over_rest = steps.pull(org.connector(), spec(org)).rows
    assert [pulled[key]["name"] for key in ids] == [over_rest[key]["name"] for key in ids]
    assert calls(org)["POST"] == 1


def test_a_mapped_field_may_be_named_in_any_case_and_twice(org: Any) -> None:
    accounts(org, 6)
    fields = (
        *spec(org).fields,
        SourceField("x_one", "industry", Kind.TEXT),
        SourceField("x_two", "owner.NAME", Kind.TEXT),
    )
    pulled = steps.pull(bulk(org), replace(spec(org), fields=fields))
    assert all(one["x_one"] == one["industry"] for one in pulled.rows.values())
    assert {one["x_two"] for one in pulled.rows.values()} == {"Integration User"}


def test_an_increment_brings_edits_and_deletions_by_job(org: Any) -> None:
    ids = accounts(org, 9)
    first = steps.pull(bulk(org), spec(org))
    org.clock.advance(HOUR)
    for key in ids[:5]:
        org.edit("accounts", key, {"name": "Edited"})
    org.delete("accounts", ids[5])
    second = steps.pull(bulk(org), spec(org), first.cursor)
    assert {key: one["name"] for key, one in second.rows.items()} == dict.fromkeys(ids[:5], "Edited")
    assert second.deleted == {ids[5]}
    assert calls(org)["POST"] == 2


def test_a_job_asks_in_no_order(org: Any) -> None:
    accounts(org, 5)
    steps.pull(bulk(org), spec(org))
    (job,) = org.org.bulk.all(QueryJob)
    assert "ORDER BY" not in job.text.upper()


@pytest.mark.parametrize("kind", [TRUNCATE, DROP])
def test_a_page_that_breaks_is_fetched_again(org: Any, kind: str) -> None:
    ids = accounts(org, 11)
    connector = bulk(org)
    connector.organisation()
    org.running.faults.order(Fault(RESULTS, "GET", kind, skip=1, times=2))
    pulled = steps.pull(connector, spec(org))
    assert sorted(str(key) for key in pulled.ids) == sorted(ids)


def test_a_page_with_fewer_records_than_told_is_fetched_again(org: Any) -> None:
    ids = accounts(org, 7)
    headers = (("Sforce-NumberOfRecords", "3"), ("Sforce-Locator", "null"), ("Content-Type", "text/csv"))
    short = Fault(RESULTS, "GET", status=200, headers=headers, body='"Id","Name"\n"001000000000001AAA","Half"\n')
    connector = bulk(org)
    connector.organisation()
    org.running.faults.order(short)
    assert set(steps.pull(connector, spec(org)).rows) == set(ids)


def test_a_session_that_ends_between_pages_is_renewed(org: Any) -> None:
    ids = accounts(org, 45)
    pages = bulk(org).pull(spec(org), None)
    got = [next(pages), next(pages)]
    org.clock.advance(3 * HOUR)
    got += pages
    assert sorted(ids_of(got)) == sorted(ids)
    assert [one.status for one in org.running.faults.calls(RESULTS)].count(401) >= 1
    assert len(org.running.faults.calls("/services/oauth2/token")) == 2


def test_a_session_that_cannot_be_renewed_ends_the_run_and_the_next_one_goes_on(org: Any) -> None:
    ids = accounts(org, 45)
    token = org.org.log_in(org.org.integration_user)
    given = {"SALESFORCE_INSTANCE_URL": org.running.url, "SALESFORCE_ACCESS_TOKEN": token}
    pages = org.connected(given, bulk_from=1).pull(spec(org), None)
    got = [next(pages), next(pages)]
    org.clock.advance(3 * HOUR)
    with pytest.raises(AccessError):
        _keep(pages, got)
    got += bulk(org).pull(spec(org), got[-1].cursor)
    assert sorted(ids_of(got)) == sorted(ids)
    assert calls(org)["POST"] == 1


def ids_of(pages: list[Page]) -> list[str]:
    return [str(key) for page in pages for key in page.records.column(0).to_pylist()]


@pytest.mark.parametrize("read", [1, 2])
def test_another_process_goes_on_with_the_same_job(org: Any, read: int) -> None:
    ids = accounts(org, 11)
    pages = bulk(org).pull(spec(org), None)
    got = [next(pages) for _ in range(read)]
    del pages
    org.clock.advance(HOUR)
    got += bulk(org).pull(spec(org), got[-1].cursor)
    assert sorted(ids_of(got)) == sorted(ids)
    assert calls(org)["POST"] == 1
    assert json.loads(got[-1].cursor)["since"] == json.loads(got[0].cursor)["until"]


def test_a_job_that_is_no_more_is_run_anew_from_the_same_start(org: Any) -> None:
    ids = accounts(org, 11)
    pages = bulk(org).pull(spec(org), None)
    got = [next(pages)]
    del pages
    org.clock.advance(8 * DAY)
    got += bulk(org).pull(spec(org), got[-1].cursor)
    assert set(ids_of(got)) == set(ids)
    assert calls(org)["POST"] == 2
    assert json.loads(got[-1].cursor)["since"] == json.loads(got[0].cursor)["until"]


def test_a_locator_that_is_no_more_runs_the_job_anew(org: Any) -> None:
    ids = accounts(org, 11)
    org.running.faults.order_inside("expire_locator")
    assert set(steps.pull(bulk(org), spec(org)).rows) == set(ids)


def test_a_failed_job_falls_back_to_rest_and_says_so(org: Any) -> None:
    ids = accounts(org, 11)
    org.running.faults.order_inside("fail_query_job")
    got = list(bulk(org).pull(spec(org), None))
    assert sorted(ids_of(got)) == sorted(ids)
    assert [one.code for page in got for one in page.problems] == ["bulk-refused"]


def test_an_org_without_the_bulk_api_is_read_over_rest(org: Any) -> None:
    ids = accounts(org, 11)
    connector = bulk(org)
    connector.organisation()
    refused = json.dumps([{"errorCode": "FEATURENOTENABLED", "message": "Bulk API is not enabled"}])
    org.running.faults.order(Fault(JOBS, "POST", status=403, body=refused, times=0))
    got = list(connector.pull(spec(org), None))
    assert sorted(ids_of(got)) == sorted(ids)
    assert [one.code for page in got for one in page.problems] == ["bulk-refused"]


def test_a_query_that_jobs_refuse_comes_over_rest(org: Any) -> None:
    ids = accounts(org, 9)
    connector = bulk(org)
    connector.organisation()
    compound = json.dumps(
        [{"errorCode": "API_ERROR", "message": "Selecting compound data not supported in Bulk Query"}]
    )
    org.running.faults.order(Fault(JOBS, "POST", status=400, body=compound))
    got = list(connector.pull(spec(org), None))
    assert sorted(ids_of(got)) == sorted(ids)
    assert [one.code for page in got for one in page.problems] == ["bulk-refused"]


def test_a_job_that_does_not_end_is_left_to_the_next_run(org: Any) -> None:
    ids = accounts(org, 11)
    org.running.faults.order_inside("hold_job", times=10_000)
    got: list[Page] = []
    with pytest.raises(RetryError, match="not finished"):
        _keep(bulk(org).pull(spec(org), None), got)
    assert sum(org.clock.slept) >= HOUR
    assert min(org.clock.slept) >= 1.0, "nobody looks more than once a second"
    assert len(org.running.faults.calls("/services/data/*/jobs/query/*")) < 200
    org.running.faults.clear()
    got += bulk(org).pull(spec(org), got[-1].cursor)
    assert sorted(ids_of(got)) == sorted(ids)
    assert calls(org)["POST"] == 1


def _keep(pages: Iterator[Page], kept: list[Page]) -> None:
    """Also what came before an error."""
    for page in pages:
        kept += [page]


def test_a_lost_answer_to_a_new_job_makes_another(org: Any) -> None:
    ids = accounts(org, 9)
    connector = bulk(org)
    connector.organisation()
    org.running.faults.order(Fault(JOBS, "POST", DROP, after=True))
    assert set(steps.pull(connector, spec(org)).rows) == set(ids)
