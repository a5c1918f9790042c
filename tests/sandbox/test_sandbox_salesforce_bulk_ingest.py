"""Bulk API 2.0 ingest jobs over HTTP: upload, how rows are carried out, and what comes of each."""

import csv
import io
from typing import Any

import pytest

from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.salesforce.bulk.work import run_out

pytestmark = pytest.mark.slow

JOBS = "/jobs/ingest"
MULTIPLE = (
    "Found multipe contents for job: <{}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job"
)


def _job(rig: Any, operation: str = "update", entity: str = "Account", **more: Any) -> str:
    answer = rig.call("POST", JOBS, {"operation": operation, "object": entity, **more})
    assert answer.status == 200, answer.body
    return str(answer.body["id"])


def _upload(rig: Any, job: str, text: str) -> None:
    reply = rig.raw("PUT", f"{JOBS}/{job}/batches", text.encode())
    assert (reply.status_code, reply.content) == (201, b"")


def _close(rig: Any, job: str) -> Any:
    return rig.call("PATCH", f"{JOBS}/{job}", {"state": "UploadComplete"})


def _run(rig: Any, text: str, operation: str = "update", **more: Any) -> tuple[str, Any]:
    """A job's id, and its info after the second look."""
    job = _job(rig, operation, **more)
    _upload(rig, job, text)
    assert _close(rig, job).body["state"] == "UploadComplete"
    told = [rig.call("GET", f"{JOBS}/{job}").body for _ in range(2)]
    return job, told[-1]


def _rows(rig: Any, job: str, kind: str) -> list[dict[str, str]]:
    reply = rig.raw("GET", f"{JOBS}/{job}/{kind}")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(reply.content.decode(), newline="")))


def _accounts(rig: Any, number: int) -> list[str]:
    return [str(one["_id"]) for one in rig.org.records.select("Account", limit=number)]


def _value(rig: Any, record_id: str, name: str) -> Any:
    return rig.org.records.get("Account", record_id)[name]


def test_a_new_job_says_where_the_data_goes(salesforce: Any) -> None:
    answer = salesforce.call("POST", JOBS, {"operation": "update", "object": "account", "lineEnding": "CRLF"})
    told = answer.body
    assert told["contentUrl"] == f"services/data/v60.0/jobs/ingest/{told['id']}/batches"
    same = {"operation": "update", "object": "Account", "state": "Open", "apiVersion": 60.0, "lineEnding": "CRLF"}
    assert {key: told[key] for key in same} == same


