"""What runs when records are saved, as the org lists it: flows, triggers, validation and workflow rules."""

from typing import Any

from crm_kare.sandbox.salesforce import automation


def test_flows_are_listed_with_the_object_that_starts_them(library: Any) -> None:
    told = "SELECT ApiName, TriggerType, RecordTriggerType, IsActive, TriggerObjectOrEvent.QualifiedApiName"
    found = library.query(f"{told} FROM FlowDefinitionView WHERE TriggerObjectOrEvent.QualifiedApiName = 'Account'")
    assert [(one["ApiName"], one["TriggerType"], one["IsActive"]) for one in found] == [
        ("Account_Set_Defaults", "RecordBeforeSave", True),
        ("Account_Old_Scoring", "RecordAfterSave", False),
    ]
    assert found[0]["TriggerObjectOrEvent"]["QualifiedApiName"] == "Account"


def test_a_flow_that_no_record_starts_has_no_object(library: Any) -> None:
    found = library.query(
        "SELECT TriggerObjectOrEventId, TriggerObjectOrEvent.QualifiedApiName FROM FlowDefinitionView"
        " WHERE TriggerType = 'Scheduled'"
    )
    assert (found[0]["TriggerObjectOrEventId"], found[0]["TriggerObjectOrEvent"]) == (None, None)


def test_the_view_of_flows_has_its_documented_columns_only(library: Any) -> None:
    for name in ("DeveloperName", "MasterLabel", "CreatedDate", "SystemModstamp", "Status"):
        told = library.refused(f"SELECT {name} FROM FlowDefinitionView")["message"]  # noqa: S608  SOQL
        assert f"No such column '{name}'" in told


def test_triggers_tell_when_they_run(library: Any) -> None:
    query = "SELECT Name, UsageBeforeUpdate, UsageAfterDelete FROM ApexTrigger WHERE TableEnumOrId = 'Account' AND Status = 'Active'"
    assert [
        (one["Name"], one["UsageBeforeUpdate"], one["UsageAfterDelete"])
        for one in library.query(query, "/tooling/query")
    ] == [("AccountTrigger", True, False)]


def test_rules_are_seen_by_the_tooling_api_only_and_their_metadata_one_at_a_time(salesforce: Any) -> None:
    automation.add_validation_rule(salesforce.org, "Second", "Account", "No.", lambda _: False)
    where = "FROM ValidationRule WHERE EntityDefinition.QualifiedApiName = 'Account'"
    found = salesforce.query(f"SELECT ValidationName, Active, ErrorMessage {where}", "/tooling/query")
    assert [one["ValidationName"] for one in found] == ["Renewal_Is_Not_Ancient", "Second"]
    assert salesforce.refused("SELECT Id FROM ValidationRule")["errorCode"] == "INVALID_TYPE"
    assert salesforce.refused("SELECT Id FROM WorkflowRule")["errorCode"] == "INVALID_TYPE"
    both = salesforce.call("GET", "/tooling/query", q=f"SELECT Metadata {where}")
    assert (both.status, both.body[0]["errorCode"]) == (400, "MALFORMED_QUERY")
    one = salesforce.query(f"SELECT Metadata {where} AND ValidationName = 'Second'", "/tooling/query")
    assert one[0]["Metadata"]["active"] is True


def test_a_rule_refuses_while_it_is_active(salesforce: Any) -> None:
    rule = automation.add_validation_rule(
        salesforce.org, "No_Hot", "Account", "Not hot.", lambda record: record["Rating"] == "Hot", at="Rating"
    )
    path = f"/sobjects/Account/{salesforce.account()}"
    refused = salesforce.call("PATCH", path, {"Rating": "Hot"})
    assert refused.status == 400
    assert refused.body == [
        {"message": "Not hot.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Rating"]}
    ]
    salesforce.org.records.update("ValidationRule", rule, {"Active": 0}, salesforce.org.integration_user)
    assert salesforce.call("PATCH", path, {"Rating": "Hot"}).status == 204


def test_the_orgs_own_rule_is_in_force(salesforce: Any) -> None:
    path = f"/sobjects/Account/{salesforce.account()}"
    refused = salesforce.call("PATCH", path, {"Contract_Renewal__c": "1980-01-01"})
    assert refused.body[0]["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert salesforce.call("PATCH", path, {"Contract_Renewal__c": "2027-01-01"}).status == 204


def test_tests_can_add_flows_triggers_and_workflow_rules(salesforce: Any) -> None:
    automation.add_flow(salesforce.org, "Sync", "Account", trigger="RecordAfterSave", namespace="acme")
    automation.add_trigger(salesforce.org, "Watch", "Account", "AfterUpdate", namespace="acme")
    automation.add_workflow_rule(salesforce.org, "Mail", "Account")
    flow = salesforce.query("SELECT NamespacePrefix FROM FlowDefinitionView WHERE ApiName = 'acme__Sync'")
    assert flow[0]["NamespacePrefix"] == "acme"
    trigger = "SELECT Body FROM ApexTrigger WHERE EntityDefinition.QualifiedApiName = 'Account' AND Name = 'Watch'"
    assert salesforce.query(trigger, "/tooling/query")[0]["Body"] == "(hidden)"
    rules = salesforce.query("SELECT Name FROM WorkflowRule WHERE TableEnumOrId = 'Account'", "/tooling/query")
    assert {one["Name"] for one in rules} == {"Mail", "Tell the owner of large accounts"}
