"""Objects of the Salesforce org: orders, contact roles, record types, stages, person accounts, computed fields, merges."""
# ruff: noqa: S608  queries with the test's own words

from datetime import timedelta
from typing import Any

from crm_kare.sandbox.salesforce import persons
from crm_kare.sandbox.salesforce.derive import add_stage


def _describe(rig: Any, name: str) -> dict[str, Any]:
    told: dict[str, Any] = rig.call("GET", f"/sobjects/{name}/describe").body
    return told | {"by_name": {one["name"]: one for one in told["fields"]}}


# orders and roles


def test_orders_stand_for_deals_that_were_won(library: Any) -> None:
    found = library.query(
        "SELECT Id, Account.Name, EffectiveDate, Status, StatusCode, TotalAmount, OrderNumber, ActivatedDate FROM Order"
        " ORDER BY OrderNumber LIMIT 5"
    )
    assert len(found) == 5
    for order in found:
        items = library.query(
            f"SELECT TotalPrice, Quantity, UnitPrice, Product2.Family, PricebookEntry.Pricebook2.IsStandard FROM OrderItem"
            f" WHERE OrderId = '{order['Id']}'"
        )
        assert order["TotalAmount"] == round(sum(one["TotalPrice"] for one in items), 2)
        assert all(one["Product2"]["Family"] and one["PricebookEntry"]["Pricebook2"]["IsStandard"] for one in items)
        assert (order["Status"], order["StatusCode"]) == ("Activated", "Activated")
        assert order["Account"]["Name"]
    shares = [library.call("GET", "/query", q=f"SELECT COUNT() FROM {one}").body for one in ("Order", "Opportunity")]
    assert 0 < shares[0]["totalSize"] < shares[1]["totalSize"] / 2


def test_totals_and_numbers_of_orders_are_the_systems(library: Any) -> None:
    order, item = _describe(library, "Order")["by_name"], _describe(library, "OrderItem")["by_name"]
    assert not any(order[name]["updateable"] for name in ("TotalAmount", "OrderNumber", "StatusCode"))
    assert (order["OrderNumber"]["autoNumber"], item["OrderId"]["updateable"]) == (True, False)
    assert [one["value"] for one in order["Status"]["picklistValues"]] == ["Draft", "Activated"]


def test_an_order_begins_as_a_draft_and_adds_up_its_items(salesforce: Any) -> None:
    today = salesforce.clock.now().date().isoformat()
    body = {"AccountId": salesforce.account(), "EffectiveDate": today, "Status": "Activated"}
    early = salesforce.call("POST", "/sobjects/Order", body)
    assert early.body[0]["errorCode"] == "FAILED_ACTIVATION"
    order = salesforce.call("POST", "/sobjects/Order", body | {"Status": "Draft"}).body["id"]
    path = f"/sobjects/Order/{order}"
    assert salesforce.call("PATCH", path, {"Status": "Activated"}).body[0]["errorCode"] == "FAILED_ACTIVATION"
    item = {"OrderId": order, "Quantity": 3, "UnitPrice": 12.5}
    assert salesforce.call("POST", "/sobjects/OrderItem", item).status == 201
    assert salesforce.call("PATCH", path, {"Status": "Activated"}).status == 204
    told = salesforce.call("GET", path).body
    assert (told["TotalAmount"], told["StatusCode"]) == (37.5, "Activated")
    assert told["OrderNumber"].isdecimal()


def test_contact_roles_lead_to_contacts_and_opportunities(library: Any) -> None:
    found = library.query(
        "SELECT Role, IsPrimary, Contact.Name, Opportunity.AccountId, Contact.AccountId FROM OpportunityContactRole LIMIT 9"
    )
    assert found
    assert all(one["Opportunity"]["AccountId"] == one["Contact"]["AccountId"] for one in found)


# record types and stages


def test_record_types_are_told_with_the_master(library: Any) -> None:
    infos = _describe(library, "Account")["recordTypeInfos"]
    assert [(one["developerName"], one["master"], one["defaultRecordTypeMapping"]) for one in infos] == [
        ("Direct", False, True),
        ("Partner", False, False),
        ("Master", True, False),
    ]
    assert infos[-1]["recordTypeId"] == "012000000000000AAA"
    found = library.query("SELECT RecordType.DeveloperName FROM Account WHERE RecordType.Name = 'Partner' LIMIT 1")
    assert found[0]["RecordType"]["DeveloperName"] == "Partner"


def test_an_untouched_org_has_no_record_types(salesforce: Any) -> None:
    salesforce.org.settings.record_types = False
    told = _describe(salesforce, "Account")
    assert [one["developerName"] for one in told["recordTypeInfos"]] == ["Master"]
    assert told["recordTypeInfos"][0]["defaultRecordTypeMapping"]
    assert "RecordTypeId" not in told["by_name"]
    assert salesforce.refused("SELECT RecordTypeId FROM Account")["errorCode"] == "INVALID_FIELD"
    assert salesforce.refused("SELECT RecordType.Name FROM Account")["errorCode"] == "INVALID_FIELD"


