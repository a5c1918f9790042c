"""Connectors by entry point: what is there, and three clear failures."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from crm_kare.config import registry
from crm_kare.errors import ConfigError


def installed(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    every = EntryPoints(EntryPoint(name, value, registry.GROUP) for name, value in points)
    monkeypatch.setattr(registry, "entry_points", every.select)


def test_the_three_that_we_ship_are_there() -> None:
    assert {"files", "hubspot", "salesforce"} <= set(registry.names())


def test_a_connector_is_loaded_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("a", "builtins:dict"), ("b", "no_such_module:x"))
    assert registry.names() == ("a", "b")
    assert registry.load("a").__name__ == "dict"


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("salesforce", "a:b"))
    with pytest.raises(ConfigError, match=r"no connector is called `salesfroce`. Did you mean `salesforce`"):
        registry.load("salesfroce")


def test_two_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("a", "one:x"), ("a", "two:x"))
    with pytest.raises(ConfigError, match="two connectors are called `a`, in one:x, two:x"):
        registry.load("a")


@pytest.mark.parametrize("value", ["no_such_module:x", "builtins:no_such_name"])
def test_one_that_cannot_be_imported_tells_why(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    installed(monkeypatch, ("a", value))
    with pytest.raises(ConfigError, match="no_such") as caught:
        registry.load("a")
    assert caught.value.__cause__ is not None
