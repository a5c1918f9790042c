"""The mapping's options about people and rights: who gets our permission sets, and what an admin grants beyond need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crm_kare.errors import ConfigError

INTEGRATION: Final = "KARE_Integration"
REPS: Final = "KARE_Reps"
_WHERE: Final = "mapping: options"


@dataclass(frozen=True)
class Wishes:
    """What the options ask for.

    Attributes:
        assign: user names by permission set; the integration user itself need not be named.
        view_all: objects of which the integration user is to see every record.
        modify_all: objects of which it is to edit every record.
    """

    assign: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    view_all: frozenset[str] = frozenset()
    modify_all: frozenset[str] = frozenset()


def wishes(options: Mapping[str, Any]) -> Wishes:
    """The options `assign`, `view_all` and `modify_all`.

    Raises:
        ConfigError: one of them has another form.
    """
    assign = options.get("assign") or {}
    if not isinstance(assign, Mapping) or set(assign) - {INTEGRATION, REPS}:
        raise ConfigError(
            f"assign names user names under {INTEGRATION} and {REPS}, and nothing else.",
            where=_WHERE,
            fix=f"For example assign: {{{REPS}: [ann@acme.example]}}.",
        )
    named = {name: tuple(dict.fromkeys(_texts(f"assign.{name}", users))) for name, users in assign.items()}
    return Wishes(named, _objects(options, "view_all"), _objects(options, "modify_all"))


def _objects(options: Mapping[str, Any], key: str) -> frozenset[str]:
    """Names of objects, without regard to case."""
    return frozenset(one.lower() for one in _texts(key, options.get(key) or []))


def _texts(key: str, given: object) -> list[str]:
    if isinstance(given, list) and all(isinstance(one, str) and one.strip() for one in given):
        return [one.strip() for one in given]
    raise ConfigError(f"{key} must be a list of names.", where=_WHERE, fix="Put the names in square brackets.")
