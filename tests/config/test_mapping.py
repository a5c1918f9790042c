"""The mapping: what is refused and how, what is asked of a connector, and the starters."""

import re
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import cast

import pytest

from crm_kare.config.mapping import (
    Mapping,
    label_fields,
    load_mapping,
    parse_mapping,
    stream_columns,
    stream_specs,
)
from crm_kare.errors import ConfigError
from crm_kare.labels import BY_NAME, LABELS, Label
from crm_kare.model import STREAMS, Kind
from crm_kare.ports import Connector, LabelField, StreamSpec

PATH = Path("mappings/m.yaml")
STARTERS = ("files", "hubspot", "salesforce")
HEAD = "version: 1\nconnector: salesforce\n"
STREAM = "streams:\n  accounts: {from: Account, fields: {account_id: Id%s}%s}\n"
DEALS = "  opportunities: {from: Deal, fields: {opportunity_id: Id, account_id: A, is_won: W, is_closed: C%s}%s}\n"
PLAIN = HEAD + STREAM % ("", "") + DEALS % ("", "")


class Names:
    """Stands for a connector: only names are asked of it."""

    def field_name(self, label: Label, prefix: str) -> str:
        return f"{prefix if label.prefixed else ''}{label.name}__c"


CONNECTOR = cast("Connector", Names())


def mapping(text: str) -> Mapping:
    return parse_mapping(text, PATH)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        mapping(text)
    return str(caught.value)


def accounts(fields: str = "", rest: str = "") -> str:
    return HEAD + STREAM % (fields, rest) + DEALS % ("", "")


def test_short_and_long_form_mean_the_same() -> None:
    short, long = mapping(accounts(", name: Name")), mapping(accounts(", name: {field: Name}"))
    assert short == long


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            accounts(", indutry: Industry"),
            "mappings/m.yaml:4: streams.accounts.fields.indutry: unknown column `indutry`. Did you mean `industry`?",
        ),
        (accounts(", name: {feild: Name}"), "unknown key `feild`. Did you mean `field`?"),
        (accounts(", name: 5"), "the name of a field is wanted"),
        (accounts(", name: ''"), "name.field: "),
        (accounts(", is_customer: {field: Type, map: {Customer: 'yes'}}"), "`yes` is no `true` or `false`"),
        (accounts(", is_customer: {field: Type, map: {Customer: true, customer: true}}"), "differ only in letter case"),
        (accounts(", is_customer: {field: Type, otherwise: false}"), "`otherwise` needs a `map`"),
        (accounts(", employees: {field: E, map: {many: lots}}"), "`lots` is no number"),
        (accounts(", employees: {field: E, map: {many: 5}, times: 2}"), "can be multiplied"),
        (accounts(", name: {field: E, times: 2}"), "only a number without a `map` can be multiplied"),
        (accounts(", renewal_on: {field: E, map: {a: '2026-01-01'}}"), "is no date. Write it as YYYY-MM-DD."),
        (accounts("", ", extra: {industry: X}"), "`industry` is a column or fact of ours"),
        (accounts("", ", extra: {lapsed: X}"), "`lapsed` is a column or fact of ours"),
        (accounts("", ", extra: {ERP Class: X}"), "`ERP Class` is no column name"),
        (
            accounts("", ", extra: {erp: {field: X, type: txt}}"),
            "'text', 'number', 'money', 'date' or 'bool' is wanted",
        ),
        (
            accounts("", ", where: industri = 'x'"),
            "where: unknown column `industri` (column 1). Did you mean `industry`?",
        ),
        (accounts("", ", where: industry > 5"), "`industry` is text, compared with a number"),
        (accounts() + "  line_itms: {from: x, fields: {}}\n", "unknown key `line_itms`. Did you mean `line_items`?"),
        (HEAD + STREAM % ("", ""), "neither `opportunities` nor `purchases` is mapped"),
        (
            HEAD + "streams:\n  accounts: {from: A, fields: {name: N}}\n" + DEALS % ("", ""),
            "`account_id` is not mapped. Map it: The account's id in the CRM.",
        ),
        (
            HEAD
            + STREAM % ("", "")
            + "  opportunities: {from: O, fields: {opportunity_id: I, account_id: A, stage: S}}\n",
            "nothing tells which opportunities are won, lost or open",
        ),
        (
            HEAD + STREAM % ("", "") + DEALS % (", outcome: {field: S, map: {Won: yay}}", ""),
            "`yay` is no outcome. Use won, lost or open.",
        ),
        (HEAD + STREAM % ("", "") + DEALS % ("", ", extra: {a: b}"), "unknown key `extra`"),
        (PLAIN + "timezone: Europe/Berln\n", "unknown time zone `Europe/Berln`. Did you mean `Europe/Berlin`?"),
        (PLAIN + "timezone: ../../etc/passwd\n", "unknown time zone"),
        (PLAIN + "prefix: 'KARE '\n", "`KARE ` is no prefix"),
        (PLAIN + "currency: {reporting: eur}\n", "`eur` is no currency code. Use the ISO code in capitals, like EUR."),
        (PLAIN + "currency: {rates: {EURO: []}}\n", "`EURO` is no currency code"),
        (PLAIN + "currency: {rates: {USD: [{from: 2024-01-01, rate: 0}]}}\n", "rate"),
        (PLAIN + "currency: {rates: {USD: [{from: soon, rate: 1}]}}\n", "a date is wanted"),
        (
            PLAIN + "currency: {rates: {USD: [{from: 2024-01-01, rate: 1}, {from: 2024-01-01, rate: 2}]}}\n",
            "begin on the same day",
        ),
        (
            PLAIN + "currency: {rates: {USD: [{from: 2024-01-01, rate: 1}]}, rates_file: x.csv}\n",
            "both `rates` and `rates_file` are given",
        ),
        (PLAIN + "deals: {expansion: [Up], renewal: [up]}\n", "`up` stands under `expansion` and `renewal`"),
        (PLAIN + "labels: {write: [Profil]}\n", "labels.write.0: unknown label `Profil`. Did you mean `Profile`?"),
        (
            PLAIN + "labels: {write: [Override]}\n",
            "`Override` is set by people and never written: list it under `people`",
        ),
        (PLAIN + "labels: {people: [Profile]}\n", "`Profile` is computed, not set by people: list it under `write`"),
        (PLAIN + "labels: {write: [Motion, Motion]}\n", "`Motion` stands there twice"),
        (PLAIN + "labels: {fields: {Profil: X}}\n", "unknown label `Profil`"),
        (PLAIN + "labels: {fields: {Profile: X__c, Motion: x__c}}\n", "`x__c` holds `Profile` already"),
        (PLAIN + "labels: {hand_edits: overwrite}\n", "'keep' or 'restore' is wanted"),
        (PLAIN.replace("version: 1", "version: 2"), "1 is wanted, this is `2`"),
    ],
)
def test_what_is_refused(text: str, told: str) -> None:
    assert told in refusal(text)


