"""The project file, its starter, schedules and the schemas for editors."""

import json
from pathlib import Path
from typing import get_args

import pytest

from crm_kare.config.project import Project, load_project
from crm_kare.config.rulebook import load_rulebook
from crm_kare.config.schemas import SchemaKind, json_schema, schema_files
from crm_kare.config.starters import starter_files, starter_project
from crm_kare.config.times import check_schedule
from crm_kare.errors import ConfigError, UsageError
from crm_kare.labels import LABELS
from crm_kare.model import STREAMS

HEAD = "version: 1\ncrms:\n  acme: {connector: salesforce, mapping: mappings/salesforce.yaml%s}\n"


def project(folder: Path, text: str) -> Project:
    (folder / "crm-kare.yaml").write_text(text, encoding="utf-8")
    return load_project(folder)


def test_a_short_file_has_the_defaults(tmp_path: Path) -> None:
    read = project(tmp_path, HEAD % "")
    assert (read.brakes.transition_share, read.brakes.transition_floor) == (0.05, 20)
    assert (read.quota.daily_share, read.quota.burst_share) == (0.8, 0.9)
    assert read.serve.host == "127.0.0.1"
    assert read.rulebook_path == tmp_path / "rulebook.yaml"
    assert read.crm("acme").schedule is None


def test_the_address_for_webhooks_has_the_crms_name_last_and_is_only_there_where_they_are_on(tmp_path: Path) -> None:
    more = "  hub: {connector: hubspot, mapping: h.yaml, webhooks: true}\nserve: {public_url: 'https://example.com/kare/'}\n"
    read = project(tmp_path, HEAD % "" + more)
    assert (read.webhooks("hub"), read.webhooks("acme")) == ("https://example.com/kare/webhooks/hub", "")


def test_an_unknown_crm_is_a_usage_error(tmp_path: Path) -> None:
    read = project(tmp_path, HEAD % "")
    with pytest.raises(UsageError, match=r"no CRM is called `acne`. Did you mean `acme`"):
        read.crm("acne")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD % "" + "  Ac me: {connector: files, mapping: m.yaml}\n", ":4: crms.Ac me: `Ac me` is no name for a CRM"),
        (HEAD % "" + "  ../x: {connector: files, mapping: m.yaml}\n", "is no name for a CRM"),
        (HEAD % ", schedule: hourly", "`hourly` is no schedule"),
        (HEAD % ", timezone: Mars/Olympus", "unknown time zone `Mars/Olympus`"),
        (HEAD % ", env_prefix: acme", "`acme` is no prefix"),
        (HEAD % ", webhooks: true", "serve: `acme` wants webhooks, and there is no public address"),
        (
            HEAD % "" + "serve: {public_url: http://kare.example.com}\n",
            "`http://kare.example.com` is no public address",
        ),
        (HEAD % "" + "serve: {public_url: 'https://kare.example.com/?a=1'}\n", "is no public address"),
        (HEAD % "" + "serve: {public_url: kare.example.com}\n", "`kare.example.com` is no public address"),
        (HEAD % ", token: abc", "unknown key `token`"),
        (HEAD % "" + "  beta: {connector: salesforce, mapping: b.yaml}\n", "would use the same credentials"),
        (HEAD % "" + "brakes: {transition_share: 5}\n", "this is `5`"),
        (HEAD % "" + "serv: {}\n", "unknown key `serv`. Did you mean `serve`?"),
        ("version: 1\ncrms: {}\n", "crms"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        project(tmp_path, text)
    assert told in str(caught.value)


def test_a_value_under_an_unknown_key_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        project(tmp_path, HEAD % ", token: s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"crm-kare\.yaml: the file is not there"):
        load_project(tmp_path)


@pytest.mark.parametrize("text", ["*/15 * * * *", "0 6 * * mon-fri", "5,35 8-18/2 1 jan-jun *", "0 0 31 12 0"])
def test_schedules_of_cron(text: str) -> None:
    assert check_schedule(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "*/0 * * * *",
        "* * 0 * *",
        "5-1 * * * *",
        "a * * * *",
        "* * * * mo",
        "*-5 * * * *",
    ],
)
def test_no_schedules(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        check_schedule(text)


def test_the_starter_is_a_project_with_a_login_of_its_own_for_each_crm(tmp_path: Path) -> None:
    crms = {"acme": "salesforce", "beta-2": "salesforce", "hub": "hubspot", "box": "files"}
    text = starter_project(crms)
    assert [line for line in text.splitlines() if line and "#" not in line] == []
    read = project(tmp_path, text)
    assert {name: crm.connector for name, crm in read.crms.items()} == crms
    assert [crm.env_prefix for crm in read.crms.values()] == ["ACME_", "BETA_2_", "", ""]
    assert len({crm.mapping for crm in read.crms.values()}) == 4


def test_every_key_of_the_starter_says_its_default(tmp_path: Path) -> None:
    short, starter = project(tmp_path, HEAD % ""), project(tmp_path, starter_project({"acme": "salesforce"}))
    assert short.model_dump(exclude={"crms"}) == starter.model_dump(exclude={"crms"})


def test_a_whole_starter_project_can_be_read(tmp_path: Path) -> None:
    for name, text in starter_files({"acme": "salesforce", "hub": "hubspot", "box": "files"}).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    read = load_project(tmp_path)
    for name, crm in read.crms.items():
        assert read.mapping(name).connector == crm.connector
    for path in tmp_path.rglob("*.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        if "yaml-language-server" in first:
            assert (path.parent / first.split("$schema=")[1]).is_file()
    assert ".env\n" in (tmp_path / ".gitignore").read_text(encoding="utf-8")


def test_a_connector_without_a_starter() -> None:
    with pytest.raises(UsageError, match="no starter mapping for `dynamics`"):
        starter_files({"a": "dynamics"})


@pytest.mark.parametrize("kind", get_args(SchemaKind))
def test_schemas_are_json_and_refuse_unknown_keys(kind: SchemaKind) -> None:
    schema = json_schema(kind)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["additionalProperties"] is False
    assert f"schemas/{kind}.schema.json" in schema_files()


def test_the_mapping_schema_knows_columns_and_labels() -> None:
    schema = json_schema("mapping")
    for name, stream in STREAMS.items():
        fields = schema["$defs"][f"stream_{name}"]["properties"]["fields"]
        assert list(fields["properties"]) == [column.name for column in stream.columns]
    labels = schema["$defs"]["Labels"]["properties"]
    assert {*labels["write"]["items"]["enum"], *labels["people"]["items"]["enum"]} == {one.name for one in LABELS}


def test_the_answer_to_how_one_sells_stands_in_the_rulebook(tmp_path: Path) -> None:
    for business in ("repeat orders", "yearly contracts", "projects"):
        path = tmp_path / "rulebook.yaml"
        path.write_text(starter_files({"a": "files"}, business)["rulebook.yaml"], encoding="utf-8")
        assert load_rulebook(path, {}).usual_gap.business == business
