"""What Salesforce's ways of changing records mean for a pull, against the sandbox."""

import json
from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import ConfigError, StaleCursorError, StopError
from crm_kare.model import Kind
from crm_kare.ports import Connector, SourceField, StreamSpec
from crm_kare.testing import steps
from crm_kare.testing.records import rows

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0


@pytest.fixture
def org(salesforce: Any) -> Any:
    return salesforce


def accounts(org: Any, count: int) -> list[str]:
    ids: list[str] = org.seed("accounts", rows(org.setting, "accounts", count))
    org.clock.advance(DAY)
    return ids


def spec(org: Any, stream: str = "accounts") -> StreamSpec:
    found: StreamSpec = org.setting.specs[stream]
    return found


def with_field(one: StreamSpec, source: str, kind: Kind = Kind.TEXT) -> StreamSpec:
    return replace(one, fields=(*one.fields, SourceField("x_more", source, kind)))


def test_a_quiet_sync_costs_two_calls_a_stream(org: Any) -> None:
    connector = org.connector()
    accounts(org, 3)
    cursors = [steps.pull(connector, spec(org, name)).cursor for name in ("accounts", "opportunities")]
    org.clock.advance(HOUR)
    before = org.calls()
    for name, cursor in zip(("accounts", "opportunities"), cursors, strict=True):
        assert not steps.pull(connector, spec(org, name), cursor).rows
    assert org.calls() - before == 4


def test_a_merge_takes_the_loser_away_and_brings_the_winners_new_children(org: Any) -> None:
    connector = org.connector()
    winner, loser = accounts(org, 2)
    (deal,) = org.seed("opportunities", rows(org.setting, "opportunities", 1, account_id=loser))
    first = steps.pull(connector, spec(org))
    deals = steps.pull(connector, spec(org, "opportunities"))
    org.clock.advance(HOUR)
    org.org.merge("Account", winner, loser, org.person)
    assert steps.pull(connector, spec(org), first.cursor).deleted == {loser}
    moved = steps.pull(connector, spec(org, "opportunities"), deals.cursor)
    assert moved.rows[deal]["account_id"] == winner


def test_an_undeleted_record_comes_back(org: Any) -> None:
    connector = org.connector()
    (key,) = accounts(org, 1)
    first = steps.pull(connector, spec(org))
    org.clock.advance(HOUR)
    org.delete("accounts", key)
    second = steps.pull(connector, spec(org), first.cursor)
    org.clock.advance(HOUR)
    org.org.records.undelete("Account", key, org.person)
    third = steps.pull(connector, spec(org), second.cursor)
    assert second.deleted == {key}
    assert set(third.rows) == {key}
    assert not third.deleted


def test_a_transaction_that_commits_nine_minutes_late_is_not_missed(org: Any) -> None:
    connector = org.connector()
    (key,) = accounts(org, 1)
    first = steps.pull(connector, spec(org))
    stamped = org.org.records.now_ms() - 9 * 60_000
    org.org.records.load("Account", [{"_id": org.org.records.mint("Account"), "Name": "Late", "_modified": stamped}])
    org.clock.advance(HOUR)
    second = steps.pull(connector, spec(org), first.cursor)
    assert [row["name"] for row in second.rows.values()] == ["Late"]
    assert key not in second.rows


def test_users_have_no_is_deleted_and_come_with_a_plain_query(org: Any) -> None:
    connector = org.connector()
    (key,) = org.seed("owners", [{"name": "Nora Quist", "team": "North", "active": "true"}])
    first = steps.pull(connector, spec(org, "owners"))
    assert first.rows[key]["name"] == "Nora Quist"
    org.clock.advance(DAY)
    org.edit("owners", key, {"active": "false"})
    second = steps.pull(connector, spec(org, "owners"), first.cursor)
    assert second.rows[key]["active"] == "false"
    assert org.running.faults.calls("*/queryAll*") == []


