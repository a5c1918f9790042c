"""The conformance suite over every registered connector and the one in memory."""

from collections.abc import Callable
from importlib.metadata import entry_points

import pytest

from crm_kare.testing.contract import CHECKS, Check
from crm_kare.testing.rig import Rig, RigMaker

CONNECTORS = ("memory", *sorted({one.name for one in entry_points(group="crm_kare.connectors")}))


@pytest.mark.parametrize("rig", CONNECTORS, indirect=True)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check: Check, rig: Rig) -> None:
    check(rig)


def test_a_connector_without_a_rig_is_an_error(maker: Callable[[str], RigMaker]) -> None:
    with pytest.raises(FileNotFoundError, match=r"unheard_of_rig\.py"):
        maker("unheard_of")


def test_the_suite_has_every_chapter() -> None:
    assert len(CHECKS) > 50
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)
    assert {"files", "hubspot", "salesforce"} <= set(CONNECTORS)
