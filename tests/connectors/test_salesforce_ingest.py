"""Writing by bulk ingest jobs: what goes up, what each row's fate becomes, and what happens when calls or jobs fail."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_kare.errors import AccessError, ConfigError, KareError, RetryError
from crm_kare.labels import BY_NAME
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import NOT_SENT, LabelField, RecordWrite, WriteRequest
from crm_kare.sandbox.faults import DROP, TRUNCATE, Fault
from crm_kare.sandbox.salesforce.bulk.jobs import IngestJob, State
from crm_kare.sandbox.salesforce.bulk.work import run_out
from crm_kare.testing import steps
from crm_kare_salesforce import write
from crm_kare_salesforce.faults import FIXES
from crm_kare_salesforce.write_outcomes import refused_by_job

CHANGED, CONFLICT = OutcomeStatus.CHANGED, OutcomeStatus.CONFLICT
REJECTED, UNKNOWN = OutcomeStatus.REJECTED, OutcomeStatus.UNKNOWN
JOBS, JOB = "/services/data/*/jobs/ingest", "/services/data/*/jobs/ingest/750*"
UPLOAD = "/services/data/*/jobs/ingest/*/batches"
COLLECTIONS = "*/composite/sobjects"


@pytest.fixture
def org(salesforce: Any) -> Any:
    """Every plan is a large one."""
    salesforce.always["bulk_write_from"] = 1
    return salesforce


def ready(org: Any, count: int) -> tuple[Any, list[str]]:
    connector = steps.ready(org)
    ids = steps.seeded(org, count)
    connector.organisation()  # the day that has passed ended the session
    org.running.faults.forget_calls()
    return connector, ids


def request(org: Any, *records: RecordWrite) -> WriteRequest:
    return WriteRequest("Account", steps.ours(org), records, org.clock.now(), len(records))


def reason(key: str, text: str | None = "Hello", expected: str | None = None) -> RecordWrite:
    return RecordWrite(key, {"Reason": text}, {"Reason": expected})


def statuses(outcomes: list[Outcome]) -> list[OutcomeStatus]:
    return [one.status for one in outcomes]


def held(org: Any, key: str, field: str = "KARE_Reason__c") -> Any:
    return org.org.records.get("Account", key)[field]


def jobs(org: Any) -> list[IngestJob]:
    found: list[IngestJob] = org.org.bulk.all(IngestJob)
    return found


def uploaded(org: Any) -> list[list[str]]:
    (job,) = jobs(org)
    return list(csv.reader(io.StringIO(job.content.decode(), newline="")))


def test_a_plan_is_one_job_and_few_calls(org: Any) -> None:
    connector, ids = ready(org, 50)
    assert statuses(connector.write(request(org, *(reason(key) for key in ids)))) == [CHANGED] * 50
    assert [held(org, key) for key in ids] == ["Hello"] * 50
    assert len(jobs(org)) == 1
    assert org.running.faults.calls(COLLECTIONS) == []
    assert org.calls() <= 9


def test_the_csv_holds_every_field_and_leaves_what_is_not_written(org: Any) -> None:
    connector, (one, two) = ready(org, 2)
    org.edit_labels(one, {"ICP_Score": "5"})
    text = 'He said: "Ärger,\r\n12 €"'
    first = RecordWrite(one, {"Reasons": text, "Profile": None}, {"Reasons": None, "Profile": None})
    second = RecordWrite(two, {"ICP_Score": "87", "Changed_On": "2026-11-03"}, {"ICP_Score": None, "Changed_On": None})
    assert statuses(connector.write(request(org, first, second))) == [CHANGED, CHANGED]
    head, *rows = uploaded(org)
    assert sorted(head) == ["ICP_Score__c", "Id", "KARE_Changed_On__c", "KARE_Profile__c", "KARE_Reasons__c"]
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    assert cells[0] | {"Id": ""} == {
        "Id": "",
        "KARE_Profile__c": "#N/A",
        "KARE_Changed_On__c": "",
        "KARE_Reasons__c": text.replace("\r", ""),
        "ICP_Score__c": "",
    }
    assert held(org, one, "ICP_Score__c") == 5
    assert held(org, two, "ICP_Score__c") == 87
    assert b"\r" not in jobs(org)[0].content


def test_rows_are_matched_by_id_and_refusals_name_field_and_fix(org: Any) -> None:
    connector, ids = ready(org, 7)
    org.refuse(ids[1])
    records = [reason(key) for key in ids]
    records[4] = RecordWrite(ids[4], {"Profile": "Nonsense"}, {"Profile": None})
    outcomes = connector.write(request(org, *records))
    assert [one.account_id for one in outcomes] == ids
    wrong = {place for place, one in enumerate(outcomes) if one.status is not CHANGED}
    assert wrong == {1, 4}
    assert (outcomes[1].code, outcomes[1].fix) == (
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        FIXES["FIELD_CUSTOM_VALIDATION_EXCEPTION"],
    )
    assert (outcomes[4].code, outcomes[4].field) == ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "KARE_Profile__c")
    assert "Nonsense" not in outcomes[4].message


@pytest.mark.parametrize(
    ("told", "code", "field", "message"),
    [
        ("REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --", "REQUIRED_FIELD_MISSING", "Name", "[Name]"),
        ("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: 001A:--", "UNABLE_TO_LOCK_ROW", "", "001A"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION:No: frozen -- ask Ann:Name,Rating__c --", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Name", "ask Ann"),
        ("STRING_TOO_LONG:A: data value too large:A__c --;REQUIRED_FIELD_MISSING:x:B --", "STRING_TOO_LONG", "A__c", "too large"),
        ("DUPLICATES_DETECTED:Use one of these records?:--", "DUPLICATES_DETECTED", "", "Use one"),
        ("Something else entirely", "UNKNOWN_ERROR", "", "Something else"),
        ("", "UNKNOWN_ERROR", "", ""),
    ],
)  # fmt: skip
def test_errors_of_rows_are_taken_apart(told: str, code: str, field: str, message: str) -> None:
    outcome = refused_by_job(reason("a"), told)
    assert (outcome.status, outcome.code, outcome.field) == (REJECTED, code, field)
    assert message in outcome.message
    assert "--" not in outcome.message.replace("-- ask", "")
    assert outcome.fix


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["status", DROP])
@pytest.mark.parametrize(("path", "method"), [(JOBS, "POST"), (UPLOAD, "PUT"), (JOB, "PATCH"), (JOB, "GET")])
def test_a_call_that_fails_loses_nothing(org: Any, path: str, method: str, kind: str, *, after: bool) -> None:
    connector, ids = ready(org, 5)
    org.running.faults.order(Fault(path, method, kind, after=after))
    assert statuses(connector.write(request(org, *(reason(key) for key in ids)))) == [CHANGED] * 5
    assert [held(org, key) for key in ids] == ["Hello"] * 5
    assert sum(job.state is State.COMPLETE for job in jobs(org)) == 1
    assert {one.uploads for one in jobs(org)} <= {0, 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["successfulResults", "failedResults"])
@pytest.mark.parametrize("kind", ["status", TRUNCATE])
def test_results_that_break_off_are_asked_for_again(org: Any, name: str, kind: str) -> None:
    connector, ids = ready(org, 5)
    org.refuse(ids[0])
    org.running.faults.order(Fault(f"*/{name}*", "GET", kind, times=2))
    assert statuses(connector.write(request(org, *(reason(key) for key in ids)))) == [REJECTED, *[CHANGED] * 4]


@pytest.mark.slow
def test_without_results_the_records_themselves_tell(org: Any) -> None:
    connector, ids = ready(org, 5)
    org.refuse(ids[0])
    org.running.faults.order(Fault("*Results*", "GET", status=500, times=0))
    outcomes = connector.write(request(org, *(reason(key) for key in ids)))
    assert statuses(outcomes) == [REJECTED, *[CHANGED] * 4]
    assert outcomes[0].code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def test_a_job_that_fails_half_way_is_finished(org: Any) -> None:
    connector, ids = ready(org, 9)
    org.refuse(ids[-1])
    org.running.faults.order_inside("fail_ingest_job")
    assert statuses(connector.write(request(org, *(reason(key) for key in ids)))) == [*[CHANGED] * 8, REJECTED]
    assert [job.state for job in jobs(org)] == [State.FAILED, State.COMPLETE]


@pytest.mark.slow
def test_jobs_that_keep_failing_give_way_to_collections(org: Any) -> None:
    connector, ids = ready(org, 40)
    org.running.faults.order_inside("fail_ingest_job", 99)
    assert statuses(connector.write(request(org, *(reason(key) for key in ids)))) == [CHANGED] * 40
    assert len(jobs(org)) == 3


@pytest.mark.slow
def test_locked_rows_are_tried_again_until_they_are_free(org: Any) -> None:
    connector, ids = ready(org, 20)
    for key in ids[::10]:
        org.running.faults.order_inside(f"lock_row:{key}", 2)
    org.running.faults.order_inside(f"lock_row:{ids[5]}", 99)
    outcomes = connector.write(request(org, *(reason(key) for key in ids)))
    assert [place for place, one in enumerate(outcomes) if one.status is not CHANGED] == [5]
    assert outcomes[5].code == "UNABLE_TO_LOCK_ROW"
    assert [one for one in org.clock.slept if one in {2.0, 4.0, 8.0, 16.0}]


@pytest.mark.slow
def test_who_edits_a_locked_record_before_the_next_try_wins(org: Any) -> None:
    connector, ids = ready(org, 4)
    org.running.faults.order_inside(f"lock_row:{ids[2]}")
    sleep = org.clock.sleep

    def and_edit(seconds: float) -> None:
        sleep(seconds)
        if held(org, ids[0]) == "Hello":
            org.edit_labels(ids[2], {"Reason": "Mine"})

    org.clock.sleep = and_edit
    assert statuses(connector.write(request(org, *(reason(key) for key in ids)))) == [
        CHANGED,
        CHANGED,
        CONFLICT,
        CHANGED,
    ]
    assert held(org, ids[2]) == "Mine"


@pytest.mark.slow
def test_a_field_that_is_not_there_stops_the_job_before_anything_is_written(org: Any) -> None:
    connector, (key,) = ready(org, 1)
    unknown = LabelField(BY_NAME["Reason"], "KARE_Nowhere__c")
    record = RecordWrite(key, {"Reason": "Hello"}, {})
    with pytest.raises(ConfigError, match="KARE_Nowhere__c") as caught:
        connector.write(replace(request(org, record), fields=(unknown,)))
    assert "provision" in caught.value.fix


def _fails_with(org: Any, message: str) -> Callable[[float], None]:
    """At the first wait the job fails as a whole."""
    sleep = org.clock.sleep

    def fail(seconds: float) -> None:
        sleep(seconds)
        for job in jobs(org):
            if not job.state.ended:
                job.error = message
                job.move(State.FAILED, org.org.bulk.now())

    return fail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF", ConfigError),
        ("InvalidBatch : Field name not found : KARE_Reason__c", ConfigError),
        ("FeatureNotEnabled : Async Api not enabled", AccessError),
    ],
)
def test_a_reason_that_another_job_would_meet_too_is_an_error(org: Any, message: str, kind: type[KareError]) -> None:
    connector, ids = ready(org, 3)
    org.running.faults.order_inside("hold_job", 99)
    org.clock.sleep = _fails_with(org, message)
    with pytest.raises(kind, match=message.rpartition(" : ")[2][:20]):
        connector.write(request(org, *(reason(key) for key in ids)))
    assert [held(org, key) for key in ids] == [None] * 3
    assert len(jobs(org)) == 1


def _aborts_when(org: Any, moment: Callable[[IngestJob], bool]) -> Callable[[float], None]:
    sleep = org.clock.sleep

    def abort(seconds: float) -> None:
        sleep(seconds)
        for job in jobs(org):
            if not job.state.ended and moment(job):
                job.move(State.ABORTED, org.org.bulk.now())

    return abort


@pytest.mark.slow
def test_a_job_that_an_admin_aborts_is_not_sent_again_by_this_run(org: Any) -> None:
    connector, ids = ready(org, 6)
    org.clock.sleep = _aborts_when(org, lambda job: job.processed > 0)
    outcomes = connector.write(request(org, *(reason(key) for key in ids)))
    assert statuses(outcomes) == [*[CHANGED] * 3, *[REJECTED] * 3]
    assert {one.code for one in outcomes[3:]} == {"JOB_ABORTED"}
    assert [held(org, key) for key in ids] == [*["Hello"] * 3, *[None] * 3]
    assert len(jobs(org)) == 1


@pytest.mark.slow
def test_a_job_aborted_before_its_first_row_is_an_error(org: Any) -> None:
    connector, ids = ready(org, 2)
    org.running.faults.order_inside("hold_job", 99)
    org.clock.sleep = _aborts_when(org, lambda _job: True)
    with pytest.raises(RetryError, match="aborted"):
        connector.write(request(org, *(reason(key) for key in ids)))


def test_a_stop_calls_the_job_off_and_tells_what_was_written(org: Any) -> None:
    connector, ids = ready(org, 6)
    org.clock.sleep = lambda _seconds: None  # as a clock that was woken: time does not pass
    outcomes = connector.write(request(org, *(reason(key) for key in ids)))
    assert statuses(outcomes) == [*[CHANGED] * 3, *[UNKNOWN] * 3]
    assert {one.code for one in outcomes[3:]} == {NOT_SENT}
    assert [job.state for job in jobs(org)] == [State.ABORTED]
    assert [held(org, key) for key in ids] == [*["Hello"] * 3, *[None] * 3]


@pytest.mark.slow
def test_a_stop_before_the_first_row_writes_nothing(org: Any) -> None:
    connector, ids = ready(org, 2)
    org.running.faults.order_inside("hold_job", 99)
    org.clock.sleep = lambda _seconds: None
    with pytest.raises(RetryError):
        connector.write(request(org, *(reason(key) for key in ids)))
    run_out(org.org)
    assert [held(org, key) for key in ids] == [None, None]


@pytest.mark.slow
def test_a_large_upload_is_cut_into_jobs(org: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connector, ids = ready(org, 10)
    monkeypatch.setattr(write, "LARGEST_UPLOAD", 1000)
    text = "ä" * 120
    assert statuses(connector.write(request(org, *(reason(key, text) for key in ids)))) == [CHANGED] * 10
    assert all(len(job.content) <= 1000 for job in jobs(org))
    assert len(jobs(org)) == 4


# what a process that died leaves


def left_behind(org: Any, connector: Any, ids: list[str], monkeypatch: pytest.MonkeyPatch, call: str) -> IngestJob:
    """A process that is killed right after a call has gone out."""

    class Killed(BaseException):
        pass

    client = connector._client
    real = {"raw": client.raw, "patch": client.patch}[call]

    def dies(*args: Any, **options: Any) -> None:
        real(*args, **options)
        raise Killed

    monkeypatch.setattr(client, call, dies)
    with pytest.raises(Killed):
        connector.write(request(org, *(reason(key) for key in ids)))
    monkeypatch.undo()
    (job,) = jobs(org)
    return job


def test_a_job_that_waits_to_begin_is_called_off(org: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connector, ids = ready(org, 3)
    job = left_behind(org, connector, ids, monkeypatch, "patch")
    assert str(job.state) == "UploadComplete"
    org.connector().await_writes("Account")
    assert str(job.state) == "Aborted"
    run_out(org.org)
    assert [held(org, key) for key in ids] == [None] * 3


def test_a_job_that_is_at_work_is_waited_for(org: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the note of it is lost, or is on another machine."""
    connector, ids = ready(org, 3)
    job = left_behind(org, connector, ids, monkeypatch, "patch")
    for note in notes(org):
        note.unlink()
    org.running.faults.order_inside("hold_job", 3)
    org.connector().await_writes("Account")
    assert job.state is State.COMPLETE
    assert [held(org, key) for key in ids] == ["Hello"] * 3