def test_every_problem_is_told_at_once() -> None:
    told = refusal(
        accounts(", indutry: X", ", where: a = 1") + "deals: {expansion: [a], renewal: [a]}\nlabels: {write: [No]}\n"
    )
    assert told.startswith("mappings/m.yaml: 4 problems")


def test_the_project_and_its_mapping_must_name_the_same_connector(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(PLAIN)
    with pytest.raises(ConfigError, match=r"m\.yaml:2: connector: the mapping is for `salesforce`"):
        load_mapping(path, "hubspot")
    assert load_mapping(path, "salesforce").prefix == "KARE_"


def test_rates_may_stand_in_a_file_beside_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(PLAIN + "currency: {reporting: EUR, rates_file: rates.csv}\n")
    (tmp_path / "rates.csv").write_text("currency,from,rate\nUSD,2024-01-01,0.92\n\nusd,2025-01-01,0.88\n")
    rates = load_mapping(path).currency.rates["USD"]
    assert [(rate.since, rate.rate) for rate in rates] == [
        (date(2024, 1, 1), Decimal("0.92")),
        (date(2025, 1, 1), Decimal("0.88")),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "the rates file cannot be read"),
        ("", "the first line must be"),
        ("a,b\n", "rates.csv:1: the first line must be"),
        ("currency,from,rate\nUSD,2024-01-01\nUSD,x,1\n", "rates.csv:3"),
        ("currency,from,rate\nUSD,2024-01-01,-1\n", "rates.csv:2"),
        ("currency,from,rate\nEURO,2024-01-01,1\n", "`EURO` is no currency code"),
    ],
)
def test_a_wrong_rates_file(tmp_path: Path, content: str | None, told: str) -> None:
    (tmp_path / "m.yaml").write_text(PLAIN + "currency: {reporting: EUR, rates_file: rates.csv}\n")
    if content is not None:
        (tmp_path / "rates.csv").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_mapping(tmp_path / "m.yaml")
    assert told in str(caught.value)


