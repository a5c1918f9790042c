"""Days, money and counts as SQL: a day is an integer (days since 1970-01-01) wherever one calculates with it."""

from typing import Final

from crm_kare.method.workbench import cases, quoted

_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_SEPARATOR: Final = "\x1f"


def day_number(day: str) -> str:
    """Days since 1970-01-01 of a date."""
    return f"date_diff('day', DATE '1970-01-01', {day})"


def day_of(number: str) -> str:
    """The date of a day number."""
    return f"CAST(DATE '1970-01-01' + INTERVAL ({number}) DAY AS DATE)"


def day_text(number: str) -> str:
    """`18 Jun 2026` of a day number."""
    day = day_of(number)
    month = f"substring('{_MONTHS}', CAST(month({day}) AS INTEGER) * 3 - 2, 3)"
    return f"(CAST(day({day}) AS VARCHAR) || ' ' || {month} || ' ' || CAST(year({day}) AS VARCHAR))"


def text(number: str) -> str:
    """A whole number as text."""
    return f"CAST(CAST({number} AS BIGINT) AS VARCHAR)"


def whole(value: str) -> str:
    """Rounded half up, for values that are not negative."""
    return f"CAST(floor(CAST({value} AS DOUBLE) + 0.5) AS BIGINT)"


def plain(number: str) -> str:
    """A number as text, at most one decimal, none where it is whole."""
    tenths = whole(f"abs(CAST({number} AS DOUBLE)) * 10")  # a DECIMAL(18, 4) that large would overflow
    decimal = f"CASE WHEN {tenths} % 10 = 0 THEN '' ELSE '.' || {text(f'{tenths} % 10')} END"
    return f"(CASE WHEN {number} < 0 THEN '-' ELSE '' END || {text(f'{tenths} // 10')} || {decimal})"


def count_text(count: str, one: str, many: str) -> str:
    """`1 order`, `3 orders`."""
    return f"({text(count)} || CASE WHEN {count} = 1 THEN {quoted(' ' + one)} ELSE {quoted(' ' + many)} END)"


def money_text(amount: str, currency: str) -> str:
    """Two significant figures, so that the text does not move with every order: `EUR 12k`, `-EUR 1.2M`."""
    value = f"abs(CAST({amount} AS DOUBLE))"
    steps = [(f"{value} < {limit * 0.9995}", _two_figures(value, unit, sign)) for limit, unit, sign in _UNITS]
    size = cases(*steps, otherwise=_two_figures(value, 1e9, "B"))
    before = f"{currency} " if currency else ""
    return f"(CASE WHEN {amount} < 0 THEN '-' ELSE '' END || {quoted(before)} || {size})"


_UNITS: Final = ((1e3, 1.0, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M"))


def _two_figures(value: str, unit: float, sign: str) -> str:
    scaled = f"({value} / {unit})"
    few = plain(scaled) if unit > 1 else text(whole(scaled))
    hundreds = text(f"{whole(f'{scaled} / 10')} * 10")
    number = cases((f"{scaled} < 9.95", few), (f"{scaled} < 99.5", text(whole(scaled))), otherwise=hundreds)
    return f"({number} || '{sign}')"


def when(condition: str, said: str) -> str:
    """The text where the condition holds, else null."""
    return f"CASE WHEN {condition} THEN {said} END"


def joined(parts: list[str], separator: str = "; ") -> str:
    """The parts that are not null, in order; null where there are none."""
    return f"nullif(concat_ws({quoted(separator)}, {', '.join(parts)}), '')"


def packed(parts: list[str]) -> str:
    """The parts that are not null, in order, as one text that `unpacked` takes apart.

    By way of one text: dropping nulls from a list needs a lambda, which the engines spell differently.
    """
    return f"concat_ws({quoted(_SEPARATOR)}, {', '.join(parts)})"


def unpacked(column: str) -> str:
    """What `packed` packed, as a list of text."""
    return f"CASE WHEN {column} = '' THEN CAST([] AS VARCHAR[]) ELSE string_split({column}, {quoted(_SEPARATOR)}) END"