def test_good_rows_are_written_and_bad_ones_named(salesforce: Any) -> None:
    one, two, three = _accounts(salesforce, 3)
    salesforce.org.records.delete("Account", three, "rig")
    text = f'Id,Phone,BillingCity\n{one},"+1 ""5""",Ulm\n{two},+2,{"x" * 41}\n{three},+3,\n001KE0000ZZZZZZ,+4,\n,+5,\n'
    job, told = _run(salesforce, text)
    counted = (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"], told["jobType"])
    assert counted == ("JobComplete", 5, 4, "V2Ingest")
    assert {"retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime"} <= set(told)
    good = {"sf__Id": one, "sf__Created": "false", "Id": one, "Phone": '+1 "5"', "BillingCity": "Ulm"}
    assert _rows(salesforce, job, "successfulResults") == [good]
    failed = {row["Phone"]: row for row in _rows(salesforce, job, "failedResults")}
    assert {key: row["sf__Error"].partition(":")[0] for key, row in failed.items()} == {
        "+2": "STRING_TOO_LONG",
        "+3": "ENTITY_IS_DELETED",
        "+4": "INVALID_CROSS_REFERENCE_KEY",
        "+5": "MISSING_ARGUMENT",
    }
    assert failed["+2"]["sf__Error"].endswith("(max length=40):BillingCity --")
    assert failed["+3"] == {
        "sf__Id": three,
        "sf__Error": "ENTITY_IS_DELETED:entity is deleted:--",
        "Id": three,
        "Phone": "+3",
        "BillingCity": "",
    }
    assert _rows(salesforce, job, "unprocessedrecords") == []
    assert _value(salesforce, one, "Phone") == '+1 "5"'
    assert _value(salesforce, two, "Phone") != "+2"


def test_results_come_in_another_order_than_the_rows(salesforce: Any) -> None:
    ids = _accounts(salesforce, 6)
    job, _ = _run(salesforce, "Id,Phone\n" + "".join(f"{one},+1\n" for one in ids))
    came = [row["sf__Id"] for row in _rows(salesforce, job, "successfulResults")]
    assert came != ids
    assert sorted(came) == sorted(ids)


def test_an_empty_cell_leaves_and_the_word_empties(salesforce: Any) -> None:
    one, two = _accounts(salesforce, 2)
    for account in (one, two):
        salesforce.org.records.update("Account", account, {"Phone": "+1", "AnnualRevenue": 5}, "rig")
    _run(salesforce, f"Id,Phone,AnnualRevenue\n{one},,#N/A\n{two},#N/A,\n")
    values = [(_value(salesforce, one_, "Phone"), _value(salesforce, one_, "AnnualRevenue")) for one_ in (one, two)]
    assert values == [("+1", None), (None, 5)]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [("12", 12), ("1.2E3", 1200), ("many", "INVALID_TYPE_ON_FIELD_IN_RECORD"), ("1.5", "INVALID_TYPE")],
)
def test_cells_are_read_as_their_fields_type(salesforce: Any, cell: str, kept: Any) -> None:
    account = salesforce.account()
    job, told = _run(salesforce, f"Id,NumberOfEmployees\n{account},{cell}\n")
    if told["numberRecordsFailed"]:
        assert _rows(salesforce, job, "failedResults")[0]["sf__Error"].startswith(str(kept))
    else:
        assert _value(salesforce, account, "NumberOfEmployees") == kept


@pytest.mark.parametrize(
    ("text", "more", "error"),
    [
        ("Id,Phone\r\n{},+1\r\n", {}, "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"),
        ("Id,Phone\n{},+1\n", {"lineEnding": "CRLF"},
         "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is CRLF"),
        ("Id,Nope__c\n{},x\n", {}, "InvalidBatch : Field name not found : Nope__c"),
        ("\ufeffId,Phone\n{},x\n", {}, "InvalidBatch : Field name not found : \ufeffId"),
        ("Id;Phone\n{};x\n", {}, "InvalidBatch : Field name not found : Id;Phone"),
        ('Id,Phone\n{},"x\n', {}, "ClientInputError : Error parsing CSV"),
    ],
)  # fmt: skip
def test_an_upload_that_does_not_fit_fails_the_job(salesforce: Any, text: str, more: Any, error: str) -> None:
    account = salesforce.account()
    before = salesforce.org.records.get("Account", account)
    _, told = _run(salesforce, text.format(account), **more)
    assert (told["state"], told["errorMessage"], told["numberRecordsProcessed"]) == ("Failed", error, 0)
    assert salesforce.org.records.get("Account", account) == before


def test_the_jobs_delimiter_and_line_ending_hold(salesforce: Any) -> None:
    account = salesforce.account()
    _, told = _run(salesforce, f"Id|Phone\r\n{account}|+7\r\n", columnDelimiter="PIPE", lineEnding="CRLF")
    assert (told["state"], _value(salesforce, account, "Phone")) == ("JobComplete", "+7")


def test_data_is_put_once(salesforce: Any) -> None:
    job = _job(salesforce)
    for _ in range(2):
        _upload(salesforce, job, f"Id,Phone\n{salesforce.account()},+9\n")
    refused = _close(salesforce, job)
    assert (refused.status, refused.body[0]["errorCode"]) == (400, "INVALIDJOB")
    assert refused.body[0]["message"].startswith(MULTIPLE.format(job[:15]))
    told = salesforce.call("GET", f"{JOBS}/{job}").body
    assert (told["state"], told["numberRecordsProcessed"]) == ("Failed", 0)


