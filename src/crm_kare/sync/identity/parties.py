"""Who takes part today: the CRMs of the `identity:` section whose mirrors can be read, are fresh, and count in one currency."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from crm_kare.config.identity import Identity
from crm_kare.errors import ConfigError, KareError, StopError
from crm_kare.model import Problem
from crm_kare.sync.grounds import known_organisation, today
from crm_kare.sync.identity.party import Party
from crm_kare.sync.mapped import streams
from crm_kare.sync.overrides import held as held_overrides
from crm_kare.sync.overrides import unsigned, without
from crm_kare.sync.runtime import Runtime


@dataclass(frozen=True)
class Parties:
    """Those that take part, by their order; the day that they share: the first one's; and what was found on the way.

    Attributes:
        day: the day.
        listed: the CRMs that take part.
        accounts: each one's accounts as mirrored.
        found: what is wrong in each one's data.
        left_out: one problem for each that does not take part.
    """

    day: date
    listed: tuple[Party, ...]
    accounts: dict[str, ir.Table] = field(default_factory=dict)
    found: dict[str, list[Problem]] = field(default_factory=dict)
    left_out: tuple[Problem, ...] = ()

    def get(self, crm: str) -> Party | None:
        """The party of that name, where it takes part and is not the only one."""
        return next((one for one in self.listed if one.crm == crm), None) if len(self.listed) > 1 else None


def parties(runtime: Runtime, con: Backend, identity: Identity, crm: str, as_of: date | None) -> Parties:
    """Everybody who takes part, with `crm` among them or alone.

    Raises:
        ConfigError, StopError: `crm` itself cannot be judged.
    """
    left_out: list[Problem] = []
    tables: dict[str, dict[str, ir.Table]] = {}
    for name in identity.crms:
        try:
            tables[name] = _tables(runtime, con, identity, name)
        except (ConfigError, StopError) as error:
            if name == crm and not isinstance(error, _StaleError):
                raise
            left_out.append(_problem(name, error))
    day = as_of or today(runtime, known_organisation(runtime, next(iter(tables), crm)))
    listed, found = [], {}
    for name, mirrored in tables.items():
        left = unsigned(runtime, name, held_overrides(mirrored["accounts"]))
        followed = {**mirrored, "accounts": without(mirrored["accounts"], left)}
        told, odd = streams(followed, runtime.mapping(name), known_organisation(runtime, name), day)
        listed.append(Party(name, identity.crms.index(name), told))
        found[name] = [*odd, *(one.problem() for one in left)]
    currency = next((one.streams.currency for one in listed if one.streams.currency), "")
    same = tuple(one for one in listed if one.streams.currency == currency)
    left_out += [_foreign(one.crm, one.streams.currency, currency) for one in listed if one not in same]
    return Parties(day, same, {name: one["accounts"] for name, one in tables.items()}, found, tuple(left_out))


class _StaleError(StopError):
    """The mirror is too old to say anything about today."""


def _tables(runtime: Runtime, con: Backend, identity: Identity, crm: str) -> dict[str, ir.Table]:
    """The mirror, where it can be read and is not too old."""
    runtime.mapping(crm)
    known_organisation(runtime, crm)
    mirror = runtime.mirror(crm)
    tables = mirror.tables(con)
    pulled_at = mirror.pulled_at()
    if pulled_at is not None and runtime.clock.now() - pulled_at > timedelta(days=identity.stale_days):
        raise _StaleError(f"was last pulled on {pulled_at:%Y-%m-%d}", fix=f"Run `crm-kare pull {crm}`.")
    if "accounts" not in tables:
        raise ConfigError("was never pulled", fix=f"Run `crm-kare pull {crm}`.")
    return tables


def _problem(crm: str, error: KareError) -> Problem:
    why = error.message.rstrip(".")
    return Problem(
        "identity-left-out",
        f"Companies that stand in {crm} too are judged without it: {why}.",
        error.fix or f"Run `crm-kare pull {crm}`.",
        where="identity",
        level="warning",
    )


def _foreign(crm: str, own: str, currency: str) -> Problem:
    """One that counts in another currency than the first that is known: money of two currencies is never added."""
    told = f"{crm} counts in {own}" if own else f"{crm} does not tell in which currency it counts"
    return Problem(
        "identity-currency",
        f"{told}, the others count in {currency}: companies that stand in both are judged apart.",
        f"Set `currency.reporting: {currency}` in the mapping of {crm}, with rates where its amounts are in another.",
        where="identity",
        level="warning",
    )
