"""Groups: a store of one row for each, with what its aggregates need so that rows may come and go.

Counts and sums are kept as such: of integers in two halves, which cannot overflow; of reals in two parts, of which the
second has what rounding took from the first. min and max look into an index of the rows when theirs goes. All other
aggregates, and columns that are named outside of any, are computed anew from the rows of the group that is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.functions import Registry
from turso_wasm.catalog.materialized import Column, Store, same
from turso_wasm.catalog.names import fold
from turso_wasm.plan.materialized.names import rewrite
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.printer import print_sql

MARK = "\0"
"""The schema of a reference that stands for a group's term or aggregate, by number, until these have columns."""

_SUMS = frozenset(("sum", "total", "avg"))


def is_aggregate(node: ast.Node, registry: Registry) -> bool:
    """It is the call of an aggregate, not as a window."""
    if not isinstance(node, ast.FunctionCall) or node.over is not None:
        return False
    return registry.find_aggregate(fold(node.name), len(node.arguments)) is not None


@dataclass(slots=True)
class State:
    """A column of a group. added, removed: its value after a row came, or went; `first`: before the first row;
    `filled`: the aggregate that gives it over all rows of a group.
    """

    column: Column
    added: str
    removed: str
    first: str
    filled: str


@dataclass(slots=True)
class Grouping:
    """n_terms: the first so many columns of the rows are what is grouped by; calls: aggregates of the others, whose
    arguments are columns of the rows. bare: columns outside of aggregates. whole: there is one group, always.
    """

    n_terms: int
    calls: list[ast.FunctionCall]
    bare: list[str] = field(default_factory=list)
    whole: bool = False
    finals_of: list[str] = field(default_factory=list)

    def project(
        self,
        expr: ast.Expr,
        terms: Sequence[ast.Expr],
        projected: list[ast.Expr],
        aggregates: Callable[[ast.Node], bool],
    ) -> ast.Expr:
        """A result column as an expression of marks; what it reads of the rows is added to `projected`."""

        def column(part: ast.Expr) -> ast.ColumnRef:
            if part not in projected:
                projected.append(part)
            return ast.ColumnRef(f"c{projected.index(part) + 1}")

        def change(node: ast.Node) -> ast.Node | None:
            if (
                isinstance(node, ast.Expr)
                and node in terms
                and not isinstance(node, ast.IntegerLiteral | ast.TextLiteral)
            ):
                return ast.ColumnRef(str(terms.index(node)), schema=MARK)
            if isinstance(node, ast.FunctionCall) and node.over is None and aggregates(_bare_call(node)):
                call = replace(
                    node,
                    arguments=tuple(map(column, node.arguments)),
                    filter=None if node.filter is None else column(node.filter),
                    order_by=tuple(replace(term, expr=column(term.expr)) for term in node.order_by),
                )
                if call not in self.calls:
                    self.calls.append(call)
                return ast.ColumnRef(f"-{self.calls.index(call) + 1}", schema=MARK)
            if isinstance(node, ast.ColumnRef):
                name = column(node).column
                if name not in self.bare:
                    self.bare.append(name)
                return ast.ColumnRef(f"-{1000 + self.bare.index(name)}", schema=MARK)
            return None

        return rewrite(expr, change)

    def finals(self, store: Store, alias: str) -> dict[int, ast.Expr]:
        """What the marks mean in a query of the store: terms by number, aggregates from -1 down, bare columns from
        -1000 down.
        """
        found: dict[int, ast.Expr] = {n: ast.ColumnRef(f"c{n + 1}", alias) for n in range(self.n_terms)}
        for number, text in enumerate(self.finals_of):
            found[-number - 1] = _expression(text.replace("$", f"{alias}."))
        for number, name in enumerate(self.bare):
            found[-1000 - number] = ast.ColumnRef(f"b{name[1:]}", alias)
        return found


DISTINCT = Grouping(-1, [])
"""By all columns."""


def _bare_call(node: ast.FunctionCall) -> ast.FunctionCall:
    return ast.FunctionCall(node.name, tuple(ast.NullLiteral() for _ in node.arguments), star=node.star)


