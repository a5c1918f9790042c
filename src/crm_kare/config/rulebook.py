"""The rulebook: every number that METHOD.md marks *(set)*, the ICP criteria, and the words of the next steps.

Defaults are those of METHOD.md; where they come from measurement, docs/method.md tells.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from crm_kare.config.expressions import Condition, parse
from crm_kare.config.findings import Finding, Place, did_you_mean
from crm_kare.config.yaml_files import parse_yaml, read_text
from crm_kare.errors import ConfigError
from crm_kare.model import EXTRA_PREFIX, FACTS, STREAMS, Kind

Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$", max_length=60)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Days = Annotated[int, Field(ge=1, le=4000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(_Part):
    """Section 1, *Days*."""

    days: Days = Field(365, description="Days that a window has.")
    long_cycle_above: Days = Field(90, description="Usual gap in days above which the window grows.")
    long_cycle_gaps: int = Field(6, ge=1, le=20, description="Usual gaps that a grown window has.")
    longest: Days = Field(1095, description="Days that a window has at most.")


class UsualGap(_Part):
    """Section 1 rule 2."""

    business: Literal["repeat orders", "yearly contracts", "projects"] = Field(
        "repeat orders", description="How you sell; decides the usual gap while too few accounts have bought twice."
    )
    days: Days | None = Field(None, description="Usual gap in days; empty = measured from your own accounts.")
    measured_from: int = Field(30, ge=2, description="Accounts that bought twice, from which on the gap is measured.")
    by: Literal["segment", "pipeline"] | None = Field(None, description="What mixed sellers are told apart by.")
    days_by: dict[str, Days] = Field(
        default_factory=dict, description="Usual gap in days for each segment or pipeline."
    )

    @property
    def assumed(self) -> int:
        """Days while there is too little to measure."""
        return {"repeat orders": 90, "yearly contracts": 365, "projects": 540}[self.business]


class Patience(_Part):
    """One step of section 1 rule 3c."""

    events_from: int = Field(ge=0, description="Events in the window, from which on this step holds.")
    gaps: float = Field(gt=0, le=50, description="Expected gaps of silence that are allowed.")


class Lapse(_Part):
    """Section 1 rule 3."""

    renewal_grace: int = Field(60, ge=0, description="Days after the renewal date that are still waited.")
    rhythm_gap_from: Days = Field(120, description="Median gap in days, from which on an own rhythm is looked for.")
    rhythm_evenness: float = Field(1.5, ge=1, description="Longest gap of an own rhythm ÷ its shortest, at most.")
    rhythm_slack: float = Field(1.25, ge=1, description="Silence ÷ longest gap, above which an own rhythm is broken.")
    patience: tuple[Patience, ...] = Field(
        (
            Patience(events_from=0, gaps=1),
            Patience(events_from=2, gaps=2),
            Patience(events_from=3, gaps=4),
            Patience(events_from=5, gaps=6),
        ),
        description="Silence allowed, in expected gaps, by events in the window.",
    )
    always_after: Days = Field(365, description="Days of silence after which it is always lapsed …")
    always_gaps: float = Field(2, ge=0, description="… once this many expected gaps are over too.")

    @field_validator("patience")
    @classmethod
    def _rising(cls, steps: tuple[Patience, ...]) -> tuple[Patience, ...]:
        events = [step.events_from for step in steps]
        gaps = [step.gaps for step in steps]
        if not events or events[0] != 0 or events != sorted(set(events)) or gaps != sorted(gaps):
            raise ValueError("patience must begin at events_from 0, and both columns must rise")
        return steps


class Recapture(_Part):
    """Section 1 rule 4."""

    potential_above: float = Field(0, ge=0, description="Potential in money above which the answer is yes.")
    unknown_within: Days = Field(
        1095, description="Days since the last event within which unknown answers still count."
    )


class Expand(_Part):
    """Section 1 rule 5."""

    events: int = Field(3, ge=1, description="Events in the window that a sound account has, at least.")
    quarters: int = Field(3, ge=1, le=4, description="Quarters of the window with an event, at least.")
    wallet_share_below: Percent = Field(70, description="Share of wallet in per cent, below which there is room.")
    lines_enter: Percent = Field(80, description="Per cent of like accounts' product lines, below which there is room.")
    lines_leave: Percent = Field(100, description="Per cent at which that room ends.")
    peers_by: Name = Field("industry", description="Account column that like accounts share.")
    peers_from: int = Field(30, ge=1, description="Like accounts below which all customers are taken.")
    deal_overdue: int = Field(90, ge=0, description="Days after its close day that an open deal still counts.")
    falling_above: Percent = Field(
        25, description="Fall of 12-month revenue in per cent above which the reason says so."
    )


class Badges(_Part):
    """Section 1 rule 7."""

    new_gaps: float = Field(2, gt=0, description="Expected gaps that New lasts, at most.")
    patience_used: Share = Field(0.5, description="Share of the patience used, above which an account is at risk.")
    effective_below: float = Field(2, ge=0, description="Effective orders below which an account is at risk …")
    effective_from: int = Field(3, ge=1, description="… where the window holds this many events.")


class Portfolio(_Part):
    """Section 1 rule 9."""

    measuring_day: int = Field(
        1, ge=1, le=28, description="Day of the month on which the portfolio figures are measured."
    )
    moved_by: Share = Field(0.10, description="Share by which one must move before they are replaced.")


class Grade(_Part):
    """Part of a criterion's weight."""

    test: str = Field(description="Condition that earns this share.")
    share: Share = Field(description="Share of the weight.")


