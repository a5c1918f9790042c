"""Rigs by name: `<name>_rig.py` beside this file, one for each registered connector and one for the in-memory one."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crm_kare.errors import KareError
from crm_kare.testing.contract import CHECKS
from crm_kare.testing.memory import MemoryConnector
from crm_kare.testing.memory.rig import MemoryRig
from crm_kare.testing.rig import Rig, RigMaker

HERE = Path(__file__).parent


def rig_maker(name: str) -> RigMaker:
    """The function `rig` of `<name>_rig.py`.

    Raises:
        FileNotFoundError: a connector is registered and nobody wrote its rig.
    """
    path = HERE / f"{name}_rig.py"
    if not path.exists():
        raise FileNotFoundError(
            f"The connector {name} is registered and has no {path.name}: see connectors/README.md, step 6."
        )
    module_name = f"crm_kare_rigs_{name}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    maker: RigMaker = sys.modules[module_name].rig
    return maker


@pytest.fixture
def maker() -> Callable[[str], RigMaker]:
    """How rigs are found."""
    return rig_maker


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """The rig of the connector that the test is parametrised with (indirectly)."""
    with rig_maker(str(request.param))(tmp_path) as made:
        yield made


@pytest.fixture
def salesforce(tmp_path: Path) -> Iterator[Any]:
    """The Salesforce rig, for tests of that connector's own."""
    with rig_maker("salesforce")(tmp_path) as made:
        yield made


@pytest.fixture
def reject(tmp_path: Path) -> Callable[[type[MemoryConnector], str], None]:
    """Given a mutant and a check's name: the sound connector passes the check, and the mutant does not."""

    def rejected(mutant: type[MemoryConnector], name: str) -> None:
        (check,) = (one for one in CHECKS if one.__name__ == name)
        check(MemoryRig(tmp_path))
        with pytest.raises((AssertionError, KareError, pytest.fail.Exception)):
            check(MemoryRig(tmp_path, mutant))

    return rejected
