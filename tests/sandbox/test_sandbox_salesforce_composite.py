"""Salesforce's composite requests, and answers at addresses that are none: what foreign clients' tests do not reach."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow

DATA = "/services/data/v60.0"


def _composite(rig: Any, *asked: dict[str, Any], **more: Any) -> Any:
    answer = rig.call("POST", "/composite", {"compositeRequest": list(asked), **more})
    assert answer.status == 200, answer.body
    return answer.body["compositeResponse"]


def _create(reference: str, name: str, **values: Any) -> dict[str, Any]:
    return {"method": "POST", "url": f"{DATA}/sobjects/{name}", "referenceId": reference, "body": values}


def test_what_depends_on_a_failed_request_is_not_carried_out_and_the_rest_is(salesforce: Any) -> None:
    failed, dependent, other = _composite(
        salesforce,
        _create("top", "Account"),
        _create("below", "Contact", LastName="Below", AccountId="@{top.id}"),
        _create("other", "Account", Name="Other"),
    )
    assert (failed["httpStatusCode"], failed["body"][0]["errorCode"]) == (400, "REQUIRED_FIELD_MISSING")
    assert (dependent["httpStatusCode"], dependent["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert (other["httpStatusCode"], other["referenceId"]) == (201, "other")
    assert salesforce.org.records.get("Account", other["body"]["id"]) is not None


def test_a_reference_reaches_into_lists_and_addresses(salesforce: Any) -> None:
    query = f"{DATA}/query?q=SELECT+Id+FROM+Account+ORDER+BY+Id+LIMIT+2"
    found, shown = _composite(
        salesforce,
        {"method": "GET", "url": query, "referenceId": "found"},
        {"method": "GET", "url": f"{DATA}/sobjects/Account/@{{found.records[1].Id}}", "referenceId": "shown"},
    )
    assert shown["body"]["Id"] == found["body"]["records"][1]["Id"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ([], "JSON_PARSER_ERROR"),
        ([{"url": "x", "referenceId": "a"}], "JSON_PARSER_ERROR"),
        ([_create("a", "Account")] * 26, "LIMIT_EXCEEDED"),
        ([_create("a", "Account")] * 2, "INVALID_INPUT"),
        ([_create("-a", "Account")], "INVALID_INPUT"),
    ],
)
def test_a_malformed_composite_request_is_refused_whole(salesforce: Any, asked: Any, code: str) -> None:
    answer = salesforce.call("POST", "/composite", {"compositeRequest": asked})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, code)


def test_a_batch_goes_on_after_an_error_unless_told_otherwise(salesforce: Any) -> None:
    asked = [{"method": "GET", "url": "v60.0/sobjects/Nope"}, {"method": "GET", "url": "v60.0/sobjects/Account"}]
    answer = salesforce.call("POST", "/composite/batch", {"batchRequests": asked}).body
    assert (answer["hasErrors"], [one["statusCode"] for one in answer["results"]]) == (True, [404, 200])


def test_a_tree_needs_references_of_its_own(salesforce: Any) -> None:
    twin = {"attributes": {"type": "Account", "referenceId": "a"}, "Name": "Twin"}
    answer = salesforce.call("POST", "/composite/tree/Account", {"records": [twin, twin]})
    assert (answer.status, answer.body["hasErrors"]) == (400, True)
    assert answer.body["results"][0]["errors"][0]["statusCode"] == "INVALID_INPUT"


def test_a_collection_of_deletions_answers_in_the_order_asked(salesforce: Any) -> None:
    first = salesforce.account()
    answer = salesforce.call("DELETE", "/composite/sobjects", ids=f"{first},001KE0000ZZZZZZ", allOrNone="true").body
    assert [one["errors"][0]["statusCode"] for one in answer] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "INVALID_CROSS_REFERENCE_KEY",
    ]
    answer = salesforce.call("DELETE", "/composite/sobjects", ids=f"x,{first}").body
    assert answer[0]["errors"][0]["statusCode"] == "MALFORMED_ID"
    assert answer[1] == {"id": first, "success": True, "errors": []}


def test_addresses_that_are_none_answer_as_salesforce_does(salesforce: Any) -> None:
    nowhere = salesforce.call("GET", "/nowhere/at/all")
    assert (nowhere.status, nowhere.body[0]["errorCode"]) == (404, "NOT_FOUND")
    wrong = salesforce.call("PUT", "/sobjects/Account")
    assert (wrong.status, wrong.body[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert "GET, POST" in wrong.body[0]["message"]
    salesforce.token = "none"
    assert salesforce.call("GET", "/nowhere").status == 401


def test_a_second_slash_in_front_does_not_matter(salesforce: Any) -> None:
    salesforce.running.url += "/"
    assert salesforce.call("GET", "/limits").status == 200


def test_only_a_session_can_be_ended(salesforce: Any) -> None:
    def revoke(token: str) -> int:
        url = f"{salesforce.running.url}/services/oauth2/revoke"
        return int(salesforce.session.post(url, data={"token": token}, timeout=60).status_code)

    assert revoke("none") == 400
    assert revoke(salesforce.token) == 200
    assert salesforce.call("GET", "/limits").status == 401