class Between(_Part):
    """A range of a number column; while both ends are empty it is proposed from your good customers."""

    column: Name
    least: float | None = None
    most: float | None = None


class OneOf(_Part):
    """Values of a text column; while the list is empty it is proposed from your good customers, where `propose` says so."""

    column: Name
    values: tuple[str, ...] = ()
    propose: bool = False


class Criterion(_Part):
    """One criterion of section 2: exactly one of `test`, `grades`, `between`, `one_of`; none of them = not set yet."""

    title: str = Field(description="What reps read.")
    weight: float = Field(gt=0, le=1000, description="Weight against the other criteria.")
    test: str | None = Field(None, description="Condition over account columns, your own fields and facts.")
    grades: tuple[Grade, ...] = Field((), description="Conditions in order; the first that holds earns its share.")
    between: Between | None = Field(None, description="A range of a number column.")
    one_of: OneOf | None = Field(None, description="Values of a text column.")

    @model_validator(mode="after")
    def _one_way(self) -> "Criterion":
        ways = [self.test is not None, bool(self.grades), self.between is not None, self.one_of is not None]
        if sum(ways) > 1:
            raise ValueError("give one of `test`, `grades`, `between`, `one_of`, not several")
        return self


class Icp(_Part):
    """Section 2."""

    high_from: Percent = Field(70, description="Score from which the tier is High.")
    moderate_from: Percent = Field(40, description="Score from which the tier is Moderate.")
    complete_from: Percent = Field(50, description="Completeness in per cent below which the tier is Unrated.")
    good_customer_events: int = Field(3, ge=1, description="Events that make a customer one to learn ranges from.")
    good_customers_from: int = Field(5, ge=1, description="Such customers below which all customers are taken.")
    range_share: Share = Field(0.8, description="Share of good customers that a proposed range covers.")
    criteria: dict[Name, Criterion] = Field(default_factory=dict, description="The criteria by name.")


class PlanTest(_Part):
    """Section 3."""

    yes_from: int = Field(4, ge=1, le=6, description="Answers yes that warrant a plan.")
    experience: str = Field("market_experience", description="ICP criterion that answers question 1.")
    challenge: str = Field(
        "challenges", description="ICP criterion that answers question 2 where `has_problem` is empty."
    )
    growth_above: float | None = Field(
        None, ge=0, description="Floor of question 3; empty = the median customer's best 12 months."
    )
    wallet_share_below: Percent = Field(70, description="Per cent of question 4.")
    tiers: tuple[Literal["High", "Moderate", "Low"], ...] = Field(
        ("High", "Moderate"), description="Tiers of question 6."
    )


class AccountClass(_Part):
    """Section 4."""

    key_top: Percent = Field(5, description="Top per cent by 365-day revenue that are candidates for Key.")
    national_top: Percent = Field(20, description="Top per cent by 365-day revenue that are candidates for National.")
    national_sites: int = Field(5, ge=1, description="Sites that a National account has, at least.")
    smb_below: int = Field(100, ge=1, description="Employees below which an account is SMB.")
    margin_floor: float = Field(10, description="Margin in per cent below which volume earns little.")
    years: float = Field(3, ge=0, description="Years that a Key account has bought.")
    quarters: int = Field(3, ge=0, le=4, description="Quarters of the window with an event.")
    orders: int = Field(3, ge=1, description="Orders in the window.")
    largest_share: Percent = Field(50, description="Per cent of revenue above which one order is too much of it.")
    long_share_days: Days = Field(1095, description="Days over which that share is taken for own rhythms and renewals.")


