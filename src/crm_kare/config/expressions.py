"""Admins' conditions: SQL boolean expressions over known columns, checked, as a small tree of our own.

sqlglot parses; only the node types listed here pass, and of those only the arguments listed, so nothing that the parser
learns later gets in by itself. The tree says nothing about an engine: `method.conditions` evaluates it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from sqlglot import TokenType, exp, tokenize
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parser import Parser

from crm_kare.config.findings import did_you_mean, sentence
from crm_kare.errors import ConfigError
from crm_kare.model import Kind

FUNCTIONS: Final = ("coalesce", "lower", "upper", "abs")
"""Functions that a condition may call."""

_MOST_CHARACTERS: Final = 4_000
_DEEPEST: Final = 40
_MOST_DIGITS: Final = 18
_NUMERIC: Final = frozenset({Kind.NUMBER, Kind.MONEY})

Value = Decimal | str | date | bool


@dataclass(frozen=True)
class Node:
    """One step of a condition.

    `op` is `column` (with `value` its name), `literal`, one of `and or not = <> < <= > >= in is_null is_true is_false
    like ilike + - * / neg coalesce lower upper abs`; `kind` is the type of what it yields.
    """

    op: str
    kind: Kind
    args: tuple["Node", ...] = ()
    value: Value | None = None


@dataclass(frozen=True)
class Condition:
    """A checked condition: the text as written, the columns it asks, and its tree, which yields true, false, unknown."""

    text: str
    columns: frozenset[str]
    tree: Node


def parse(text: str, columns: Mapping[str, Kind]) -> Condition:
    """Check a condition against the columns it may name.

    Raises:
        ConfigError: with what is wrong, the place in the text, and the fix; the caller adds file and line.
    """
    _refuse_outright(text)
    tree = _Reader(text, columns).condition(_syntax(text))
    names = frozenset(str(node.value) for node in _walk(tree) if node.op == "column")
    return Condition(text, names, tree)


def _refuse_outright(text: str) -> None:
    if not text.strip():
        raise ConfigError("the condition is empty.", fix="Write one, or remove the key.")
    if len(text) > _MOST_CHARACTERS:
        raise ConfigError(f"the condition is longer than {_MOST_CHARACTERS} characters.", fix="Split it.")
    try:
        tokens = tokenize(text)
    except SqlglotError:
        raise ConfigError("the condition cannot be read.", fix="Check that every quote is closed.") from None
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise ConfigError("one condition is wanted.", fix="Remove the `;` and what follows it.")
    if any(token.comments for token in tokens) or not tokens:
        raise ConfigError("comments are not allowed in a condition.", fix="Put them in the YAML, after `#`.")


def _syntax(text: str) -> exp.Expr:
    try:
        parsed = Parser().parse_into(exp.Condition, tokenize(text), text)
    except ParseError as error:
        raise _syntax_error(text, error) from None
    except (SqlglotError, RecursionError):
        raise ConfigError("the condition cannot be read.", fix="Make it simpler.") from None
    if len(parsed) != 1 or parsed[0] is None:
        raise ConfigError("the condition cannot be read.", fix="Make it simpler.")
    return parsed[0]


def _syntax_error(text: str, error: ParseError) -> ConfigError:
    first = error.errors[0] if error.errors else {}
    near = str(first.get("highlight") or "").strip()
    about = f" near `{near}`" if near else ""
    spot = f" ({_spot(text, text.find(near))})" if near and text.count(near) == 1 else ""
    return ConfigError(
        f"the condition cannot be read{about}{spot}.",
        fix="Write it like `industry = 'Software' and employees >= 50`.",
    )


def _spot(text: str, start: int) -> str:
    line, column = text.count("\n", 0, start) + 1, start - (text.rfind("\n", 0, start) + 1) + 1
    return f"line {line}, column {column}" if "\n" in text else f"column {column}"


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for argument in node.args:
        yield from _walk(argument)


_COMPARE: Final[dict[type[exp.Expr], str]] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: Final[dict[type[exp.Expr], str]] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_ARGUMENTS: Final[dict[type[exp.Expr], frozenset[str]]] = {
    **{kind: frozenset({"this", "expression"}) for kind in (*_COMPARE, exp.Add, exp.Sub, exp.Mul, exp.And, exp.Or)},
    exp.Div: frozenset({"this", "expression", "typed", "safe"}),  # the last two are the dialect's marks, always false
    exp.Not: frozenset({"this"}),
    exp.Paren: frozenset({"this"}),
    exp.Neg: frozenset({"this"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.In: frozenset({"this", "expressions"}),
    exp.Is: frozenset({"this", "expression"}),
    exp.Like: frozenset({"this", "expression", "negate"}),
    exp.ILike: frozenset({"this", "expression", "negate"}),
    exp.Coalesce: frozenset({"this", "expressions"}),
    exp.Lower: frozenset({"this"}),
    exp.Upper: frozenset({"this"}),
    exp.Abs: frozenset({"this"}),
    exp.Column: frozenset({"this"}),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Boolean: frozenset({"this"}),
    exp.Cast: frozenset({"this", "to"}),  # DATE '2026-01-01' only
}
"""What may stand in a condition, and which of its arguments."""


class _Reader:
    """Turns sqlglot's tree into ours and checks types on the way; holds the text for the places in messages."""

    def __init__(self, text: str, columns: Mapping[str, Kind]) -> None:
        self.text = text
        self.columns = columns

    def condition(self, parsed: exp.Expr, depth: int = 0) -> Node:
        """A node that yields true, false or unknown."""
        node = self.node(parsed, depth)
        if node.kind is not Kind.BOOL:
            raise self._error(
                parsed, f"{self._name(parsed)} is {_said(node.kind)}, a condition is wanted", "compare it"
            )
        return node

    def node(self, parsed: exp.Expr, depth: int) -> Node:
        """Any node."""
        self._allow(parsed, depth)
        if isinstance(parsed, exp.Paren):
            return self.node(parsed.this, depth + 1)
        if isinstance(parsed, exp.And | exp.Or | exp.Not):
            return self._logic(parsed, depth)
        if type(parsed) in _COMPARE:
            return self._comparison(parsed, depth)
        return _READERS[type(parsed)](self, parsed, depth + 1)

    def _allow(self, parsed: exp.Expr, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._error(parsed, "the condition is nested too deeply", "make it simpler")
        allowed = _ARGUMENTS.get(type(parsed))
        if allowed is None:
            raise self._error(parsed, *_not_allowed(parsed))
        odd = [name for name, value in parsed.args.items() if value and name not in allowed]
        if odd:
            raise self._error(parsed, f"`{_sql(parsed)}` is not allowed", "write it more simply")

    def _logic(self, parsed: exp.Expr, depth: int) -> Node:
        """Chains of one connective are flat, so that a long list of `or` is not a deep one."""
        if isinstance(parsed, exp.Not):
            return Node("not", Kind.BOOL, (self.condition(parsed.this, depth + 1),))
        parts = [self.condition(part, depth + 1) for part in parsed.flatten()]
        return Node("and" if isinstance(parsed, exp.And) else "or", Kind.BOOL, tuple(parts))

    def _comparison(self, parsed: exp.Expr, depth: int) -> Node:
        operator = _COMPARE[type(parsed)]
        left, right = self._pair(parsed.this, parsed.expression, depth)
        if left.kind is Kind.BOOL and operator not in {"=", "<>"}:
            raise self._error(parsed, f"true and false have no order for `{operator}`", "use `=` or `<>`")
        return Node(operator, Kind.BOOL, (left, right))

    def _pair(self, left: exp.Expr, right: exp.Expr, depth: int) -> tuple[Node, Node]:
        """Two nodes of one type; a text that stands against a date is read as one."""
        first, second = self.node(left, depth + 1), self.node(right, depth + 1)
        first, second = self._as_date(first, second, left), self._as_date(second, first, right)
        if _family(first.kind) != _family(second.kind):
            told = f"{self._name(left)} is {_said(first.kind)}, compared with {_said(second.kind)}"
            raise self._error(left, told, _type_fix(first, second))
        return first, second

    def _as_date(self, node: Node, other: Node, parsed: exp.Expr) -> Node:
        if other.kind is Kind.DATE and node.kind is Kind.TEXT and node.op == "literal":
            return self._day(parsed, str(node.value))
        return node

    def between(self, parsed: exp.Expr, depth: int) -> Node:
        """`between`, as two comparisons."""
        middle, low = self._pair(parsed.this, parsed.args["low"], depth)
        _, high = self._pair(parsed.this, parsed.args["high"], depth)
        if middle.kind is Kind.BOOL:
            raise self._error(parsed, "true and false have no order for `between`", "use `=`")
        return Node("and", Kind.BOOL, (Node(">=", Kind.BOOL, (middle, low)), Node("<=", Kind.BOOL, (middle, high))))

    def listed(self, parsed: exp.Expr, depth: int) -> Node:
        """`in (…)`."""
        listed = parsed.args.get("expressions") or []
        if not listed:
            raise self._error(parsed, "`in` needs a list of values", "write it like `in ('a', 'b')`")
        pairs = [self._pair(parsed.this, one, depth) for one in listed]
        if any(value.op != "literal" for _, value in pairs):
            raise self._error(parsed, "the list of `in` holds more than plain values", "list values only")
        return Node("in", Kind.BOOL, (pairs[0][0], *(value for _, value in pairs)))

    def state(self, parsed: exp.Expr, depth: int) -> Node:
        """`is null`, `is true`, `is false`."""
        right = parsed.expression
        if isinstance(right, exp.Null):
            return Node("is_null", Kind.BOOL, (self.node(parsed.this, depth),))
        if isinstance(right, exp.Boolean):
            return Node("is_true" if right.this else "is_false", Kind.BOOL, (self.condition(parsed.this, depth),))
        raise self._error(parsed, "`is` takes null, true or false only", "use `=`")

    def like(self, parsed: exp.Expr, depth: int) -> Node:
        """`like` and `ilike`."""
        left, right = self.node(parsed.this, depth), self.node(parsed.expression, depth)
        if left.kind is not Kind.TEXT or right.op != "literal" or right.kind is not Kind.TEXT:
            raise self._error(parsed, "`like` compares a text column with a text", "write it like `name like 'A%'`")
        if "\\" in str(right.value):  # engines disagree on what it escapes
            raise self._error(parsed, "`\\` is not allowed in the pattern of `like`", "use `_` for any one character")
        like = Node("ilike" if isinstance(parsed, exp.ILike) else "like", Kind.BOOL, (left, right))
        return Node("not", Kind.BOOL, (like,)) if parsed.args.get("negate") else like

    def arithmetic(self, parsed: exp.Expr, depth: int) -> Node:
        """`+ - * /`."""
        sides = (self._number(parsed.this, depth), self._number(parsed.expression, depth))
        return Node(_ARITHMETIC[type(parsed)], Kind.NUMBER, sides)

    def _number(self, parsed: exp.Expr, depth: int) -> Node:
        node = self.node(parsed, depth)
        if node.kind not in _NUMERIC:
            raise self._error(parsed, f"{self._name(parsed)} is {_said(node.kind)}, a number is wanted")
        return node

    def negative(self, parsed: exp.Expr, depth: int) -> Node:
        """A minus sign; of a literal, the negative literal."""
        node = self._number(parsed.this, depth)
        if node.op == "literal" and isinstance(node.value, Decimal):
            return Node("literal", node.kind, (), -node.value)
        return Node("neg", node.kind, (node,))

    def absolute(self, parsed: exp.Expr, depth: int) -> Node:
        """`abs`."""
        node = self._number(parsed.this, depth)
        return Node("abs", node.kind, (node,))

    def letters(self, parsed: exp.Expr, depth: int) -> Node:
        """`lower` and `upper`."""
        node = self.node(parsed.this, depth)
        if node.kind is not Kind.TEXT:
            raise self._error(parsed, f"{self._name(parsed.this)} is {_said(node.kind)}, a text is wanted")
        return Node("lower" if isinstance(parsed, exp.Lower) else "upper", Kind.TEXT, (node,))

    def coalesce(self, parsed: exp.Expr, depth: int) -> Node:
        """`coalesce`, all of one type."""
        pairs = [self._pair(parsed.this, one, depth) for one in parsed.args.get("expressions") or []]
        if not pairs:
            raise self._error(parsed, "`coalesce` needs two values or more", "add the value for unknown")
        return Node("coalesce", pairs[0][0].kind, (pairs[0][0], *(second for _, second in pairs)))

    def column(self, parsed: exp.Expr, _depth: int) -> Node:
        """A column by its name; letter case as in SQL."""
        name = parsed.name
        known = name if name in self.columns else name.lower()
        if known not in self.columns:
            raise self._error(parsed, f"unknown column `{name}`", did_you_mean(name, self.columns))
        return Node("column", self.columns[known], (), known)

    def literal(self, parsed: exp.Expr, _depth: int) -> Node:
        """A text or number."""
        if parsed.args["is_string"]:
            return Node("literal", Kind.TEXT, (), str(parsed.this))
        try:
            number = Decimal(str(parsed.this))
        except InvalidOperation:
            raise self._error(parsed, f"`{parsed.this}` is no number") from None
        digits = format(abs(number), "f") if abs(number.adjusted()) <= _MOST_DIGITS else "9" * 99
        if len(digits.replace(".", "")) > _MOST_DIGITS:
            raise self._error(parsed, f"the number has more than {_MOST_DIGITS} digits")
        return Node("literal", Kind.NUMBER, (), number)

    def boolean(self, parsed: exp.Expr, _depth: int) -> Node:
        """`true` or `false`."""
        return Node("literal", Kind.BOOL, (), bool(parsed.this))

    def cast(self, parsed: exp.Expr, _depth: int) -> Node:
        """A date literal, which the parser gives as a cast."""
        target, what = parsed.args["to"], parsed.this
        if target.this != exp.DataType.Type.DATE or not (isinstance(what, exp.Literal) and what.is_string):
            raise self._error(parsed, "casts are not allowed", "write dates like `date '2026-01-31'`")
        return self._day(parsed, str(what.this))

    def _day(self, parsed: exp.Expr, text: str) -> Node:
        error = self._error(parsed, f"`{text}` is no date", "write it like `date '2026-01-31'`")
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise error
        try:
            return Node("literal", Kind.DATE, (), date.fromisoformat(text))
        except ValueError:
            raise error from None

    def _name(self, parsed: exp.Expr) -> str:
        return f"`{_sql(parsed)}`"

    def _error(self, parsed: exp.Expr, message: str, fix: str = "") -> ConfigError:
        starts = [node.meta["start"] for node in parsed.walk() if "start" in node.meta]
        spot = f" ({_spot(self.text, min(starts))})" if starts else ""
        return ConfigError(f"{message}{spot}.", fix=sentence(fix))


_READERS: Final[dict[type[exp.Expr], Callable[[_Reader, exp.Expr, int], Node]]] = {
    **dict.fromkeys(_ARITHMETIC, _Reader.arithmetic),
    exp.Neg: _Reader.negative,
    exp.Between: _Reader.between,
    exp.In: _Reader.listed,
    exp.Is: _Reader.state,
    exp.Like: _Reader.like,
    exp.ILike: _Reader.like,
    exp.Coalesce: _Reader.coalesce,
    exp.Lower: _Reader.letters,
    exp.Upper: _Reader.letters,
    exp.Abs: _Reader.absolute,
    exp.Column: _Reader.column,
    exp.Literal: _Reader.literal,
    exp.Boolean: _Reader.boolean,
    exp.Cast: _Reader.cast,
}


def _family(kind: Kind) -> str:
    return "number" if kind in _NUMERIC else kind.value


def _said(kind: Kind) -> str:
    return {"number": "a number", "text": "text", "date": "a date", "bool": "true or false"}[_family(kind)]


def _type_fix(first: Node, second: Node) -> str:
    kinds = {_family(first.kind), _family(second.kind)}
    if kinds == {"text", "number"}:
        return "put quotes around a text, and none around a number"
    if "date" in kinds:
        return "write dates like `date '2026-01-31'`"
    return "compare like with like"


def _sql(parsed: exp.Expr) -> str:
    text = parsed.sql()
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004  one line


def _not_allowed(parsed: exp.Expr) -> tuple[str, str]:
    if isinstance(parsed, exp.Null):
        return "`null` can only stand after `is` or `is not`", "use `is null`"
    if isinstance(parsed, exp.Func):
        name = parsed.name if isinstance(parsed, exp.Anonymous) else parsed.sql_name().lower()
        return f"the function `{name}` is not allowed", _function_fix(name)
    if isinstance(parsed, exp.Query | exp.Subquery):
        return "queries are not allowed in a condition", "use the columns given"
    return f"`{_sql(parsed)}` is not allowed in a condition", "see docs/expressions.md for what is"


def _function_fix(name: str) -> str:
    return did_you_mean(name, FUNCTIONS)
