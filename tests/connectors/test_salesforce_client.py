"""Odd answers, one by one: what Salesforce and the gateways before it send, and what must come of it."""

from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from pydantic import SecretStr

from crm_kare import http
from crm_kare.errors import AccessError, ConfigError, KareError, QuotaError, RetryError, StopError
from crm_kare.model import Kind
from crm_kare.ports import Context, SourceField, StreamSpec
from crm_kare.testing.clock import FakeClock
from crm_kare_salesforce.connector import SalesforceConnector

ORG = "https://acme.my.salesforce.com"
DATA = f"{ORG}/services/data/v62.0"
TOKEN = "00D000000000001!AQ.secret"
SPEC = StreamSpec(
    "accounts",
    "Account",
    (
        SourceField("account_id", "Id", Kind.TEXT),
        SourceField("annual_revenue", "AnnualRevenue", Kind.MONEY),
        SourceField("created_on", "CreatedDate", Kind.DATE),
        SourceField("owner", "Owner.Name", Kind.TEXT),
    ),
)
ID = "001000000000001AAA"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def connector(tmp_path: Path, clock: FakeClock) -> SalesforceConnector:
    return made(tmp_path, clock)


def made(folder: Path, clock: FakeClock, **options: Any) -> SalesforceConnector:
    given = {"SALESFORCE_INSTANCE_URL": SecretStr(ORG), "SALESFORCE_ACCESS_TOKEN": SecretStr(TOKEN)}
    return SalesforceConnector(Context("acme", given, clock, folder, folder, options))


def page(*records: dict[str, Any], done: bool = True, **more: Any) -> dict[str, Any]:
    return {"totalSize": len(records), "done": done, "records": list(records), **more}


def answers(*ways: dict[str, Any]) -> None:
    for way in ways:
        responses.get(f"{DATA}/query/", **way)


def refusal(code: str, message: str = "no") -> list[dict[str, str]]:
    return [{"message": message, "errorCode": code}]


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (401, {"json": refusal("INVALID_SESSION_ID")}, AccessError),
        (403, {"json": refusal("INSUFFICIENT_ACCESS")}, AccessError),
        (403, {"json": refusal("API_DISABLED_FOR_ORG")}, AccessError),
        (403, {"json": refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")}, QuotaError),
        (403, {"json": refusal("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.")}, RetryError),
        (403, {"body": "<html>Forbidden</html>"}, AccessError),
        (404, {"json": refusal("NOT_FOUND")}, ConfigError),
        (400, {"json": refusal("MALFORMED_QUERY")}, ConfigError),
        (410, {"json": refusal("UNSUPPORTED_API_VERSION")}, ConfigError),
        (420, {"body": "<html>"}, RetryError),
        (429, {"json": refusal("x")}, RetryError),
        (406, {"body": "<html>overloaded</html>"}, RetryError),
        (500, {"json": refusal("UNKNOWN_EXCEPTION")}, RetryError),
        (502, {"body": "<html>bad gateway</html>"}, RetryError),
        (503, {"json": refusal("SERVER_UNAVAILABLE")}, RetryError),
        (400, {"body": "[]"}, ConfigError),
        (500, {"body": '["text"]'}, RetryError),
    ],
)
def test_refusals(connector: SalesforceConnector, status: int, body: dict[str, Any], wanted: type[KareError]) -> None:
    answers({"status": status, **body})
    with pytest.raises(wanted) as caught:
        list(connector.pull(SPEC, None))
    assert type(caught.value) is wanted
    assert str(status) in caught.value.message
    assert caught.value.fix, "each error says the way on"
    assert "<" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__cause__ is None


@responses.activate
@pytest.mark.parametrize(
    "body",
    [
        "<html>login page</html>",
        '{"totalSize": 1, "done": tr',
        "[]",
        '{"records": []}',
        '{"records": {}, "done": true}',
        '{"records": ["x"], "done": true}',
        '{"records": [], "done": false}',
        '{"records": [{"Name": "x"}], "done": false, "nextRecordsUrl": "/services/data/v62.0/query/x-1"}',
        '{"records": [], "done": false, "nextRecordsUrl": "https://elsewhere.example/steal"}',
    ],
)
def test_answers_of_the_wrong_shape_stop_the_run(connector: SalesforceConnector, body: str) -> None:
    answers({"body": body})
    with pytest.raises(StopError) as caught:
        list(connector.pull(SPEC, None))
    assert caught.value.where == "stream accounts"


