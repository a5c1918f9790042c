"""A made-up org of any size, pulled into a real mirror. Seeded: the same numbers give the same org."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.config.mapping import Mapping, load_mapping, stream_specs
from crm_kare.journal import open_journal
from crm_kare.ports import Capabilities, Connector, Organisation, Page, StreamSpec
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.pull import pull

CRM: Final = "bench"
AS_OF: Final = date(2026, 11, 20)
ORGANISATION: Final = Organisation("00Dbench", "Bench", currency="EUR")

_NOW: Final = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
_TODAY: Final = (AS_OF - date(1970, 1, 1)).days
_YEARS: Final = 7 * 365
_MOST: Final = 1000
_PAGE: Final = 100_000
_INDUSTRIES: Final = (
    "Agriculture", "Banking", "Chemicals", "Construction", "Consulting", "Electronics",
    "Energy", "Food", "Healthcare", "Machinery", "Retail", "Transportation",
)  # fmt: skip
_COUNTRIES: Final = ("Austria", "Belgium", "Denmark", "France", "Germany", "Italy", "Netherlands", "Poland", "Spain")
_LINES: Final = ("Bearings", "Drives", "Filters", "Pumps", "Seals", "Sensors", "Service", "Valves")
_KINDS: Final = ("New Business", "Existing Customer - Upgrade", "Renewal")

_CAN: Final = Capabilities(frozenset({"accounts", "opportunities"}), 200)

Column = Any
"""A NumPy or Arrow array; their own types say nothing that is checked here."""


def mapping() -> Mapping:
    """The mapping of the bench's org."""
    return load_mapping(Path(__file__).with_name("mapping.yaml"))


def open_mirror(folder: Path) -> Mirror:
    """The mirror in a folder, as the program opens it."""
    return Mirror(folder / "mirror", open_journal(f"sqlite:///{folder}/journal.db"), CRM)


def make(folder: Path, accounts: int, opportunities: int, seed: int) -> None:
    """Make an org and pull it into the mirror in `folder`."""
    rng = np.random.default_rng(seed)
    made = _Org({"accounts": _accounts(rng, accounts), "opportunities": _opportunities(rng, accounts, opportunities)})
    mirror = open_mirror(folder)
    pull(cast("Connector", made), stream_specs(mapping()), mirror, ORGANISATION, now=_NOW)
    mirror.accept()


@dataclass(frozen=True)
class _Org:
    """What of a connector a pull needs."""

    tables: dict[str, pa.Table]
    capabilities: Capabilities = field(default=_CAN)

    def pull(self, spec: StreamSpec, _cursor: str | None) -> Iterator[Page]:
        table = self.tables[spec.stream].select([field.column for field in spec.fields]).cast(spec.arrow_schema())
        for number, batch in enumerate(table.combine_chunks().to_batches(max_chunksize=_PAGE)):
            yield Page(batch, str(number))


def _accounts(rng: Any, count: int) -> pa.Table:
    """Companies: a tenth have a parent, a third tell what they buy per year, some of every field is empty."""
    numbers = np.arange(count)
    parents = (numbers * rng.random(count)).astype(np.int64)
    owners = rng.integers(0, 200, count)
    return pa.table({
        "account_id": _ids("001", numbers),
        "name": _words("Company ", numbers),
        "owner_id": _ids("005", owners),
        "owner": _words("Rep ", owners),
        "parent_id": _some(rng, 0.10, _ids("001", parents)),
        "industry": _some(rng, 0.95, _picked(rng, _INDUSTRIES, count)),
        "country": _some(rng, 0.97, _picked(rng, _COUNTRIES, count)),
        "employees": _some(rng, 0.90, pa.array(np.ceil(rng.lognormal(4.5, 1.4, count)).astype(np.int64))),
        "annual_revenue": _some(rng, 0.80, _money(rng.lognormal(15, 1.6, count))),
        "domain": _words("www.company", numbers),
        "created_on": _days(_TODAY - rng.integers(0, _YEARS, count)),
        "wallet": _some(rng, 1 / 3, _money(rng.lognormal(10, 1.5, count))),
        "potential": _some(rng, 0.20, _money(rng.lognormal(9, 1.5, count) * rng.integers(0, 2, count))),
        "sites": _some(rng, 0.30, pa.array(rng.geometric(0.3, count))),
        "renewal_on": _some(rng, 0.05, _days(_TODAY + rng.integers(-500, 365, count))),
        "is_customer": _some(rng, 0.90, _picked(rng, ("Customer", "Prospect"), count)),
    })  # fmt: skip