class Rank(_Part):
    """Section 5, top lists."""

    first: int = Field(5, ge=1, le=9999, description="Accounts of each profile and owner that get a rank.")


class Rulebook(_Part):
    """All of it. `version` is a name of your own; a hash of the content is added to it on every label."""

    version: str = Field("1", max_length=20, description="Your name for this state of the rules.")
    window: Window = Window()
    usual_gap: UsualGap = UsualGap()
    lapse: Lapse = Lapse()
    recapture: Recapture = Recapture()
    expand: Expand = Expand()
    badges: Badges = Badges()
    confirm_days: int = Field(30, ge=0, le=365, description="Days between two evaluations that must agree.")
    portfolio: Portfolio = Portfolio()
    strategic_markets: tuple[str, ...] = Field((), description="Markets that leadership targets for growth.")
    icp: Icp = Icp()
    plan_test: PlanTest = PlanTest()
    account_class: AccountClass = AccountClass()
    rank: Rank = Rank()

    @property
    def stamp(self) -> str:
        """Version and content hash, at most 40 characters: what `Rules_Version` holds."""
        return f"{self.version}-{sha256(self.model_dump_json().encode()).hexdigest()[:10]}"


def expression_columns(own_fields: Mapping[str, Kind]) -> dict[str, Kind]:
    """Every column that a rulebook may name, with its type; `own_fields` are those that mappings add."""
    accounts = {column.name: column.kind for column in STREAMS["accounts"].columns}
    facts = {column.name: column.kind for column in FACTS.values()}
    return {**own_fields, **accounts, **facts}


def stored_as(column: str) -> str:
    """The name under which a column that a rulebook names stands in the facts."""
    known = column in FACTS or column in {one.name for one in STREAMS["accounts"].columns}
    return column if known else EXTRA_PREFIX + column


def conditions(criterion: Criterion, columns: Mapping[str, Kind]) -> tuple[tuple[Condition, float], ...]:
    """The criterion's conditions with the share each earns.

    Raises:
        ConfigError: an expression is wrong, with place and fix.
    """
    if criterion.test is not None:
        return ((parse(criterion.test, columns), 1.0),)
    return tuple((parse(grade.test, columns), grade.share) for grade in criterion.grades)


def load_rulebook(path: Path, own_fields: Mapping[str, Kind]) -> Rulebook:
    """The rulebook in a file; `own_fields` are the fields that the project's mappings add.

    Raises:
        ConfigError: every problem with file, line and fix.
    """
    return parse_rulebook(read_text(path), path, own_fields)


def parse_rulebook(text: str, path: Path, own_fields: Mapping[str, Kind]) -> Rulebook:
    """As `load_rulebook`, from text that is to stand in the file `path`."""
    loaded = parse_yaml(text, path, Rulebook)
    loaded.refuse(rulebook_findings(loaded.value, expression_columns(own_fields)))
    return loaded.value


def rulebook_findings(rulebook: Rulebook, columns: Mapping[str, Kind]) -> list[Finding]:
    """Columns that do not exist or are of the wrong type, and wrong expressions."""
    found = _column_findings(("expand", "peers_by"), rulebook.expand.peers_by, columns, Kind.TEXT)
    for name, criterion in rulebook.icp.criteria.items():
        place: Place = ("icp", "criteria", name)
        if criterion.between is not None:
            found += _column_findings((*place, "between", "column"), criterion.between.column, columns, Kind.NUMBER)
        if criterion.one_of is not None:
            found += _column_findings((*place, "one_of", "column"), criterion.one_of.column, columns, Kind.TEXT)
        try:
            conditions(criterion, columns)
        except ConfigError as error:
            found.append(
                Finding(
                    (*place, "test" if criterion.test is not None else "grades"),
                    f"{error.where}: {error.message}",
                    error.fix,
                )
            )
    return found


def _column_findings(place: Place, column: str, columns: Mapping[str, Kind], kind: Kind) -> list[Finding]:
    if column not in columns:
        return [Finding(place, f"there is no column `{column}`", did_you_mean(column, columns))]
    found = Kind.NUMBER if columns[column] is Kind.MONEY else columns[column]
    return (
        [] if found is kind else [Finding(place, f"`{column}` is a {found} column, not {kind}", "name another column")]
    )
