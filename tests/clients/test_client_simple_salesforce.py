"""simple-salesforce 1.12 as its documentation says, unchanged: only what stands for TLS in front of the sandbox is ours."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from clients.conftest import KEY, PAGE, Target
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce, SFType
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceError,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_soql

pytestmark = pytest.mark.slow


class ToSandbox(HTTPAdapter):
    """Leads every https:// address, login.salesforce.com's too, to the sandbox on loopback."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        request.url = f"{self._url}{request.path_url}"
        options.update(timeout=60, proxies={})
        return super().send(request, **options)


def _session(target: Target) -> requests.Session:
    session = requests.Session()
    session.mount("https://", ToSandbox(target.url))
    return session


@pytest.fixture
def sf(target: Target) -> Any:
    """Typed loosely on purpose: objects hang off it by attribute."""
    with _session(target) as session:
        yield Salesforce(instance_url=target.url, session_id=target.token, session=session)


def _content(error: pytest.ExceptionInfo[SalesforceError]) -> Any:
    """The body of a refusal, parsed; the library's types call it bytes."""
    return error.value.content


def _key(target: Target) -> str:
    return target.org.app_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _ways(target: Target) -> dict[str, dict[str, Any]]:
    told = target.org.credentials
    client = {"consumer_key": told.client_id, "consumer_secret": told.client_secret}
    user = {"username": told.username, "password": told.password}
    return {
        "soap": {**user, "security_token": told.security_token},
        "password": {**user, "password": told.password + told.security_token, **client},
        "jwt": {"username": told.username, "consumer_key": told.client_id, "privatekey": _key(target)},
        "client": {**client, "domain": "kare.my"},
    }


@pytest.mark.parametrize("way", ["soap", "password", "jwt", "client"])
def test_each_way_to_log_in_opens_a_session_that_is_renewed_when_it_ends(target: Target, way: str) -> None:
    with _session(target) as session:
        sf = Salesforce(**_ways(target)[way], session=session)
        assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == target.count("Account")
        target.org.log_out(sf.session_id)
        assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == target.count("Account")


def test_a_wrong_secret_is_told_as_salesforce_tells_it(target: Target) -> None:
    with _session(target) as session, pytest.raises(SalesforceAuthenticationFailed) as error:
        Salesforce(**(_ways(target)["client"] | {"consumer_secret": "x"}), session=session)
    assert error.value.code == "invalid_client"
    with _session(target) as session, pytest.raises(SalesforceAuthenticationFailed) as error:
        Salesforce(**(_ways(target)["soap"] | {"password": "x"}), session=session)
    assert error.value.code == "INVALID_LOGIN"


def test_a_session_that_is_none_is_told_apart(target: Target) -> None:
    with _session(target) as session, pytest.raises(SalesforceExpiredSession) as error:
        Salesforce(instance_url=target.url, session_id="no session", session=session).limits()
    assert _content(error)[0]["errorCode"] == "INVALID_SESSION_ID"


def test_queries_turn_all_pages(target: Target, sf: Any) -> None:
    soql = "SELECT Id, Name, Account.Name, Account.Owner.Name FROM Opportunity"
    first = sf.query(soql)
    assert len(first["records"]) == PAGE
    assert first["totalSize"] == target.count("Opportunity") > 3 * PAGE
    second = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    third = sf.query_more(second["nextRecordsUrl"].rpartition("/")[2])
    everything = sf.query_all(soql)
    assert everything["records"][: 3 * PAGE] == first["records"] + second["records"] + third["records"]
    assert len({one["Id"] for one in everything["records"]}) == everything["totalSize"] == first["totalSize"]
    assert [one["Id"] for one in sf.query_all_iter(soql)] == [one["Id"] for one in everything["records"]]
    shown = everything["records"][0]
    assert shown["attributes"]["url"].endswith(f"/sobjects/Opportunity/{shown['Id']}")
    assert shown["Account"]["Owner"]["attributes"]["type"] == "User"


def test_a_query_with_quoted_values_finds_hostile_names(sf: Any) -> None:
    name = 'O\'Neil \\ "Söhne" 100 % _und_ 株式会社'
    made = sf.Account.create({"Name": name})
    found = sf.query(format_soql("SELECT Name FROM Account WHERE Name = {}", name))
    assert [one["Name"] for one in found["records"]] == [name]
    sf.Account.delete(made["id"])


