"""From the mirror to canonical tables: value maps, outcomes, filters, and what is told about the rest."""

from datetime import date
from decimal import Decimal

import ibis
import pytest
from sync.mapped_kit import ACCOUNTS, DEALS, HEAD, read, rows

from crm_kare.errors import ConfigError
from crm_kare.model import STREAMS, Kind


def test_every_column_is_there_and_typed_whatever_is_mapped() -> None:
    told, _ = read(HEAD + ACCOUNTS % ("", "") + DEALS % ("", ""), accounts=[{"account_id": "1"}])
    schema = told.accounts.schema()
    kinds = {
        Kind.TEXT: "string",
        Kind.NUMBER: "decimal(18, 4)",
        Kind.MONEY: "decimal(18, 4)",
        Kind.DATE: "date",
        Kind.BOOL: "boolean",
    }
    for column in STREAMS["accounts"].columns:
        assert schema[column.name] == ibis.dtype(kinds[column.kind])
    assert schema["override_until"] == ibis.dtype("date")
    assert schema["target"] == ibis.dtype("boolean")
    assert told.opportunities.count().to_pyarrow().as_py() == 0
    assert (told.purchases, told.line_items, told.contacts, told.owners) == (None, None, None, None)


def test_without_accounts_one_is_sent_to_pull() -> None:
    with pytest.raises(ConfigError, match=r"Run `crm-kare pull`"):
        read(HEAD + ACCOUNTS % ("", "") + DEALS % ("", ""), opportunities=[])


def test_values_are_mapped_without_regard_to_case_and_blanks_and_the_rest_is_unknown() -> None:
    fields = (
        ", is_customer: {field: T, map: {Customer: true, Prospect: false}}, industry: {field: I, map: {IT: Software}}"
    )
    told, _ = read(
        HEAD + ACCOUNTS % (fields, "") + DEALS % ("", ""),
        accounts=[
            {"account_id": "1", "is_customer": " customer", "industry": "it"},
            {"account_id": "2", "is_customer": "Prospect", "industry": "Banking"},
            {"account_id": "3", "is_customer": "Partner", "industry": None},
        ],
    )
    assert rows(told.accounts, "is_customer", "industry") == [(True, "Software"), (False, "Banking"), (None, None)]


def test_otherwise_is_for_other_values_and_not_for_blanks() -> None:
    fields = ", still_using: {field: U, map: {Live: true}, otherwise: false}"
    told, _ = read(
        HEAD + ACCOUNTS % (fields, "") + DEALS % ("", ""),
        accounts=[{"account_id": str(n), "still_using": value} for n, value in enumerate(["Live", "Gone", None])],
    )
    assert rows(told.accounts, "still_using") == [True, False, None]


def test_otherwise_beside_an_empty_map_is_for_every_value() -> None:
    told, _ = read(
        HEAD + ACCOUNTS % (", is_customer: {field: Number, map: {}, otherwise: true}", "") + DEALS % ("", ""),
        accounts=[{"account_id": "1", "is_customer": "12346"}, {"account_id": "2", "is_customer": None}],
    )
    assert rows(told.accounts, "is_customer") == [True, None]


def test_numbers_are_multiplied() -> None:
    fields = ", wallet: {field: W, times: 1000000}"
    mapping = (
        HEAD
        + ACCOUNTS % (fields, "")
        + "  purchases: {from: P, fields: {purchase_id: I, account_id: A, amount: {field: P, times: Q}}}\n"
    )
    told, _ = read(
        mapping,
        accounts=[{"account_id": "1", "wallet": "1.5"}, {"account_id": "2", "wallet": "99999999999999"}],
        purchases=[
            {"purchase_id": "1", "account_id": "1", "amount": "2.55", "amount_times": "-3"},
            {"purchase_id": "2", "account_id": "1", "amount": "7", "amount_times": None},
        ],
    )
    assert rows(told.accounts, "wallet") == [Decimal(1500000), None]
    assert told.purchases is not None
    assert rows(told.purchases, "amount") == [Decimal("-7.65"), None]


FLAGS = [(True, True), (False, True), (False, False), (None, False), (None, True), (None, None), (True, None)]


def test_outcomes_by_flags() -> None:
    given = [
        {"opportunity_id": str(n), "account_id": "1", "is_won": won, "is_closed": closed, "stage": "S"}
        for n, (won, closed) in enumerate(FLAGS)
    ]
    told, problems = read(
        HEAD + ACCOUNTS % ("", "") + DEALS % (", stage: S", ""), accounts=[{"account_id": "1"}], opportunities=given
    )
    assert rows(told.opportunities, "outcome") == ["won", "lost", "open", "open", None, None, "won"]
    assert [(one.code, one.message) for one in problems] == [
        ("stage-unknown", "2 opportunities with stage `S`: won, lost or open is unknown")
    ]


