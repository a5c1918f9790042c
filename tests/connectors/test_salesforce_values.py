"""Values and names between Salesforce's JSON and canonical text."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from crm_kare.errors import ConfigError
from crm_kare.labels import BY_NAME
from crm_kare.model import Kind
from crm_kare_salesforce import soql
from crm_kare_salesforce.values import at_path, canonical, json_value, label_text, long_id, same_value

SCORE, REASON, TARGET = BY_NAME["ICP_Score"], BY_NAME["Reasons"], BY_NAME["Target"]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001D000000IRt53", "001D000000IRt53IAD"),  # an account in Salesforce's own documentation
        ("001D000000IRt53IAD", "001D000000IRt53IAD"),
        ("000000000000000", "000000000000000AAA"),
        ("ABCDEABCDEABCDE", "ABCDEABCDEABCDE555"),
        ("no id", "no id"),
        ("", ""),
    ],
)
def test_ids_get_their_check_letters(short: str, long: str) -> None:
    assert long_id(short) == long


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, Kind.TEXT, None),
        ("", Kind.TEXT, None),
        (0, Kind.NUMBER, "0"),
        (False, Kind.BOOL, "false"),
        ("9.9213206E7", Kind.MONEY, "9.9213206E7"),
        ("2026-02-28", Kind.DATE, "2026-02-28"),
        ("2026-02-28T00:00:00.000Z", Kind.DATE, "2026-02-28T00:00:00Z"),
        ("2026-02-28T00:00:00.000+0000", Kind.TEXT, "2026-02-28T00:00:00.000+0000"),
        ({"street": "1 Way", "city": "Town", "country": None}, Kind.TEXT, "1 Way, Town"),
        ({"attributes": {"type": "User"}, "Name": "Nora"}, Kind.TEXT, "Nora"),
        ({"attributes": {"type": "User"}}, Kind.TEXT, None),
    ],
)
def test_canonical_text(value: Any, kind: Kind, text: str | None) -> None:
    assert canonical(value, kind) == text


def test_a_path_ends_where_a_relation_is_blank() -> None:
    record = {"Owner": {"Manager": None}}
    assert at_path(record, "Owner.Manager.Name") is None
    assert at_path(record, "Nobody.Name") is None
    assert at_path({"Name": "x"}, "Name.More") is None


@pytest.mark.parametrize(
    ("value", "text"), [("87.0", "87"), (87, "87"), ("8.7E1", "87"), (None, None), ("87.5", "87.5")]
)
def test_whole_numbers_are_told_whole(value: Any, text: str | None) -> None:
    assert label_text(value, SCORE) == text


def test_what_the_org_shows_alike_is_the_same() -> None:
    assert same_value("One\r\nTwo ", "One\nTwo", REASON)
    assert same_value("", None, REASON)
    assert same_value(None, "false", TARGET)
    assert same_value("87", "87.0", SCORE)
    assert not same_value("87", None, SCORE)


def test_json_has_the_fields_type() -> None:
    assert [json_value(text, SCORE) for text in ("87", "0", "1.5", None)] == [87, 0, 1.5, None]
    assert [json_value(text, TARGET) for text in ("true", "false", None)] == [True, False, False]
    assert [json_value(text, REASON) for text in ("x", "", None)] == ["x", None, None]


def test_queries_quote_values_and_let_only_names_in() -> None:
    text = soql.select(("Id", "Name", "id"), "Account", soql.equals("Name", "O'Hara\\"), order="Id")
    assert text == "SELECT Id, Name FROM Account WHERE Name = 'O\\'Hara\\\\' ORDER BY Id"
    with pytest.raises(ConfigError):
        soql.select(("Id",), "Account WHERE Id != null")


def test_moments_are_written_in_utc_without_a_plus_sign() -> None:
    east = datetime(2026, 11, 3, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert soql.since(east) == "SystemModstamp >= 2026-11-02T23:30:00Z"
    assert soql.moment(soql.stamp(east)) == datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