def test_what_is_pulled() -> None:
    text = accounts(
        ", name: Name, is_customer: {field: Type, map: {C: true}}, wallet: {field: W, times: N}",
        ", options: {sheet: A}, extra: {credit: {field: L, type: money}, erp: E}",
    )
    labels = (LabelField(BY_NAME["Profile"], "P__c"), LabelField(BY_NAME["Target"], "T__c"))
    first, second = stream_specs(mapping(text), labels)
    assert [(one.column, one.source, one.kind) for one in first.fields] == [
        ("account_id", "Id", Kind.TEXT),
        ("name", "Name", Kind.TEXT),
        ("is_customer", "Type", Kind.TEXT),
        ("wallet", "W", Kind.MONEY),
        ("x_credit", "L", Kind.MONEY),
        ("x_erp", "E", Kind.TEXT),
        ("wallet_times", "N", Kind.NUMBER),
        ("crm_Profile", "P__c", Kind.TEXT),
        ("crm_Target", "T__c", Kind.BOOL),
    ]
    assert first.options == {"sheet": "A"}
    assert (second.stream, second.source, second.fields[0].column) == ("opportunities", "Deal", "opportunity_id")


def test_a_changed_value_map_needs_no_new_pull_and_a_changed_field_does() -> None:
    def shape(fields: str, rest: str = "") -> StreamSpec:
        return stream_specs(mapping(accounts(fields, rest)))[0]

    first = shape(", is_customer: {field: Type, map: {C: true}}")
    assert first == shape(
        ", is_customer: {field: Type, map: {D: true, E: false}, otherwise: false}", ", where: sites > 1"
    )
    assert first != shape(", is_customer: {field: Kind, map: {C: true}}")
    assert first != shape(", is_customer: Type")
    assert first != shape(", is_customer: {field: Type, map: {C: true}}", ", options: {sheet: x}")
    assert shape(", name: N, domain: D") == shape(", domain: D, name: N")


def test_labels_get_their_fields() -> None:
    fields = label_fields(mapping(PLAIN + "labels: {fields: {Motion: Verb__c}, people: [Override]}\n"), CONNECTOR)
    by_name = {one.label.name: one.field for one in fields}
    assert by_name["Profile"] == "KARE_Profile__c"
    assert by_name["ICP_Score"] == "ICP_Score__c"
    assert by_name["Motion"] == "Verb__c"
    assert "Override_Until" not in by_name
    assert "Rank" not in by_name
    assert [one.label for one in fields] == [label for label in LABELS if label.name in by_name]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + "labels: {fields: {Profile: KARE_Motion__c}}\n",
        accounts(", market: kare_profile__c"),
    ],
)
def test_a_field_has_one_meaning(text: str) -> None:
    with pytest.raises(ConfigError, match="use the same field"):
        label_fields(mapping(text), CONNECTOR)


def test_own_fields_can_be_named_in_the_rulebook_and_in_the_filter() -> None:
    own = mapping(accounts("", ", extra: {erp: E}, where: erp = 'A'"))
    assert stream_columns(STREAMS["accounts"], own.streams.accounts)["erp"] is Kind.TEXT
    assert "erp" not in stream_columns(STREAMS["accounts"])


def starter(name: str) -> str:
    return (files("crm_kare_mappings") / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", STARTERS)
def test_starters_are_good_and_every_line_has_a_comment(name: str) -> None:
    read = parse_mapping(starter(name), PATH, name)
    assert read.streams.opportunities
    bare = [line for line in starter(name).splitlines() if line.strip() and "#" not in line]
    assert bare == []


def everything_on(text: str) -> str:
    """The starter with the `#` taken off every example, but for the second of two ways to say the same."""
    other_way = re.compile(r" *# +(rates_file|annual_revenue|expansion):")
    lines = [line for line in text.splitlines() if not other_way.match(line)]
    return "\n".join(re.sub(r"^( *)# ( *\w+:( .*)?)$", r"\1\2", line) for line in lines)


@pytest.mark.parametrize("name", STARTERS)
def test_starters_stay_good_with_every_example_switched_on(name: str) -> None:
    read = parse_mapping(everything_on(starter(name)), PATH, name)
    assert [stream for stream, _ in read.streams.mapped()] == list(STREAMS)
    unseen = {column.name for column in STREAMS["accounts"].columns} - read.streams.accounts.fields.keys()
    assert unseen <= {"owner", "currency"}
    assert set(read.streams.accounts.extra) - {"person", "hubspot_tier"} == {"erp_class", "credit_limit"}


def test_starters_hold_only_standard_fields() -> None:
    def sources(name: str) -> set[str]:
        specs = stream_specs(parse_mapping(starter(name), PATH))
        return {one.source for spec in specs for one in spec.fields}

    assert not [one for one in sources("salesforce") if one.endswith("__c")]
    assert not sources("salesforce") & {"CurrencyIsoCode", "RecordType.Name"}
    assert "deal_currency_code" not in sources("hubspot")
    odd = [one for one in sources("hubspot") if not re.fullmatch(r"@?[a-z_]+", one)]
    assert odd == []
