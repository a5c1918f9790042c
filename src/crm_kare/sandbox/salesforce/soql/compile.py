"""From the tree to SQL: names are looked up among the fields that the user sees, values are checked against types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crm_kare.sandbox.salesforce import ids
from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request
from crm_kare.sandbox.salesforce.org import SalesforceOrg, column
from crm_kare.sandbox.salesforce.soql.lex import invalid_field, malformed, place
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
from crm_kare.sandbox.store import FieldDef

DEEPEST: Final = 5
"""Relationships in one path."""

_LITERALS: Final = {
    "boolean": "boolean", "date": "date", "datetime": "datetime",
    "double": "number", "currency": "number", "percent": "number", "int": "number",
}  # fmt: skip
"""Kind of literal that a type of field is compared with; strings for all others."""

_SPOKEN: Final = {"datetime": "dateTime", "number": "double"}
BIN_DAYS: Final = 15
LONG_TEXT: Final = 255
"""Text areas longer than this cannot be filtered, sorted or grouped."""


@dataclass(frozen=True)
class Selected:
    """One column of the result: where it stands in the record (`("Owner", "Name")`), and the field it shows.

    `objects` are the objects on the way, the last one holding the field; for aggregates the field may be None.
    """

    names: tuple[str, ...]
    objects: tuple[str, ...]
    definition: FieldDef | None


@dataclass(frozen=True)
class Compiled:
    """The parts of the SQL, its parameters, and what the columns mean.

    `ways` are the relationships that selected fields go through: path, object, SQL of the related record's id.
    `limited`: with OFFSET only the first batch comes back.
    """

    entity: str
    columns: tuple[str, ...]
    selected: tuple[Selected, ...]
    ways: tuple[tuple[tuple[str, ...], str, str], ...]
    source: str
    condition: str
    tail: str
    parameters: tuple[Any, ...]
    aggregate: bool
    counts_only: bool
    limited: bool


def compile_query(org: SalesforceOrg, query: Query, user_id: str, *, deleted: bool, tooling: bool = False) -> Compiled:
    """The query as SQL, for one user; `deleted` shows the recycle bin's rows too (queryAll).

    Raises:
        SalesforceError: INVALID_TYPE, INVALID_FIELD, INVALID_QUERY_FILTER_OPERATOR, MALFORMED_QUERY.
    """
    return _Compiler(org, query, user_id, tooling=tooling).compiled(deleted=deleted)


@dataclass
class _Joins:
    """The tables joined so far, by path."""

    names: dict[tuple[str, ...], str] = field(default_factory=dict)
    sql: str = ""


class _Compiler:
    """Carries joins and parameters while the tree is walked."""

    def __init__(self, org: SalesforceOrg, query: Query, user_id: str, *, tooling: bool) -> None:
        self._org = org
        self._query = query
        self._user = user_id
        self._joins = _Joins()
        self._parameters: list[Any] = []
        self._seen: dict[str, Mapping[str, FieldDef]] = {}
        try:
            self._entity = org.object(query.entity, user_id, tooling=tooling).name
        except SalesforceError as error:
            message = (
                f"sObject type '{query.entity}' is not supported. If you are attempting to use a custom object, be sure"
                " to append the '__c' after the entity name. Please reference your WSDL or the describe call for the"
                " appropriate names."
            )
            raise bad_request("INVALID_TYPE", place(query.text, query.entity_at, message)) from error

    def compiled(self, *, deleted: bool) -> Compiled:
        query = self._query
        self._refuse_doubles()
        aggregate = bool(query.group) or any(isinstance(one, Aggregate) for one in query.fields)
        columns, selected = [], []
        for place_, one in enumerate(query.fields):
            sql, shown = self._selected(one, place_, aggregate=aggregate)
            columns.append(sql)
            selected.append(shown)
        condition = self._where(query.where) if query.where else "1"
        condition = f"({condition}) AND main._deleted = 0" if not deleted else f"({condition}) AND {self._in_bin()}"
        condition += self._shared()
        tail = self._group() + self._order() + self._limits()
        source = f"{self._org.records.table(self._entity)} main{self._joins.sql}"
        return Compiled(
            self._entity, tuple(columns), tuple(selected), self._ways(selected), source, condition, tail, tuple(self._parameters),
            aggregate, query.counts_only, query.offset > 0,
        )  # fmt: skip

    def _shared(self) -> str:
        """Rows that sharing hides from the user are simply not there."""
        rights = self._org.access(self._entity, self._user).rights
        condition, parameters = self._org.sharing.condition(rights, self._user, self._entity, "main")
        self._parameters += parameters
        return f" AND {condition}" if condition else ""

    def _in_bin(self) -> str:
        """Rows leave the recycle bin after 15 days; then no query shows them."""
        self._parameters.append(self._org.records.now_ms() - BIN_DAYS * 86_400_000)
        return "(main._deleted = 0 OR main._modified >= ?)"

    # columns

    def _refuse_doubles(self) -> None:
        seen: set[str] = set()
        for one in self._query.fields:
            if isinstance(one, Path):
                if one.text.lower() in seen:
                    raise malformed(self._query.text, one.at, f"duplicate field selected: {one.text}")
                seen.add(one.text.lower())

    def _ways(self, selected: list[Selected]) -> tuple[tuple[tuple[str, ...], str, str], ...]:
        found: dict[tuple[str, ...], str] = {}
        for one in selected:
            for length in range(1, len(one.names)):
                found[one.names[:length]] = one.objects[length]
        return tuple((way, entity, f"{self._joins.names[way]}._id") for way, entity in sorted(found.items()))

    def _selected(self, one: Path | Aggregate, position: int, *, aggregate: bool) -> tuple[str, Selected]:
        if isinstance(one, Aggregate):
            return self._aggregate(one, position)
        if aggregate and one.text.lower() not in {path.text.lower() for path in self._query.group}:
            raise malformed(self._query.text, one.at, f"Field must be grouped or aggregated: {one.text}")
        sql, names, objects, definition = self._resolve(one)
        names = names if not aggregate else (names[-1],)
        return sql, Selected(names, objects, definition)

    def _aggregate(self, one: Aggregate, position: int) -> tuple[str, Selected]:
        name = one.alias or f"expr{position}"
        if one.path is None:
            if one.function != "COUNT" or len(self._query.fields) > 1:
                raise malformed(self._query.text, one.at, "unexpected token: ')'")
            return "count(*)", Selected((name,), (), None)
        sql, _, _, definition = self._resolve(one.path)
        if one.function in {"COUNT", "COUNT_DISTINCT"}:
            distinct = "DISTINCT " if one.function == "COUNT_DISTINCT" else ""
            return f"count({distinct}{sql})", Selected((name,), (), None)
        return f"{one.function.lower()}({sql})", Selected((name,), (), definition)

    def _resolve(self, path: Path) -> tuple[str, tuple[str, ...], tuple[str, ...], FieldDef]:
        """SQL of a field, its path as the API spells it, the objects on the way, the field."""
        names = path.names
        if (
            len(names) > 1
            and names[0].lower() == self._entity.lower()
            and not self._relationship(self._entity, names[0])
        ):
            names = names[1:]
        if len(names) > DEEPEST + 1:
            raise malformed(self._query.text, path.at, "Relationship path is too deep")
        entity, alias, way, objects = self._entity, "main", [], [self._entity]
        for step in names[:-1]:
            link = self._relationship(entity, step)
            if link is None:
                raise invalid_field(
                    self._query.text, path.at, f"Didn't understand relationship '{step}' in field path."
                )
            way.append(link.relationship)
            alias = self._join(alias, link, tuple(way))
            entity = link.refers_to
            objects.append(entity)
        definition = self._visible(entity).get(names[-1].lower())
        if definition is None:
            raise invalid_field(self._query.text, path.at, no_such_column(names[-1], entity))
        return f'{alias}."{column(definition)}"', (*way, definition.name), tuple(objects), definition

    def _relationship(self, entity: str, name: str) -> FieldDef | None:
        return next(
            (
                one
                for one in self._visible(entity).values()
                if one.relationship
                and one.relationship.lower() == name.lower()
                and "Read" in self._org.access(one.refers_to, self._user).rights
            ),
            None,
        )

    def _visible(self, entity: str) -> Mapping[str, FieldDef]:
        if entity not in self._seen:
            self._seen[entity] = self._org.visible(entity, self._user)
        return self._seen[entity]

    def _join(self, alias: str, link: FieldDef, way: tuple[str, ...]) -> str:
        if way not in self._joins.names:
            name = f"j{len(self._joins.names)}"
            self._joins.names[way] = name
            table = self._org.records.table(link.refers_to)
            self._joins.sql += f' LEFT JOIN {table} {name} ON {alias}."{column(link)}" = {name}._id'
        return self._joins.names[way]

    # where

    def _where(self, condition: Condition) -> str:
        """SQL that is true, or not: an unknown (null) counts as not true, so NOT makes it true."""
        match condition:
            case Group(word, conditions):
                return "(" + f" {word} ".join(self._where(one) for one in conditions) + ")"
            case Not(inside):
                return f"NOT coalesce({self._where(inside)}, 0)"
            case Comparison():
                return self._comparison(condition)

    def _comparison(self, one: Comparison) -> str:
        sql, _, _, definition = self._resolve(one.path)
        self._check_filterable(one.path, definition)
        if one.operator == "LIKE" and _literal_kind(definition) != "string":
            raise invalid_field(self._query.text, one.path.at, f"invalid operator on {definition.type} field")
        values = [self._value(definition, literal) for literal in one.values]
        folded = (
            "" if _literal_kind(definition) != "string" or definition.type in {"id", "reference"} else " COLLATE NOCASE"
        )
        match one.operator:
            case "IN" | "NOT IN":
                return self._in(sql, folded, values, inside=one.operator == "IN")
            case "LIKE":
                self._parameters.append(values[0])
                return f"{sql} LIKE ? ESCAPE '\\'"
        if values[0] is None:
            return self._null(sql, definition, one)
        self._parameters.append(values[0])
        if one.operator == "!=":
            return f"({sql} IS NULL OR {sql} != ?{folded})"
        return f"{sql} {one.operator} ?{folded}"

    def _in(self, sql: str, folded: str, values: list[Any], *, inside: bool) -> str:
        known = [one for one in values if one is not None]
        marks = ", ".join("?" * len(known))
        self._parameters += known
        found = f"{sql}{folded} IN ({marks})"
        if len(known) < len(values):
            found = f"({found} OR {sql} IS NULL)"
        return found if inside else f"NOT coalesce({found}, 0)"

    def _null(self, sql: str, definition: FieldDef, one: Comparison) -> str:
        if definition.type == "boolean":  # a boolean is never null: null means false
            sql, words = f"coalesce({sql}, 0)", {"=": "= 0", "!=": "= 1"}
        else:
            words = {"=": "IS NULL", "!=": "IS NOT NULL"}
        if one.operator not in words:
            raise bad_request(
                "INVALID_QUERY_FILTER_OPERATOR", place(self._query.text, one.path.at, "invalid operator on null")
            )
        return f"{sql} {words[one.operator]}"

    def _check_filterable(self, path: Path, definition: FieldDef) -> None:
        if definition.type == "complexvalue" or (definition.type == "textarea" and definition.length > LONG_TEXT):
            message = f"field '{definition.name}' can not be filtered in a query call"
            raise invalid_field(self._query.text, path.at, message)

    def _value(self, definition: FieldDef, literal: Literal) -> Any:
        if literal.kind == "null":
            return None
        wanted = _literal_kind(definition)
        if literal.kind != wanted:
            spoken = _SPOKEN.get(wanted, wanted)
            quotes = "should be enclosed in quotes" if wanted == "string" else "should not be enclosed in quotes"
            message = f"value of filter criterion for field '{definition.name}' must be of type {spoken} and {quotes}"
            raise invalid_field(self._query.text, literal.at, message)
        if definition.type in {"id", "reference"}:
            return self._id(literal)
        return int(literal.value) if isinstance(literal.value, bool) else literal.value

    def _id(self, literal: Literal) -> str | None:
        found = ids.normalised(str(literal.value))
        if found is None and literal.value:
            message = f"invalid ID field: {literal.value}"
            raise bad_request("INVALID_QUERY_FILTER_OPERATOR", place(self._query.text, literal.at, message))
        return found

    # the rest

    def _group(self) -> str:
        keys = []
        for path in self._query.group:
            sql, _, _, definition = self._resolve(path)
            self._check_sortable(path, definition, "grouped")
            keys.append(sql)
        return f" GROUP BY {', '.join(keys)}" if keys else ""

    def _order(self) -> str:
        keys = [self._order_key(one) for one in self._query.order]
        return f" ORDER BY {', '.join(keys)}" if keys else ""

    def _order_key(self, one: Order) -> str:
        sql, _, _, definition = self._resolve(one.path)
        self._check_sortable(one.path, definition, "sorted")
        folded = " COLLATE NOCASE" if _literal_kind(definition) == "string" and definition.type != "id" else ""
        nulls = "LAST" if one.nulls_last else "FIRST"
        return f"{sql}{folded} {'DESC' if one.descending else 'ASC'} NULLS {nulls}"

    def _check_sortable(self, path: Path, definition: FieldDef, word: str) -> None:
        if definition.type == "complexvalue" or (definition.type == "textarea" and definition.length > LONG_TEXT):
            message = f"field '{definition.name}' can not be {word} in a query call"
            raise bad_request("MALFORMED_QUERY", place(self._query.text, path.at, message))

    def _limits(self) -> str:
        if self._query.limit is None and not self._query.offset:
            return ""
        limit = -1 if self._query.limit is None else self._query.limit
        return f" LIMIT {limit} OFFSET {self._query.offset}"


def _literal_kind(definition: FieldDef) -> str:
    return _LITERALS.get(definition.type, "string")


def no_such_column(name: str, entity: str) -> str:
    """Salesforce's words for a field that is not there, or that the user may not see."""
    return (
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure to append the"
        " '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names."
    )
