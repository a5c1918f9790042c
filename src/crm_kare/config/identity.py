"""The project file's `identity:` section: which CRMs hold the same companies, and what people decided about single pairs."""

import csv
from collections.abc import Iterator
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field

from crm_kare.config.findings import RefusedError
from crm_kare.config.strict import Strict
from crm_kare.errors import ConfigError

COLUMNS: Final = ("decision", "crm", "account_id", "other_crm", "other_account_id")
"""The columns of the file of decisions that are read; others are for people."""


class Names(StrEnum):
    """What becomes of two accounts of similar name in the same country."""

    PROPOSE = "propose"
    ACCEPT = "accept"


class Decision(StrEnum):
    """What a person says of two accounts."""

    SAME = "same"
    DIFFERENT = "different"


class Decided(NamedTuple):
    """One line of the file of decisions."""

    decision: str
    crm: str
    account_id: str
    other_crm: str
    other_account_id: str


def _several(crms: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(crms)) != len(crms):
        raise RefusedError("a CRM stands there twice", "name each once")
    if len(crms) < 2:  # noqa: PLR2004  one CRM has nobody to share a company with
        raise RefusedError("two CRMs or more are wanted", "name the CRMs that hold the same companies")
    return crms


def _hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one.strip().lower().removeprefix("www.") for one in hosts)


class Identity(Strict):
    """One label for a company in several CRMs."""

    crms: Annotated[
        tuple[str, ...],
        AfterValidator(_several),
        Field(
            description="The CRMs that hold the same companies; the first one's rules, figures and fields come first."
        ),
    ]
    names: Annotated[
        Names, Field(description="Similar names in the same country: `propose` them only, or `accept` the unique ones.")
    ] = Names.PROPOSE
    similarity: Annotated[
        int, Field(ge=70, le=100, description="How similar two names must be, in per cent; 100 = the same words.")
    ] = 92
    shared_hosts: Annotated[
        tuple[str, ...],
        AfterValidator(_hosts),
        Field(description="Domains that many companies use, beside those known: they identify nobody."),
    ] = ()
    decisions: Annotated[
        str, Field(min_length=1, description="A CSV file of people's decisions on pairs: same or different.")
    ] = "identity.csv"
    stale_days: Annotated[
        int, Field(ge=1, description="A CRM that was last pulled longer ago is left out until it is pulled again.")
    ] = 7


def load_decisions(path: Path, crms: tuple[str, ...]) -> tuple[Decided, ...]:
    """The lines of a file of decisions, each pair once; none where there is no file. Lines without a decision are left out.

    Raises:
        ConfigError: the file is unreadable or wrong; its text lists every problem with its line.
    """
    if not path.exists():
        return ()
    text = _text(path)
    between = max(",;\t", key=text.partition("\n")[0].count)  # a spreadsheet may have saved it with semicolons
    rows = csv.DictReader(StringIO(text), delimiter=between)
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        fix = "Begin with a file that `crm-kare identity -o FILE` writes."
        raise ConfigError(f"the column {', '.join(missing)} is missing.", where=f"{path}:1", fix=fix)
    read = [(rows.line_num, _decided(row)) for row in rows]
    given = [(line, one) for line, one in read if one.decision]
    wrong = [f"line {line}: {told}" for line, one in given for told in _wrong(one, crms)] + list(_twice(given))
    if wrong:
        listed = "; ".join(wrong[:20])
        raise ConfigError(f"{listed}.", where=str(path), fix="Write same or different, and ids as the CRMs have them.")
    return tuple(dict.fromkeys(one for _, one in given))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        told = f"the file cannot be read ({error.strerror})."
        raise ConfigError(told, where=str(path), fix="Check its rights.") from None
    except UnicodeDecodeError:
        raise ConfigError("the file is not UTF-8.", where=str(path), fix="Save it as CSV UTF-8.") from None


def _decided(row: dict[str, str | None]) -> Decided:
    """One line; a quote that our exports put before a formula is taken off again."""
    values = [(row.get(name) or "").strip() for name in COLUMNS]
    plain = [one[1:] if one[:1] == "'" and one[1:2] in "=+-@" else one for one in values]
    return Decided(plain[0].lower(), *plain[1:])


def _wrong(one: Decided, crms: tuple[str, ...]) -> Iterator[str]:
    if one.decision not in set(Decision):
        yield f"`{one.decision}` is no decision"
    for name in (one.crm, one.other_crm):
        if name not in crms:
            yield f"`{name}` is no CRM under `identity.crms`"
    if one.crm == one.other_crm:
        yield "both accounts are of one CRM"
    if not (one.account_id and one.other_account_id):
        yield "an account's id is missing"


def _twice(given: list[tuple[int, Decided]]) -> Iterator[str]:
    """Pairs that are said to be both, whichever account comes first."""
    seen: dict[frozenset[tuple[str, str]], tuple[int, str]] = {}
    for line, one in given:
        pair = frozenset({(one.crm, one.account_id), (one.other_crm, one.other_account_id)})
        first, said = seen.setdefault(pair, (line, one.decision))
        if said != one.decision:
            yield f"lines {first} and {line} say {said} and {one.decision} of one pair"
