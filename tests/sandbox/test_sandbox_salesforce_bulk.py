"""Bulk API 2.0 query jobs over HTTP: what is refused, how a job runs, how its rows come."""
# ruff: noqa: S608  queries with the test's own ids

import csv
import io
from typing import Any

import pytest
import requests

from crm_kare.sandbox.faults import Fault

JOBS = "/jobs/query"


def _job(rig: Any, soql: str, operation: str = "query", **more: Any) -> str:
    answer = rig.call("POST", JOBS, {"operation": operation, "query": soql, **more})
    assert answer.status == 200, answer.body
    return str(answer.body["id"])


def _complete(rig: Any, soql: str, operation: str = "query", **more: Any) -> str:
    job = _job(rig, soql, operation, **more)
    states = [rig.call("GET", f"{JOBS}/{job}").body["state"] for _ in range(2)]
    assert states == ["InProgress", "JobComplete"]
    return job


def _results(rig: Any, job: str, **query: str) -> Any:
    reply = rig.raw("GET", f"{JOBS}/{job}/results", **query)
    assert reply.status_code == 200, reply.text
    return reply


def _rows(reply: Any, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(reply.content.decode(), newline=""), delimiter=delimiter))


def _all_rows(rig: Any, job: str, **query: str) -> list[list[str]]:
    rows: list[list[str]] = []
    locator = ""
    while locator != "null":
        reply = _results(rig, job, **query, **({"locator": locator} if locator else {}))
        rows += _rows(reply)[1:]
        locator = reply.headers["Sforce-Locator"]
    return rows


def test_a_new_job_tells_its_settings(library: Any) -> None:
    answer = library.call("POST", JOBS, {"operation": "query", "query": "SELECT Id FROM account"})
    told = answer.body
    assert (answer.status, told["id"][:3], len(told["id"])) == (200, "750", 18)
    assert told["createdById"] == library.org.integration_user
    assert told["createdDate"] == told["systemModstamp"] == "2026-11-21T09:30:15.000+0000"
    same = {"operation": "query", "object": "Account", "state": "UploadComplete", "concurrencyMode": "Parallel"}
    options = {"contentType": "CSV", "apiVersion": 60.0, "lineEnding": "LF", "columnDelimiter": "COMMA"}
    assert {key: told[key] for key in same | options} == same | options


def test_a_job_advances_when_it_is_looked_at(library: Any) -> None:
    job = _job(library, "SELECT Id FROM Account")
    early = library.raw("GET", f"{JOBS}/{job}/results")
    assert (early.status_code, early.content) == (204, b"")
    assert library.call("GET", f"{JOBS}/{job}").body["state"] == "InProgress"
    done = library.call("GET", f"{JOBS}/{job}").body
    assert (done["state"], done["jobType"], done["numberRecordsProcessed"]) == ("JobComplete", "V2Query", 300)
    assert "errorMessage" not in done


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nope__c FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id FROM", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT count(Id) FROM Account", "API_ERROR"),
        ("SELECT COUNT() FROM Account", "API_ERROR"),
        ("SELECT Type FROM Account GROUP BY Type", "API_ERROR"),
        ("SELECT Id FROM Account LIMIT 5 OFFSET 5", "API_ERROR"),
        ("SELECT Id, (SELECT Id FROM Opportunities) FROM Account", "API_ERROR"),
        ("SELECT TYPEOF Owner WHEN User THEN Name END FROM Account", "API_ERROR"),
        ("", "API_ERROR"),
    ],
)
def test_a_query_that_cannot_run_is_refused_at_once(library: Any, soql: str, code: str) -> None:
    answer = library.call("POST", JOBS, {"operation": "query", "query": soql})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    "wrong", [{"operation": "insert"}, {"contentType": "JSON"}, {"columnDelimiter": ","}, {"lineEnding": "CR"}]
)
def test_an_option_that_is_not_known_is_refused(library: Any, wrong: dict[str, str]) -> None:
    answer = library.call("POST", JOBS, {"operation": "query", "query": "SELECT Id FROM Account", **wrong})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALIDJOB")


def test_pages_repeat_the_header_and_end_with_the_text_null(library: Any) -> None:
    job = _complete(library, "SELECT Id, Name FROM Account ORDER BY Id")
    first = _results(library, job, maxRecords="120")
    rows, locator = _rows(first), first.headers["Sforce-Locator"]
    assert (rows[0], len(rows), first.headers["Sforce-NumberOfRecords"]) == (["Id", "Name"], 121, "120")
    assert first.headers["Content-Type"] == "text/csv"
    second = _results(library, job, locator=locator, maxRecords="120")
    third = _results(library, job, locator=second.headers["Sforce-Locator"], maxRecords="120")
    assert (_rows(second)[0], third.headers["Sforce-NumberOfRecords"]) == (["Id", "Name"], "60")
    assert third.headers["Sforce-Locator"] == "null"
    seen = [row[0] for reply in (first, second, third) for row in _rows(reply)[1:]]
    assert seen == sorted(one["_id"] for one in library.org.records.select("Account"))
    assert _results(library, job, locator=locator, maxRecords="120").content == second.content