@pytest.mark.slow
def test_an_open_job_is_closed_where_it_is_ours_and_left_alone_where_nobody_noted_it(
    org: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, ids = ready(org, 3)
    job = left_behind(org, connector, ids, monkeypatch, "raw")
    assert job.state is State.OPEN
    (note,) = notes(org)
    assert note.stat().st_mode & 0o777 == 0o600
    assert list(json.loads(note.read_text()).values()) == ["Account"]
    text = note.read_text()
    note.unlink()
    org.connector().await_writes("Account")
    assert str(job.state) == "Open"
    note.write_text(text)
    org.connector().await_writes("Account")
    assert str(job.state) == "Aborted"
    assert notes(org) == []


@pytest.mark.slow
def test_a_job_that_does_not_end_stops_the_run(org: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connector, ids = ready(org, 3)
    left_behind(org, connector, ids, monkeypatch, "patch")
    for note in notes(org):
        note.unlink()
    org.running.faults.order_inside("hold_job", 10_000)
    org.clock.sleep = lambda _seconds: None
    with pytest.raises(RetryError, match="still at work"):
        org.connector().await_writes("Account")


@pytest.mark.slow
def test_jobs_of_others_do_not_matter(org: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connector, ids = ready(org, 3)
    job = left_behind(org, connector, ids, monkeypatch, "patch")
    for note in notes(org):
        note.unlink()
    org.running.faults.order_inside("hold_job", 10_000)
    job.user_id = next(one["_id"] for one in org.org.records.select("User") if one["_id"] != job.user_id)
    org.connector().await_writes("Account")
    job.user_id = org.org.integration_user
    org.connector().await_writes("Contact")
    assert job.state is State.UPLOAD_COMPLETE


@pytest.mark.slow
def test_an_org_without_bulk_has_no_jobs_left(org: Any) -> None:
    connector, _ids = ready(org, 1)
    body = json.dumps([{"errorCode": "FEATURENOTENABLED", "message": "Async Api not enabled"}])
    org.running.faults.order(Fault("*/jobs/ingest*", status=400, body=body, times=0))
    connector.await_writes("Account")


@pytest.mark.slow
def test_no_note_stays_behind(org: Any) -> None:
    connector, ids = ready(org, 2)
    connector.write(request(org, *(reason(key) for key in ids)))
    assert notes(org) == []


def notes(org: Any) -> list[Path]:
    return list((org._folder / "state").glob("salesforce-ingest-jobs*"))
