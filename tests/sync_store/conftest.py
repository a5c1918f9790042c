"""A journal and a mirror in a folder of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_kare.journal import Journal, open_journal
from crm_kare.sync.mirror import Mirror


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = open_journal(f"sqlite:///{tmp_path}/journal.db")
    yield opened
    opened.close()


@pytest.fixture
def mirror(tmp_path: Path, journal: Journal) -> Mirror:
    return Mirror(tmp_path / "mirror", journal, "acme")
