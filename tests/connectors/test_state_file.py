"""What connectors keep between runs: whole or not at all, for its owner's eyes, and no file of it stops a run."""

from pathlib import Path

import pytest

from crm_kare.errors import ConfigError
from crm_kare.state_file import keep, recalled


def test_what_was_kept_last_is_recalled_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "hub" / "notes.json"
    keep(path, {"a": 1, "b": ["ü"]})
    keep(path, {"a": 2})
    assert recalled(path) == {"a": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["notes.json"]


@pytest.mark.parametrize("held", [b"", b"{", b"[1]", b"null", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_holds_nothing(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "notes.json"
    assert recalled(path) == {}
    path.write_bytes(held)
    assert recalled(path) == {}


def test_a_folder_that_cannot_be_written_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("a file where the folder should be")
    with pytest.raises(ConfigError) as caught:
        keep(tmp_path / "hub" / "notes.json", {})
    assert caught.value.where == str(tmp_path / "hub")
