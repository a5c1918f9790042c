"""SOQL over HTTP: what it answers, page by page, and how it refuses."""
# ruff: noqa: S608  queries with the test's own values

from typing import Any

import pytest

READ = "SELECT Id FROM Opportunity"


def test_a_result_comes_in_batches_by_a_locator(library: Any) -> None:
    ids, path, sizes = [], "/query", []
    query = {"q": READ}
    while path:
        page = library.call("GET", path, **query).body
        ids += [one["Id"] for one in page["records"]]
        sizes.append(len(page["records"]))
        path, query = page.get("nextRecordsUrl"), {}
        assert page["done"] is (path is None)
    assert len(ids) == len(set(ids)) == page["totalSize"] == library.org.records.count("Opportunity")
    assert sizes[:-1] == [2000] * (len(sizes) - 1)


@pytest.mark.parametrize(("asked", "given"), [("250", 250), ("10", 200), ("9999", 2000)])
def test_the_batch_size_is_between_200_and_2000(library: Any, asked: str, given: int) -> None:
    library.session.headers["Sforce-Query-Options"] = f"batchSize={asked}"
    try:
        page = library.call("GET", "/query", q=READ).body
    finally:
        del library.session.headers["Sforce-Query-Options"]
    assert len(page["records"]) == given
    assert page["nextRecordsUrl"].startswith("/services/data/v60.0/query/0r8")
    locator, _, offset = page["nextRecordsUrl"].rsplit("/", 1)[1].partition("-")
    assert (len(locator), offset) == (18, str(given))


