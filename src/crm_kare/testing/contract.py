"""Every check, in the order a reader meets them; `tests/connectors/test_contract.py` runs them over every connector.

A check takes a `Rig` and asserts. One that cannot run on this CRM skips and says why; none passes on no records.
"""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Final

from crm_kare.testing import being, changes, conflicts, reading, singles, trouble, writing
from crm_kare.testing.rig import Rig

Check = Callable[[Rig], None]


def _checks(module: ModuleType) -> list[Check]:
    """The module's public functions whose one parameter is the rig, as they stand in the file."""
    functions = [
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
    alone = [one for one in functions if list(inspect.signature(one).parameters) == ["rig"]]
    return sorted(alone, key=lambda one: one.__code__.co_firstlineno)


CHECKS: Final[tuple[Check, ...]] = tuple(
    check for module in (being, reading, changes, singles, writing, conflicts, trouble) for check in _checks(module)
)
"""The suite."""
