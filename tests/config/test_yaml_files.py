"""The YAML reader: every problem at once, with its line and its fix, and never a traceback."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from crm_kare.config.findings import Finding
from crm_kare.config.yaml_files import load_yaml, parse_yaml, read_yaml
from crm_kare.errors import ConfigError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str = ""
    share: float = Field(0.5, ge=0, le=1)


class Sample(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1]
    name: str = ""
    on: bool = False
    numbers: list[int] = []
    parts: dict[str, Inner] = {}
    maybe: Inner | None = None


def check(sample: Sample) -> list[Finding]:
    return [Finding(("name",), "`bad` is no name", "choose another")] if sample.name == "bad" else []


PATH = Path("some.yaml")


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, PATH, Sample, check)
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_a_good_file_becomes_the_model() -> None:
    loaded = parse_yaml("version: 1\nparts:\n  a: {field: x}\n", PATH, Sample)
    assert loaded.value.parts["a"].field == "x"
    assert loaded.where(("parts", "a", "field")) == "some.yaml:3"
    assert loaded.where(("parts", "nowhere")) == "some.yaml:2"


def test_all_problems_are_told_at_once_in_the_order_of_their_lines() -> None:
    told = refusal("version: 1\nname: 5\non: maybe\nparts:\n  a:\n    feild: x\n    share: 7\nnumbers: [1, x]\n")
    lines = told.splitlines()
    assert lines[0] == "some.yaml: 5 problems"
    assert [line.split(":")[1] for line in lines[1:]] == ["2", "3", "6", "7", "8"]
    assert "name: text is wanted, this is `5`. Put quotes around it." in told
    assert "on: `true` or `false` is wanted, this is `maybe`." in told
    assert "unknown key `feild`. Did you mean `field`?" in told
    assert "numbers.1: a whole number is wanted, this is `x`." in told


def test_a_check_of_more_than_single_values_is_told_with_the_rest() -> None:
    assert "2 problems" in refusal("version: 1\nname: bad\nname: bad\n")
    assert refusal("version: 1\nname: bad\n") == "some.yaml:2: name: `bad` is no name. Choose another."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("- a\n- b\n", "must hold keys and values"),
        ("just words\n", "must hold keys and values"),
        ("version: 1\n\tname: x\n", "some.yaml:2: not valid YAML"),
        ("version: 1\nname: a: b\n", "some.yaml:2: not valid YAML"),
        ("version: 1\nname: 'a\n", "not valid YAML"),
        ("version: 1\nname: [a\n", "not valid YAML"),
        ("version: 1\n---\nversion: 1\n", "not valid YAML"),
        ("[" * 1000, "nested too deeply"),
        ("version: 1\nname: \x01\n", "characters that text files must not"),
        ("version: 1\nversion: 1\n", "some.yaml:2: duplicate key `version` (first on line 1). Keep one of them."),
        ("version: 2\n", "some.yaml:1: version: 1 is wanted, this is `2`."),
        ("name: x\n", "`version` is missing. Add it."),
        ("version: &v 1\nname: *v\n", "anchors, aliases and tags are not supported"),
        ("version: 1\nname: !!python/object:os.system x\n", "anchors, aliases and tags are not supported"),
        ("version: 1\nname: 2024-02-31\n", "`2024-02-31` is no valid value"),
        ("version: 1\n? [a, b]\n: c\n", "a key must be text"),
        ("version: 1\nparts: 5\n", "keys and values are wanted, this is `5`"),
        ("version: 1\nmaybe: {feild: 1}\n", "unknown key `feild`. Did you mean `field`?"),
        ("version: 1\nname:\n", "name: text is wanted, this is empty"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(text: str, told: str) -> None:
    assert told in refusal(text)


def test_a_file_of_another_program_gives_no_endless_list() -> None:
    told = refusal("version: 1\n" + "".join(f"key{number}: 1\n" for number in range(5000)))
    assert told.startswith("some.yaml: the first 50 problems\n")
    assert len(told.splitlines()) == 51


def test_tabs_are_named_as_the_cause() -> None:
    assert "Indent with spaces instead of tabs." in refusal("version: 1\n\tname: x\n")


def test_keys_stay_text_as_written_and_no_stays_the_word() -> None:
    loaded = parse_yaml("version: 1\nname: no\nparts: {0012: {field: on}, NO: {}, true: {}}\n", PATH, Sample).value
    assert loaded.name == "no"
    assert list(loaded.parts) == ["0012", "NO", "true"]
    assert loaded.parts["0012"].field == "on"


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\n")
    assert load_yaml(path, Sample).version == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "is not there"),
        (b"version: 1\nname: caf\xe9\n", ":2: the file is not UTF-8. Save it as UTF-8."),
        (b"version: 1\n" + b"#" * 500_001, "over 500 kB"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"a\.yaml") as caught:
        read_yaml(path, Sample)
    assert told in str(caught.value)


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_yaml(tmp_path, Sample)
