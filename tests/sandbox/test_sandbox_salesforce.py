"""Salesforce over HTTP: logging in, limits, describe, permissions, custom fields, faults."""

import time
from typing import Any

import jwt
import pytest
import requests
from simple_salesforce.api import Salesforce

from crm_kare.sandbox import serve
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.salesforce import environment
from crm_kare.sandbox.salesforce.ids import normalised, with_checks
from crm_kare.sandbox.store import Access

PICKLIST = {
    "label": "KARE Profile",
    "type": "Picklist",
    "inlineHelpText": "Keep, Attain, Recapture or Expand.",
    "valueSet": {
        "restricted": True,
        "valueSetDefinition": {
            "sorted": False,
            "value": [{"fullName": name, "label": name} for name in ("Keep", "Attain")],
        },
    },
}


def _client(rig: Any) -> dict[str, str]:
    credentials = rig.org.credentials
    return {"client_id": credentials.client_id, "client_secret": credentials.client_secret}


def _make_field(rig: Any, name: str = "KARE_Profile__c", metadata: Any = None) -> str:
    body = {"FullName": f"Account.{name}", "Metadata": metadata or PICKLIST}
    answer = rig.call("POST", "/tooling/sobjects/CustomField", body)
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


def _grant(rig: Any, *names: str, edit: bool = True) -> None:
    found = rig.query("SELECT Id FROM PermissionSet WHERE Name = 'KARE'")
    if not found:
        made = rig.call("POST", "/sobjects/PermissionSet", {"Name": "KARE", "Label": "KARE"}).body["id"]
        told = {"PermissionSetId": made, "AssigneeId": rig.org.integration_user}
        assert rig.call("POST", "/sobjects/PermissionSetAssignment", told).status == 201
        found = [{"Id": made}]
    for name in names:
        told = {"ParentId": found[0]["Id"], "SobjectType": "Account", "Field": f"Account.{name}"}
        answer = rig.call(
            "POST", "/sobjects/FieldPermissions", told | {"PermissionsRead": True, "PermissionsEdit": edit}
        )
        assert answer.status == 201, answer.body


# ids


def test_an_id_has_three_check_characters_that_tell_the_case() -> None:
    assert with_checks("0017F000004QNEC") == "0017F000004QNECQA4"
    assert normalised("0017f000004qnecqa4") == "0017F000004QNECQA4"
    assert normalised("0017F000004QNEC") == "0017F000004QNECQA4"
    assert normalised("0017F000004QNEC555") is None  # these tell of capitals where there are digits
    assert normalised("short") is None


# logging in


def test_client_credentials_give_a_session_and_no_refresh_token(salesforce: Any) -> None:
    told = environment(salesforce.running.url)
    answer = salesforce.log_in(
        grant_type="client_credentials",
        client_id=told["SALESFORCE_CLIENT_ID"],
        client_secret=told["SALESFORCE_CLIENT_SECRET"],
    ).body
    assert answer["token_type"] == "Bearer"
    assert answer["instance_url"] == salesforce.running.url
    assert "refresh_token" not in answer
    salesforce.token = answer["access_token"]
    assert salesforce.call("GET", "/services/oauth2/userinfo").body["organization_id"] == salesforce.org.id


