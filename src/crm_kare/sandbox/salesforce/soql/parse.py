"""The parser: the part of SOQL that the sandbox knows. What it does not know is refused, never guessed.

Not known: sub-queries, TYPEOF, HAVING, date functions, FIELDS(), relative date literals, USING SCOPE, FOR.
"""

from typing import Final

from crm_kare.sandbox.salesforce.errors import bad_request
from crm_kare.sandbox.salesforce.soql.lex import Token, malformed, moment, tokens, unescaped
from crm_kare.sandbox.salesforce.soql.tree import (
    Aggregate,
    Comparison,
    Condition,
    Group,
    Literal,
    Not,
    Order,
    Path,
    Query,
)

FUNCTIONS: Final = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
MAX_OFFSET: Final = 2000
_COMPARES: Final = frozenset({"=", "!=", "<>", "<", ">", "<=", ">="})


def parse(text: str) -> Query:
    """The query's tree.

    Raises:
        SalesforceError: MALFORMED_QUERY with the place; NUMBER_OUTSIDE_VALID_RANGE for an OFFSET over 2000.
    """
    return _Parser(text).query()


class _Parser:
    """Reads a query's words from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0

    def query(self) -> Query:
        self._word("SELECT")
        fields = [self._selected()]
        while self._sign(","):
            fields.append(self._selected())
        self._word("FROM")
        entity = self._take("name")
        where = self._condition() if self._is_word("WHERE") else None
        group = self._group() if self._is_word("GROUP") else ()
        order = self._order() if self._is_word("ORDER") else ()
        limit = int(self._take("number").text) if self._is_word("LIMIT") else None
        offset = self._offset() if self._is_word("OFFSET") else 0
        if self._here.kind != "end":
            raise self._unexpected()
        return Query(self._text, tuple(fields), entity.text, entity.at, where, group, order, limit, offset)

    # select

    def _selected(self) -> Path | Aggregate:
        first = self._here
        path = self._path()
        if len(path.names) == 1 and self._sign("("):
            return self._aggregate(first)
        return path

    def _aggregate(self, name: Token) -> Aggregate:
        if name.text.upper() not in FUNCTIONS:
            raise malformed(self._text, name.at, f"unexpected token: '{name.text}'")
        inside = None if self._here.text == ")" else self._path()
        self._need(")")
        alias = self._take("name").text if self._here.kind == "name" and self._here.text.upper() != "FROM" else None
        return Aggregate(name.text.upper(), inside, alias, name.at)

    def _path(self) -> Path:
        first = self._take("name")
        names = [first.text]
        while self._sign("."):
            names.append(self._take("name").text)
        return Path(tuple(names), first.at)

    # where

    def _condition(self) -> Condition:
        parts = [self._part()]
        word = self._here.text.upper() if self._here.text.upper() in {"AND", "OR"} else ""
        while word and self._is_word(word):
            parts.append(self._part())
        if self._here.text.upper() in {"AND", "OR"}:  # the two do not mix at one level
            raise self._unexpected()
        return parts[0] if len(parts) == 1 else Group(word, tuple(parts))

    def _part(self) -> Condition:
        if self._is_word("NOT"):
            return Not(self._part())
        if self._sign("("):
            inside = self._condition()
            self._need(")")
            return inside
        return self._comparison()

    def _comparison(self) -> Comparison:
        path = self._path()
        if self._is_word("LIKE"):
            return Comparison(path, "LIKE", (self._literal(),))
        if self._is_word("IN"):
            return Comparison(path, "IN", self._list())
        if self._is_word("NOT"):
            self._word("IN")
            return Comparison(path, "NOT IN", self._list())
        if self._here.text not in _COMPARES:
            raise self._unexpected()
        sign = self._step().text
        return Comparison(path, "!=" if sign == "<>" else sign, (self._literal(),))

    def _list(self) -> tuple[Literal, ...]:
        self._need("(")
        values = [self._literal()]
        while self._sign(","):
            values.append(self._literal())
        self._need(")")
        return tuple(values)

    def _literal(self) -> Literal:
        token = self._step()
        match token.kind:
            case "string":
                return Literal("string", unescaped(token, self._text), token.at)
            case "number":
                return Literal(
                    "number", float(token.text) if not token.text.lstrip("+-").isdigit() else int(token.text), token.at
                )
            case "date":
                return Literal("date", token.text, token.at)
            case "datetime":
                return Literal("datetime", moment(token, self._text), token.at)
            case "name" if token.text.lower() in {"true", "false"}:
                return Literal("boolean", token.text.lower() == "true", token.at)
            case "name" if token.text.lower() == "null":
                return Literal("null", None, token.at)
        raise malformed(self._text, token.at, f"unexpected token: '{token.text}'")

    # the rest

    def _group(self) -> tuple[Path, ...]:
        self._word("BY")
        paths = [self._path()]
        while self._sign(","):
            paths.append(self._path())
        return tuple(paths)

    def _order(self) -> tuple[Order, ...]:
        self._word("BY")
        keys = [self._order_key()]
        while self._sign(","):
            keys.append(self._order_key())
        return tuple(keys)

    def _order_key(self) -> Order:
        path = self._path()
        descending = not self._is_word("ASC") and self._is_word("DESC")
        nulls_last = False
        if self._is_word("NULLS"):
            nulls_last = self._is_word("LAST")
            if not nulls_last:
                self._word("FIRST")
        return Order(path, descending, nulls_last)

    def _offset(self) -> int:
        offset = int(self._take("number").text)
        if offset > MAX_OFFSET:
            raise bad_request("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
        return offset

    # words

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    def _step(self) -> Token:
        token = self._here
        if token.kind == "end":
            raise self._unexpected()
        self._next += 1
        return token

    def _take(self, kind: str) -> Token:
        if self._here.kind != kind:
            raise self._unexpected()
        return self._step()

    def _word(self, word: str) -> None:
        if not self._is_word(word):
            raise self._unexpected()

    def _is_word(self, word: str) -> bool:
        """Whether this word comes next; if so it is read."""
        found = self._here.kind == "name" and self._here.text.upper() == word
        self._next += found
        return found

    def _sign(self, sign: str) -> bool:
        """Whether this sign comes next; if so it is read."""
        found = self._here.kind == "sign" and self._here.text == sign
        self._next += found
        return found

    def _need(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._unexpected()

    def _unexpected(self) -> Exception:
        return malformed(self._text, self._here.at, f"unexpected token: '{self._here.text}'")