@responses.activate
@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (requests.ConnectTimeout("x"), 1),
        (requests.ReadTimeout("x"), 3),
        (requests.ConnectionError("x"), 3),
        (requests.exceptions.ChunkedEncodingError("x"), 3),
    ],
)
def test_a_lost_answer_to_a_read_is_asked_for_again_with_growing_waits(
    connector: SalesforceConnector, clock: FakeClock, error: Exception, counted: int
) -> None:
    answers({"body": error}, {"body": error}, {"json": page({"Id": ID})})
    (only,) = connector.pull(SPEC, None)
    assert only.records.num_rows == 1
    assert clock.slept == [1.0, 2.0]
    assert connector.calls().read == counted, "what was sent counts, with or without an answer"


@responses.activate
def test_an_endless_401_ends(connector: SalesforceConnector) -> None:
    answers({"status": 401, "json": refusal("INVALID_SESSION_ID")})
    with pytest.raises(AccessError):
        connector.organisation()
    assert len(responses.calls) == 1


@responses.activate
def test_every_call_has_a_time_out_our_name_and_our_token(
    connector: SalesforceConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.my.salesforce.com login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    answers({"json": page()})
    list(connector.pull(SPEC, None))
    sent: Any = responses.calls[0].request
    assert sent.req_kwargs["timeout"] == http.TIMEOUT
    assert sent.headers["User-Agent"] == http.USER_AGENT
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"


@responses.activate
def test_values_come_as_canonical_text_and_no_digit_is_lost(connector: SalesforceConnector) -> None:
    body = (
        '{"totalSize": 3, "done": true, "records": ['
        f'{{"attributes": {{}}, "Id": "{ID}", "AnnualRevenue": 12345678901234567.89,'
        ' "CreatedDate": "2026-11-03T23:30:00.000+0000", "Owner": {"attributes": {}, "Name": "A \\ud83d"}},'
        '{"Id": "001000000000002", "AnnualRevenue": 3.5E8, "CreatedDate": "2026-11-03T23:30:00.120+0130", "Owner": null},'
        '{"Id": "001000000000003AAA", "AnnualRevenue": null, "CreatedDate": "2026-11-03", "owner": {"name": ""}}]}'
    )
    answers({"body": body})
    (only,) = connector.pull(SPEC, None)
    assert only.records.to_pylist() == [
        {
            "account_id": ID,
            "annual_revenue": "12345678901234567.89",
            "created_on": "2026-11-03T23:30:00Z",
            "owner": "A ?",
        },
        {
            "account_id": "001000000000002AAA",
            "annual_revenue": "3.5E8",
            "created_on": "2026-11-03T23:30:00.120+01:30",
            "owner": None,
        },
        {"account_id": "001000000000003AAA", "annual_revenue": None, "created_on": "2026-11-03", "owner": None},
    ]


@responses.activate
def test_the_same_page_again_and_again_is_stopped(connector: SalesforceConnector) -> None:
    endless = page({"Id": ID}, done=False, nextRecordsUrl="/services/data/v62.0/query/0r8-200")
    answers({"json": endless})
    responses.get(f"{DATA}/query/0r8-200", json=endless)
    with pytest.raises(StopError, match="again and again"):
        list(connector.pull(SPEC, None))


@responses.activate
def test_the_cursor_is_the_moment_before_the_first_query_by_the_servers_clock(
    connector: SalesforceConnector,
) -> None:
    answers({"json": page(), "headers": {"Date": "Tue, 03 Nov 2026 12:00:00 GMT"}})
    (only,) = connector.pull(SPEC, None)
    assert '"since": "2026-11-03T11:59:5' in only.cursor
    changes = responses.get(f"{DATA}/queryAll/", json=page())
    responses.get(f"{DATA}/sobjects/Account/deleted/", json={"deletedRecords": []})
    list(connector.pull(SPEC, only.cursor))
    asked = str(changes.calls[0].request.url)
    assert "SystemModstamp+%3E%3D+2026-11-03T11%3A49%3A5" in asked
    assert "IsDeleted" in asked


@responses.activate
def test_the_allowance_is_read_and_its_share_is_kept(connector: SalesforceConnector) -> None:
    usage = "api-usage=3999/5000; per-app-api-usage=17/250(appName=sample-connected-app)"
    answers({"json": page({"Id": ID}), "headers": {"Sforce-Limit-Info": usage}})
    assert connector.quota().limit is None
    list(connector.pull(SPEC, None))
    assert (connector.quota().used, connector.quota().limit) == (3999, 5000)
    responses.replace(
        responses.GET, f"{DATA}/query/", json=page(), headers={"Sforce-Limit-Info": "api-usage=4000/5000"}
    )
    list(connector.pull(SPEC, None))
    with pytest.raises(QuotaError, match="80%"):
        list(connector.pull(SPEC, None))
    assert len(responses.calls) == 2


@responses.activate
def test_a_retry_after_is_kept_to(connector: SalesforceConnector, clock: FakeClock) -> None:
    answers({"status": 503, "body": "busy", "headers": {"Retry-After": "17"}}, {"json": page()})
    list(connector.pull(SPEC, None))
    assert clock.slept == [17.0]


@responses.activate
def test_more_fields_than_an_address_holds_go_in_the_body_of_a_query_job(connector: SalesforceConnector) -> None:
    fields = tuple(SourceField(f"x_{number}", f"Quite_A_Long_Name_{number}__c", Kind.TEXT) for number in range(700))
    asked = responses.post(f"{DATA}/jobs/query", status=400, json=refusal("API_ERROR"))
    with pytest.raises(ConfigError):
        list(connector.pull(StreamSpec("accounts", "Account", SPEC.fields + fields), None))
    assert b"Quite_A_Long_Name_699__c" in (asked.calls[0].request.body or b"")


@responses.activate
@pytest.mark.parametrize(
    "refused",
    [
        {"status": 414, "body": "<h1>Bad Message 414</h1>"},
        {"status": 431, "body": "<h1>Bad Message 431</h1>"},
        {"status": 400, "json": refusal("QUERY_TIMEOUT", "Your query request was running for too long.")},
    ],
)
def test_a_query_that_rest_cannot_take_is_left_to_a_job(connector: SalesforceConnector, refused: Any) -> None:
    answers(refused)
    asked = responses.post(f"{DATA}/jobs/query", status=400, json=refusal("INVALID_TYPE"))
    with pytest.raises(ConfigError):
        list(connector.pull(SPEC, None))
    assert asked.call_count == 1


@pytest.mark.parametrize("name", ["Name, (SELECT Id FROM Contacts)", "@primary", "Näme", "a..b", ""])
def test_what_is_no_name_is_never_sent(connector: SalesforceConnector, name: str) -> None:
    fields = (*SPEC.fields, SourceField("x_odd", name, Kind.TEXT))
    with pytest.raises(ConfigError, match="API names"):
        list(connector.pull(StreamSpec("accounts", "Account", fields), None))


@pytest.mark.parametrize("options", [{"overlap_seconds": -1}, {"overlap_seconds": "x"}, {"page_size": 100}])
def test_odd_options_are_config_errors(tmp_path: Path, clock: FakeClock, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        made(tmp_path, clock, **options)


@responses.activate
@pytest.mark.parametrize("told", ["62.0", "v62.0", 62, 62.0, "62"])
def test_a_version_reads_the_same_however_it_is_written(tmp_path: Path, clock: FakeClock, told: Any) -> None:
    answers({"json": page()})
    assert len(list(made(tmp_path, clock, api_version=told).pull(SPEC, None))) == 1


@responses.activate
def test_the_version_and_the_page_size_are_as_set(tmp_path: Path, clock: FakeClock) -> None:
    asked = responses.get(f"{ORG}/services/data/v58.0/query/", json=page())
    list(made(tmp_path, clock, api_version="58.0", page_size=250).pull(SPEC, None))
    assert asked.calls[0].request.headers["Sforce-Query-Options"] == "batchSize=250"


def test_the_address_of_a_record_is_known_before_any_call(connector: SalesforceConnector) -> None:
    assert connector.record_url("Account", ID) == f"{ORG}/lightning/r/Account/{ID}/view"


@responses.activate
def test_a_multi_currency_org_tells_its_corporate_currency(connector: SalesforceConnector) -> None:
    told = {"Id": "00D000000000001", "Name": "Acme", "TimeZoneSidKey": "Europe/Berlin"}
    answers({"json": page({"Id": "x", "IsoCode": "CHF", "IsCorporate": True})}, {"json": page()}, {"json": page(told)})
    found = connector.organisation()
    assert (found.id, found.timezone, found.currency, found.url) == ("00D000000000001EAA", "Europe/Berlin", "CHF", ORG)
