"""Custom fields of the Salesforce org as they are changed over the Tooling API."""

from typing import Any

import pytest

from crm_kare.sandbox.salesforce import profiles, record_types

pytestmark = pytest.mark.slow

NAME = "Mood__c"


def _picklist(*values: str, label: str = "Mood", **more: Any) -> dict[str, Any]:
    listed = [{"valueName": one, "label": one, "default": False} for one in values]
    told = {"restricted": True, "valueSetDefinition": {"sorted": False, "value": listed}}
    return {"label": label, "type": "Picklist", "valueSet": told, **more}


def _make(rig: Any, metadata: dict[str, Any]) -> str:
    body = {"FullName": f"Account.{NAME}", "Metadata": metadata}
    made = rig.call("POST", "/tooling/sobjects/CustomField", body)
    assert made.status == 201, made.body
    set_id = rig.org.records.select("PermissionSet", "IsOwnedByProfile = 1", limit=1)[0]["_id"]
    profiles.grant_fields(rig.org, set_id, "Account", [NAME], edit=True)
    return f"/tooling/sobjects/CustomField/{made.body['id']}"


def _seen(rig: Any) -> dict[str, Any]:
    fields = rig.call("GET", "/sobjects/Account/describe").body["fields"]
    return next(one for one in fields if one["name"] == NAME)


def test_label_and_help_change_at_once(salesforce: Any) -> None:
    path = _make(salesforce, _picklist("Good"))
    changed = _picklist("Good", label="Temper", inlineHelpText="How they are.")
    assert salesforce.call("PATCH", path, {"Metadata": changed}).status == 204
    told = _seen(salesforce)
    assert (told["label"], told["inlineHelpText"]) == ("Temper", "How they are.")


def test_values_are_added_and_those_left_out_become_inactive(salesforce: Any) -> None:
    path = _make(salesforce, _picklist("Good", "Bad"))
    account = f"/sobjects/Account/{salesforce.account()}"
    assert salesforce.call("PATCH", account, {NAME: "Bad"}).status == 204
    assert salesforce.call("PATCH", path, {"Metadata": _picklist("Good", "Fair")}).status == 204
    told = {one["value"]: one["active"] for one in _seen(salesforce)["picklistValues"]}
    assert told == {"Good": True, "Fair": True, "Bad": False}
    values = salesforce.call("GET", path).body["Metadata"]["valueSet"]["valueSetDefinition"]["value"]
    assert [(one["valueName"], one.get("isActive")) for one in values][-1] == ("Bad", False)
    assert salesforce.call("GET", account).body[NAME] == "Bad"
    assert salesforce.call("PATCH", account, {NAME: "Fair"}).status == 204
    refused = salesforce.call("PATCH", account, {NAME: "Bad"})
    assert refused.body[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_a_record_type_narrows_a_restricted_picklist_for_what_is_written(salesforce: Any) -> None:
    _make(salesforce, _picklist("Good", "Bad"))
    account = salesforce.query("SELECT Id FROM Account WHERE RecordType.Name = 'Direct' LIMIT 1")[0]["Id"]
    path = f"/sobjects/Account/{account}"
    assert salesforce.call("PATCH", path, {NAME: "Bad"}).status == 204
    type_id = record_types.narrow(salesforce.org, "Direct", NAME, ["Good"])
    told = salesforce.call("GET", f"/ui-api/object-info/Account/picklist-values/{type_id}").body
    assert [one["value"] for one in told["picklistFieldValues"][NAME]["values"]] == ["Good"]
    assert salesforce.call("PATCH", path, {"Rating": "Hot"}).status == 204
    refused = salesforce.call("PATCH", path, {NAME: "Bad"})
    assert (refused.body[0]["errorCode"], refused.body[0]["fields"]) == (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        [NAME],
    )
    assert salesforce.call("PATCH", path, {NAME: None}).status == 204


def test_a_text_grows(salesforce: Any) -> None:
    path = _make(salesforce, {"label": "Mood", "type": "Text", "length": 5})
    account = f"/sobjects/Account/{salesforce.account()}"
    assert salesforce.call("PATCH", account, {NAME: "splendid"}).body[0]["errorCode"] == "STRING_TOO_LONG"
    assert salesforce.call("PATCH", path, {"Metadata": {"label": "Mood", "type": "Text", "length": 50}}).status == 204
    assert salesforce.call("PATCH", account, {NAME: "splendid"}).status == 204


@pytest.mark.parametrize(
    "other",
    [
        {"label": "Mood", "type": "Number", "precision": 3, "scale": 0},
        {"label": "Mood", "type": "LongTextArea", "length": 1000, "visibleLines": 3},
        _picklist("Good"),
    ],
)
def test_the_type_stays(library: Any, other: dict[str, Any]) -> None:
    if not library.org.records.fields("Account").get(NAME):
        _make(library, {"label": "Mood", "type": "Text", "length": 5})
    (field,) = library.org.records.select("CustomField", "DeveloperName = 'Mood'")
    answer = library.call("PATCH", f"/tooling/sobjects/CustomField/{field['_id']}", {"Metadata": other})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "FIELD_INTEGRITY_EXCEPTION")
    assert answer.body[0]["message"] == f"Cannot update a field to a {other['type']} from something else"
    assert _seen(library)["type"] == "string"


def test_a_deleted_field_is_gone_for_queries_and_writes_and_can_be_made_anew(salesforce: Any) -> None:
    path = _make(salesforce, _picklist("Good"))
    assert salesforce.call("DELETE", path).status == 204
    assert salesforce.refused(f"SELECT {NAME} FROM Account")["errorCode"] == "INVALID_FIELD"  # noqa: S608  SOQL
    write = salesforce.call("PATCH", f"/sobjects/Account/{salesforce.account()}", {NAME: "Good"})
    assert write.body[0]["errorCode"] == "INVALID_FIELD"
    _make(salesforce, {"label": "Mood", "type": "Text", "length": 5})
    assert _seen(salesforce)["type"] == "string"
