"""The rig of the in-memory connector, as the package ships it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crm_kare.testing.memory.rig import MemoryRig
from crm_kare.testing.rig import Rig


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    yield MemoryRig(folder)