def _opportunities(rng: Any, accounts: int, count: int) -> pa.Table:
    """Deals on 85 % of the accounts, a few on most and up to a thousand on some; a third of the accounts buy evenly."""
    owners = _shared_out(rng, accounts, count)
    numbers = np.arange(owners.size)
    closes = _closes(rng, accounts, owners)
    fate = rng.random(owners.size)
    is_open, is_lost = fate < 0.08, (fate >= 0.08) & (fate < 0.30)
    closes = np.where(is_open, _TODAY + rng.integers(-200, 200, owners.size), closes)
    closes = np.where(~is_open & (rng.random(owners.size) < 0.001), _TODAY + 20, closes)
    stages = np.select([is_open, is_lost], ["Proposal", "Closed Lost"], "Closed Won")
    return pa.table({
        "opportunity_id": _ids("006", numbers),
        "account_id": _ids("001", owners),
        "name": _words("Deal ", numbers),
        "stage": pa.array(stages, pa.string()),
        "is_won": pa.array(~is_open & ~is_lost),
        "is_closed": pa.array(~is_open),
        "closed_on": _some(rng, 0.998, _days(closes)),
        "created_on": _days(np.minimum(closes - rng.integers(5, 120, owners.size), _TODAY)),
        "amount": _some(rng, 0.98, _amounts(rng, owners.size)),
        "type": _some(rng, 0.85, _picked(rng, _KINDS, owners.size)),
        "product_line": _some(rng, 0.95, _picked(rng, _LINES, owners.size)),
        "probability": pa.array(rng.integers(0, 11, owners.size) * 10),
    })  # fmt: skip


def _shared_out(rng: Any, accounts: int, count: int) -> Column:
    """The account of each deal."""
    buying = np.flatnonzero(rng.random(accounts) >= 0.15)
    weights = rng.lognormal(0, 1.3, buying.size)
    each = np.minimum(rng.multinomial(count, weights / weights.sum()), _MOST)
    owners = np.repeat(buying, each)
    return np.concatenate([owners, rng.choice(buying, count - owners.size)])


def _closes(rng: Any, accounts: int, owners: Column) -> Column:
    """Close days: each account buys between a first and a last day; a third of the accounts do it evenly."""
    first = _TODAY - rng.integers(60, _YEARS, accounts)
    ends = np.where(rng.random(accounts) < 0.35, first + (rng.random(accounts) * (_TODAY - first)).astype(int), _TODAY)
    even = rng.random(accounts) < 0.33
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners, minlength=accounts)
    starts = np.cumsum(counts) - counts
    place = np.empty(owners.size)
    place[order] = np.arange(owners.size) - np.repeat(starts, counts)
    steady = (place + rng.random(owners.size) * 0.2) / np.maximum(counts[owners], 1)
    share = np.where(even[owners], steady, rng.random(owners.size))
    return (first[owners] + share * (ends - first)[owners]).astype(np.int64)


def _amounts(rng: Any, count: int) -> Column:
    """Mostly some thousands; some credits, some zeros."""
    amounts = rng.lognormal(7.5, 1.2, count)
    fate = rng.random(count)
    return _money(np.select([fate < 0.01, fate < 0.015], [-amounts / 2, 0], amounts))


def _money(values: Column) -> Column:
    """Amounts in whole cents."""
    cents: Column = np.round(values, 2)
    return pa.array(cents).cast(pa.decimal128(18, 4), safe=False)


def _ids(prefix: str, numbers: Column) -> Column:
    text = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 12, "0")
    join: Any = pc.binary_join_element_wise
    return join(pa.scalar(prefix), text, pa.scalar(""))


def _words(prefix: str, numbers: Column) -> Column:
    join: Any = pc.binary_join_element_wise
    return join(pa.scalar(prefix), pa.array(numbers).cast(pa.string()), pa.scalar(""))


def _picked(rng: Any, values: tuple[str, ...], count: int) -> Column:
    """Values, the first ones more often."""
    weights = 1 / np.arange(1, len(values) + 1)
    return pa.array(values).take(pa.array(rng.choice(len(values), count, p=weights / weights.sum())))


def _days(numbers: Column) -> Column:
    return pa.array(numbers.astype(np.int32)).cast(pa.date32())


def _some(rng: Any, share: float, values: Column) -> Column:
    """The values, but for some that are empty."""
    return pc.if_else(pa.array(rng.random(len(values)) < share), values, pa.scalar(None, values.type))