def _of_rows(text: str) -> str:
    """An expression about OLD or NEW as one about the rows of a store."""
    return text.replace("@.", "")


def _expression(text: str) -> ast.Expr:
    select, _ = parse_one(f"SELECT {text}")
    assert isinstance(select, ast.Select) and isinstance(select.core, ast.SelectCore)
    column = select.core.columns[0]
    assert isinstance(column, ast.ResultColumn)
    return column.expr


class GroupStore:
    """The store of the groups of another's rows."""

    def __init__(self, name: str, rows: Store, grouping: Grouping) -> None:
        self.name = name
        self.rows = rows
        self.grouping = grouping
        by_name = {column.name: column for column in rows.columns}
        visible = [column for name, column in by_name.items() if name[0] == "c"]
        n_terms = len(visible) if grouping is DISTINCT else grouping.n_terms
        self.by_name = by_name
        self.terms = visible[:n_terms]
        self.names = [term.name for term in self.terms]
        self.n_states = 0

    def store(self, described: Callable[[str], list[Column]]) -> Store:
        """It, with its rules."""
        states = [State(Column("n", "D"), "n + 1", "n - 1", "0", "count(*)")]
        finals = []
        for call in self.grouping.calls:
            added, final = self._states(call, described)
            states += added
            finals.append(final)
        self.grouping.finals_of = finals
        states += self._bare_states()
        collated = any(term.collation != "BINARY" for term in self.terms)
        if (len(states) > 1 and any(state.column.name[0] != "i" for state in states[1:])) or collated:
            self.rows.index(self.names)
        store = Store(self.name, [*self.terms, *(state.column for state in states)])
        store.index(self.names)
        store.fill = self._fill(states)
        self._rules(store, states, collated)
        return store

    def _fill(self, states: Sequence[State]) -> str:
        columns = ", ".join((*self.names, *(state.filled for state in states)))
        group = "" if self.grouping.whole else f" GROUP BY {', '.join(self.names)}"
        return f"SELECT {columns} FROM {self.rows.quoted}{group}"

    def _rules(self, store: Store, states: Sequence[State], collated: bool) -> None:
        rule = store.rule(self.rows.name)
        where = {row: same(self.names, row) for row in ("old", "new")}
        removed = [f"{state.column.name} = {state.removed.replace('@', 'old')}" for state in states]
        added = [f"{state.column.name} = {state.added.replace('@', 'new')}" for state in states]
        if collated:
            removed += [f"{name} = {self._any(name)}" for name in self.names]
        if not self.grouping.whole:
            rule.old.append(f"DELETE FROM {store.quoted} WHERE {where['old']} AND n = 1")
            values = ", ".join((*(f"new.{name}" for name in self.names), *(state.first for state in states)))
            there = f"EXISTS (SELECT 1 FROM {store.quoted} WHERE {where['new']})"
            rule.new.append(f"INSERT INTO {store.quoted} SELECT {values} WHERE NOT {there}")
        rule.old.append(f"UPDATE {store.quoted} SET {', '.join(removed)} WHERE {where['old']}")
        rule.new.append(f"UPDATE {store.quoted} SET {', '.join(added)} WHERE {where['new']}")

    def _any(self, column: str) -> str:
        """A value of a column in the group of the old row."""
        return self._look(column, "old")

    def _look(self, what: str, row: str, rest: str = "", order: str = "") -> str:
        """The first of the rows of the group, or an aggregate over all."""
        where = same(self.names, row, "r.")
        by = f" ORDER BY {order}" if order else ""
        return f"(SELECT {what} FROM {self.rows.quoted} AS r WHERE {where}{rest}{by} LIMIT 1)"

    # --- aggregates -------------------------------------------------------------------------------------------------

    def _new(self, letter: str) -> str:
        self.n_states += 1
        return f"{letter}{self.n_states}"

    def _states(self, call: ast.FunctionCall, described: Callable[[str], list[Column]]) -> tuple[list[State], str]:
        """The columns for an aggregate, and its value, with `$` ahead of their names."""
        name = fold(call.name)
        args = [print_sql(argument) for argument in call.arguments]
        chosen = "" if call.filter is None else print_sql(call.filter)
        if name == "count" and not call.distinct:
            return self._count(args[0] if args else "", chosen)
        if name in _SUMS and not call.distinct:
            return self._sum(name, args[0], chosen)
        if name in ("min", "max") and len(args) == 1:
            return self._extreme(name, args[0], chosen)
        return self._anew(call, described)

    def _count(self, argument: str, chosen: str) -> tuple[list[State], str]:
        column = self._new("i")
        conditions = [f"@.{argument} IS NOT NULL"] if argument else []
        conditions += [f"@.{chosen}"] if chosen else []
        if not conditions:
            return [State(Column(column, "D"), f"{column} + 1", f"{column} - 1", "0", "count(*)")], f"${column}"
        counted = f"CASE WHEN {' AND '.join(conditions)} THEN 1 ELSE 0 END"
        filled = f"total({counted.replace('@.', '')})"
        state = State(Column(column, "D"), f"{column} + {counted}", f"{column} - {counted}", "0", filled)
        return [state], f"${column}"

    def _sum(self, name: str, argument: str, chosen: str) -> tuple[list[State], str]:
        """Numbers of values, of reals, the halves of the sum of integers, the parts of that of reals."""
        value = f"(SELECT sum(v) FROM (SELECT @.{argument} AS v))"
        value = f"CASE WHEN typeof(@.{argument}) IN ('text', 'blob') THEN {value} ELSE @.{argument} END"
        value = f"(CASE WHEN @.{chosen} THEN {value} END)" if chosen else f"({value})"
        n, reals, high, low, real, rest = [self._new("s") for _ in range(6)]
        is_int, is_real = f"typeof({value}) = 'integer'", f"typeof({value}) = 'real'"
        flat = value.replace("@.", "r.")
        plain = f"CASE WHEN {is_int} THEN {{}} ELSE 0 END"
        top, bottom = plain.format(f"({value} >> 32)"), plain.format(f"({value} & 4294967295)")
        again = self._look(f"coalesce(total(CASE WHEN typeof({flat}) = 'real' THEN {flat} END), 0.0)", "old")
        left = f"({real} - {value})"
        is_safe = f"abs({value}) < 1e14 * abs({left}) AND abs({real}) < 1e300"
        error = f"({real} - (({{0}}) - (({{0}}) - {real})) + ({{1}}{value} - (({{0}}) - {real})))"
        sums = {1: f"({real} + {value})", -1: left}
        lost = {1: error.format(sums[1], ""), -1: error.format(sums[-1], "-")}
        there = f"CASE WHEN {value} IS NULL THEN 0 ELSE 1 END"
        per_real = f"CASE WHEN {is_real} THEN 1 ELSE 0 END"
        states = [
            State(Column(n, "D"), f"{n} + {there}", f"{n} - {there}", "0", f"coalesce(sum({_of_rows(there)}), 0)"),
            State(
                Column(reals, "D"),
                f"{reals} + {per_real}",
                f"{reals} - {per_real}",
                "0",
                f"coalesce(sum({_of_rows(per_real)}), 0)",
            ),
            State(Column(high, "D"), f"{high} + {top}", f"{high} - {top}", "0", f"coalesce(sum({_of_rows(top)}), 0)"),
            State(
                Column(low, "D"), f"{low} + {bottom}", f"{low} - {bottom}", "0", f"coalesce(sum({_of_rows(bottom)}), 0)"
            ),
            State(
                Column(real),
                f"CASE WHEN {is_real} THEN {real} + {value} ELSE {real} END",
                f"CASE WHEN NOT {is_real} THEN {real} WHEN {is_safe} THEN {left} ELSE {again} END",
                "0.0",
                f"total(CASE WHEN {_of_rows(is_real)} THEN {_of_rows(value)} END)",
            ),
            State(
                Column(rest),
                f"CASE WHEN NOT {is_real} THEN {rest} WHEN abs({sums[1]}) < 1e300 THEN {rest} + {lost[1]} ELSE 0.0 END",
                f"CASE WHEN NOT {is_real} THEN {rest} WHEN {is_safe} THEN {rest} + {lost[-1]} ELSE 0.0 END",
                "0.0",
                "0.0",
            ),
        ]
        whole = f"(${high} + (${low} >> 32))"
        fits = f"{whole} BETWEEN -2147483648 AND 2147483647"
        integer = f"(({whole} << 32) + (${low} & 4294967295))"
        floating = f"({whole} * 4294967296.0 + (${low} & 4294967295))"
        as_real = f"CASE WHEN {fits} THEN CAST({integer} AS REAL) ELSE {floating} END"
        total = f"CASE WHEN ${reals} = 0 THEN {as_real} ELSE ${real} + (${rest} + {as_real}) END"
        if name == "total":
            return states, f"({total})"
        if name == "avg":
            return states, f"(CASE WHEN ${n} > 0 THEN ({total}) / ${n} END)"
        overflow = f"CASE WHEN {fits} THEN {integer} ELSE abs(-9223372036854775808) END"
        return states, f"(CASE WHEN ${n} = 0 THEN NULL WHEN ${reals} = 0 THEN {overflow} ELSE {total} END)"

    def _extreme(self, name: str, argument: str, chosen: str) -> tuple[list[State], str]:
        known = self.by_name[argument]
        column = replace(known, name=self._new("m"))
        mine, sign = column.name, "<" if name == "min" else ">"
        rest = f" AND r.{argument} IS NOT NULL" + (f" AND r.{chosen}" if chosen else "")
        again = self._look(f"r.{argument}", "old", rest, f"r.{argument}" + (" DESC" if name == "max" else ""))
        is_it = f"@.{chosen} AND " if chosen else ""
        better = f"{is_it}@.{argument} IS NOT NULL AND ({mine} IS NULL OR @.{argument} {sign} {mine})"
        added = f"CASE WHEN {better} THEN @.{argument} ELSE {mine} END"
        removed = f"CASE WHEN @.{argument} IS {mine} THEN {again} ELSE {mine} END"
        if not chosen:
            self.rows.index([*self.names, argument])
        filled = f"{name}({argument})" + (f" FILTER (WHERE {chosen})" if chosen else "")
        return [State(column, added, removed, "NULL", filled)], f"${mine}"

    def _anew(self, call: ast.FunctionCall, described: Callable[[str], list[Column]]) -> tuple[list[State], str]:
        """An aggregate over the rows of the group, in the order of what they come from."""
        text = print_sql(call)
        column = Column(self._new("a"))
        keys = ", ".join(known.name for known in self.rows.columns if known.name[0] == "k")

        def computed(row: str) -> str:
            rows = f"SELECT * FROM {self.rows.quoted} AS r WHERE {same(self.names, row, 'r.')} ORDER BY {keys or '1'}"
            return f"(SELECT {text} FROM ({rows}))"

        return [State(column, computed("new"), computed("old"), "NULL", text)], f"${column.name}"

    def _bare_states(self) -> Iterator[State]:
        """Columns outside of aggregates: of the row that has the only min or max, else of the first one."""
        extremes = [
            call for call in self.grouping.calls if fold(call.name) in ("min", "max") and len(call.arguments) == 1
        ]
        order = [known.name for known in self.rows.columns if known.name[0] == "k"]
        if len(extremes) == 1:
            (extreme,) = extremes
            argument = print_sql(extreme.arguments[0])
            order = [argument + (" DESC" if fold(extreme.name) == "max" else ""), *order]
        for name in self.grouping.bare:
            column = replace(self.by_name[name], name=f"b{name[1:]}")
            looks = [
                self._look(f"r.{name}", row, "", ", ".join(f"r.{term}" for term in order)) for row in ("new", "old")
            ]
            inner = same(self.names, "q", "r.") if self.names else "1"
            by = ", ".join(f"r.{term}" for term in order)
            filled = f"(SELECT r.{name} FROM {self.rows.quoted} AS r WHERE {inner} ORDER BY {by} LIMIT 1)".replace(
                "q.", f"{self.rows.quoted}."
            )
            yield State(column, looks[0], looks[1], "NULL", filled)