def test_a_record_lives_from_create_to_delete(target: Target, sf: Any) -> None:
    made = sf.Account.create({"Name": "Ada Ltd", "NumberOfEmployees": 12, "AnnualRevenue": 1e7})
    assert made == {"id": made["id"], "success": True, "errors": []}
    assert sf.Account.update(made["id"], {"Phone": "1", "NumberOfEmployees": None}) == 204
    shown = sf.Account.get(made["id"])
    assert (shown["Name"], shown["Phone"], shown["NumberOfEmployees"], shown["IsDeleted"]) == (
        "Ada Ltd", "1", None, False,
    )  # fmt: skip
    assert sf.Account.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound) as error:
        sf.Account.get(made["id"])
    assert _content(error)[0]["errorCode"] == "NOT_FOUND"
    rows = sf.query_all(
        format_soql("SELECT Id, IsDeleted FROM Account WHERE Id = {}", made["id"]), include_deleted=True
    )
    assert [one["IsDeleted"] for one in rows["records"]] == [True]
    assert target.account(made["id"])["_deleted"]


def test_what_is_wrong_with_a_write_arrives_as_a_list(target: Target, sf: Any) -> None:
    with pytest.raises(SalesforceMalformedRequest) as error:
        sf.Account.create({"Phone": "1"})
    assert _content(error) == [
        {"message": "Required fields are missing: [Name]", "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["Name"]}
    ]
    with pytest.raises(SalesforceMalformedRequest) as error:
        sf.Account.update(target.accounts()[0], {"Nope__c": 1})
    assert _content(error)[0]["errorCode"] == "INVALID_FIELD"
    with pytest.raises(SalesforceMalformedRequest) as error:
        sf.query("SELECT Nope__c FROM Account")
    assert _content(error)[0]["errorCode"] == "INVALID_FIELD"


def test_an_upsert_makes_then_writes_and_refuses_two_of_a_kind(target: Target, sf: Any) -> None:
    answer = sf.Account.upsert(f"{KEY}/a-1", {"Name": "First"}, raw_response=True)
    made = answer.json()
    assert (answer.status_code, made["created"], made["success"], made["errors"]) == (201, True, True, [])
    answer = sf.Account.upsert(f"{KEY}/A-1", {"Name": "Second"}, raw_response=True)
    assert (answer.status_code, answer.json()) == (200, {**made, "created": False})
    assert sf.Account.get_by_custom_id(KEY, "a-1")["Name"] == "Second"
    assert sf.Account.upsert(f"Id/{made['id']}", {"Name": "Third"}) == 200
    twin = sf.Account.create({"Name": "Twin", KEY: "a-1"})
    with pytest.raises(SalesforceMoreThanOneRecord) as error:
        sf.Account.upsert(f"{KEY}/a-1", {"Name": "Fourth"})
    assert [one.rpartition("/")[2] for one in _content(error)] == [made["id"], twin["id"]]
    assert target.account(made["id"])["Name"] == "Third"
    with pytest.raises(SalesforceResourceNotFound):
        sf.Account.upsert("Phone/1", {"Name": "no external id"})
    sf.Account.delete(twin["id"])
    assert sf.Account.delete(f"{KEY}/a-1") == 204


def test_before_version_46_an_upsert_that_writes_says_nothing(target: Target) -> None:
    with _session(target) as session:
        old: Any = SFType(
            "Account", target.token, target.url.removeprefix("http://"), sf_version="45.0", session=session
        )
        assert old.upsert(f"{KEY}/old", {"Name": "Old"}) == 201
        answer = old.upsert(f"{KEY}/old", {"Name": "Older"}, raw_response=True)
        assert (answer.status_code, answer.content) == (204, b"")


def test_describes_tell_objects_and_fields(sf: Any) -> None:
    listed = {one["name"]: one for one in sf.describe()["sobjects"]}
    assert {"Account", "Opportunity", "Contact", "User"} <= set(listed)
    assert listed["Account"]["urls"]["describe"].endswith("/sobjects/Account/describe")
    account = sf.Account.describe()
    children = {one["relationshipName"]: (one["childSObject"], one["field"]) for one in account["childRelationships"]}
    assert children["Opportunities"] == ("Opportunity", "AccountId")
    fields = {one["name"]: one for one in account["fields"]}
    assert (fields[KEY]["idLookup"], fields["Id"]["idLookup"], fields["Name"]["idLookup"]) == (True, True, False)
    assert (fields[KEY]["externalId"], fields[KEY]["type"], fields[KEY]["length"]) == (True, "string", 40)
    short = sf.Account.metadata()
    assert short["objectDescribe"]["keyPrefix"] == "001"
    assert short["recentItems"] == []
    assert sf.is_sandbox() is True


def test_limits_and_usage_are_counted(target: Target, sf: Any) -> None:
    before = sf.limits()["DailyApiRequests"]
    assert before["Max"] == target.org.settings.daily_limit
    sf.query("SELECT Id FROM Account LIMIT 1")
    usage = sf.api_usage["api-usage"]
    assert (usage.total, usage.used) == (before["Max"], before["Max"] - before["Remaining"] + 1)


def test_deletions_and_changes_are_listed(target: Target, sf: Any) -> None:
    made = sf.Account.create({"Name": "Soon gone"})["id"]
    kept = sf.Account.create({"Name": "Kept"})["id"]
    sf.Account.delete(made)
    target.age(made, kept)
    start, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)
    gone = sf.Account.deleted(start, end)
    assert made in [one["id"] for one in gone["deletedRecords"]]
    assert {"earliestDateAvailable", "latestDateCovered"} <= set(gone)
    changed = sf.Account.updated(start, end)
    assert kept in changed["ids"]
    assert made not in changed["ids"]


