"""Rulebooks of the past: listed, compared, and put back into the project.

Works without the present rulebook, which may be the one that is wrong.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from crm_kare.config.playbooks import playbook_texts
from crm_kare.config.project import Project, load_project
from crm_kare.config.rulebook import parse_rulebook
from crm_kare.config.settings import load_settings
from crm_kare.config.yaml_files import read_text
from crm_kare.errors import ConfigError, UsageError
from crm_kare.journal import Journal, KeptRulebook, open_journal
from crm_kare.sync.runtime import own_fields_of

_LIST: Final = "`crm-kare rules` lists them."
_MODE: Final = 0o644


@dataclass(frozen=True)
class Shelf:
    """The project's rulebook, as it stands in its file, and those that the journal keeps.

    Attributes:
        project: the project file.
        journal: the state store.
        text: the present rulebook's file.
        version: its stamp; `broken-…` where it cannot be used.
    """

    project: Project
    journal: Journal
    text: str
    version: str


@contextmanager
def shelf(folder: Path, environment: Mapping[str, str]) -> Iterator[Shelf]:
    """The rulebooks of the project in a folder, for the length of the block.

    Raises:
        ConfigError: the project file or a setting is wrong, or the rulebook's file cannot be read.
        StopError: the journal refuses.
        BusyError: another program holds it.
    """
    project = load_project(folder)
    text = read_text(project.rulebook_path)
    settings = load_settings(folder, environment)
    journal = open_journal(settings.database_url.get_secret_value(), settings.schema)
    try:
        yield Shelf(project, journal, text, _stamp(project, text))
    finally:
        journal.close()


def find(one: Shelf, version: str) -> KeptRulebook:
    """The rulebook of a version, or of the only one that begins so.

    Raises:
        UsageError: none does, or several do.
    """
    known = one.journal.rulebooks.listed()
    found = [it for it in known if it.version == version] or [it for it in known if it.version.startswith(version)]
    if not found:
        raise UsageError("no rulebook of that version was kept.", where=version, fix=_LIST)
    if len(found) > 1:
        raise UsageError(f"{len(found)} versions begin so.", where=version, fix=f"Give more of it: {_LIST}")
    return found[0]


def difference(one: Shelf, version: str, other: str | None) -> str:
    """What changed from one version to another, or to the present file, as a unified diff; empty where nothing did."""
    before = find(one, version)
    after = find(one, other) if other else None
    name, text = (after.version, after.text) if after else ("present", one.text)
    lines = difflib.unified_diff(_lines(before.text), _lines(text), before.version, name, lineterm="")
    return "\n".join(lines)


def put_back(one: Shelf, version: str, *, playbooks: bool = False) -> KeptRulebook:
    """Make a version the project's rulebook again, after keeping the present one; returns what was put back.

    Args:
        one: the project's rulebooks.
        version: which.
        playbooks: put back the playbooks that stood beside it too; others in their folder stay.

    Raises:
        UsageError: no such version was kept, or the file cannot be written.
        ConfigError: the version does not fit the project any more; nothing was written.
    """
    wanted = find(one, version)
    path = one.project.rulebook_path
    parse_rulebook(wanted.text, path, own_fields_of(one.project))
    folder = one.project.folder / one.project.playbooks
    one.journal.rulebooks.put_aside(one.version, one.text, playbook_texts(folder))
    files = {path: wanted.text}
    if playbooks:
        files |= {folder / Path(name).name: text for name, text in wanted.playbooks.items()}
    for file, text in files.items():
        _replace(file, text)
    return wanted


def _stamp(project: Project, text: str) -> str:
    try:
        return parse_rulebook(text, project.rulebook_path, own_fields_of(project)).stamp
    except ConfigError:
        return f"broken-{sha256(text.encode()).hexdigest()[:10]}"


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


def _replace(path: Path, text: str) -> None:
    """A file's text anew, whole or not at all, under the rights it had."""
    draft = path.with_name(f".{path.name}.draft")
    mode = path.stat().st_mode & 0o777 if path.exists() else _MODE
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8", newline=""
        ) as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        raise UsageError(
            f"the file cannot be written: {error.strerror}.", where=str(path), fix="Check its rights."
        ) from error
