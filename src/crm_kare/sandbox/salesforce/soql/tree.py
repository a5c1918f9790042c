"""The syntax tree of a query."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Literal:
    """A value: kind is string, number, date, datetime, boolean or null; `at` its place in the text."""

    kind: str
    value: str | float | int | bool | None
    at: int


@dataclass(frozen=True)
class Path:
    """A field, maybe by way of relationships: `("Owner", "Name")`."""

    names: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        """As written."""
        return ".".join(self.names)


@dataclass(frozen=True)
class Aggregate:
    """A function over rows: COUNT, COUNT_DISTINCT, MIN, MAX, SUM, AVG; `path` is None for `COUNT()`."""

    function: str
    path: Path | None
    alias: str | None
    at: int


@dataclass(frozen=True)
class Comparison:
    """Field, operator (`=`, `!=`, `<`, `>`, `<=`, `>=`, `LIKE`, `IN`, `NOT IN`), values."""

    path: Path
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Not:
    """The opposite."""

    condition: "Condition"


@dataclass(frozen=True)
class Group:
    """Conditions joined by AND or by OR."""

    word: str
    conditions: tuple["Condition", ...]


Condition = Comparison | Not | Group


@dataclass(frozen=True)
class Order:
    """One key of ORDER BY."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A whole query; `entity_at` is the place of the object's name in the text."""

    text: str
    fields: tuple[Path | Aggregate, ...]
    entity: str
    entity_at: int
    where: Condition | None = None
    group: tuple[Path, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def counts_only(self) -> bool:
        """Whether it is `SELECT COUNT()`."""
        first = self.fields[0]
        return isinstance(first, Aggregate) and first.path is None