def test_a_composite_request_hands_results_on(target: Target, sf: Any) -> None:
    asked = [
        {"method": "POST", "url": "/services/data/v59.0/sobjects/Account", "referenceId": "a", "body": {"Name": "Top"}},
        {
            "method": "POST",
            "url": "/services/data/v59.0/sobjects/Contact",
            "referenceId": "c",
            "body": {"LastName": "Below", "AccountId": "@{a.id}"},
        },
        {
            "method": "GET",
            "url": "/services/data/v59.0/query?q=SELECT+Id,Account.Name+FROM+Contact+WHERE+Id='@{c.id}'",
            "referenceId": "q",
        },
    ]
    used = target.org.used()
    done = sf.restful("composite", method="POST", json={"compositeRequest": asked})["compositeResponse"]
    assert target.org.used() == used + 1
    assert [one["httpStatusCode"] for one in done] == [201, 201, 200]
    assert done[0]["httpHeaders"]["Location"].endswith(f"/sobjects/Account/{done[0]['body']['id']}")
    assert done[2]["body"]["records"][0]["Account"]["Name"] == "Top"


def test_a_composite_request_of_all_or_none_leaves_nothing_behind(target: Target, sf: Any) -> None:
    before = target.count("Account")
    asked = [
        {"method": "POST", "url": "/services/data/v59.0/sobjects/Account", "referenceId": "a", "body": {"Name": "x"}},
        {"method": "POST", "url": "/services/data/v59.0/sobjects/Account", "referenceId": "b", "body": {}},
    ]
    body = {"allOrNone": True, "compositeRequest": asked}
    done = sf.restful("composite", method="POST", json=body)["compositeResponse"]
    assert [one["body"][0]["errorCode"] for one in done] == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert target.count("Account") == before


def test_a_batch_counts_each_request_and_can_halt(target: Target, sf: Any) -> None:
    one = target.accounts()[0]
    asked = [
        {"method": "PATCH", "url": f"v59.0/sobjects/Account/{one}", "richInput": {"Phone": "77"}},
        {"method": "GET", "url": f"v59.0/sobjects/Account/{one}?fields=Phone"},
        {"method": "GET", "url": "v59.0/sobjects/Nope"},
        {"method": "GET", "url": "v59.0/limits"},
    ]
    used = target.org.used()
    done = sf.restful("composite/batch", method="POST", json={"batchRequests": asked, "haltOnError": True})
    assert target.org.used() == used + 3
    assert done["hasErrors"] is True
    assert [one["statusCode"] for one in done["results"]] == [204, 200, 404, 412]
    assert done["results"][1]["result"]["Phone"] == "77"


