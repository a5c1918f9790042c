"""jsforce 3.10, unchanged, over HTTP against the sandbox's Salesforce. One Node runs for the whole file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clients.conftest import KEY, PAGE, Target
from clients.node_tools import NodeError, NodeSession, session

pytestmark = pytest.mark.slow

VERSION = "62.0"


@pytest.fixture(scope="module")
def jsforce(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeSession]:
    home: Path = tmp_path_factory.mktemp("home")
    with session("jsforce", "jsforce_session.cjs", home, target.url, target.token, VERSION) as running:
        yield running


def _login(target: Target, **more: Any) -> dict[str, Any]:
    told = target.org.credentials
    client = {"loginUrl": target.url, "clientId": told.client_id, "clientSecret": told.client_secret}
    return {"client": client, "user": told.username, "password": told.password + told.security_token, **more}


def test_nothing_but_loopback_is_reached(jsforce: NodeSession) -> None:
    with pytest.raises(NodeError, match=r"the tests stay on loopback; asked for 192\.0\.2\.1"):
        jsforce('require("node:net").connect(80, "192.0.2.1")')


def test_client_credentials_open_a_session(target: Target, jsforce: NodeSession) -> None:
    code = """
        const other = new jsforce.Connection({ instanceUrl: given.client.loginUrl, oauth2: given.client });
        const user = await other.authorize({ grant_type: "client_credentials" });
        return { user, who: await other.identity() };
    """
    told = jsforce(code, **_login(target))
    assert (told["user"]["id"], told["user"]["organizationId"]) == (target.org.integration_user, target.org.id)
    assert told["who"]["username"] == target.org.credentials.username
    assert told["who"]["id"] == f"{target.url}/id/{target.org.id}/{target.org.integration_user}"


@pytest.mark.parametrize("way", ["oauth", "soap"])
def test_a_name_and_a_password_log_in_and_out(target: Target, jsforce: NodeSession, way: str) -> None:
    code = """
        const config = given.way === "oauth" ? { oauth2: given.client } : { loginUrl: given.client.loginUrl };
        const other = new jsforce.Connection({ version: "62.0", ...config });
        const user = await other.login(given.user, given.password);
        const limits = await other.limits();
        const token = other.accessToken;
        if (given.way === "oauth") await other.logout();
        return { user, token, limits };
    """
    told = jsforce(code, **_login(target, way=way))
    assert told["user"]["id"] == target.org.integration_user
    assert told["user"]["organizationId"] == target.org.id
    assert told["limits"]["DailyApiRequests"]["Max"] == target.org.settings.daily_limit
    assert target.org.log_out(told["token"]) is (way == "soap")


def test_a_wrong_password_is_told_as_salesforce_tells_it(target: Target, jsforce: NodeSession) -> None:
    code = "return new jsforce.Connection({ oauth2: given.client }).login(given.user, 'x')"
    with pytest.raises(NodeError) as error:
        jsforce(code, **_login(target))
    assert str(error.value) == "invalid_grant: authentication failure"


def test_a_refresh_token_renews_an_ended_session(target: Target, jsforce: NodeSession) -> None:
    code = """
        const { client, refresh } = given;
        const other = new jsforce.Connection({
            oauth2: client, instanceUrl: client.loginUrl, accessToken: "ended", refreshToken: refresh,
        });
        const renewed = [];
        other.on("refresh", (token) => renewed.push(token));
        return { found: (await other.query("SELECT COUNT() FROM Account")).totalSize, renewed };
    """
    told = jsforce(code, **_login(target, refresh=target.org.credentials.refresh_token))
    assert told["found"] == target.count("Account")
    assert [target.org.session_user(one) for one in told["renewed"]] == [target.org.integration_user]


def test_a_query_fetches_every_page(target: Target, jsforce: NodeSession) -> None:
    code = """
        const soql = "SELECT Id, Name, Account.Owner.Name FROM Opportunity";
        const first = await conn.query(soql);
        const all = await conn.query(soql, { autoFetch: true, maxFetch: 100000 });
        const next = await conn.queryMore(first.nextRecordsUrl);
        return { first, next, ids: all.records.map((one) => one.Id), done: all.done, used: conn.limitInfo.apiUsage };
    """
    told = jsforce(code)
    assert (len(told["first"]["records"]), told["first"]["done"]) == (PAGE, False)
    assert told["first"]["totalSize"] == target.count("Opportunity") == len(set(told["ids"]))
    assert [one["Id"] for one in told["next"]["records"]] == told["ids"][PAGE : 2 * PAGE]
    assert told["first"]["records"][0]["Account"]["Owner"]["attributes"]["type"] == "User"
    assert told["used"] == {"used": target.org.used(), "limit": target.org.settings.daily_limit}


def test_queries_built_by_the_client_and_aggregates_answer(target: Target, jsforce: NodeSession) -> None:
    found = jsforce(
        "return conn.sobject('Account').find({ Name: { $like: '%a%' } }, 'Id, Name').sort({ Name: 1 }).limit(5)"
    )
    assert len(found) == 5
    assert all("a" in one["Name"].lower() for one in found)
    counted = jsforce("return conn.query('SELECT COUNT(Id) number FROM Account')")
    assert counted["records"] == [{"attributes": {"type": "AggregateResult"}, "number": target.count("Account")}]
    assert jsforce("return conn.sobject('Account').count()") == target.count("Account")


def test_a_query_that_is_wrong_is_refused_with_its_code(jsforce: NodeSession) -> None:
    with pytest.raises(NodeError) as error:
        jsforce("return conn.query('SELECT Nope FROM Account')")
    assert error.value.code == "INVALID_FIELD"
    with pytest.raises(NodeError) as error:
        jsforce("return conn.request('/nowhere')")
    assert error.value.code == "NOT_FOUND"


def test_single_records_are_made_read_written_and_deleted(target: Target, jsforce: NodeSession) -> None:
    code = """
        const accounts = conn.sobject("Account");
        const made = await accounts.create({ Name: "Ada Ltd", NumberOfEmployees: 12 });
        const written = await accounts.update({ Id: made.id, Phone: "1", NumberOfEmployees: null });
        const shown = await accounts.retrieve(made.id);
        const gone = await accounts.destroy(made.id);
        return { made, written, shown, gone };
    """
    told = jsforce(code)
    done = {"id": told["made"]["id"], "success": True, "errors": []}
    assert told["made"] == told["written"] == told["gone"] == done
    shown = told["shown"]
    assert (shown["Name"], shown["Phone"], shown["NumberOfEmployees"]) == ("Ada Ltd", "1", None)
    assert target.account(done["id"])["_deleted"]


def test_many_records_go_through_collections(target: Target, jsforce: NodeSession) -> None:
    code = """
        const accounts = conn.sobject("Account");
        const made = await accounts.create(given.names.map((Name) => ({ Name })), { allowRecursive: true });
        const ids = made.map((one) => one.id);
        const written = await accounts.update([
            { Id: ids[0], Phone: "1" }, { Id: ids[1], Name: "x".repeat(300) }, { Id: ids[2], Phone: "3" },
        ]);
        const shown = await accounts.retrieve([ids[2], "001KE0000ZZZZZZ", ids[0]], { fields: ["Phone"] });
        const gone = await accounts.destroy(ids, { allowRecursive: true });
        return { written, shown, gone };
    """
    used = target.org.used()
    told = jsforce(code, names=[f"Many {number}" for number in range(250)])
    assert target.org.used() == used + 2 + 1 + 1 + 2
    assert [one["success"] for one in told["written"]] == [True, False, True]
    assert told["written"][1]["errors"][0]["statusCode"] == "STRING_TOO_LONG"
    assert [one and one["Phone"] for one in told["shown"]] == ["3", None, "1"]
    assert [one["success"] for one in told["gone"]] == [True] * 250


def test_upserts_tell_what_they_made(target: Target, jsforce: NodeSession) -> None:
    code = """
        const [first] = await conn.sobject("Account").upsert([{ [given.key]: "j-1", Name: "One" }], given.key);
        const many = await conn.sobject("Account").upsert(
            [{ [given.key]: "J-1", Name: "Uno" }, { [given.key]: "j-2", Name: "Two" }, { [given.key]: "j-3" }], given.key,
        );
        const single = await conn.sobject("Account").upsert({ [given.key]: "j-2", Name: "Due" }, given.key);
        return { first, many, single };
    """
    told = jsforce(code, key=KEY)
    assert told["first"]["created"] is True
    assert [(one["success"], one["created"]) for one in told["many"]] == [(True, False), (True, True), (False, False)]
    assert told["many"][0]["id"] == told["first"]["id"]
    assert told["many"][2]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert told["single"] == {"id": told["many"][1]["id"], "success": True, "errors": [], "created": False}
    jsforce("return conn.sobject('Account').create({ Name: 'Twin', [given.key]: 'j-1' })", key=KEY)
    with pytest.raises(NodeError) as error:
        jsforce("return conn.sobject('Account').upsert({ [given.key]: 'j-1', Name: 'x' }, given.key)", key=KEY)
    assert error.value.code == "MULTIPLE_CHOICES"
    assert len(error.value.data) == 2
    assert target.account(told["first"]["id"])["Name"] == "Uno"


def test_describes_and_what_clients_look_around_with(target: Target, jsforce: NodeSession) -> None:
    code = """
        return {
            listed: await conn.describeGlobal(), account: await conn.describe("Account"),
            short: await conn.request("/sobjects/Account"), recent: await conn.recent(),
            counts: await conn.request("/limits/recordCount?sObjects=Account"),
            plan: await conn.query("SELECT Id FROM Account").explain(), versions: await conn.request("/services/data"),
        };
    """
    told = jsforce(code)
    assert {"Account", "Opportunity"} <= {one["name"] for one in told["listed"]["sobjects"]}
    assert KEY in [one["name"] for one in told["account"]["fields"]]
    assert told["short"]["objectDescribe"]["label"] == "Account"
    assert told["recent"] == []
    assert told["counts"]["sObjects"] == [{"name": "Account", "count": target.count("Account")}]
    assert told["plan"]["plans"][0]["leadingOperationType"] == "TableScan"
    assert {"label", "url", "version"} == set(told["versions"][0])


def test_deletions_and_changes_are_listed(target: Target, jsforce: NodeSession) -> None:
    code = """
        const accounts = conn.sobject("Account");
        const ids = (await accounts.create([{ Name: "Soon gone" }, { Name: "Kept" }])).map((one) => one.id);
        await accounts.destroy(ids[0]);
        return ids;
    """
    gone, kept = jsforce(code)
    target.age(gone, kept)
    told = jsforce("""
        const span = [new Date(Date.now() - 3600e3), new Date()];
        return { deleted: await conn.deleted("Account", ...span), updated: await conn.updated("Account", ...span) };
    """)
    assert gone in [one["id"] for one in told["deleted"]["deletedRecords"]]
    assert {"earliestDateAvailable", "latestDateCovered"} <= set(told["deleted"])
    assert kept in told["updated"]["ids"]
    assert gone not in told["updated"]["ids"]


def test_a_bulk_query_streams_its_records(target: Target, jsforce: NodeSession) -> None:
    code = """
        const stream = await conn.bulk2.query("SELECT Id, Name, AnnualRevenue FROM Account", { pollInterval: 10 });
        return stream.toArray();
    """
    found = jsforce(code)
    assert len({one["Id"] for one in found}) == target.count("Account")
    first = target.account(found[0]["Id"])
    assert found[0]["Name"] == first["Name"]


def test_a_bulk_load_tells_each_record(target: Target, jsforce: NodeSession) -> None:
    good, other = target.accounts(2)
    code = """
        return conn.bulk2.loadAndWaitForResults({
            object: "Account", operation: "update", pollInterval: 10,
            input: [{ Id: given.good, Name: "Bülk", Phone: null }, { Id: given.other, Name: "x".repeat(300), Phone: "2" }],
        });
    """
    told = jsforce(code, good=good, other=other)
    assert [(one["sf__Id"], one["sf__Created"]) for one in told["successfulResults"]] == [(good, "false")]
    assert told["failedResults"][0]["sf__Error"].startswith("STRING_TOO_LONG")
    assert told["unprocessedRecords"] == []
    assert (target.account(good)["Name"], target.account(good)["Phone"]) == ("Bülk", None)


def test_a_bulk_upsert_and_a_bulk_delete(target: Target, jsforce: NodeSession) -> None:
    code = """
        const load = (more) => conn.bulk2.loadAndWaitForResults({ object: "Account", pollInterval: 10, ...more });
        const rows = ["k-1", "k-2"].map((key) => ({ [given.key]: key, Name: key }));
        const made = await load({ operation: "upsert", externalIdFieldName: given.key, input: rows });
        const again = await load({ operation: "upsert", externalIdFieldName: given.key, input: rows });
        const ids = made.successfulResults.map((one) => ({ Id: one.sf__Id }));
        const gone = await load({ operation: "delete", input: ids });
        return { made, again, gone };
    """
    told = jsforce(code, key=KEY)
    assert [one["sf__Created"] for one in told["made"]["successfulResults"]] == ["true", "true"]
    assert [one["sf__Created"] for one in told["again"]["successfulResults"]] == ["false", "false"]
    assert len(told["gone"]["successfulResults"]) == 2
    assert all(target.account(one["sf__Id"])["_deleted"] for one in told["gone"]["successfulResults"])


def test_a_job_that_cannot_be_made_is_refused(jsforce: NodeSession) -> None:
    with pytest.raises(NodeError) as error:
        jsforce("return (await conn.bulk2.query('SELECT Nope FROM Account', { pollInterval: 10 })).toArray()")
    assert error.value.code == "INVALID_FIELD"
