"""Productions of window functions and windows.

What a function gives must not depend on how ties come. Some look at peers only: any window will do. The others get a
window that orders the rows by all they have (`total`): then only equal rows are tied.
"""

from __future__ import annotations

from tests.fuzz.grammar import production
from tests.fuzz.json_calls import Json
from tests.fuzz.model import INT, TEXT, Scope

OFFSETS = ("0", "1", "1", "2", "3", "1 + 1", "'1'", "2.0")
DISTANCES = (*OFFSETS, "0.5", "1.5", "1e3")
WRONG_OFFSETS = ("-1", "NULL", "1.5", "'x'", "abs(1)")


class Windows(Json):
    """Calls with OVER, WINDOW clauses, frames."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.windows: list[tuple[str, bool]] = []  # those of the WINDOW clause: name, total
        self.in_window = False

    @production("expr", 0.15, kinds="int real text blob bool")
    def expr_window(self, scope: Scope, kind: str) -> str:
        if scope.constant or self.no_windows or self.in_window or not scope.sources:
            return self.expr_column(scope, kind)
        return self.window_call(scope, kind)

    def window_call(self, scope: Scope, kind: str) -> str:
        """A function with OVER."""
        self.in_window = True
        text = str(self.derive("window call", scope, kind=kind))
        self.in_window = False
        return text

    # --- functions -------------------------------------------------------------------------------------------------

    @production("window call", 2, leaf=True, kinds="int real bool")
    def window_rank(self, scope: Scope, kind: str) -> str:
        name = self.pick(("rank", "dense_rank", "percent_rank", "cume_dist"))
        return f"{name}() OVER {self.over(scope)}"

    @production("window call", 3, kinds="int real text blob bool")
    def window_aggregate(self, scope: Scope, kind: str) -> str:
        number = f"CAST({self.expr(scope, INT)} AS INTEGER) % 1000"
        call = self.pick(
            (
                "count(*)",
                f"count({self.expr(scope)})",
                f"{self.pick(('sum', 'total', 'avg', 'min', 'max', 'median'))}({number})",
                f"percentile({number}, 25)",
            )
        )
        condition = self.maybe(0.2, lambda: f" FILTER (WHERE {self.condition(scope)})")
        return f"{call}{condition} OVER {self.over(scope)}"

    @production("window call", 3, kinds="int real text blob bool")
    def window_of_rows(self, scope: Scope, kind: str) -> str:
        if scope.keys is not None:  # nothing tells all of its rows apart
            return self.window_aggregate(scope, kind)
        value = self.expr(scope, kind)
        n = self.pick(("1", "1", "2", "3", "5"))
        distance = self.pick((*OFFSETS, "-1", "NULL", self.expr(scope, INT)))
        call = self.pick(
            (
                "row_number()",
                f"ntile({n})",
                f"lag({value})",
                f"lead({value}, {distance})",
                f"lag({value}, {distance}, {self.expr(scope, kind)})",
                f"first_value({value})",
                f"last_value({value})",
                f"nth_value({value}, {n})",
                f"min({value})",
                f"max({value})",
                f"group_concat({self.expr(scope, TEXT)})",
                f"string_agg({self.expr(scope, TEXT)}, '; ')",
                f"sum(CAST({self.expr(scope, INT)} AS INTEGER) % 1000)",
            )
        )
        return f"{call} OVER {self.over(scope, total=True)}"

    # --- windows ---------------------------------------------------------------------------------------------------

    def over(self, scope: Scope, *, total: bool = False) -> str:
        """A window's name, or a window. total: it must order the rows by all they have."""
        named = [name for name, is_total in self.windows if is_total or not total]
        if named and self.chance(0.5):
            return self.pick(named)
        return f"({self.window(scope, total)})"

    def window(self, scope: Scope, total: bool) -> str:
        """What stands in the parentheses of OVER or WINDOW."""
        parts = [self.maybe(0.5, lambda: f"PARTITION BY {', '.join(self.term(scope) for _ in self.few(1, 2))}")]
        if total:
            terms = [self.ordered_term(scope)] if self.chance(0.3) else []
            parts.append(f"ORDER BY {', '.join([*terms, *self.all_columns(scope)])}")
            parts.append(self.maybe(0.6, lambda: self.frame(("ROWS", "ROWS", "GROUPS"))))
        elif self.chance(0.2):
            parts.append(f"ORDER BY {self.operand(scope, INT)}{self.direction()}")
            parts.append(self.frame(("RANGE",), DISTANCES))
        else:
            parts.append(self.maybe(0.7, lambda: f"ORDER BY {self.ordered_term(scope)}"))
            parts.append(self.maybe(0.5, lambda: self.frame(("GROUPS",))))
        return " ".join(part for part in parts if part)

    def term(self, scope: Scope) -> str:
        """An expression, perhaps with a collation."""
        return self.operand(scope) + self.pick(("", "", "", " COLLATE NOCASE", " COLLATE BINARY"))

    def ordered_term(self, scope: Scope) -> str:
        """A term of ORDER BY."""
        return self.term(scope) + self.direction()

    def direction(self) -> str:
        """ASC, DESC, NULLS FIRST, NULLS LAST."""
        return self.pick(("", "", " ASC", " DESC", " DESC")) + self.pick(("", "", "", " NULLS FIRST", " NULLS LAST"))

    def all_columns(self, scope: Scope) -> list[str]:
        """All that tells rows of the scope apart."""
        names = [self.plain_column(column, source.name) for source in scope.sources for column in source.columns]
        rowids = [f"{self.name(source.name)}.rowid" for source in scope.sources if source.has_rowid]
        values = [f"{name} COLLATE BINARY" for name in names]
        return [*values, *(f"typeof({name})" for name in names), *rowids] or ["1"]

    def window_clause(self, scope: Scope) -> str:
        """WINDOW …; its names are in `windows` from now on, and it stands behind what uses them."""
        first, second = self.alias("win"), self.alias("win")
        total = self.chance(0.5)
        parts = [self.maybe(0.5, lambda: f"PARTITION BY {self.term(scope)}"), f"{first} AS "]
        self.windows += [(second, total)] if total else [(second, False), (first, False)]
        order = ", ".join(self.all_columns(scope)) if total else self.ordered_term(scope)
        frame = self.maybe(0.4, lambda: self.frame(("GROUPS", "ROWS") if total else ("GROUPS",)))
        return f" WINDOW {parts[1]}({parts[0]}), {second} AS ({first} ORDER BY {order} {frame})"

    def alias(self, prefix: str = "x") -> str:
        """See tests.fuzz.queries."""
        raise NotImplementedError

    # --- frames ----------------------------------------------------------------------------------------------------

    def frame(self, units: tuple[str, ...], offsets: tuple[str, ...] = OFFSETS) -> str:
        """A frame of one of these units."""
        text: str = self.derive("frame", self.pick(units), offsets)
        return text

    def edge(self, direction: str, offsets: tuple[str, ...]) -> str:
        """`n PRECEDING` or `n FOLLOWING`."""
        return f"{self.pick(WRONG_OFFSETS if self.chance(0.01) else offsets)} {direction}"

    @production("frame", leaf=True)
    def frame_start(self, unit: str, offsets: tuple[str, ...]) -> str:
        start = self.pick(("UNBOUNDED PRECEDING", "CURRENT ROW", self.edge("PRECEDING", offsets)))
        return f"{unit} {start}{self.derive('exclusion')}"

    @production("frame", 3, leaf=True)
    def frame_between(self, unit: str, offsets: tuple[str, ...]) -> str:
        before, after = self.edge("PRECEDING", offsets), self.edge("FOLLOWING", offsets)
        start, end = self.pick(
            (
                ("UNBOUNDED PRECEDING", self.pick((before, "CURRENT ROW", after, "UNBOUNDED FOLLOWING"))),
                (before, self.pick((self.edge("PRECEDING", offsets), "CURRENT ROW", after, "UNBOUNDED FOLLOWING"))),
                ("CURRENT ROW", self.pick(("CURRENT ROW", after, "UNBOUNDED FOLLOWING"))),
                (after, self.pick((self.edge("FOLLOWING", offsets), "UNBOUNDED FOLLOWING"))),
            )
        )
        return f"{unit} BETWEEN {start} AND {end}{self.derive('exclusion')}"

    @production("exclusion", leaf=True)
    def exclusion(self) -> str:
        chosen = self.pick(("", "", "", "NO OTHERS", "CURRENT ROW", "GROUP", "TIES"))
        return f" EXCLUDE {chosen}" if chosen else ""