def test_a_mapped_stage_counts_before_the_flags_and_unknown_stages_are_counted() -> None:
    fields = ", stage: S, outcome: {field: S, map: {Closed Won – Renewal: won, Dead: lost, Talk: open}}"
    stages = ["closed won – renewal", "Dead", "Talk", "Odd", "Odd", None, "Flagged"]
    given = [
        {
            "opportunity_id": str(n),
            "account_id": "1",
            "stage": one,
            "outcome": one,
            "is_won": one == "Dead" or (True if one == "Flagged" else None),
            "is_closed": None,
        }
        for n, one in enumerate(stages)
    ]
    told, problems = read(
        HEAD + ACCOUNTS % ("", "") + DEALS % (fields, ""), accounts=[{"account_id": "1"}], opportunities=given
    )
    assert rows(told.opportunities, "outcome") == ["won", "lost", "open", None, None, None, "won"]
    assert [one.message for one in problems] == [
        "2 opportunities with stage `Odd`: won, lost or open is unknown",
        "1 opportunities with no stage: won, lost or open is unknown",
    ]
    assert all(one.fix and one.level == "warning" for one in problems)


def test_deal_types() -> None:
    given = [
        {"opportunity_id": str(n), "account_id": "1", "type": one}
        for n, one in enumerate(["upgrade", "Renewal ", "New", None])
    ]
    text = ACCOUNTS % ("", "") + DEALS % (", type: T", "")
    for head, expected in (
        ("deals: {expansion: [Upgrade], renewal: [renewal]}\n", ["expansion", "renewal", "other", None]),
        ("deals: {renewal: [renewal]}\n", ["other", "renewal", "other", None]),
        ("", [None, None, None, None]),
    ):
        told, _ = read(HEAD + head + text, accounts=[{"account_id": "1"}], opportunities=given)
        assert rows(told.opportunities, "deal_kind") == expected


def test_only_accounts_for_which_the_filter_is_true() -> None:
    text = (
        HEAD
        + ACCOUNTS % (", industry: I", ", extra: {erp: E}, where: erp <> 'Z' and industry = 'IT'")
        + DEALS % ("", "")
    )
    told, _ = read(
        text,
        accounts=[
            {"account_id": "1", "industry": "IT", "x_erp": "A"},
            {"account_id": "2", "industry": "IT", "x_erp": None},
            {"account_id": "3", "industry": "IT", "x_erp": "Z"},
            {"account_id": "4", "industry": None, "x_erp": "A"},
        ],
    )
    assert rows(told.accounts, "account_id") == ["1"]


def test_filters_see_mapped_values() -> None:
    text = HEAD + ACCOUNTS % ("", "") + DEALS % (", stage: S", ", where: outcome = 'won' or stage = 'x'")
    given = [
        {"opportunity_id": str(n), "account_id": "1", "is_won": n == 0, "is_closed": True, "stage": None}
        for n in range(3)
    ]
    told, _ = read(text, accounts=[{"account_id": "1"}], opportunities=given)
    assert rows(told.opportunities, "opportunity_id") == ["0"]


def test_owners_by_name() -> None:
    text = (
        HEAD
        + ACCOUNTS % (", owner_id: O, owner: N", "")
        + DEALS % ("", "")
        + "  owners: {from: U, fields: {owner_id: I, name: N}}\n"
    )
    told, _ = read(
        text,
        accounts=[
            {"account_id": "1", "owner_id": "u", "owner": None},
            {"account_id": "2", "owner_id": "u", "owner": "Own"},
            {"account_id": "3", "owner_id": "gone", "owner": None},
            {"account_id": "4", "owner_id": None, "owner": None},
        ],
        owners=[{"owner_id": "u", "name": "Ann"}],
    )
    assert rows(told.accounts, "owner") == ["Ann", "Own", None, None]


def test_what_people_set_is_there() -> None:
    told, _ = read(
        HEAD + ACCOUNTS % ("", "") + DEALS % ("", ""),
        accounts=[
            {
                "account_id": "1",
                "crm_Override": "Keep",
                "crm_Override_Until": date(2026, 1, 1),
                "crm_Target": True,
                "crm_Profile": "Expand",
            }
        ],
    )
    assert rows(told.accounts, "override", "override_until", "target", "lapse_reason") == [
        ("Keep", date(2026, 1, 1), True, None)
    ]
    assert {"override", "target"} <= told.mapped
    assert "lapse_reason" not in told.mapped
    assert "profile" not in told.accounts.columns


def test_what_is_mapped_is_told_and_what_was_not_pulled_is_a_problem() -> None:
    text = HEAD + ACCOUNTS % (", wallet: W, sites: S", ", extra: {erp: E, new: N}") + DEALS % (", type: T", "")
    told, problems = read(
        text,
        accounts=[{"account_id": "1", "wallet": "1", "x_erp": "A"}],
        opportunities=[{"opportunity_id": "1", "account_id": "1", "type": "x", "is_won": True, "is_closed": True}],
    )
    assert told.mapped == {
        "account_id",
        "wallet",
        "x_erp",
        "opportunities.opportunity_id",
        "opportunities.account_id",
        "opportunities.type",
        "opportunities.is_won",
        "opportunities.is_closed",
    }
    assert [(one.code, one.where, one.message) for one in problems] == [
        ("not-pulled", "accounts", "mapped, but not in the mirror: sites, new")
    ]


def test_a_mirror_of_another_type_is_cast_until_the_next_full_pull() -> None:
    fields = ", is_customer: {field: T, map: {'true': false}}, sites: S"
    told, _ = read(
        HEAD + ACCOUNTS % (fields, "") + DEALS % ("", ""),
        accounts=[
            {"account_id": "1", "is_customer": "true", "sites": "12"},
            {"account_id": "2", "is_customer": None, "sites": "many"},
        ],
    )
    assert rows(told.accounts, "is_customer", "sites") == [(False, Decimal(12)), (None, None)]