def test_an_upload_may_not_be_too_large_nor_late_nor_json(salesforce: Any) -> None:
    salesforce.org.settings.bulk.upload_bytes = 400
    job = _job(salesforce)
    assert salesforce.raw("PUT", f"{JOBS}/{job}/batches", b"x" * 301).status_code == 400
    assert salesforce.call("PUT", f"{JOBS}/{job}/batches", {}).status == 415
    _upload(salesforce, job, "Id,Phone\n")
    _close(salesforce, job)
    assert salesforce.raw("PUT", f"{JOBS}/{job}/batches", b"Id\n").status_code == 400


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"operation": "query", "object": "Account"}, "INVALIDJOB"),
        ({"operation": "update", "object": "Nope"}, "INVALIDENTITY"),
        ({"operation": "upsert", "object": "Account"}, "INVALIDJOB"),
        ({"operation": "upsert", "object": "Account", "externalIdFieldName": "Phone"}, "INVALIDJOB"),
        ({"operation": "hardDelete", "object": "Account"}, "FEATURENOTENABLED"),
    ],
)
def test_a_job_that_cannot_be_is_refused(library: Any, body: dict[str, str], code: str) -> None:
    answer = library.call("POST", JOBS, body)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, code)


def test_records_are_made_deleted_and_upserted_by_id(salesforce: Any) -> None:
    job, _ = _run(salesforce, "Name,AnnualRevenue\nNew one,5E6\n,7\n", "insert")
    made = _rows(salesforce, job, "successfulResults")[0]
    assert (made["sf__Created"], _value(salesforce, made["sf__Id"], "AnnualRevenue")) == ("true", 5_000_000)
    error = _rows(salesforce, job, "failedResults")[0]["sf__Error"]
    assert error == "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    job, _ = _run(salesforce, f"Id,Name\n{made['sf__Id']},Renamed\n,Other\n", "upsert", externalIdFieldName="Id")
    created = {row["Name"]: row["sf__Created"] for row in _rows(salesforce, job, "successfulResults")}
    assert created == {"Renamed": "false", "Other": "true"}
    _run(salesforce, f"Id\n{made['sf__Id']}\n", "delete")
    assert _value(salesforce, made["sf__Id"], "_deleted") == 1


def test_records_are_deleted_for_good_with_the_right_to(salesforce: Any) -> None:
    salesforce.org.settings.bulk.hard_delete = True
    contact = salesforce.org.records.select("Contact", limit=1)[0]["_id"]
    _run(salesforce, f"Id\n{contact}\n", "hardDelete", entity="Contact")
    assert salesforce.org.records.get("Contact", contact) is None


def test_a_job_that_is_aborted_leaves_the_rest(salesforce: Any) -> None:
    ids = _accounts(salesforce, 4)
    job = _job(salesforce)
    _upload(salesforce, job, "Id,Phone\n" + "".join(f"{one},+77\n" for one in ids))
    assert salesforce.raw("GET", f"{JOBS}/{job}/failedResults").status_code == 400
    _close(salesforce, job)
    half = salesforce.call("GET", f"{JOBS}/{job}").body
    assert (half["state"], half["numberRecordsProcessed"]) == ("InProgress", 2)
    assert salesforce.call("PATCH", f"{JOBS}/{job}", {"state": "Aborted"}).body["state"] == "Aborted"
    assert [_value(salesforce, one, "Phone") == "+77" for one in ids] == [True, True, False, False]
    assert [row["Id"] for row in _rows(salesforce, job, "unprocessedrecords")] == ids[2:]
    assert _close(salesforce, job).status == 400
    assert salesforce.call("DELETE", f"{JOBS}/{job}").status == 204
    assert salesforce.call("GET", f"{JOBS}/{job}").status == 404


