"""What the mapping's options say about pulls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from crm_kare.errors import ConfigError

_OVERLAP_SECONDS: Final = 600
"""A transaction stamps its records and commits up to ten minutes later."""

_BULK_FROM: Final = 20_000
"""Ten REST pages: from there on a query job is the faster way, and the cheaper one in calls."""


@dataclass(frozen=True)
class PullOptions:
    """How far back an incremental pull looks, and from how many records on a pull goes by a query job."""

    overlap: timedelta = timedelta(seconds=_OVERLAP_SECONDS)
    bulk_from: int = _BULK_FROM


def pull_options(options: Mapping[str, Any]) -> PullOptions:
    """`overlap_seconds` and `bulk_from` of a mapping's options.

    Raises:
        ConfigError: one is no number that makes sense.
    """
    seconds = _number(options, "overlap_seconds", _OVERLAP_SECONDS)
    return PullOptions(timedelta(seconds=seconds), int(_number(options, "bulk_from", _BULK_FROM)))


def _number(options: Mapping[str, Any], name: str, default: int) -> float:
    told = options.get(name, default)
    if isinstance(told, int | float) and not isinstance(told, bool) and told >= 0:
        return float(told)
    raise ConfigError(
        f"{name} must be a number, zero or more.", where="mapping: options", fix=f"For example {default}."
    )
