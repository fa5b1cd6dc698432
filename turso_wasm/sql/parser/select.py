"""SELECT, VALUES, FROM, WITH."""

from __future__ import annotations

from typing import Final, cast

from turso_wasm.sql.ast_base import Expr, FromSource, Name
from turso_wasm.sql.ast_extensions import DefaultValue
from turso_wasm.sql.ast_select import (
    CommonTable,
    CompoundOperator,
    CompoundPart,
    Join,
    JoinKind,
    LiteralValues,
    ParenthesizedSource,
    ResultColumn,
    Select,
    SelectCore,
    Star,
    SubquerySource,
    TableFunctionSource,
    TableSource,
    Values,
    WindowDefinition,
    With,
)
from turso_wasm.sql.keywords import JOIN_WORDS
from turso_wasm.sql.lexer import ROWS
from turso_wasm.sql.limits import MAX_COMPOUND, check_from_terms
from turso_wasm.sql.literals import LiteralValue
from turso_wasm.sql.parser.expressions import SUBQUERY_STARTS, ExpressionParser
from turso_wasm.sql.parser.leaves import literal_values
from turso_wasm.sql.parser.stream import ALIASES, NAMES

_COMPOUND: Final = frozenset({"UNION", "EXCEPT", "INTERSECT"})
_LEFT, _RIGHT, _OUTER, _INNER, _CROSS, _NATURAL = 1, 2, 4, 8, 16, 32
_JOIN_FLAGS: Final[dict[str, int]] = {
    "NATURAL": _NATURAL,
    "LEFT": _LEFT | _OUTER,
    "RIGHT": _RIGHT | _OUTER,
    "FULL": _LEFT | _RIGHT | _OUTER,
    "OUTER": _OUTER,
    "INNER": _INNER,
    "CROSS": _INNER | _CROSS,
}