def test_a_large_job_takes_more_looks(salesforce: Any) -> None:
    salesforce.org.settings.bulk.rows_a_look = 2
    job = _job(salesforce)
    _upload(salesforce, job, "Id,Phone\n" + "".join(f"{one},+77\n" for one in _accounts(salesforce, 7)))
    _close(salesforce, job)
    told = [salesforce.call("GET", f"{JOBS}/{job}").body for _ in range(5)]
    assert [one["numberRecordsProcessed"] for one in told] == [2, 4, 6, 7, 7]
    assert [one["state"] for one in told] == ["InProgress"] * 3 + ["JobComplete"] * 2


def test_a_job_that_nobody_looks_at_runs_all_the_same(salesforce: Any) -> None:
    account = salesforce.account()
    job = _job(salesforce)
    _upload(salesforce, job, f"Id,Phone\n{account},+42\n")
    _close(salesforce, job)
    run_out(salesforce.org)
    assert _value(salesforce, account, "Phone") == "+42"
    assert salesforce.call("GET", f"{JOBS}/{job}").body["state"] == "JobComplete"


def test_jobs_are_listed_by_the_thousand(salesforce: Any) -> None:
    jobs = [_job(salesforce) for _ in range(3)]
    told = salesforce.call("GET", JOBS, jobType="V2Ingest").body
    assert ([one["id"] for one in told["records"]], told["done"]) == (jobs, True)
    assert {one["state"] for one in told["records"]} == {"Open"}
    assert salesforce.call("GET", JOBS, jobType="V2Query").body["records"] == []
    assert salesforce.call("GET", JOBS, queryLocator="750").status == 400


def test_ordered_faults(salesforce: Any) -> None:
    ids = _accounts(salesforce, 4)
    faults = salesforce.running.faults
    text = "Id,Phone\n" + "".join(f"{one},+88\n" for one in ids)
    faults.order_inside("fail_ingest_job:Account")
    job, told = _run(salesforce, text)
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("Failed", 2, 0)
    assert told["errorMessage"].startswith("InternalServerError")
    assert [row["Id"] for row in _rows(salesforce, job, "unprocessedrecords")] == ids[2:]
    assert len(_rows(salesforce, job, "successfulResults")) == 2
    faults.order_inside(f"lock_row:{ids[3]}")
    job, told = _run(salesforce, text)
    assert (told["numberRecordsFailed"], told["state"]) == (1, "JobComplete")
    assert _rows(salesforce, job, "failedResults")[0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")
    faults.order_inside("hold_job", 2)
    _, told = _run(salesforce, text)
    assert told["state"] == "UploadComplete"


@pytest.mark.parametrize(("when", "closed"), [("before", 200), ("after", 400)])
def test_an_upload_can_be_lost_before_and_after_it_was_taken(salesforce: Any, when: str, closed: int) -> None:
    account = salesforce.account()
    job = _job(salesforce)
    salesforce.running.faults.order(Fault(path="*/batches", method="PUT", status=503, after=when == "after"))
    text = f"Id,Phone\n{account},+66\n"
    assert salesforce.raw("PUT", f"{JOBS}/{job}/batches", text.encode()).status_code == 503
    _upload(salesforce, job, text)
    assert _close(salesforce, job).status == closed


def test_batches_count_against_the_days_allowance(salesforce: Any) -> None:
    _run(salesforce, f"Id,Phone\n{salesforce.account()},+1\n")
    salesforce.org.settings.bulk.daily_batches = 1
    assert salesforce.call("GET", "/limits").body["DailyBulkApiBatches"] == {"Max": 1, "Remaining": 0}
    refused = salesforce.call("POST", JOBS, {"operation": "update", "object": "Account"})
    assert (refused.status, refused.body[0]["errorCode"]) == (400, "EXCEEDEDQUOTA")