def test_a_tree_is_planted_whole_or_not_at_all(target: Target, sf: Any) -> None:
    def account(reference: str, *contacts: dict[str, Any]) -> dict[str, Any]:
        return {
            "attributes": {"type": "Account", "referenceId": reference},
            "Name": reference,
            "Contacts": {"records": list(contacts)},
        }

    person = {"attributes": {"type": "Contact", "referenceId": "p"}, "LastName": "Person"}
    done = sf.restful("composite/tree/Account", method="POST", json={"records": [account("t1", person)]})
    assert [one["referenceId"] for one in done["results"]] == ["t1", "p"]
    people = sf.query(format_soql("SELECT LastName FROM Contact WHERE AccountId = {}", done["results"][0]["id"]))
    assert [one["LastName"] for one in people["records"]] == ["Person"]
    before = target.count("Account")
    nameless = {"attributes": {"type": "Contact", "referenceId": "n"}}
    with pytest.raises(SalesforceMalformedRequest) as error:
        sf.restful("composite/tree/Account", method="POST", json={"records": [account("t2", nameless)]})
    assert [one["referenceId"] for one in _content(error)["results"]] == ["n"]
    assert target.count("Account") == before


# Bulk API 2.0


def _rows(pages: Any) -> list[dict[str, str]]:
    return [row for page in pages for row in csv.DictReader(StringIO(page))]


def test_a_bulk_query_gives_pages_of_csv(sf: Any, tmp_path: Path) -> None:
    soql = "SELECT Id, Name, AnnualRevenue FROM Account ORDER BY Id"
    pages = list(sf.bulk2.Account.query(soql, max_records=25, wait=0))
    plain = sf.query_all(soql)["records"]
    assert len(pages) == -(-len(plain) // 25)
    assert [(one["Id"], one["Name"]) for one in _rows(pages)] == [(one["Id"], one["Name"]) for one in plain]
    files = sf.bulk2.Account.download(soql, path=str(tmp_path), max_records=25, wait=0)
    assert [Path(one["file"]).read_text(encoding="utf-8") for one in files] == pages


def test_bulk_writes_tell_each_record(target: Target, sf: Any) -> None:
    good, other = target.accounts(2)
    records = [
        {"Id": good, "Name": "Bülk", "Phone": "1"},
        {"Id": other, "Name": "x" * 300, "Phone": "2"},
        {"Id": "001KE0000ZZZZZZ", "Name": "nobody", "Phone": "3"},
    ]
    done = sf.bulk2.Account.update(records=records, wait=0)[0]
    assert (done["numberRecordsTotal"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (3, 3, 2)
    told = sf.bulk2.Account.get_all_ingest_records(done["job_id"])
    assert [(one["sf__Id"], one["sf__Created"], one["Phone"]) for one in told["successfulRecords"]] == [
        (good, "false", "1")
    ]
    assert {one["Phone"]: one["sf__Error"].partition(":")[0] for one in told["failedRecords"]} == {
        "2": "STRING_TOO_LONG",
        "3": "INVALID_CROSS_REFERENCE_KEY",
    }
    assert told["unprocessedRecords"] == []
    assert target.account(good)["Name"] == "Bülk"


def test_bulk_makes_upserts_and_deletes(sf: Any) -> None:
    made = sf.bulk2.Account.insert(records=[{"Name": f"Bulk {one}", KEY: f"b-{one}"} for one in range(3)], wait=0)[0]
    assert made["numberRecordsFailed"] == 0
    records = [{KEY: "b-0", "Name": "Bulk again"}, {KEY: "b-9", "Name": "Bulk new"}]
    done = sf.bulk2.Account.upsert(records=records, external_id_field=KEY, wait=0)[0]
    told = sf.bulk2.Account.get_all_ingest_records(done["job_id"])["successfulRecords"]
    assert {one[KEY]: one["sf__Created"] for one in told} == {"b-0": "false", "b-9": "true"}
    soql = "SELECT Id, Name, IsDeleted FROM Account WHERE Foreign_Key__c LIKE 'b-%' ORDER BY Foreign_Key__c"
    rows = sf.query_all(soql)["records"]
    assert [one["Name"] for one in rows] == ["Bulk again", "Bulk 1", "Bulk 2", "Bulk new"]
    sf.bulk2.Account.delete(records=[{"Id": one["Id"]} for one in rows], wait=0)
    assert sf.query_all(soql)["totalSize"] == 0
    gone = _rows(sf.bulk2.Account.query_all(soql, wait=0))
    assert {one["IsDeleted"] for one in gone} == {"true"}
    assert len(gone) == 4
