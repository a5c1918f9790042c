"""What holds for every test: property tests draw the same examples each time, and no clock judges them.

`pytest --hypothesis-profile=search` draws new ones.
"""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from postgresql_server import server

settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


def pytest_collection_finish() -> None:
    """What the libraries and the tests made of themselves stays; the collector need not look at it again: a fifth of the time."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """At the end of the process everything is given back."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of a PostgreSQL that tests share; each makes schemas or databases of its own there."""
    with server() as url:
        yield url