def test_what_is_won_follows_the_orgs_own_stages(salesforce: Any) -> None:
    add_stage(salesforce.org, "Abgeschlossen", closed=True, won=True, chance=100)
    stages = salesforce.query(
        "SELECT MasterLabel, IsWon, IsClosed, ForecastCategory FROM OpportunityStage ORDER BY SortOrder"
    )
    assert stages[-1]["MasterLabel"] == "Abgeschlossen"
    deal = salesforce.query("SELECT Id FROM Opportunity WHERE IsClosed = false LIMIT 1")[0]["Id"]
    assert salesforce.call("PATCH", f"/sobjects/Opportunity/{deal}", {"StageName": "Abgeschlossen"}).status == 204
    told = salesforce.call("GET", f"/sobjects/Opportunity/{deal}").body
    assert (told["IsWon"], told["IsClosed"], told["ForecastCategory"], told["Probability"]) == (
        True,
        True,
        "Closed",
        100,
    )


# person accounts


def test_an_org_without_person_accounts_has_none_of_their_fields(library: Any) -> None:
    names = set(_describe(library, "Account")["by_name"])
    assert not names & {"IsPersonAccount", "PersonContactId", "PersonEmail", "FirstName", "LastName", "In_Favour__pc"}
    assert library.refused("SELECT IsPersonAccount FROM Account")["errorCode"] == "INVALID_FIELD"


def test_a_person_account_is_called_as_the_person_and_its_name_is_not_written(salesforce: Any) -> None:
    persons.activate(salesforce.org)
    body = {"FirstName": "Ada", "LastName": "Lovelace", "PersonEmail": "ada@example.org", "In_Favour__pc": "Yes"}
    person = salesforce.call("POST", "/sobjects/Account", body).body["id"]
    told = salesforce.query(
        "SELECT Name, IsPersonAccount, RecordType.DeveloperName, PersonContact.Email, PersonContact.In_Favour__c"
        f" FROM Account WHERE Id = '{person}'"
    )[0]
    assert (told["Name"], told["IsPersonAccount"]) == ("Ada Lovelace", True)
    assert told["RecordType"]["DeveloperName"] == "PersonAccount"
    assert (told["PersonContact"]["Email"], told["PersonContact"]["In_Favour__c"]) == ("ada@example.org", "Yes")
    path = f"/sobjects/Account/{person}"
    refused = salesforce.call("PATCH", path, {"Name": "Other"})
    assert (refused.body[0]["errorCode"], refused.body[0]["fields"]) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"])
    assert salesforce.call("PATCH", path, {"LastName": "King", "Rating": "Hot"}).status == 204
    assert salesforce.call("GET", path).body["Name"] == "Ada King"
    contacts = salesforce.query(f"SELECT Name, IsPersonAccount FROM Contact WHERE AccountId = '{person}'")
    assert [(one["Name"], one["IsPersonAccount"]) for one in contacts] == [("Ada King", True)]


def test_a_business_takes_no_personal_fields(salesforce: Any) -> None:
    persons.activate(salesforce.org)
    path = f"/sobjects/Account/{salesforce.account()}"
    assert salesforce.call("GET", path).body["IsPersonAccount"] is False
    refused = salesforce.call("PATCH", path, {"PersonEmail": "a@example.org"})
    assert refused.body[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert salesforce.call("PATCH", path, {"Name": "Other"}).status == 204
    person = persons.add(salesforce.org, "Grace", "Hopper")
    assert salesforce.query(f"SELECT Name FROM Account WHERE Id = '{person}'")[0]["Name"] == "Grace Hopper"


# computed fields, merges


def test_formulas_and_roll_ups_change_without_a_stamp(salesforce: Any) -> None:
    fields = _describe(salesforce, "Account")["by_name"]
    assert all(fields[name]["calculated"] for name in ("Region__c", "Won_Opportunities__c"))
    assert not fields["Region__c"]["updateable"]
    account = salesforce.account()
    query = f"SELECT Region__c, Won_Opportunities__c, SystemModstamp FROM Account WHERE Id = '{account}'"
    before = salesforce.query(query)[0]
    salesforce.clock.sleep(timedelta(hours=1).total_seconds())
    salesforce.org.records.recompute("Account", account, {"Region__c": "Mars", "Won_Opportunities__c": 77})
    after = salesforce.query(query)[0]
    assert (after["Region__c"], after["Won_Opportunities__c"]) == ("Mars", 77.0)
    assert after["SystemModstamp"] == before["SystemModstamp"]
    refused = salesforce.call("PATCH", f"/sobjects/Account/{account}", {"Region__c": "EMEA"})
    assert refused.body[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_the_roll_up_counts_what_was_won(library: Any) -> None:
    account = library.query("SELECT Id, Won_Opportunities__c FROM Account WHERE Won_Opportunities__c > 2 LIMIT 1")[0]
    query = f"SELECT COUNT() FROM Opportunity WHERE AccountId = '{account['Id']}' AND IsWon = true"
    assert library.call("GET", "/query", q=query).body["totalSize"] == account["Won_Opportunities__c"]


def test_a_merged_contact_or_account_names_the_one_that_is_left(salesforce: Any) -> None:
    org = salesforce.org
    for name in ("Account", "Contact"):
        winner, loser = (one["_id"] for one in org.records.select(name, limit=2))
        org.merge(name, winner, loser, org.integration_user)
        found = salesforce.query(
            f"SELECT Id, MasterRecordId, IsDeleted FROM {name} WHERE IsDeleted = true", "/queryAll"
        )
        assert [(one["Id"], one["MasterRecordId"]) for one in found] == [(loser, winner)]
        assert _describe(salesforce, name)["by_name"]["MasterRecordId"]["referenceTo"] == [name]
