"""The Salesforce CLI 2.150 and its data commands, unchanged, against the sandbox. Each command starts it anew."""

import csv
import json
import subprocess
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from clients.conftest import KEY, PAGE, Target
from clients.node_tools import HERE, environment, need, node

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

VERSION = "62.0"
SETTINGS = {
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_DISABLE_TELEMETRY": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",  # a file in HOME instead of the desktop's secrets
    "SF_ORG_API_VERSION": VERSION,
}


@dataclass(frozen=True)
class Cli:
    """The program, in a folder of its own that is its home too."""

    folder: Path
    program: Path

    def run(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [node(), str(self.program), *words],
            cwd=self.folder,
            env=environment(self.folder, **SETTINGS, **more),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def __call__(self, *words: str, **more: str) -> Any:
        """The result that a command tells as JSON; anything but a success fails the test."""
        ended = self.run(*words, "--json", **more)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)["result"]

    def refused(self, *words: str) -> Any:
        """What a command says that fails."""
        ended = self.run(*words, "--json")
        assert ended.returncode != 0, ended.stdout
        return json.loads(ended.stdout)

    def rows(self, name: str) -> list[dict[str, str]]:
        """A CSV file in its folder."""
        return list(csv.DictReader(StringIO((self.folder / name).read_text(encoding="utf-8"))))

    def write(self, name: str, *lines: str) -> str:
        """Make a file in its folder."""
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return name


@pytest.fixture(scope="module")
def sf(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Logged in by an access token, which is the way that needs no browser and takes an http:// address."""
    package = need(HERE / "sfcli" / "node_modules" / "@salesforce" / "cli")
    cli = Cli(tmp_path_factory.mktemp("home"), package / "bin" / "run.js")
    words = ("org", "login", "access-token", "--instance-url", target.url, "--set-default", "--no-prompt")
    told = cli(*words, SF_ACCESS_TOKEN=target.token)
    target.org.settings.bulk.looks = 1  # jobs are done at the first look: the CLI would wait five seconds for the next
    assert (told["username"], told["orgId"]) == (target.org.credentials.username, target.org.id)
    return cli


def test_a_query_turns_all_pages_and_shows_related_fields(target: Target, sf: Cli) -> None:
    soql = "SELECT Id, Name, Account.Owner.Name FROM Opportunity"
    shown = sf.run("data", "query", "--query", soql, "--result-format", "csv")
    assert shown.returncode == 0, shown.stderr
    rows = list(csv.DictReader(StringIO(shown.stdout)))
    assert len({one["Id"] for one in rows}) == target.count("Opportunity") > 3 * PAGE
    assert set(rows[0]) == {"Id", "Name", "Account.Owner.Name"}
    assert all(one["Account.Owner.Name"] for one in rows)


def test_a_count_is_laid_out_under_its_function(target: Target, sf: Cli) -> None:
    shown = sf.run("data", "query", "--query", "SELECT COUNT(Id) FROM Account", "--result-format", "csv")
    assert shown.stdout.split() == ["count(Id)", str(target.count("Account"))]


def test_a_wrong_query_is_told_by_its_code(sf: Cli) -> None:
    told = sf.refused("data", "query", "--query", "SELECT Nope FROM Account")
    assert told["name"] == "INVALID_FIELD"


def test_a_record_lives_from_create_to_delete(target: Target, sf: Cli) -> None:
    about = ("record", "--sobject", "Account")
    made = sf("data", "create", *about, "--values", "Name='Ada & Söhne' Phone=1 NumberOfEmployees=7")
    assert target.account(made["id"])["NumberOfEmployees"] == 7
    sf("data", "update", *about, "--where", "Name='Ada & Söhne'", "--values", "Phone=2")
    shown = sf("data", "get", *about, "--record-id", made["id"])
    assert (shown["Name"], shown["Phone"], shown["attributes"]["type"]) == ("Ada & Söhne", "2", "Account")
    sf("data", "delete", *about, "--record-id", made["id"])
    assert target.account(made["id"])["_deleted"]


def test_a_bulk_export_is_all_records(target: Target, sf: Cli) -> None:
    target.org.settings.bulk.page_rows, target.org.settings.bulk.looks = 25, 2
    told = sf(
        "data", "export", "bulk", "--query", "SELECT Id, Name FROM Account ORDER BY Id",
        "--output-file", "accounts.csv", "--result-format", "csv", "--wait", "1",
    )  # fmt: skip
    target.org.settings.bulk.looks = 1
    rows = sf.rows("accounts.csv")
    assert len(rows) == told["totalSize"] == target.count("Account")
    assert [(one["Id"], one["Name"]) for one in rows[:2]] == [
        (one, target.account(one)["Name"]) for one in sorted(target.accounts(target.count("Account")))[:2]
    ]


def test_a_bulk_update_writes_the_good_records_and_names_the_bad(target: Target, sf: Cli) -> None:
    good, other = target.accounts(2)
    name = sf.write("update.csv", "Id,Name,Phone", f"{good},Bülk,#N/A", f"{other},{'x' * 300},2")
    told = sf.refused("data", "update", "bulk", "--sobject", "Account", "--file", name, "--wait", "1")
    assert (told["name"], told["data"]["state"]) == ("FailedRecordDetailsError", "JobComplete")
    told = sf("data", "bulk", "results", "--job-id", told["data"]["jobId"])
    assert (told["processedRecords"], told["successfulRecords"], told["failedRecords"]) == (2, 1, 1)
    assert [one["sf__Id"] for one in sf.rows(told["successFilePath"])] == [good]
    assert [one["sf__Error"].partition(":")[0] for one in sf.rows(told["failedFilePath"])] == ["STRING_TOO_LONG"]
    assert (target.account(good)["Name"], target.account(good)["Phone"]) == ("Bülk", None)


def test_bulk_upserts_and_deletes_by_file(target: Target, sf: Cli) -> None:
    name = sf.write("upsert.csv", f"{KEY},Name", "s-1,One", "s-2,Two")
    words = ("--sobject", "Account", "--wait", "1", "--file")
    told = sf("data", "upsert", "bulk", *words, name, "--external-id", KEY)
    assert [one["sf__Created"] for one in told["records"]["successfulResults"]] == ["true", "true"]
    made = [one["sf__Id"] for one in told["records"]["successfulResults"]]
    told = sf("data", "delete", "bulk", *words, sf.write("delete.csv", "Id", *made))
    assert told["jobInfo"]["numberRecordsProcessed"] == 2
    assert all(target.account(one)["_deleted"] for one in made)


def test_a_tree_is_imported(target: Target, sf: Cli) -> None:
    person = {"attributes": {"type": "Contact", "referenceId": "person"}, "LastName": "Below"}
    top = {"attributes": {"type": "Account", "referenceId": "top"}, "Name": "Top", "Contacts": {"records": [person]}}
    told = sf("data", "import", "tree", "--files", sf.write("tree.json", json.dumps({"records": [top]})))
    made = {one["refId"]: one["id"] for one in told}
    below = target.org.records.get("Contact", made["person"])
    assert below is not None
    assert below["AccountId"] == made["top"]


def test_a_describe_is_read(sf: Cli) -> None:
    told = sf("sobject", "describe", "--sobject", "Account")
    assert KEY in [one["name"] for one in told["fields"]]
    assert "Contacts" in [one["relationshipName"] for one in told["childRelationships"]]
