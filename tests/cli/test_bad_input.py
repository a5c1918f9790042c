"""Bad input through the command line: a clear error with place and fix, the right exit code, nothing written."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cli.conftest import writes
from cli.doors import ACCOUNTS, Door, fill

from crm_kare.sandbox import RunningSandbox
from crm_kare.sandbox.hubspot import portal_of

Spoil = Callable[[Door], object]
RULES = "rulebook.yaml"
MAP = "mappings/files.yaml"


def result_files(shop: Door) -> list[str]:
    """What the connector has written: nothing else lies beside the input."""
    return [one.name for one in shop.folder.glob("*.csv") if one.name not in {"accounts.csv", "opportunities.csv"}]


def spoil(name: str, old: str, new: str) -> Spoil:
    return lambda shop: shop.replace(name, old, new)


def put(name: str, text: str) -> Spoil:
    return lambda shop: shop.put(name, text)


WRONG: dict[str, tuple[Spoil, str, str]] = {
    "broken YAML in the project": (put("crm-kare.yaml", "version: 1\ncrms: [\n"), "crm-kare.yaml", "line"),
    "unknown key in the project": (spoil("crm-kare.yaml", "connector: files", "conector: files"), "crm-kare.yaml", "did you mean `connector`"),
    "connector that is not there": (spoil("crm-kare.yaml", "connector: files", "connector: filez"), "filez", "files"),
    "broken YAML in the mapping": (spoil(MAP, "fields: {account_id", "fields: {{account_id"), MAP, "line"),
    "unknown field in the mapping": (spoil(MAP, "industry: Industry", "industri: Industry"), MAP, "did you mean `industry`"),
    "wrong type in the mapping": (spoil(MAP, "version: 1", "version: one"), MAP, "1"),
    "empty mapping": (put(MAP, ""), MAP, "the file is empty"),
    "missing mapping": (lambda shop: shop.file(MAP).unlink(), MAP, "not there"),
    "field that the CRM has not": (spoil(MAP, "industry: Industry", "industry: Branche"), "Branche", "Industry"),
    "bad expression": (spoil(MAP, "from: accounts.csv", "from: accounts.csv\n    where: industri = 'Tools'"), MAP, "did you mean `industry`"),
    "unparsable expression": (spoil(MAP, "from: accounts.csv", "from: accounts.csv\n    where: industry = ("), MAP, "where"),
    "missing rulebook": (lambda shop: shop.file(RULES).unlink(), RULES, "not there"),
    "broken YAML in the rulebook": (put(RULES, "version: [\n"), RULES, "line"),
    "wrong type in the rulebook": (put(RULES, "version: '1'\nicp: 7\n"), RULES, "icp"),
    "missing file": (lambda shop: shop.file("accounts.csv").unlink(), "accounts.csv", "There is no such file. → Did you mean"),
    "wrong encoding": (lambda shop: shop.file("accounts.csv").write_bytes(ACCOUNTS.encode() + b"\na1,M\xfcller,Ann,Tools,DE,1,1,x\n"), "accounts.csv", "encoding"),
    "duplicate ids": (put("accounts.csv", f"{ACCOUNTS}\na1,One,Ann,Tools,DE,1,1,x\na1,Two,Ann,Tools,DE,1,1,x\n"), "accounts.csv", "distinct: true"),
    "file without a header": (put("accounts.csv", ""), "accounts.csv", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_stops_the_run_before_anything_is_written(shop: Door, name: str) -> None:
    make, place, fix = WRONG[name]
    make(shop)
    ended = shop("sync", "--force")
    said = " ".join((ended.out + ended.err).split())
    assert ended.code == 3, said
    assert place in said
    assert fix.lower() in said.lower()
    assert "Traceback" not in said
    assert result_files(shop) == []


def test_an_unreadable_file(shop: Door) -> None:
    shop.file("accounts.csv").unlink()
    shop.file("accounts.csv").mkdir()
    ended = shop("sync", "--force")
    assert ended.code == 3
    assert "accounts.csv" in ended.out
    assert result_files(shop) == []


def test_a_cell_of_ten_megabytes_is_a_problem_or_a_value_never_an_accident(shop: Door) -> None:
    shop.put("accounts.csv", f'{ACCOUNTS}\na1,"{"x" * 10_000_000}",Ann,Tools,Germany,50,1000000,Customer\n')
    ended = shop("sync", "--dry-run", "--json")
    assert ended.code in {0, 3}
    assert len(ended.out) < 100_000


@pytest.mark.parametrize("accounts", [0, 1])
def test_an_empty_crm_and_one_account_are_no_error(shop: Door, accounts: int) -> None:
    fill(shop, accounts)
    ended = shop("sync", "--force", "--json")
    (run,) = ended.document["runs"]
    assert (ended.code, run["scored"], run["applied"]["changed"]) == (0, accounts, accounts)


@pytest.mark.slow
@pytest.mark.usefixtures("judged_once")
def test_wrong_places_are_told(shop: Door) -> None:
    assert shop("pull", "shop").code == 0
    ended = shop("score", "-o", str(shop.file("nowhere/labels.csv")))
    assert (ended.code, ended.out) == (2, "")
    assert "nowhere/labels.csv: the file cannot be written" in ended.err
    ended = shop("score", "--format", "parquet")
    assert ended.code == 2
    assert "-o FILE" in ended.err
    ended = shop("plan", "shop", "-o", str(shop.file("nowhere/plan")))
    assert ended.code == 2
    assert "nowhere/plan" in ended.err


def test_a_plan_that_is_none(shop: Door) -> None:
    for name in ("gone", "rulebook.yaml"):
        ended = shop("apply", "shop", str(shop.file(name)), "--force")
        assert ended.code == 2
        assert name in ended.out + ended.err


def test_a_wrong_crm_does_not_stop_reading_the_others(shop: Door) -> None:
    shop.put(
        "crm-kare.yaml", shop.file("crm-kare.yaml").read_text() + "  bad: {connector: files, mapping: gone.yaml}\n"
    )
    ended = shop("doctor", "--json")
    assert ended.code == 3
    shop_report, bad_report = ended.document["crms"]
    assert [one["level"] for one in shop_report["problems"] if one["level"] == "error"] == []
    assert "gone.yaml" in bad_report["problems"][0]["where"]


def test_a_login_without_a_scope_or_permission(both: Door, running: RunningSandbox) -> None:
    portal = portal_of(running.sandbox)
    whole = portal.settings
    portal.settings = replace(whole, scopes=frozenset(one for one in whole.scopes if "deals" not in one))
    try:
        ended = both("sync", "hubspot", "--json")
    finally:
        portal.settings = whole
    (run,) = ended.document["runs"]
    assert ended.code == 4
    assert "deals" in run["problems"][0]["message"] + run["problems"][0]["fix"]
    assert writes(running) == 0


def test_nothing_is_written_by_a_dry_run(both: Door, running: RunningSandbox) -> None:
    assert both("provision", "hubspot", "--dry-run").code == 0
    assert not [one for one in running.faults.calls(method="POST") if "properties" in one.path]