def test_a_locator_is_good_for_two_days(salesforce: Any) -> None:
    salesforce.org.settings.page_limit = 10
    salesforce.org.settings.session_seconds = 1e6
    salesforce.token = salesforce.org.log_in(salesforce.org.integration_user)
    more = salesforce.call("GET", "/query", q=READ).body["nextRecordsUrl"]
    assert salesforce.call("GET", more).status == 200
    salesforce.clock.sleep(2 * 86_400 + 1)
    assert salesforce.call("GET", more).body[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert salesforce.call("GET", "/query/0r8000000000000AAA-2000").body[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_fields_of_related_records_are_nested_and_null_where_there_is_none(library: Any) -> None:
    rows = library.query("SELECT Id, parent.owner.name, Owner.UserRole.Name FROM Account")
    daughters = [one for one in rows if one["Parent"]]
    assert daughters
    assert len(daughters) < len(rows)
    assert daughters[0]["Parent"]["Owner"]["attributes"]["type"] == "User"
    assert daughters[0]["Parent"]["Owner"]["Name"]
    assert set(rows[0]) == {"attributes", "Id", "Parent", "Owner"}
    lines = library.query("SELECT Product2.Family FROM OpportunityLineItem LIMIT 5")
    assert all(one["Product2"]["Family"] for one in lines)


def test_values_have_their_json_types(library: Any) -> None:
    row = library.query(
        "SELECT Amount, CloseDate, IsWon, CreatedDate, AccountId FROM Opportunity WHERE Amount > 0 LIMIT 1"
    )[0]
    assert isinstance(row["Amount"], float)
    assert isinstance(row["IsWon"], bool)
    assert len(row["CloseDate"]) == 10
    assert row["CreatedDate"].endswith(".000+0000")
    assert len(row["AccountId"]) == 18
    account = library.query("SELECT NumberOfEmployees FROM Account WHERE NumberOfEmployees != null LIMIT 1")[0]
    assert isinstance(account["NumberOfEmployees"], int)


def test_counting_brings_no_records(library: Any) -> None:
    answer = library.call("GET", "/query", q="SELECT COUNT() FROM Account WHERE Industry = null").body
    assert answer["records"] == []
    assert answer["totalSize"] == library.org.records.count("Account", "Industry IS NULL") > 0


def test_aggregates_are_named_by_alias_or_number(library: Any) -> None:
    rows = library.query("SELECT StageName, COUNT(Id), SUM(Amount) total FROM Opportunity GROUP BY StageName")
    assert rows[0]["attributes"] == {"type": "AggregateResult"}
    assert set(rows[0]) == {"attributes", "StageName", "expr1", "total"}
    assert sum(one["expr1"] for one in rows) == library.org.records.count("Opportunity")
    assert library.refused("SELECT Name, COUNT(Id) FROM Account")["errorCode"] == "MALFORMED_QUERY"


@pytest.mark.parametrize(
    ("where", "sql"),
    [
        ("Industry = 'MANUFACTURING'", "Industry = 'Manufacturing'"),  # text is compared without case
        ("Industry LIKE 'm%'", "Industry LIKE 'M%'"),
        ("Industry != 'Retail'", "Industry IS NULL OR Industry != 'Retail'"),  # not equal keeps blanks
        ("NOT Industry = 'Retail'", "Industry IS NULL OR Industry != 'Retail'"),
        ("Industry IN ('Retail', null)", "Industry IS NULL OR Industry = 'Retail'"),
        ("Industry NOT IN ('Retail', 'Energy')", "Industry IS NULL OR Industry NOT IN ('Retail', 'Energy')"),
        (
            "Industry = null AND (Type = 'Customer' OR Type = null)",
            "Industry IS NULL AND (Type = 'Customer' OR Type IS NULL)",
        ),
        (
            "NumberOfEmployees > 100 AND NumberOfEmployees <= 5e2",
            "NumberOfEmployees > 100 AND NumberOfEmployees <= 500",
        ),
        ("CreatedDate >= 2025-01-01T00:00:00Z", "_created >= 1735689600000"),
        ("CreatedDate < 2025-01-01T02:00:00+02:00", "_created < 1735689600000"),
    ],
)
def test_conditions(library: Any, where: str, sql: str) -> None:
    found = {one["Id"] for one in library.query(f"SELECT Id FROM Account WHERE {where}")}
    assert found == {one["_id"] for one in library.org.records.select("Account", sql)}
    assert found


def test_a_boolean_is_never_null(library: Any) -> None:
    false = {one["Id"] for one in library.query("SELECT Id FROM User WHERE IsActive = null")}
    assert false == {one["Id"] for one in library.query("SELECT Id FROM User WHERE IsActive = false")}


def test_quotes_percent_and_underscore_are_escaped(salesforce: Any) -> None:
    salesforce.org.records.update("Account", salesforce.account(), {"Name": "O'Neill_100%"}, "rig")
    for where in (r"Name = 'O\'Neill_100%'", r"Name LIKE 'o\'neill\_100\%'", r"Name LIKE '%\%'"):
        assert [one["Name"] for one in salesforce.query(f"SELECT Name FROM Account WHERE {where}")] == ["O'Neill_100%"]


def test_ids_are_compared_in_either_form(library: Any) -> None:
    whole = library.account()
    for given in (whole, whole[:15], whole.lower()):
        assert [one["Id"] for one in library.query(f"SELECT Id FROM Account WHERE Id = '{given}'")] == [whole]
    assert library.refused("SELECT Id FROM Account WHERE Id = 'abc'")["errorCode"] == "INVALID_QUERY_FILTER_OPERATOR"


def test_keyset_paging_by_id_and_by_stamp(library: Any) -> None:
    every = [one["Id"] for one in library.query("SELECT Id FROM Account ORDER BY Id")]
    assert every == sorted(every)
    after = library.query(f"SELECT Id FROM Account WHERE Id > '{every[9]}' ORDER BY Id LIMIT 5")
    assert [one["Id"] for one in after] == every[10:15]
    stamps = [
        one["SystemModstamp"] for one in library.query("SELECT SystemModstamp FROM Account ORDER BY SystemModstamp, Id")
    ]
    assert stamps == sorted(stamps)


def test_blanks_come_first_unless_told_otherwise(library: Any) -> None:
    first = library.query("SELECT Industry FROM Account ORDER BY Industry LIMIT 1")[0]
    last = library.query("SELECT Industry FROM Account ORDER BY Industry NULLS LAST LIMIT 1")[0]
    assert first["Industry"] is None
    assert last["Industry"] is not None


def test_offset_ends_at_2000_and_gives_one_batch(library: Any) -> None:
    assert library.refused(f"{READ} LIMIT 5 OFFSET 2001")["errorCode"] == "NUMBER_OUTSIDE_VALID_RANGE"
    page = library.call("GET", "/query", q=f"{READ} OFFSET 5").body
    assert page["done"] is True
    assert "nextRecordsUrl" not in page


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("SELECT * FROM Account", "MALFORMED_QUERY", "viable alternative"),
        ("SELECT Id FROM Account WHERE Name = 'a", "MALFORMED_QUERY", ""),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account LIMIT", "MALFORMED_QUERY", ""),
        ("SELECT Id, Id FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
        ("SELECT Id FROM Account WHERE Name='a' AND Type='b' OR Type='c'", "MALFORMED_QUERY", "unexpected token: 'OR'"),
        ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY", "can not be sorted"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "MALFORMED_QUERY", ""),
        ("SELECT Nope__c FROM Account", "INVALID_FIELD", "No such column 'Nope__c' on entity 'Account'"),
        ("SELECT Boss.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Boss'"),
        ("SELECT Id FROM Account WHERE Description LIKE '%a%'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees LIKE '1%'", "INVALID_FIELD", "invalid operator"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2024-01-01T00:00:00Z'", "INVALID_FIELD",
         "must be of type dateTime and should not be enclosed in quotes"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2024-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Opportunity WHERE CloseDate > 2024-01-01T00:00:00Z", "INVALID_FIELD", "must be of type date"),
        ("SELECT Id FROM Opportunity WHERE IsWon = 'true'", "INVALID_FIELD", "must be of type boolean"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE", "sObject type 'Nothing' is not supported"),
        ("SELECT IsDeleted FROM User", "INVALID_FIELD", "No such column 'IsDeleted'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(library: Any, soql: str, code: str, words: str) -> None:
    error = library.refused(soql)
    assert error["errorCode"] == code
    assert words in error["message"]
    assert "ERROR at Row:1:Column:" in error["message"]


def test_a_long_address_is_refused_by_the_web_server_in_html(library: Any) -> None:
    ids = ",".join(f"'{one}'" for one in [library.account()] * 1000)
    answer = library.call("GET", "/query", q=f"SELECT Id FROM Account WHERE Id IN ({ids})")
    assert answer.status == 414
    assert "Bad Message 414" in answer.body


def test_query_all_shows_deleted_and_merged_records(salesforce: Any) -> None:
    org = salesforce.org
    winner, loser, gone = (one["_id"] for one in org.records.select("Account", limit=3))
    org.merge("Account", winner, loser, org.integration_user)
    assert salesforce.call("DELETE", f"/sobjects/Account/{gone}").status == 204
    soql = "SELECT Id, IsDeleted, MasterRecordId FROM Account"
    assert len(salesforce.query(soql)) == 38
    dead = {one["Id"]: one for one in salesforce.query(f"{soql} WHERE IsDeleted = true", "/queryAll")}
    assert {key: one["MasterRecordId"] for key, one in dead.items()} == {loser: winner, gone: None}
    assert org.records.count("Opportunity", "AccountId = ?", (loser,)) == 0
    salesforce.clock.sleep(15 * 86_400 + 1)  # the recycle bin is emptied
    salesforce.token = org.log_in(org.integration_user)
    assert salesforce.query(f"{soql} WHERE IsDeleted = true", "/queryAll") == []


def test_a_transaction_committed_late_shows_an_older_stamp(salesforce: Any) -> None:
    account, begun = salesforce.account(), salesforce.org.records.now_ms()
    salesforce.clock.sleep(300)
    salesforce.org.records.update("Account", account, {"Phone": "1"}, "rig")
    salesforce.org.records.backdate("Account", account, begun)
    row = salesforce.query(f"SELECT SystemModstamp FROM Account WHERE Id = '{account}'")[0]
    assert row["SystemModstamp"] == "2026-11-21T09:30:15.000+0000"


def test_the_history_of_an_account_can_be_asked_for(salesforce: Any) -> None:
    account = salesforce.account()
    salesforce.clock.sleep(60)
    assert salesforce.call("PATCH", f"/sobjects/Account/{account}", {"Phone": "1"}).status == 204
    rows = salesforce.query(f"SELECT Field, NewValue, CreatedById FROM AccountHistory WHERE AccountId = '{account}'")
    assert [(one["Field"], one["NewValue"]) for one in rows] == [("Phone", "1")]
    assert rows[0]["CreatedById"] == salesforce.org.integration_user