def test_a_bad_locator_or_number_is_refused(library: Any) -> None:
    job = _complete(library, "SELECT Id FROM Account")
    other = _results(library, _complete(library, "SELECT Id FROM Account"), maxRecords="100").headers["Sforce-Locator"]
    for query in ({"locator": "MTAwMDA"}, {"locator": other}, {"maxRecords": "0"}, {"maxRecords": "ten"}):
        assert library.raw("GET", f"{JOBS}/{job}/results", **query).status_code == 400


def test_results_need_the_version_of_the_job(library: Any) -> None:
    job = _complete(library, "SELECT Id FROM Account")
    assert library.call("GET", f"/services/data/v61.0{JOBS}/{job}/results").status == 409
    assert library.call("GET", f"/services/data/v61.0{JOBS}/{job}/resultPages").status == 409
    assert library.call("GET", f"/services/data/v57.0{JOBS}/{job}/resultPages").status == 404


def test_result_pages_are_named_five_at_a_time(library: Any) -> None:
    library.org.settings.bulk.page_rows = 40
    job = _complete(library, "SELECT Id FROM Account")
    told = library.call("GET", f"{JOBS}/{job}/resultPages").body
    links = [one["resultUrl"] for one in told["resultPages"]]
    assert (len(links), told["done"]) == (5, False)
    rest = library.call("GET", told["nextRecordsUrl"]).body
    links += [one["resultUrl"] for one in rest["resultPages"]]
    assert (len(links), rest["done"], rest["nextRecordsUrl"]) == (8, True, None)
    rows = [row[0] for link in links for row in _rows(library.raw("GET", link))[1:]]
    assert len(rows) == len(set(rows)) == 300
    library.org.settings.bulk.page_rows = 50_000


def test_an_empty_result_is_a_header(library: Any) -> None:
    job = _complete(library, "SELECT Id, Owner.Name FROM Account WHERE Name = 'nobody'")
    reply = _results(library, job)
    assert (reply.text, reply.headers["Sforce-NumberOfRecords"]) == ('"Id","Owner.Name"\n', "0")
    assert len(library.call("GET", f"{JOBS}/{job}/resultPages").body["resultPages"]) == 1


def test_cells_look_as_java_writes_them(salesforce: Any) -> None:
    account, text = salesforce.account(), 'two\nlines, "quoted" ÄÖ株'
    values = {
        "Description": text,
        "AnnualRevenue": 99_213_206,
        "Phone": None,
        "Wallet__c": 1250,
        "NumberOfEmployees": 9,
    }
    salesforce.org.records.update("Account", account, values, "rig")
    soql = (
        "SELECT Description, AnnualRevenue, Phone, Wallet__c, NumberOfEmployees, IsDeleted, SystemModstamp,"
        f" Owner.IsActive, Contract_Renewal__c FROM Account WHERE Id = '{account}'"
    )
    row = _rows(_results(salesforce, _complete(salesforce, soql)))[1]
    assert row[:6] == [text, "9.9213206E7", "", "1250.0", "9", "false"]
    assert (row[6], row[7] in {"true", "false"}) == ("2026-11-21T09:30:15.000Z", True)
    for delimiter, sign in (("TAB", "\t"), ("PIPE", "|"), ("SEMICOLON", ";")):
        job = _complete(salesforce, soql, columnDelimiter=delimiter, lineEnding="CRLF")
        reply = _results(salesforce, job)
        assert _rows(reply, sign)[1] == row
        assert reply.content.endswith(b'"\r\n')


def test_query_all_shows_the_recycle_bin(salesforce: Any) -> None:
    account = salesforce.account()
    salesforce.org.records.delete("Account", account, "rig")
    soql = "SELECT Id, IsDeleted FROM Account"
    assert [account, "true"] in _all_rows(salesforce, _complete(salesforce, soql, "queryAll"))
    assert account not in [row[0] for row in _all_rows(salesforce, _complete(salesforce, soql))]


def test_many_rows_come_by_chunks_that_are_not_in_order(library: Any) -> None:
    settings = library.org.settings.bulk
    settings.unsorted_from = 1000
    soql = "SELECT Id, Name FROM Opportunity"
    rows = [row[0] for row in _all_rows(library, _complete(library, soql), maxRecords="700")]
    held = sorted(one["_id"] for one in library.org.records.select("Opportunity"))
    assert rows != held
    assert sorted(rows) == held
    ordered = [row[0] for row in _all_rows(library, _complete(library, f"{soql} ORDER BY Id"), maxRecords="700")]
    assert ordered == held
    settings.unsorted_from = 5000


