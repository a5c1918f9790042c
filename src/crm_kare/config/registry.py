"""Finds connectors by entry point (group `crm_kare.connectors`); nothing is imported before it is asked for."""

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from crm_kare.config.findings import did_you_mean, sentence
from crm_kare.errors import ConfigError
from crm_kare.ports import ConnectorFactory

GROUP: Final = "crm_kare.connectors"
"""The entry-point group."""


def names() -> tuple[str, ...]:
    """Names of the connectors that are installed."""
    return tuple(sorted(entry_points(group=GROUP).names))


def load(name: str) -> ConnectorFactory:
    """The connector's factory.

    Raises:
        ConfigError: no connector of that name, two of them, or one that cannot be imported.
    """
    hits = tuple(entry_points(group=GROUP, name=name))
    if not hits:
        known = did_you_mean(name, names()) or "install the package that brings it"
        raise ConfigError(f"no connector is called `{name}`.", fix=sentence(known), where="connector")
    if len(hits) > 1:
        owners = ", ".join(sorted(_owner(hit) for hit in hits))
        raise ConfigError(
            f"two connectors are called `{name}`, in {owners}.", fix="Uninstall one of them.", where="connector"
        )
    return _imported(hits[0])


def _imported(hit: EntryPoint) -> ConnectorFactory:
    try:
        factory: ConnectorFactory = hit.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the connector `{hit.name}` ({_owner(hit)}) cannot be loaded: {error}.",
            fix="Install it again.",
            where="connector",
        ) from error
    return factory


def _owner(hit: EntryPoint) -> str:
    return hit.dist.name if hit.dist else hit.value
