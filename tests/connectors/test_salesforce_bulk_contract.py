"""The conformance suite's checks of pulls and writes once more, with every pull of more than a page by query jobs, and
every write by ingest jobs.
"""

from typing import Any

import pytest

from crm_kare.testing import changes, reading, steps, trouble
from crm_kare.testing.contract import CHECKS, Check

AHEAD = reading.pages_are_yielded_one_by_one
"""Three pages are few enough for all of them to be fetched ahead; see the test below for twelve."""

MODULES = {one.__name__ for one in (reading, changes, trouble)}
PULLS = [check for check in CHECKS if check.__module__ in MODULES and check is not AHEAD]
WRITES = [one for one in CHECKS if one.__module__.rpartition(".")[2] in {"writing", "conflicts"}]
TROUBLE = [one for one in CHECKS if one.__name__.startswith("a_write_on_a_server_that_is_down")]


@pytest.fixture
def by_jobs(salesforce: Any) -> Any:
    """The rig, whose result pages are as small as its REST pages."""
    salesforce.always["bulk_from"] = 1
    salesforce.org.settings.bulk.most_rows = salesforce.setting.page
    return salesforce


@pytest.mark.slow
@pytest.mark.parametrize("check", PULLS, ids=lambda check: check.__name__)
def test_contract_by_query_jobs(check: Check, by_jobs: Any) -> None:
    check(by_jobs)


def test_no_more_than_some_pages_are_fetched_ahead(by_jobs: Any) -> None:
    steps.seeded(by_jobs, 12 * by_jobs.setting.page)
    results = "/services/data/*/jobs/query/*/results"
    pages = by_jobs.connector().pull(steps.accounts(by_jobs), None)
    next(pages)
    assert len(by_jobs.running.faults.calls(results)) <= 5
    assert len([*pages]) == 11
    assert len(by_jobs.running.faults.calls(results)) == 12


@pytest.mark.slow
@pytest.mark.parametrize("check", WRITES + TROUBLE, ids=lambda check: check.__name__)
def test_contract_by_ingest_jobs(check: Check, salesforce: Any) -> None:
    salesforce.always["bulk_write_from"] = 1
    check(salesforce)


def test_the_suite_has_checks_on_writing() -> None:
    assert len(WRITES) > 15
    assert TROUBLE
