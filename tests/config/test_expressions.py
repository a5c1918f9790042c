"""Admins' conditions: what is allowed, what is refused and how, and that nothing else gets in."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_kare.config.expressions import FUNCTIONS, Condition, parse
from crm_kare.config.rulebook import expression_columns
from crm_kare.errors import ConfigError
from crm_kare.model import FACTS, STREAMS, Kind

COLUMNS = {
    "industry": Kind.TEXT,
    "name": Kind.TEXT,
    "employees": Kind.NUMBER,
    "sites": Kind.NUMBER,
    "wallet": Kind.MONEY,
    "renewal_on": Kind.DATE,
    "created_on": Kind.DATE,
    "lapsed": Kind.BOOL,
}


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, COLUMNS)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "industry = 'Software' and employees >= 50",
        "industry in ('Software', 'Banking') or not lapsed",
        "employees between 10 and 50",
        "employees not between 10 and 50",
        "renewal_on is not null and renewal_on < date '2026-12-31'",
        "renewal_on < '2026-12-31'",
        "renewal_on between created_on and '2026-12-31'",
        "name like 'A%' and name not ilike '%test%'",
        "coalesce(employees, sites, 0) / 2 + 1 - -3 * abs(sites) > 1.5e3",
        "lower(industry) = upper('x')",
        "lapsed is not true",
        "lapsed = false",
        "(((lapsed)))",
        "true",
        "wallet > employees",
        "name = 'it''s'",
        "name = 'a; drop table x -- no comment /* here */'",
    ],
)
def test_conditions_that_people_write(text: str) -> None:
    assert isinstance(parse(text, COLUMNS), Condition)


def test_the_columns_asked_are_known_and_letter_case_is_forgiven() -> None:
    condition = parse("Industry = 'x' and WALLET > 1", COLUMNS)
    assert condition.columns == {"industry", "wallet"}
    assert condition.text == "Industry = 'x' and WALLET > 1"


def test_equal_texts_give_equal_conditions() -> None:
    assert parse("lapsed and sites > 1", COLUMNS) == parse("lapsed and sites > 1", COLUMNS)
    assert hash(parse("lapsed", COLUMNS))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("industri = 'x'", "unknown column `industri` (column 1). Did you mean `industry`?"),
        ("lapsed and\n  industri = 'x'", "(line 2, column 3)"),
        ("industry > 5", "`industry` is text, compared with a number (column 1). Put quotes around a text"),
        ("employees = '5'", "`employees` is a number, compared with text"),
        ("renewal_on > 5", "`renewal_on` is a date, compared with a number (column 1). Write dates like"),
        ("renewal_on > '31.12.2026'", "`31.12.2026` is no date (column 14)"),
        ("renewal_on > date '2026-02-30'", "`2026-02-30` is no date"),
        ("lapsed > true", "true and false have no order"),
        ("lapsed between true and false", "true and false have no order"),
        ("employees", "`employees` is a number, a condition is wanted"),
        ("not industry", "`industry` is text, a condition is wanted"),
        ("industry + 1 > 2", "`industry` is text, a number is wanted"),
        ("lower(employees) = 'x'", "`employees` is a number, a text is wanted"),
        ("coalesce(industry, 1) = 'x'", "`industry` is text, compared with a number"),
        ("lapsed = null", "`null` can only stand after `is`"),
        ("industry in ('a', null)", "`null` can only stand after `is`"),
        ("employees in ()", "`in` needs a list of values"),
        ("employees in (sites)", "holds more than plain values"),
        ("name like industry", "`like` compares a text column with a text"),
        ("name like 'a\\_b'", "`\\` is not allowed"),
        ("employees > 12345678901234567890", "more than 18 digits"),
        ("employees > 1e300", "more than 18 digits"),
        ("", "the condition is empty"),
        ("   ", "the condition is empty"),
        ("employees >", "cannot be read"),
        ("employees > 5)", "cannot be read"),
        ("industry = 'x", "Check that every quote is closed"),
        ("employees is 5", "`is` takes null, true or false only"),
        ("sqrt(employees) > 2", "the function `sqrt` is not allowed"),
        ("lowr(industry) = 'x'", "the function `lowr` is not allowed (column 1). Did you mean `lower`?"),
        ("coalesce(lapsed)", "`coalesce` needs two values"),
        ("lapsed or " * 500 + "lapsed", "longer than 4000 characters"),
    ],
)
def test_what_is_wrong_is_told_with_place_and_fix(text: str, told: str) -> None:
    assert told in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "employees > (select 1)",
        "employees in (select 1)",
        "exists (select 1)",
        "select 1",
        "read_text('/etc/passwd') = 'x'",
        "lapsed; drop table accounts",
        "lapsed;",
        "lapsed -- and not lapsed",
        "/* hidden */ lapsed",
        "lapsed /*+ hint */",
        "lapsed # comment",
        "cast(employees as text) = '5'",
        "employees::text = '5'",
        "cast(industry as date) > '2026-01-01'",
        "sum(employees) over () > 1",
        "row_number() over (order by sites) = 1",
        "case when lapsed then true else false end",
        "if(lapsed, true, false)",
        "industry || 'x' = 'y'",
        "employees % 2 = 1",
        "employees & 1 = 1",
        "name regexp 'x'",
        "name similar to 'x'",
        "name like 'a!%' escape '!'",
        "accounts.industry = 'x'",
        "a.b.c.d = 1",
        "* ",
        "employees = any(array[1])",
        "[1][1] = 1",
        "{'a': 1}.a = 1",
        "employees = ?",
        "employees = :x",
        "employees = $1",
        "employees = @@version",
        "current_date > renewal_on",
        "renewal_on > now()",
        "renewal_on + interval '1 day' > '2026-01-01'",
        "getvariable('x') = 1",
        "current_setting('x') = 'y'",
        "x -> x",
        "lapsed is distinct from true",
        "employees <=> 1",
        "employees between symmetric 1 and 2",
        "lapsed limit 1",
        "lapsed as y",
        "lapsed, lapsed",
        "lapsed union select true",
        "copy x to 'y'",
        "attach 'x'",
        "pragma version",
        "install httpfs",
        "name = e'\\x41'",
        "name collate nocase = 'x'",
        "try(lapsed)",
        "columns('.*') > 1",
        "(lapsed, lapsed)",
        "not " * 300 + "lapsed",
        "(" * 500 + "lapsed" + ")" * 500,
        "-" * 61 + "1 = 1",
        "+".join(["employees"] * 300) + " > 1",
    ],
)
def test_attacks_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, COLUMNS)


def test_hundreds_of_alternatives_are_no_nesting() -> None:
    assert len(parse(" or ".join(["sites=1"] * 300), COLUMNS).tree.args) == 300


def test_every_documented_column_can_be_named() -> None:
    known = expression_columns({})
    assert {column.name for column in STREAMS["accounts"].columns} | FACTS.keys() == known.keys()
    for stream in STREAMS.values():
        columns = {column.name: column.kind for column in stream.columns}
        for name in columns:
            assert parse(f"{name} is null", columns).columns == {name}
    for name in known:
        assert parse(f"{name} is null", known).columns == {name}


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse(text, COLUMNS)


_WORDS = [*COLUMNS, *FUNCTIONS, "and", "or", "not", "(", ")", "=", "<", ",", "1", "'x'", "in", "is", "null", "between"]
_WORDS += ["like", "+", "-", "*", "/", "select", "from", "date", "true", "case", "when", "then", "end", "::", "[", "]"]


@given(st.lists(st.sampled_from(_WORDS), max_size=14))
def test_any_row_of_words_is_parsed_or_refused(words: list[str]) -> None:
    with contextlib.suppress(ConfigError):
        parse(" ".join(words), COLUMNS)