def test_a_large_query_takes_more_looks_and_sees_what_happens_between_them(salesforce: Any) -> None:
    settings = salesforce.org.settings.bulk
    settings.unsorted_from, settings.query_rows_a_look = 10, 10
    job = _job(salesforce, "SELECT Id, Name FROM Account")
    told = [salesforce.call("GET", f"{JOBS}/{job}").body for _ in range(2)]
    assert [(one["state"], one["numberRecordsProcessed"]) for one in told] == [("InProgress", 0), ("InProgress", 10)]
    assert salesforce.raw("GET", f"{JOBS}/{job}/results").status_code == 204
    for one in salesforce.org.records.select("Account"):
        salesforce.org.records.update("Account", one["_id"], {"Name": "Renamed"}, "rig")
    states = [salesforce.call("GET", f"{JOBS}/{job}").body["state"] for _ in range(3)]
    assert states == ["InProgress", "InProgress", "JobComplete"]
    rows = _all_rows(salesforce, job)
    assert (len({row[0] for row in rows}), [row[1] for row in rows].count("Renamed")) == (40, 30)


def test_bodies_are_compressed_for_clients_that_accept_it(library: Any) -> None:
    job = _complete(library, "SELECT Id, Name FROM Account")
    assert _results(library, job).headers["Content-Encoding"] == "gzip"
    library.org.settings.bulk.compressed = False
    assert "Content-Encoding" not in _results(library, job).headers
    library.org.settings.bulk.compressed = True


def test_a_job_can_be_aborted_and_deleted(salesforce: Any) -> None:
    job = _job(salesforce, "SELECT Id FROM Account")
    assert salesforce.call("DELETE", f"{JOBS}/{job}").body[0]["errorCode"] == "API_ERROR"
    assert salesforce.call("PATCH", f"{JOBS}/{job}", {"state": "Aborted"}).body["state"] == "Aborted"
    assert salesforce.call("PATCH", f"{JOBS}/{job}", {"state": "Aborted"}).status == 400
    assert salesforce.raw("GET", f"{JOBS}/{job}/results").status_code == 400
    assert salesforce.call("DELETE", f"{JOBS}/{job}").status == 204
    assert salesforce.call("GET", f"{JOBS}/{job}").status == 404


def test_jobs_are_listed_and_live_seven_days(salesforce: Any) -> None:
    jobs = [_job(salesforce, "SELECT Id FROM Account") for _ in range(2)]
    told = salesforce.call("GET", JOBS, jobType="V2Query").body
    assert ([one["id"] for one in told["records"]], told["done"], told["nextRecordsUrl"]) == (jobs, True, None)
    assert {one["jobType"] for one in told["records"]} == {"V2Query"}
    salesforce.org.settings.session_seconds = 30 * 86_400
    salesforce.token = salesforce.org.log_in(salesforce.org.integration_user)
    salesforce.clock.sleep(7 * 86_400)
    assert salesforce.call("GET", f"{JOBS}/{jobs[0]}").status == 404
    assert salesforce.call("GET", JOBS).body["records"] == []


def test_ordered_faults(salesforce: Any) -> None:
    faults = salesforce.running.faults
    faults.order_inside("fail_query_job:Account")
    job = _job(salesforce, "SELECT Id FROM Account")
    states = [salesforce.call("GET", f"{JOBS}/{job}").body["state"] for _ in range(3)]
    assert states == ["InProgress", "Failed", "Failed"]
    faults.order_inside("hold_job", 3)
    job = _job(salesforce, "SELECT Id FROM Account")
    states = [salesforce.call("GET", f"{JOBS}/{job}").body["state"] for _ in range(5)]
    assert states == ["UploadComplete"] * 3 + ["InProgress", "JobComplete"]
    locator = _results(salesforce, job, maxRecords="30").headers["Sforce-Locator"]
    faults.order_inside("expire_locator")
    assert salesforce.raw("GET", f"{JOBS}/{job}/results", locator=locator).status_code == 400
    assert salesforce.raw("GET", f"{JOBS}/{job}/results", locator=locator).status_code == 200


@pytest.mark.parametrize("kind", ["truncate", "drop"])
def test_a_page_that_broke_off_can_be_fetched_again(library: Any, kind: str) -> None:
    job = _complete(library, "SELECT Id, Name FROM Account")
    library.running.faults.order(Fault(path="*/results", kind=kind))
    with pytest.raises(requests.RequestException):
        library.raw("GET", f"{JOBS}/{job}/results")
    assert len(_rows(_results(library, job))) == 301


def test_jobs_count_against_the_days_allowance(salesforce: Any) -> None:
    salesforce.org.settings.bulk.daily_queries = 2
    for _ in range(2):
        _job(salesforce, "SELECT Id FROM Account")
    assert salesforce.call("GET", "/limits").body["DailyBulkV2QueryJobs"] == {"Max": 2, "Remaining": 0}
    refused = salesforce.call("POST", JOBS, {"operation": "query", "query": "SELECT Id FROM Account"})
    assert (refused.status, refused.body[0]["errorCode"]) == (400, "EXCEEDEDQUOTA")