class SelectParser(ExpressionParser):
    """Queries."""

    __slots__ = ("in_insert",)

    in_insert: bool

    def select(self) -> Select:
        """`[WITH …] core [UNION core …] [ORDER BY …] [LIMIT …]`."""
        with_ = self.with_clause() if self.kinds[self.at] == "WITH" else None
        return self.select_after_with(with_)

    def select_after_with(self, with_: With | None) -> Select:
        """A SELECT whose WITH, if any, has been parsed."""
        start = self.starts[self.at] if with_ is None else with_.span[0]
        self.depth += with_ is not None
        select = Select(self._core(), with_=with_)
        if isinstance(select.core, SelectCore):
            self._tail(select)
        self._count(select.core)
        if self.kinds[self.at] in _COMPOUND:
            self._compounds(select)
        self.depth -= with_ is not None
        select.span = (start, self.ends[self.at - 1])
        return select

    # --- WITH --------------------------------------------------------------------------------------------------------

    def with_clause(self) -> With:
        """`WITH [RECURSIVE] name AS (select), …`."""
        start = self.starts[self.at]
        self.expect("WITH")
        recursive = self.accept("RECURSIVE")
        tables: list[CommonTable] = []
        outside = self.depth
        self.depth += 1 + recursive
        while True:
            table = self._common_table()
            folded = table.name.lower()
            if any(other.name.lower() == folded for other in tables):
                self.complain(f"duplicate WITH table name: {table.name}")
            tables.append(table)
            self.depth = outside + 3 + recursive
            if not self.accept(","):
                break
        self.depth = outside
        return With(recursive, tuple(tables), self.span_from(start))

    def _common_table(self) -> CommonTable:
        start = self.starts[self.at]
        name = self.name()
        columns = self.plain_columns() if self.accept("(") else ()
        self.expect("AS")
        materialized: bool | None = None
        if self.accept("NOT"):
            self.expect("MATERIALIZED")
            materialized = False
        elif self.accept("MATERIALIZED"):
            materialized = True
        self.expect("(")
        self.enter(3)
        select = self.subselect()
        self.depth -= 3
        return CommonTable(name, columns, select, materialized, self.span_from(start))

    def plain_columns(self) -> tuple[Name, ...]:
        """`name, name, …)`. SQLite's grammar lets COLLATE, ASC and DESC follow a name, only to complain about them."""
        names: list[Name] = []
        while True:
            names.append(self.name_node())
            collated = self.accept("COLLATE")
            if collated:
                self.identifier_or_string()
            if self.accept("ASC") or self.accept("DESC") or collated:
                text = self.tokens.sql[names[-1].span[0] : names[-1].span[1]]
                self.complain(f'syntax error after column name "{text}"')
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(names)

    # --- cores and compounds -----------------------------------------------------------------------------------------

    def _compounds(self, select: Select) -> None:
        parts: list[CompoundPart] = []
        early: str | None = None
        while self.kinds[self.at] in _COMPOUND:
            start = self.starts[self.at]
            op = self.kinds[self.at]
            self.at += 1
            if op == "UNION" and self.accept("ALL"):
                op = "UNION ALL"
            if select.order_by or select.limit is not None:
                clause = "ORDER BY" if select.order_by else "LIMIT"
                early = f"{clause} clause should come after {op} not before"
                select.order_by, select.limit, select.offset = (), None, None
            self.depth += 2
            core = self._core()
            parts.append(CompoundPart(cast(CompoundOperator, op), core, self.span_from(start)))
            if isinstance(core, SelectCore):
                self._tail(select)
            self._count(core)
            self.depth -= 2
        if early is not None:
            self.complain(early)
        elif len(parts) >= MAX_COMPOUND:
            self.complain("too many terms in compound SELECT")
        select.compounds = tuple(parts)

    def _count(self, core: SelectCore | Values | LiteralValues) -> None:
        """It ends here (SelectCore.number)."""
        self.n_selects += 1 if isinstance(core, SelectCore) or len(core.rows) == 1 else 2
        core.number = self.n_selects

    def _tail(self, select: Select) -> None:
        """ORDER BY and LIMIT. They belong to the last SELECT of a compound in the grammar: none may follow VALUES."""
        kind = self.kinds[self.at]
        if kind == "ORDER":
            self.at += 1
            self.expect("BY")
            self.depth += 9
            select.order_by = self.order_terms()
            self.depth -= 9
            kind = self.kinds[self.at]
        if kind == "LIMIT":
            self.at += 1
            self.depth += 9
            select.limit, select.offset = self.limit_clause()
            self.depth -= 9

    def limit_clause(self) -> tuple[Expr, Expr | None]:
        """(limit, offset) of `LIMIT limit [OFFSET offset]` or `LIMIT offset, limit`; LIMIT has been taken."""
        first = self.expr()
        offset_first = self.accept(",")
        if not offset_first and not self.accept("OFFSET"):
            return first, None
        self.enter(2, 1)
        second = self.expr()
        self.depth -= 2
        return (second, first) if offset_first else (first, second)

    def _core(self) -> SelectCore | Values | LiteralValues:
        kind = self.kinds[self.at]
        if kind == "VALUES":
            return self._values()
        start = self.starts[self.at]
        self.expect("SELECT")
        core = SelectCore(())
        kind = self.kinds[self.at]
        if kind == "DISTINCT" or kind == "ALL":
            self.at += 1
            core.distinct = kind == "DISTINCT"
        self.enter(4, 5)
        core.columns = self.result_columns()
        if self.accept("FROM"):
            core.source = self.from_clause()
        if self.accept("WHERE"):
            self.depth += 1
            core.where = self.expr()
            self.depth -= 1
        if self.kinds[self.at] in _LATE_CLAUSES:
            self.depth += 3
            self._late_clauses(core)
            self.depth -= 3
        self.depth -= 4
        core.span = (start, self.ends[self.at - 1])
        return core

    def _late_clauses(self, core: SelectCore) -> None:
        """GROUP BY, HAVING, WINDOW."""
        if self.accept("GROUP"):
            self.expect("BY")
            core.group_by = self.expr_list()
        if self.accept("HAVING"):
            core.having = self.expr()
        if self.accept("WINDOW"):
            self.depth += 3
            windows = [self._window_definition()]
            while self.accept(","):
                windows.append(self._window_definition())
            core.windows = tuple(windows)
            self.depth -= 3

    def _window_definition(self) -> WindowDefinition:
        start = self.starts[self.at]
        name = self.raw_name()
        self.expect("AS")
        spec = self.window_spec()
        return WindowDefinition(name, spec, self.span_from(start))

    def _values(self) -> Values | LiteralValues:
        at = self.at
        start = self.starts[at]
        self.at = at + 1
        if self.kinds[at + 1] == ROWS:
            self.at = at + 1
            index = self.literal_index()
            self.at = at + 2
            rows = cast(tuple[tuple[LiteralValue, ...], ...], self.tokens.literals[index])
            return LiteralValues(rows, index, self.span_from(start))
        rows_of_nodes: list[tuple[Expr, ...]] = []
        while True:
            self.expect("(")
            symbols = 3 if rows_of_nodes else 2
            self.enter(symbols)
            rows_of_nodes.append(self._row_values())
            self.depth -= symbols
            self.expect(")")
            if len(rows_of_nodes[-1]) != len(rows_of_nodes[0]):
                self.complain("all VALUES must have the same number of terms")
            if not self.accept(","):
                break
        row_nodes = tuple(rows_of_nodes)
        data = _literal_rows(row_nodes)
        if data is not None:
            return LiteralValues(data, -1, self.span_from(start))
        return Values(row_nodes, self.span_from(start))

    def _row_values(self) -> tuple[Expr, ...]:
        """The values of a row: in an INSERT also `DEFAULT`."""
        if not self.in_insert or "DEFAULT" not in self.kinds:
            return self.expr_list()
        items: list[Expr] = []
        while True:
            at = self.at
            if self.accept("DEFAULT"):
                items.append(DefaultValue((self.starts[at], self.ends[at])))
            else:
                items.append(self.expr())
            if not self.accept(","):
                return tuple(items)

    # --- result columns ----------------------------------------------------------------------------------------------

    def result_columns(self) -> tuple[ResultColumn | Star, ...]:
        """`expr [AS alias], *, table.*, …`."""
        columns = [self._result_column()]
        while self.kinds[self.at] == ",":
            self.at += 1
            columns.append(self._result_column())
        return tuple(columns)

    def _result_column(self) -> ResultColumn | Star:
        at = self.at
        kinds = self.kinds
        start = self.starts[at]
        if kinds[at] == "*":
            self.at = at + 1
            return Star(None, (start, self.ends[at]))
        if kinds[at + 1] == "." and kinds[at + 2] == "*" and kinds[at] in _BEFORE_STAR:
            table = self.name()
            self.at = at + 3
            return Star(table, (start, self.ends[at + 2]))
        expr = self.expr()
        text_span = (start, self.ends[self.at - 1])
        kind = kinds[self.at]
        if kind != "AS" and kind not in ALIASES:
            return ResultColumn(expr, None, text_span, text_span)
        alias = self.optional_alias()
        return ResultColumn(expr, alias, text_span, (start, self.ends[self.at - 1]))

    # --- FROM --------------------------------------------------------------------------------------------------------

    def from_clause(self) -> FromSource:
        """Tables and joins; FROM has been taken."""
        start = self.starts[self.at]
        self.enter(1)
        left = self._table()
        on, using = self._on_or_using()
        if on is not None or using is not None:
            self.complain(f"a JOIN clause is required before {'ON' if using is None else 'USING'}")
        n_terms = 1
        while True:
            joined = self._join_operator()
            if joined is None:
                self.depth -= 1
                return left
            kind, natural = joined
            n_terms += 1
            check_from_terms(n_terms)
            right = self._table()
            on, using = self._on_or_using()
            left = Join(kind, left, right, natural, on, using, (start, self.ends[self.at - 1]))

    def _on_or_using(self) -> tuple[Expr | None, tuple[Name, ...] | None]:
        if self.accept("ON"):
            self.depth += 4
            on = self.expr()
            self.depth -= 4
            return on, None
        if self.accept("USING"):
            self.expect("(")
            return None, self.name_list()
        return None, None

    def _join_operator(self) -> tuple[JoinKind, bool] | None:
        """(kind, natural) of the next join operator, which is taken; None if there is none."""
        first = self.at
        kind = self.kinds[first]
        if kind == ",":
            self.at += 1
            return "COMMA", False
        if kind == "JOIN":
            self.at += 1
            return "INNER", False
        if kind not in JOIN_WORDS:
            return None
        self.at += 1
        while self.kinds[self.at] != "JOIN":
            if self.at == first + 3 or self.kinds[self.at] not in NAMES:
                self.fail()
            self.at += 1
        self.at += 1
        return self._join_kind(first, self.at - 1)

    def _join_kind(self, first: int, end: int) -> tuple[JoinKind, bool]:
        flags = 0
        for kind in self.kinds[first:end]:
            flags |= _JOIN_FLAGS.get(kind, _INNER | _OUTER)
        if flags & (_INNER | _OUTER) == _INNER | _OUTER or flags & (_OUTER | _LEFT | _RIGHT) == _OUTER:
            words = " ".join(self.texts[first:end])
            self.complain(f"unknown join type: {words}", (self.starts[first], self.ends[end - 1]))
        natural = flags & _NATURAL != 0
        if flags & _OUTER:
            sides = flags & (_LEFT | _RIGHT)
            return ("FULL" if sides == _LEFT | _RIGHT else "LEFT" if sides == _LEFT else "RIGHT"), natural
        return ("CROSS" if flags & _CROSS else "INNER"), natural

    def _table(self) -> FromSource:
        """One table, table-valued function, subquery or parenthesised join, with its alias."""
        start = self.starts[self.at]
        if self.kinds[self.at] == "(":
            return self._parenthesized_table(start)
        name, schema = self.name(), None
        if self.accept("."):
            name, schema = self.name(), name
        if self.accept("("):
            self.enter(3)
            arguments = () if self.kinds[self.at] == ")" else self.expr_list()
            self.depth -= 3
            self.expect(")")
            return TableFunctionSource(name, schema, arguments, self.optional_alias(), self.span_from(start))
        alias = self.optional_alias()
        indexed_by, not_indexed = self.index_hint()
        return TableSource(name, schema, alias, indexed_by, not_indexed, (start, self.ends[self.at - 1]))

    def _parenthesized_table(self, start: int) -> FromSource:
        self.at += 1
        if self.kinds[self.at] in SUBQUERY_STARTS:
            select = self.subselect()
            return SubquerySource(select, self.optional_alias(), self.span_from(start))
        self.enter(1)
        source = self.from_clause()
        self.depth -= 1
        self.expect(")")
        return ParenthesizedSource(source, self.optional_alias(), self.span_from(start))

    def index_hint(self) -> tuple[str | None, bool]:
        """(name, False) of INDEXED BY name, (None, True) of NOT INDEXED, else (None, False)."""
        kind = self.kinds[self.at]
        if kind == "INDEXED":
            self.at += 1
            self.expect("BY")
            return self.name(), False
        if kind == "NOT":
            self.at += 1
            self.expect("INDEXED")
            return None, True
        return None, False


def _literal_rows(rows: tuple[tuple[Expr, ...], ...]) -> tuple[tuple[LiteralValue, ...], ...] | None:
    """The values of two or more rows of nothing but literals: those that have a comment in them."""
    data = [values for row in rows if (values := literal_values(row)) is not None]
    return tuple(data) if len(data) == len(rows) > 1 else None


_BEFORE_STAR: Final = NAMES - {"CAST", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "RAISE"}
_LATE_CLAUSES: Final = frozenset({"GROUP", "HAVING", "WINDOW"})