def test_refused_logins_answer_an_object_and_not_a_list(salesforce: Any) -> None:
    client = _client(salesforce)
    cases = [
        ({"grant_type": "client_credentials", **client, "client_secret": "x"}, "invalid_client"),
        ({"grant_type": "client_credentials", **client, "client_id": "x"}, "invalid_client_id"),
        ({"grant_type": "password", **client, "username": "a", "password": "b"}, "invalid_grant"),
        ({"grant_type": "refresh_token", **client, "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
    ]
    for form, error in cases:
        answer = salesforce.log_in(**form)
        assert (answer.status, answer.body["error"]) == (400, error)


def test_a_rotated_refresh_token_is_void(salesforce: Any) -> None:
    salesforce.org.settings.rotate_refresh_tokens = True
    old = salesforce.org.credentials.refresh_token
    form = {"grant_type": "refresh_token", **_client(salesforce)}
    new = salesforce.log_in(**form, refresh_token=old).body["refresh_token"]
    assert salesforce.log_in(**form, refresh_token=old).body["error_description"] == "expired access/refresh token"
    assert salesforce.log_in(**form, refresh_token=new).status == 200


def test_a_jwt_must_be_signed_by_the_app_for_a_user_who_approved_it(salesforce: Any) -> None:
    org = salesforce.org
    claims = {
        "iss": org.credentials.client_id,
        "sub": org.credentials.username,
        "aud": "https://login.salesforce.com",
        "exp": salesforce.clock.now().timestamp() + 180,
    }
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}

    def log_in(**changes: Any) -> Any:
        signed = jwt.encode({**claims, **changes}, org.app_key(), algorithm="RS256")
        return salesforce.log_in(**grant, assertion=signed)

    assert log_in().status == 200
    assert log_in(aud="https://elsewhere").body["error_description"] == "Audience validation failed"
    assert log_in(sub="x@y.example").body["error_description"] == "user hasn't approved this consumer"
    assert log_in(exp=salesforce.clock.now().timestamp() - 1).status == 400
    assert salesforce.log_in(**grant, assertion="no.jwt.atall").status == 400


def test_a_session_ends_and_then_every_call_says_so(salesforce: Any) -> None:
    salesforce.clock.sleep(7201)
    answer = salesforce.call("GET", "/limits")
    assert answer.status == 401
    assert answer.body == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_soap_login_ends_before_version_65(salesforce: Any) -> None:
    credentials = salesforce.org.credentials
    body = (
        f"<e:Envelope><e:Body><n1:login><n1:username>{credentials.username}</n1:username>"
        f"<n1:password>{credentials.password}{credentials.security_token}</n1:password></n1:login></e:Body></e:Envelope>"
    )
    address = f"{salesforce.running.url}/services/Soap/u/"
    good = requests.post(f"{address}59.0", data=body, timeout=60)
    salesforce.token = good.text.split("<sessionId>")[1].split("<")[0]
    assert salesforce.call("GET", "/limits").status == 200
    late = requests.post(f"{address}65.0", data=body, timeout=60)
    assert (late.status_code, "UNSUPPORTED_API_VERSION" in late.text) == (500, True)


def test_old_versions_are_gone_and_unknown_ones_not_found(salesforce: Any) -> None:
    versions = [one["version"] for one in salesforce.call("GET", "/services/data").body]
    assert versions[0] == "31.0"
    for version, status in (("30.0", 410), ("99.0", 404), ("60.0", 200)):
        assert salesforce.call("GET", f"/services/data/v{version}/limits").status == status


# limits


def test_every_answer_tells_the_use_of_the_day_and_over_it_all_is_refused(salesforce: Any) -> None:
    salesforce.org.settings.daily_limit = 2
    assert salesforce.call("GET", "/limits").body["DailyApiRequests"] == {"Max": 2, "Remaining": 1}
    assert salesforce.call("GET", "/limits").headers["Sforce-Limit-Info"] == "api-usage=2/2"
    salesforce.org.settings.app_name = "kare"
    answer = salesforce.call("GET", "/limits")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=2/2; per-app-api-usage=2/2(appName=kare)"
    assert (answer.status, answer.body[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert answer.body[0]["message"] == "TotalRequests Limit exceeded."
    salesforce.clock.sleep(86_401)  # the window rolls
    salesforce.token = salesforce.org.log_in(salesforce.org.integration_user)
    assert salesforce.call("GET", "/limits").status == 200


# describe, permissions, custom fields


def test_describe_tells_fields_types_and_picklists(salesforce: Any) -> None:
    told = salesforce.call("GET", "/sobjects/Account/describe").body
    fields = {one["name"]: one for one in told["fields"]}
    assert fields["ParentId"]["referenceTo"] == ["Account"]
    assert fields["ParentId"]["relationshipName"] == "Parent"
    assert fields["NumberOfEmployees"]["type"] == "int"
    assert not fields["SystemModstamp"]["updateable"]
    assert "Manufacturing" in [one["value"] for one in fields["Industry"]["picklistValues"]]
    assert not fields["Description"]["filterable"]
    assert "Account" in [one["name"] for one in salesforce.call("GET", "/sobjects").body["sobjects"]]
    assert salesforce.call("GET", "/sobjects/Nothing/describe").status == 404


def test_a_new_field_is_invisible_until_it_is_granted(salesforce: Any) -> None:
    _make_field(salesforce)
    names = [one["name"] for one in salesforce.call("GET", "/sobjects/Account/describe").body["fields"]]
    assert "KARE_Profile__c" not in names
    assert "No such column 'KARE_Profile__c'" in salesforce.refused("SELECT KARE_Profile__c FROM Account")["message"]
    write = salesforce.call("PATCH", f"/sobjects/Account/{salesforce.account()}", {"KARE_Profile__c": "Keep"})
    assert (write.status, write.body[0]["errorCode"]) == (400, "INVALID_FIELD")
    _grant(salesforce, "KARE_Profile__c")
    fields = {one["name"]: one for one in salesforce.call("GET", "/sobjects/Account/describe").body["fields"]}
    told = fields["KARE_Profile__c"]
    assert (told["type"], told["restrictedPicklist"], told["updateable"]) == ("picklist", True, True)
    assert told["inlineHelpText"] == PICKLIST["inlineHelpText"]
    assert salesforce.query("SELECT KARE_Profile__c FROM Account LIMIT 1")[0]["KARE_Profile__c"] is None


def test_a_field_granted_for_reading_only_cannot_be_written(salesforce: Any) -> None:
    _make_field(salesforce)
    _grant(salesforce, "KARE_Profile__c", edit=False)
    answer = salesforce.call("PATCH", f"/sobjects/Account/{salesforce.account()}", {"KARE_Profile__c": "Keep"})
    assert answer.body[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert answer.body[0]["fields"] == ["KARE_Profile__c"]


def test_a_hidden_standard_field_is_as_if_it_did_not_exist(salesforce: Any) -> None:
    salesforce.org.records.set_access(
        salesforce.org.integration_user, "Account", "Type", Access(read=False, edit=False)
    )
    assert "No such column 'Type' on entity 'Account'" in salesforce.refused("SELECT Type FROM Account")["message"]


def test_edit_needs_read_and_a_permission_is_given_once(salesforce: Any) -> None:
    _make_field(salesforce)
    _grant(salesforce, "KARE_Profile__c")
    set_id = salesforce.query("SELECT Id FROM PermissionSet WHERE Name = 'KARE'")[0]["Id"]
    told = {"ParentId": set_id, "SobjectType": "Account", "Field": "Account.KARE_Profile__c", "PermissionsRead": True}
    again = salesforce.call("POST", "/sobjects/FieldPermissions", told)
    assert again.body[0]["errorCode"] == "DUPLICATE_VALUE"
    blind = told | {"Field": "Account.Wallet__c", "PermissionsRead": False, "PermissionsEdit": True}
    assert (
        salesforce.call("POST", "/sobjects/FieldPermissions", blind).body[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    )
    unknown = told | {"Field": "Account.Nope__c"}
    assert (
        "bad value for restricted picklist"
        in salesforce.call("POST", "/sobjects/FieldPermissions", unknown).body[0]["message"]
    )


def test_custom_fields_are_found_changed_and_deleted_by_the_tooling_api(salesforce: Any) -> None:
    field = _make_field(salesforce)
    _grant(salesforce, "KARE_Profile__c")
    query = "SELECT Id, FullName, Metadata FROM CustomField WHERE TableEnumOrId = 'Account' AND DeveloperName = 'KARE_Profile'"
    found = salesforce.query(query, "/tooling/query")
    assert (found[0]["Id"], found[0]["FullName"], found[0]["Metadata"]["label"]) == (
        field,
        "Account.KARE_Profile__c",
        "KARE Profile",
    )
    every = salesforce.call("GET", "/tooling/query", q="SELECT Id, Metadata FROM CustomField")
    assert (every.status, every.body[0]["errorCode"]) == (400, "MALFORMED_QUERY")
    assert salesforce.refused("SELECT Id FROM CustomField")["errorCode"] == "INVALID_TYPE"
    changed = salesforce.call(
        "PATCH", f"/tooling/sobjects/CustomField/{field}", {"Metadata": {**PICKLIST, "label": "Profile"}}
    )
    assert (changed.status, changed.body) == (204, "")
    assert salesforce.call("GET", f"/tooling/sobjects/CustomField/{field}").body["Metadata"]["label"] == "Profile"
    assert salesforce.call("DELETE", f"/tooling/sobjects/CustomField/{field}").status == 204
    assert salesforce.query("SELECT Id FROM FieldPermissions WHERE Field = 'Account.KARE_Profile__c'") == []
    assert salesforce.call("GET", f"/tooling/sobjects/CustomField/{field}").status == 404


def test_a_field_that_is_there_cannot_be_made_again(salesforce: Any) -> None:
    _make_field(salesforce)
    body = {"FullName": "Account.KARE_Profile__c", "Metadata": PICKLIST}
    answer = salesforce.call("POST", "/tooling/sobjects/CustomField", body)
    assert answer.status == 400
    assert answer.body[0]["message"] == "There is already a field named KARE_Profile on Account."


@pytest.mark.parametrize(
    "metadata",
    [
        {"label": "A", "type": "Text"},
        {"label": "A", "type": "Text", "length": 256},
        {"label": "A", "type": "LongTextArea", "length": 32_768},
        {"label": "A", "type": "Number", "precision": 19, "scale": 0},
        {"label": "A", "type": "Checkbox"},
        {"label": "A", "type": "Picklist"},
        {"label": "A" * 41, "type": "Date"},
        {"label": "A", "type": "Wonder"},
    ],
)
def test_incomplete_metadata_is_refused(library: Any, metadata: Any) -> None:
    answer = library.call("POST", "/tooling/sobjects/CustomField", {"FullName": "Account.A__c", "Metadata": metadata})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_a_plain_user_may_not_customise(salesforce: Any) -> None:
    rep = salesforce.query("SELECT Id FROM User WHERE Username LIKE 'rep0@%'")[0]["Id"]
    salesforce.token = salesforce.org.log_in(rep)
    answer = salesforce.call(
        "POST", "/tooling/sobjects/CustomField", {"FullName": "Account.A__c", "Metadata": PICKLIST}
    )
    assert answer.status == 403
    answer = salesforce.call("POST", "/sobjects/PermissionSet", {"Name": "X", "Label": "X"})
    assert answer.body[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"


# the official client and faults


def test_simple_salesforce_works_against_it(salesforce: Any) -> None:
    with requests.Session() as session:
        client = Salesforce(instance="127.0.0.1", session_id=salesforce.token, version="60.0", session=session)
        client.base_url = f"{salesforce.running.url}/services/data/v60.0/"
        rows = client.query_all("SELECT Id, Name FROM Account")["records"]
        assert len(rows) == 40
        one: Any = client.restful("sobjects/Account/" + rows[0]["Id"])
        assert one["Name"] == rows[0]["Name"]


def _account_patch(rig: Any) -> tuple[str, dict[str, str]]:
    return f"/sobjects/Account/{rig.account()}", {"Phone": "+1 555"}


def test_a_status_fault_comes_before_or_after_the_work(salesforce: Any) -> None:
    path, body = _account_patch(salesforce)
    for after, phone in ((False, None), (True, "+1 555")):
        salesforce.org.records.update("Account", salesforce.account(), {"Phone": None}, "rig")
        salesforce.running.faults.order(Fault(path="*/sobjects/*", method="PATCH", status=503, after=after))
        assert salesforce.call("PATCH", path, body).status == 503
        record = salesforce.org.records.get("Account", salesforce.account())
        assert record
        assert record["Phone"] == phone


def test_a_dropped_connection_has_no_answer(salesforce: Any) -> None:
    path, body = _account_patch(salesforce)
    salesforce.running.faults.order(Fault(kind="drop", after=True))
    with pytest.raises(requests.ConnectionError):
        salesforce.call("PATCH", path, body)
    assert [one.status for one in salesforce.running.faults.calls(method="PATCH")] == [0]
    assert salesforce.call("PATCH", path, body).status == 204


def test_a_truncated_answer_breaks_while_it_is_read(salesforce: Any) -> None:
    salesforce.running.faults.order(Fault(kind="truncate"))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        salesforce.query("SELECT Id, Name FROM Account")


def test_faults_can_be_slow_skipped_and_drawn_by_chance(salesforce: Any) -> None:
    salesforce.running.faults.order(Fault(kind="slow", seconds=0.05))
    began = time.perf_counter()
    salesforce.call("GET", "/limits")
    assert time.perf_counter() - began >= 0.05
    salesforce.running.faults.order(Fault(skip=1, status=500))
    assert [salesforce.call("GET", "/limits").status for _ in range(3)] == [200, 500, 200]
    salesforce.running.faults.order(Fault(share=0.5, times=0, seed=1))
    statuses = [salesforce.call("GET", "/limits").status for _ in range(40)]
    assert 10 < statuses.count(503) < 30
    salesforce.running.faults.clear()
    assert salesforce.call("GET", "/limits").status == 200


def test_another_process_orders_faults_over_http(salesforce: Any) -> None:
    url = salesforce.running.url
    assert requests.get(f"{url}/sandbox/ready", timeout=60).json() == {"ready": True, "accounts": {"salesforce": 40}}
    fault = {"path": "*/limits", "status": 502, "body": "<html>", "headers": {"content-type": "text/html"}}
    assert requests.post(f"{url}/sandbox/faults", json=[fault], timeout=60).json() == {"ordered": 1}
    assert salesforce.call("GET", "/limits").body == "<html>"
    assert requests.post(f"{url}/sandbox/faults", json=[{"kind": "wonder"}], timeout=60).status_code == 400
    calls = requests.get(f"{url}/sandbox/calls", params={"path": "*/limits"}, timeout=60).json()
    assert [one["status"] for one in calls] == [502]
    assert requests.delete(f"{url}/sandbox/faults", timeout=60).status_code == 200


def test_a_port_that_is_taken_is_an_error(salesforce: Any) -> None:
    with pytest.raises(OSError, match="in use"), serve(salesforce.clock, accounts=1, port=salesforce.running.port):
        pytest.fail("two servers on one port")
