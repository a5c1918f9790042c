"""Playbooks: one Markdown file per profile, with front matter that machines read (METHOD.md section 5)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from crm_kare.config.yaml_files import parse_yaml
from crm_kare.errors import ConfigError

_FENCE: Final = "---\n"


class Playbook(BaseModel):
    """What the front matter says; the text below it is for people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Literal["Keep", "Attain", "Recapture", "Expand", "Retire"] = Field(description="Whom the play is for.")
    next_step: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        description="What the rep reads on the account."
    )
    cadence_days: Annotated[int, Field(ge=1, le=366)] = Field(description="Days between two touches.")
    daily_goal: str = Field("", description="Goal of a day.")
    weekly_goal: str = Field("", description="Goal of a week.")


def load_playbooks(folder: Path) -> dict[str, Playbook]:
    """The playbooks in a folder, by profile; none where the folder is missing.

    Raises:
        ConfigError: a file has no front matter, or it is wrong, or two are for one profile.
    """
    books: dict[str, Playbook] = {}
    for name, text in playbook_texts(folder).items():
        path = folder / name
        book = _parse(text, path)
        if book.profile in books:
            raise ConfigError(f"there are two playbooks for {book.profile}.", where=str(path), fix="Keep one of them.")
        books[book.profile] = book
    return books


def playbook_texts(folder: Path) -> dict[str, str]:
    """The playbooks' files as they stand, by name.

    Raises:
        ConfigError: one cannot be read.
    """
    return {path.name: _text(path) for path in sorted(folder.glob("*.md"))}


def next_steps(books: Mapping[str, Playbook]) -> dict[str, str]:
    """The next step by profile."""
    return {profile: book.next_step for profile, book in books.items()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the playbook cannot be read.", where=str(path), fix="Save it as UTF-8 text.") from error


def _parse(text: str, path: Path) -> Playbook:
    parts = text.replace("\r\n", "\n").split(_FENCE, 2)
    if len(parts) != 3 or parts[0]:  # noqa: PLR2004  before, front matter, text
        raise ConfigError(
            "the playbook does not begin with front matter between two lines of `---`.",
            where=str(path),
            fix="Copy the head of a starter playbook.",
        )
    return parse_yaml(parts[1], path, Playbook).value