def test_all_missing_fields_are_named_at_once_with_what_to_grant(org: Any) -> None:
    connector = org.connector()
    wrong = with_field(with_field(with_field(spec(org), "Nope__c"), "Owner.Nope"), "Nobody__r.Name")
    with pytest.raises(ConfigError) as caught:
        steps.pull(connector, wrong)
    assert "Nope__c, Owner.Nope, Nobody__r.Name" in caught.value.message
    assert "field-level security" in caught.value.fix


def test_a_hidden_field_is_missing_and_a_relationship_is_followed_in_any_case(org: Any) -> None:
    connector = org.connector()
    (key,) = accounts(org, 1)
    pulled = steps.pull(connector, with_field(spec(org), "owner.name"))
    assert pulled.rows[key]["x_more"] == "Integration User"
    for one in org.org.records.select("FieldPermissions", "Field = 'Account.Wallet__c'"):
        org.org.records.purge("FieldPermissions", one["_id"])
    with pytest.raises(ConfigError, match="Wallet__c"):
        steps.pull(connector, spec(org))


def test_a_stop_in_mid_pull_goes_on_after_the_last_id_with_another_connector(org: Any) -> None:
    ids = accounts(org, 11)
    begun = org.connector().pull(spec(org), None)
    head = next(begun)
    rest = steps.pull(org.connector(), spec(org), head.cursor)
    assert [*head.records.column("account_id").to_pylist(), *rest.rows] == ids
    assert json.loads(rest.cursor)["since"] == json.loads(head.cursor)["until"]


def test_an_edit_behind_the_pull_comes_with_the_next_one(org: Any) -> None:
    ids = accounts(org, 9)
    connector = org.connector()
    pages = connector.pull(spec(org), None)
    next(pages)
    org.clock.advance(MINUTE)
    org.edit("accounts", ids[0], {"name": "Moved meanwhile"})
    last = list(pages)[-1]
    org.clock.advance(HOUR)
    assert steps.pull(connector, spec(org), last.cursor).rows[ids[0]]["name"] == "Moved meanwhile"


def test_a_locator_that_ran_out_is_replaced_by_a_new_query(org: Any) -> None:
    ids = accounts(org, 9)
    pages = org.connector().pull(spec(org), None)
    found = list(next(pages).records.column("account_id").to_pylist())
    org.clock.advance(3 * DAY)
    for page in pages:
        found += page.records.column("account_id").to_pylist()
    assert found == ids


def test_after_two_weeks_deletions_can_no_longer_be_told(org: Any) -> None:
    connector = org.connector()
    accounts(org, 1)
    first = steps.pull(connector, spec(org))
    assert first.problems == 0
    org.clock.advance(20 * DAY)
    before = org.calls()
    with pytest.raises(StaleCursorError):
        list(connector.pull(spec(org), first.cursor))
    assert org.calls() == before


def test_the_first_page_tells_how_many_will_come(org: Any) -> None:
    accounts(org, 9)
    assert next(org.connector().pull(spec(org), None)).total == 9


@pytest.mark.parametrize("cursor", ["", "{}", "[]", "2026-01-01", '{"since": "soon", "until": "", "last": ""}'])
def test_a_cursor_that_is_none_stops_with_the_way_on(org: Any, cursor: str) -> None:
    connector: Connector = org.connector()
    with pytest.raises(StopError, match="--full"):
        steps.pull(connector, spec(org), cursor)


def test_roles_on_opportunities_reach_their_account(org: Any) -> None:
    account, (contact,) = accounts(org, 1)[0], org.seed("contacts", [{"account_id": None, "role": None}])
    (deal,) = org.seed("opportunities", rows(org.setting, "opportunities", 1, account_id=account))
    told = {"OpportunityId": deal, "ContactId": contact, "Role": "Decision Maker", "IsPrimary": 1}
    role = org.org.records.insert("OpportunityContactRole", told, org.person)
    fields = (
        SourceField("contact_id", "Id", Kind.TEXT),
        SourceField("account_id", "Opportunity.AccountId", Kind.TEXT),
        SourceField("role", "Role", Kind.TEXT),
    )
    pulled = steps.pull(org.connector(), StreamSpec("contacts", "OpportunityContactRole", fields))
    assert pulled.rows[role] == {"contact_id": role, "account_id": account, "role": "Decision Maker"}
