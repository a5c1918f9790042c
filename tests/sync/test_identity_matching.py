"""Which accounts are one company: cases by hand, and that neither the order of CRMs nor that of accounts matters."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_kare.config.identity import Decided, Identity, load_decisions
from crm_kare.errors import ConfigError
from crm_kare.method import Streams, Workbench
from crm_kare.sync.identity.doubts import lay_out_doubts
from crm_kare.sync.identity.matching import lay_out_companies
from crm_kare.sync.identity.party import Party

Cards = list[dict[str, str | None]]
Pair = frozenset[tuple[str, str]]
_NAMES = ("account_id", "name", "domain", "country")
_ENGINE = ibis.duckdb.connect()


def party(crm: str, place: int, cards: Cards) -> Party:
    table = ibis.memtable(pa.table({name: pa.array([one.get(name) for one in cards], pa.string()) for name in _NAMES}))
    return Party(crm, place, Streams(table, table, None, None, None, None, frozenset(), "EUR"))


def found(crms: dict[str, Cards], *decided: Decided, **words: Any) -> tuple[set[Pair], set[Pair]]:
    """Matches and doubts, each as a set of two (CRM, id)."""
    identity = Identity(crms=tuple(crms), **words)
    parties = [party(name, place, cards) for place, (name, cards) in enumerate(crms.items())]
    names = list(crms)
    with Workbench(_ENGINE) as bench:
        for one in parties:
            one.lay_out(bench)
        lay_out_companies(bench, parties, identity, decided)
        lay_out_doubts(bench)
        return tuple(  # type: ignore[return-value]
            {
                frozenset({(names[row["place"]], row["account_id"]), (names[row["other_place"]], row["other_id"])})
                for row in bench.rows(f"SELECT * FROM {step}")  # noqa: S608  ours
            }
            for step in ("same_pairs", "same_doubts")
        )


def card(
    account_id: str, name: str = "", domain: str | None = None, country: str | None = "Italy"
) -> dict[str, str | None]:
    return {"account_id": account_id, "name": name or f"Firm {account_id}", "domain": domain, "country": country}


def pair(sales: str, market: str) -> Pair:
    return frozenset({("sales", sales), ("market", market)})


def both(sales: Cards, market: Cards, *decided: Decided, **words: Any) -> tuple[set[Pair], set[Pair]]:
    return found({"sales": sales, "market": market}, *decided, **words)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.acme.de/shop?x=1", "acme.de"),
        ("info@acme.co.uk", "http://shop.acme.co.uk:8080"),
        ("ACME.COM.", "//www2.acme.com"),
        ("acme.com; acme.de", "acme.com"),
        ("münchen-bau.de", "xn--mnchen-bau-9db.de"),
        ("acme.myshopify.com", "https://acme.myshopify.com/"),
        ("pine-0.example", "www.pine-0.example"),
    ],
)
def test_the_same_domain_in_other_clothes(one: str, other: str) -> None:
    assert both([card("s", domain=one)], [card("m", domain=other)])[0] == {pair("s", "m")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gmail.com", "gmail.com"),
        ("joe@hotmail.co.uk", "ann@hotmail.co.uk"),
        ("https://www.facebook.com/acme", "facebook.com/acme"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("10.0.0.1", "10.0.0.1"),
        ("n/a", "n/a"),
        ("acme.myshopify.com", "other.myshopify.com"),
        ("acme.co.uk", "other.co.uk"),
        ("intranet.ours.com", "www.ours.com"),
    ],
)
def test_what_identifies_nobody(one: str, other: str) -> None:
    assert both([card("s", domain=one)], [card("m", domain=other)], shared_hosts=("ours.com",)) == (set(), set())


def test_several_accounts_on_a_domain_are_a_doubt_until_decided() -> None:
    sales, market = [card("s", domain="acme.com")], [card("m1", domain="acme.com"), card("m2", domain="acme.com")]
    assert both(sales, market) == (set(), {pair("s", "m1"), pair("s", "m2")})
    same = Decided("same", "market", "m1", "sales", "s")
    assert both(sales, market, same) == ({pair("s", "m1")}, set())


def test_a_name_that_points_elsewhere_than_the_domain_is_a_doubt() -> None:
    sales = [card("s", "Acme", "acme.com")]
    market = [card("m1", "Zenith Holding", "acme.com"), card("m2", "ACME S.p.A.", "zenith.com")]
    assert both(sales, market) == (set(), {pair("s", "m1")})
    assert both(sales, [card("m1", "Zenith Holding", "acme.com")])[0] == {pair("s", "m1")}


def test_a_pair_that_is_decided_different_stays_apart() -> None:
    different = Decided("different", "sales", "s", "market", "m")
    assert both([card("s", domain="acme.com")], [card("m", domain="acme.com")], different) == (set(), set())


def test_two_accounts_of_one_crm_never_become_one_company() -> None:
    decided = [Decided("same", "sales", "s1", "market", "m"), Decided("same", "sales", "s2", "market", "m")]
    matches, doubts = both([card("s1"), card("s2")], [card("m")], *decided)
    assert (matches, doubts) == (set(), {pair("s1", "m"), pair("s2", "m")})


def test_a_chain_over_three_crms_that_ends_in_the_first_again_does_not_count() -> None:
    crms = {
        "a": [card("a1", domain="one.com"), card("a2", domain="two.com")],
        "b": [card("b", domain="one.com")],
        "c": [card("c", domain="two.com")],
    }
    matches, doubts = found(crms, Decided("same", "b", "b", "c", "c"))
    assert (matches, len(doubts)) == (set(), 3)
    assert len(found(crms)[0]) == 2


def test_similar_names_count_only_where_they_are_accepted_and_unique() -> None:
    sales = [card("s1", "Nordic Tubes GmbH & Co. KG"), card("s2", "Elbe Steel plc"), card("s3", "Vega Ltd", "vega.com")]
    market = [
        card("m1", "NORDIC TUBES"),
        card("m2", "Elbe Steel"),
        card("m3", "Elbe-Steel Inc."),
        card("m4", "Vega", "vega.io"),
    ]
    assert both(sales, market)[0] == set()
    assert both(sales, market, names="accept")[0] == {pair("s1", "m1")}
    assert both([card("s", "Vega", country="Italy")], [card("m", "Vega", country="Spain")], names="accept")[0] == set()


_DOMAINS = st.sampled_from(["one.com", "two.com", "three.com", "gmail.com", None])
_TITLES = st.sampled_from(["Acme", "Acme GmbH", "Zenith", "Vega Tools"])
_SIDES = st.lists(st.tuples(_TITLES, _DOMAINS), max_size=4)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(left=_SIDES, right=_SIDES, names=st.sampled_from(["accept", "propose"]))
def test_neither_the_order_of_crms_nor_of_accounts_matters(
    left: list[tuple[str, str | None]], right: list[tuple[str, str | None]], names: str
) -> None:
    sales = [card(f"s{n}", name, domain) for n, (name, domain) in enumerate(left)]
    market = [card(f"m{n}", name, domain) for n, (name, domain) in enumerate(right)]
    first = found({"sales": sales, "market": market}, names=names)
    assert found({"market": market[::-1], "sales": sales[::-1]}, names=names) == first
    ends = [end for match in first[0] for end in match]
    assert len(ends) == len(set(ends))
    assert not first[0] & first[1]


def decisions(folder: Path, lines: Sequence[str]) -> tuple[Decided, ...]:
    (folder / "identity.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    return load_decisions(folder / "identity.csv", ("sales", "market"))


def test_a_file_of_decisions_as_spreadsheets_save_it(tmp_path: Path) -> None:
    lines = [
        "decision;why;crm;account_id;other_crm;other_account_id",
        "SAME;x;sales;'-1;market;m",
        ";x;sales;2;market;m",
    ]
    assert decisions(tmp_path, lines) == (Decided("same", "sales", "-1", "market", "m"),)
    assert load_decisions(tmp_path / "none.csv", ("sales", "market")) == ()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["decision,crm"], "account_id"),
        (["maybe,sales,1,market,2"], "`maybe` is no decision"),
        (["same,sales,1,sales,2"], "both accounts are of one CRM"),
        (["same,sales,1,shop,2"], "`shop` is no CRM"),
        (["same,sales,,market,2"], "id is missing"),
        (["same,sales,1,market,2", "different,market,2,sales,1"], "lines 2 and 3"),
    ],
)
def test_a_wrong_file_of_decisions_is_told_with_its_lines(tmp_path: Path, lines: list[str], told: str) -> None:
    head = [] if lines[0].startswith("decision") else ["decision,crm,account_id,other_crm,other_account_id"]
    with pytest.raises(ConfigError) as caught:
        decisions(tmp_path, [*head, *lines])
    assert told in str(caught.value)


@pytest.fixture(scope="module", autouse=True)
def _engine() -> Iterator[None]:
    yield
    _ENGINE.disconnect()
