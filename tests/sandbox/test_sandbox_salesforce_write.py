"""Writes to Salesforce over HTTP: single records and collections, and how they are refused."""
# ruff: noqa: S608  queries with the test's own ids

from typing import Any

import pytest

from crm_kare.sandbox.salesforce.errors import RecordError

MANY = "/composite/sobjects"


def _records(rig: Any, number: int, **values: Any) -> list[dict[str, Any]]:
    rows = rig.org.records.select("Account", limit=number)
    return [{"attributes": {"type": "Account"}, "id": one["_id"], **values} for one in rows]


def _value(rig: Any, record_id: str, name: str) -> Any:
    return rig.org.records.get("Account", record_id)[name]


def test_a_single_write_answers_204_without_a_body_and_moves_the_stamp(salesforce: Any) -> None:
    path = f"/sobjects/Account/{salesforce.account()}"
    for moved in (60, 120):  # the second changes nothing, and moves the stamp too
        salesforce.clock.sleep(60)
        answer = salesforce.call("PATCH", path, {"Phone": "  +1 555  ", "BillingCity": ""})
        assert (answer.status, answer.body) == (204, "")
        record = salesforce.call("GET", path).body
        begin = 30 + moved // 60
        assert record["SystemModstamp"] == f"2026-11-21T09:{begin}:15.000+0000"
    assert (record["Phone"], record["BillingCity"]) == ("+1 555", None)


def test_a_record_is_made_and_read_back(salesforce: Any) -> None:
    answer = salesforce.call("POST", "/sobjects/Account", {"Name": "New one", "AnnualRevenue": 1e7})
    assert (answer.status, answer.body["success"], answer.body["errors"]) == (201, True, [])
    record = salesforce.call("GET", f"/sobjects/Account/{answer.body['id']}", fields="Name,OwnerId,AnnualRevenue").body
    assert (record["Name"], record["OwnerId"], record["AnnualRevenue"]) == (
        "New one",
        salesforce.org.integration_user,
        1e7,
    )
    missing = salesforce.call("POST", "/sobjects/Account", {"Phone": "1"}).body[0]
    assert (missing["errorCode"], missing["fields"]) == ("REQUIRED_FIELD_MISSING", ["Name"])


