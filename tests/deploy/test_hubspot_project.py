"""The HubSpot project under deploy/: as generated, one with the labels and with what the connector says and reads."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from crm_kare.labels import LABELS
from crm_kare_hubspot import HubSpotConnector
from crm_kare_hubspot.names import field_name
from crm_kare_hubspot.source import MARK, WATCHED, source_files, write
from crm_kare_hubspot.source.__main__ import main

PROJECT = Path(__file__).parents[2] / "deploy" / "hubspot"
CARDS = PROJECT / "src" / "app" / "cards"
LABELS_MODULE = "src/app/cards/labels.ts"
WEBHOOKS = "src/app/webhooks/webhooks-hsmeta.json"
URL = "https://kare.example/webhooks/sales"


def held(path: str, texts: dict[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(texts[path] if texts else (PROJECT / path).read_text(encoding="utf-8"))
    return found


def exported(name: str, text: str) -> dict[str, Any]:
    """A constant of the card's generated module, whose values are JSON."""
    (body,) = re.findall(rf"export const {name} = {{\n(.*?)\n}} as const;", text, re.DOTALL)
    found: dict[str, Any] = json.loads("{" + re.sub(r"(?m)^    (\w+):", r'"\1":', body) + "}")
    return found


def subscriptions(prefix: str = "KARE_", **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = held(WEBHOOKS, source_files(prefix, webhooks=URL, **asked))["config"][
        "subscriptions"
    ]["crmObjects"]
    return found


def watched(told: list[dict[str, Any]], word: str) -> set[str]:
    return {one["propertyName"] for one in told if "propertyName" in one and one["objectType"] == word}


def test_the_project_is_what_the_generator_makes() -> None:
    made = source_files()
    there = {path: (PROJECT / path).read_text(encoding="utf-8") for path in made if (PROJECT / path).is_file()}
    assert there == made, "run `make hubspot-source`"
    assert MARK in made[LABELS_MODULE]


def test_the_card_knows_every_label_by_name_title_and_options() -> None:
    text = source_files()[LABELS_MODULE]
    assert exported("TITLES", text) == {one.name: one.title for one in LABELS}
    assert exported("OPTIONS", text) == {one.name: list(one.values) for one in LABELS if one.values}
    names = {one.name: HubSpotConnector.field_name(None, one, "KARE_") for one in LABELS}  # type: ignore[arg-type]
    assert exported("PROPERTIES", text) == names


def test_the_card_asks_first_for_what_provision_always_makes() -> None:
    text = source_files()[LABELS_MODULE]
    (body,) = re.findall(r"export const PROVISIONED: .*? = (\[.*?\]);", text, re.DOTALL)
    assert json.loads(body) == [one.name for one in LABELS if one.default]


def test_another_prefix_reaches_card_and_webhooks() -> None:
    properties = exported("PROPERTIES", source_files("ACME_")[LABELS_MODULE])
    assert properties == {one.name: field_name(one, "ACME_") for one in LABELS}
    assert not [name for name in properties.values() if name.startswith("kare_")]
    assert "acme_override" in watched(subscriptions("ACME_"), "company")


def test_the_app_may_read_companies_and_nothing_else() -> None:
    told = held("src/app/app-hsmeta.json")["config"]
    assert told["auth"]["requiredScopes"] == ["crm.objects.companies.read"]
    assert not told["auth"]["optionalScopes"] + told["auth"]["conditionallyRequiredScopes"]
    assert told["permittedUrls"] == {"fetch": [], "iframe": [], "img": []}


def test_webhooks_are_there_only_when_asked_for_and_need_deals_too() -> None:
    assert not (PROJECT / WEBHOOKS).exists()
    made = source_files(webhooks=URL)
    scopes = held("src/app/app-hsmeta.json", made)["config"]["auth"]["requiredScopes"]
    assert scopes == ["crm.objects.companies.read", "crm.objects.deals.read"]
    assert held(WEBHOOKS, made)["config"]["settings"]["targetUrl"] == URL


def test_webhooks_tell_what_becomes_of_companies_and_deals() -> None:
    told = subscriptions()
    for word in ("company", "deal"):
        events = {one["subscriptionType"] for one in told if one["objectType"] == word}
        kinds = ("creation", "deletion", "merge", "restore", "associationChange", "propertyChange")
        assert events == {f"object.{kind}" for kind in kinds}
    assert all(one["active"] for one in told)
    assert {"kare_override", "kare_override_reason", "kare_override_until"} <= watched(told, "company")
    assert "margin" in watched(subscriptions(also=[("deals", "margin")]), "deal")


def test_objects_that_the_mapping_reads_besides_are_told_of_with_their_scope() -> None:
    also = [("line_items", "quantity")]
    told = [one for one in subscriptions(also=also) if one["objectType"] == "line_item"]
    assert watched(told, "line_item") == {"quantity"}
    assert "object.deletion" in {one["subscriptionType"] for one in told}
    scopes = held("src/app/app-hsmeta.json", source_files(webhooks=URL, also=also))["config"]["auth"]["requiredScopes"]
    assert scopes[-1] == "crm.objects.line_items.read"


def test_webhooks_tell_of_properties_that_the_starter_mapping_reads() -> None:
    starter = (files("crm_kare_mappings") / "hubspot.yaml").read_text(encoding="utf-8")
    active = "\n".join(line.partition("#")[0] for line in starter.splitlines())
    read = set(re.findall(r"[\w@]+", active))
    for names in WATCHED.values():
        assert set(names) <= read


def test_the_command_writes_only_what_differs_and_takes_webhooks_away_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["source", "--to", str(tmp_path), "--webhooks", URL, "--also", "deals.margin"])
    assert main() == 0
    assert capsys.readouterr().out.split() == ["src/app/app-hsmeta.json", LABELS_MODULE, WEBHOOKS]
    assert main() == 0
    assert capsys.readouterr().out == ""
    assert write(tmp_path, source_files()) == ["src/app/app-hsmeta.json", WEBHOOKS]
    assert not (tmp_path / WEBHOOKS).parent.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--webhooks", "http://kare.example"], "https://"),
        (["--also", "deals"], "OBJECT.PROPERTY"),
        (["--also", "products.price"], "companies, contacts, deals"),
    ],
)
def test_the_command_says_what_it_cannot_make(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["source", "--to", str(tmp_path), *arguments])
    with pytest.raises(SystemExit):
        main()
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_card_is_built_with_what_it_was_tested_with() -> None:
    built = held("src/app/cards/package.json")["dependencies"]
    tested = held("package.json")["devDependencies"]
    assert built == {name: tested[name] for name in built}


def test_the_card_stands_on_companies_and_its_entry_point_exists() -> None:
    told = held("src/app/cards/kare-profile-hsmeta.json")["config"]
    assert (told["location"], told["objectTypes"]) == ("crm.record.tab", ["companies"])
    assert (PROJECT / "src" / told["entrypoint"].removeprefix("/")).is_file()


def test_every_text_of_the_card_is_used() -> None:
    module = (CARDS / "texts.ts").read_text(encoding="utf-8")
    names = re.findall(r"(?m)^    (\w+):", module)
    code = "".join(path.read_text(encoding="utf-8") for path in CARDS.glob("*.ts*") if path.name != "texts.ts")
    assert names
    assert [name for name in names if not re.search(rf"TEXTS\.{name}\b", code)] == []