def test_flags_of_an_opportunity_follow_its_stage(salesforce: Any) -> None:
    told = {"Name": "Deal", "StageName": "Closed Won – Renewal", "CloseDate": "2026-11-01", "Amount": 10}
    made = salesforce.call("POST", "/sobjects/Opportunity", told).body["id"]
    record = salesforce.call("GET", f"/sobjects/Opportunity/{made}").body
    assert (record["IsWon"], record["IsClosed"], record["Probability"], record["ForecastCategory"]) == (
        True,
        True,
        100.0,
        "Closed",
    )
    assert salesforce.call("PATCH", f"/sobjects/Opportunity/{made}", {"StageName": "Prospecting"}).status == 204
    assert salesforce.call("GET", f"/sobjects/Opportunity/{made}").body["IsWon"] is False
    refused = salesforce.call("PATCH", f"/sobjects/Opportunity/{made}", {"IsWon": True}).body[0]
    assert refused["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Nope__c": "x"}, "INVALID_FIELD"),
        ({"Id": "001000000000000AAA"}, "INVALID_FIELD"),
        ({"NumberOfEmployees": "a dozen"}, "JSON_PARSER_ERROR"),
        ({"NumberOfEmployees": 1.5}, "JSON_PARSER_ERROR"),
        ({"Contract_Renewal__c": "tomorrow"}, "JSON_PARSER_ERROR"),
        ({"Phone": 5}, "JSON_PARSER_ERROR"),
        ({"BillingCity": "x" * 41}, "STRING_TOO_LONG"),
        ({"Sites__c": 1_000_000}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"ParentId": "no id"}, "MALFORMED_ID"),
        ({"ParentId": "001KE0000ZZZZZZ"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"Name": None}, "REQUIRED_FIELD_MISSING"),
        ({"SystemModstamp": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(library: Any, body: Any, code: str) -> None:
    answer = library.call("PATCH", f"/sobjects/Account/{library.account()}", body)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, code)


def test_a_body_must_be_json_and_say_so(salesforce: Any) -> None:
    url = f"{salesforce.running.url}/services/data/v60.0/sobjects/Account/{salesforce.account()}"
    headers = {"Authorization": f"Bearer {salesforce.token}", "Content-Type": "application/json"}
    assert (
        salesforce.session.patch(url, data="{", headers=headers, timeout=60).json()[0]["errorCode"]
        == "JSON_PARSER_ERROR"
    )
    headers["Content-Type"] = "text/plain"
    assert salesforce.session.patch(url, data="{}", headers=headers, timeout=60).status_code == 415


def test_a_record_that_is_gone_cannot_be_written(salesforce: Any) -> None:
    account = salesforce.account()
    salesforce.org.records.delete("Account", account, "rig")
    answer = salesforce.call("PATCH", f"/sobjects/Account/{account}", {"Phone": "1"})
    assert (answer.status, answer.body[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")
    assert salesforce.call("GET", f"/sobjects/Account/{account}").status == 404


def test_a_collection_answers_in_the_order_asked_and_a_failed_record_carries_no_id(salesforce: Any) -> None:
    records = _records(salesforce, 4, Phone="1")
    records[1]["BillingCity"] = "x" * 41
    salesforce.org.records.delete("Account", records[2]["id"], "rig")
    answer = salesforce.call("PATCH", MANY, {"records": records[::-1]})
    assert answer.status == 200
    assert [one["success"] for one in answer.body] == [True, False, False, True]
    assert [one.get("id") for one in answer.body] == [records[3]["id"], None, None, records[0]["id"]]
    assert [one["errors"][0]["statusCode"] for one in answer.body if one["errors"]] == [
        "ENTITY_IS_DELETED",
        "STRING_TOO_LONG",
    ]
    assert answer.body[2]["errors"][0]["fields"] == ["BillingCity"]
    assert _value(salesforce, records[1]["id"], "Phone") != "1"


def test_all_or_none_takes_back_what_was_written(salesforce: Any) -> None:
    records = _records(salesforce, 3, Phone="1")
    records[2]["Sites__c"] = 1e9
    answer = salesforce.call("PATCH", MANY, {"allOrNone": True, "records": records})
    codes = [one["errors"][0]["statusCode"] for one in answer.body]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2 + ["NUMBER_OUTSIDE_VALID_RANGE"]
    assert all(_value(salesforce, one["id"], "Phone") != "1" for one in records)


def test_more_than_200_records_are_refused(salesforce: Any) -> None:
    record = _records(salesforce, 1, Phone="1")[0]
    answer = salesforce.call("PATCH", MANY, {"records": [record] * 201})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert "cannot submit more than 200 records" in answer.body[0]["message"]


def test_an_unknown_field_refuses_the_whole_collection(salesforce: Any) -> None:
    records = _records(salesforce, 3, Phone="1")
    records[2]["Nope__c"] = "x"
    answer = salesforce.call("PATCH", MANY, {"records": records})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert _value(salesforce, records[0]["id"], "Phone") != "1"


def test_a_collection_needs_types_and_ids_and_does_not_mix_setup_with_others(salesforce: Any) -> None:
    record = _records(salesforce, 1, Phone="1")[0]
    untyped = {key: value for key, value in record.items() if key != "attributes"}
    assert salesforce.call("PATCH", MANY, {"records": [untyped]}).status == 400
    assert salesforce.call("PATCH", MANY, {"record": []}).status == 400
    nameless = {"attributes": {"type": "Account"}, "Phone": "1"}
    answer = salesforce.call("PATCH", MANY, {"records": [nameless]})
    assert answer.body[0]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    user = {"attributes": {"type": "User"}, "id": salesforce.org.integration_user, "Department": "x"}
    assert salesforce.call("PATCH", MANY, {"records": [record, user]}).body[0]["errorCode"] == "MIXED_DML_OPERATION"


def test_a_collection_counts_as_one_call(salesforce: Any) -> None:
    before = salesforce.org.used()
    salesforce.call("PATCH", MANY, {"records": _records(salesforce, 40, Phone="1")})
    assert salesforce.org.used() - before == 1


def test_a_locked_row_and_a_validation_rule_fail_their_record_alone(salesforce: Any) -> None:
    records = _records(salesforce, 3, Phone="1")
    salesforce.running.faults.order_inside(f"lock_row:{records[0]['id']}")
    rule = RecordError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Ask finance first", ("Phone",))
    salesforce.org.settings.validation_rules.append(
        lambda _name, after: rule if after["_id"] == records[1]["id"] else None
    )
    results = salesforce.call("PATCH", MANY, {"records": records}).body
    codes = [one["errors"][0]["statusCode"] if one["errors"] else "" for one in results]
    assert codes == ["UNABLE_TO_LOCK_ROW", "FIELD_CUSTOM_VALIDATION_EXCEPTION", ""]
    again = salesforce.call("PATCH", MANY, {"records": records[:1]}).body
    assert again[0]["success"]


def test_restricted_picklists_take_their_values_only(salesforce: Any) -> None:
    metadata = {
        "label": "Tier",
        "type": "Picklist",
        "valueSet": {"restricted": True, "valueSetDefinition": {"value": [{"fullName": "High", "label": "Hoch"}]}},
    }
    body = {"FullName": "Account.Tier__c", "Metadata": metadata}
    assert salesforce.call("POST", "/tooling/sobjects/CustomField", body).status == 201
    set_id = salesforce.query("SELECT Id FROM PermissionSet WHERE Profile.Name = 'System Administrator'")[0]["Id"]
    told = {"ParentId": set_id, "SobjectType": "Account", "Field": "Account.Tier__c"}
    rights = {"PermissionsRead": True, "PermissionsEdit": True}
    assert salesforce.call("POST", "/sobjects/FieldPermissions", told | rights).status == 201
    path = f"/sobjects/Account/{salesforce.account()}"
    answer = salesforce.call("PATCH", path, {"Tier__c": "Hoch"})  # the label is not the value
    assert answer.body[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert "bad value for restricted picklist field" in answer.body[0]["message"]
    assert salesforce.call("PATCH", path, {"Tier__c": "High"}).status == 204
    assert salesforce.call("PATCH", path, {"Tier__c": None}).status == 204


def test_records_are_retrieved_by_id_with_null_for_those_that_are_not_there(salesforce: Any) -> None:
    first, second = (one["_id"] for one in salesforce.org.records.select("Account", limit=2))
    body = {"ids": [second, "001KE0000ZZZZZZ", first], "fields": ["Name"]}
    answer = salesforce.call("POST", "/composite/sobjects/Account", body).body
    assert [one and one["Id"] for one in answer] == [second, None, first]


def test_deleting_a_permission_set_takes_its_parts_along(salesforce: Any) -> None:
    set_id = salesforce.call("POST", "/sobjects/PermissionSet", {"Name": "KARE", "Label": "KARE"}).body["id"]
    told = {"PermissionSetId": set_id, "AssigneeId": salesforce.org.integration_user}
    salesforce.call("POST", "/sobjects/PermissionSetAssignment", told)
    twice = salesforce.call("POST", "/sobjects/PermissionSetAssignment", told)
    assert twice.body[0]["errorCode"] == "DUPLICATE_VALUE"
    assert salesforce.call("DELETE", f"/sobjects/PermissionSet/{set_id}").status == 204
    assert salesforce.query(f"SELECT Id FROM PermissionSetAssignment WHERE PermissionSetId = '{set_id}'") == []
