"""Function calls, ORDER BY terms, windows and frames."""

from __future__ import annotations

from typing import Final, Literal, cast

from turso_wasm.sql.ast_base import Expr
from turso_wasm.sql.ast_expr import Frame, FrameBound, FunctionCall, OrderTerm, WindowSpec
from turso_wasm.sql.lexer import ID, dequote
from turso_wasm.sql.limits import MAX_FUNCTION_ARGUMENTS
from turso_wasm.sql.parser.leaves import LeafParser
from turso_wasm.sql.parser.stream import COLUMN_WORDS, NAMES

_WINDOW_STARTS: Final = frozenset({"PARTITION", "ROWS", "RANGE", "GROUPS"})


class FunctionParser(LeafParser):
    """Calls and all that can follow them."""

    __slots__ = ()

    def expr(self, above: int = 0) -> Expr:
        """See `ExpressionParser`."""
        raise NotImplementedError

    def expr_list(self) -> tuple[Expr, ...]:
        """See `ExpressionParser`."""
        raise NotImplementedError

    def function(self) -> Expr:
        """`name(arguments) [WITHIN GROUP (ORDER BY expr)] [FILTER (…)] [OVER …]`; the name is the next token."""
        at = self.at
        kinds = self.kinds
        if kinds[at] not in COLUMN_WORDS:
            self.at = at + 1
            self.fail()
        text = self.texts[at]
        call = FunctionCall(dequote(text) if kinds[at] == ID else text)
        self.at = at + 2
        kind = kinds[at + 2]
        if kind == "*":
            self.at = at + 3
            call.star = True
        else:
            self._function_arguments(call, kind)
        self.expect(")")
        if kinds[self.at] == ID and self.texts[self.at].upper() == "WITHIN":
            self._within_group(call)
        if len(call.arguments) > MAX_FUNCTION_ARGUMENTS:
            self.complain(f"too many arguments on function {text}", (self.starts[at], self.ends[at]))
        if kinds[self.at] == "FILTER":
            self.at += 2
            self.expect("WHERE")
            self.enter(8)
            call.filter = self.expr()
            self.depth -= 8
            self.expect(")")
        if kinds[self.at] == "OVER":
            self.at += 1
            self.depth += 6 if call.filter is None else 7
            call.over = self._over()
            self.depth -= 6 if call.filter is None else 7
            if call.distinct:
                self.complain("DISTINCT is not supported for window functions")
        call.span = (self.starts[at], self.ends[self.at - 1])
        return call

    def _within_group(self, call: FunctionCall) -> None:
        """`WITHIN GROUP (ORDER BY expr)`: what is ordered is the first argument."""
        if self.kinds[self.at + 1 : self.at + 3] != ["GROUP", "("]:
            return
        self.at += 3
        self.expect("ORDER")
        self.expect("BY")
        self.enter(3, 1)
        call.arguments = (self.expr(), *call.arguments)
        self.depth -= 3
        self.accept("ASC")
        self.expect(")")

    def _function_arguments(self, call: FunctionCall, kind: str) -> None:
        if kind == "DISTINCT" or kind == "ALL":
            self.at += 1
            call.distinct = kind == "DISTINCT"
            kind = self.kinds[self.at]
        self.enter(3)
        if kind != ")" and kind != "ORDER":
            call.arguments = self.expr_list()
        if self.accept("ORDER"):
            self.expect("BY")
            self.enter(3, 1)
            call.order_by = self.order_terms()
            self.depth -= 3
        self.depth -= 3

    def order_terms(self) -> tuple[OrderTerm, ...]:
        """`expr [ASC | DESC] [NULLS FIRST | LAST], …`"""
        terms = [self._order_term()]
        self.depth += 2
        while self.accept(","):
            terms.append(self._order_term())
        self.depth -= 2
        return tuple(terms)

    def _order_term(self) -> OrderTerm:
        start = self.starts[self.at]
        term = OrderTerm(self.expr())
        kind = self.kinds[self.at]
        if kind == "DESC" or kind == "ASC":
            self.at += 1
            term.descending = kind == "DESC"
        if self.accept("NULLS"):
            if not self.accept("FIRST"):
                self.expect("LAST")
                term.nulls = "LAST"
            else:
                term.nulls = "FIRST"
        term.span = (start, self.ends[self.at - 1])
        return term

    def _over(self) -> WindowSpec | str:
        """A window's name, or its spec in parentheses."""
        if self.kinds[self.at] == "(":
            return self.window_spec()
        return self.raw_name()

    def window_spec(self) -> WindowSpec:
        """`([base] [PARTITION BY …] [ORDER BY …] [frame])`"""
        start = self.starts[self.at]
        self.expect("(")
        outside = self.depth
        self.enter(1)
        spec = WindowSpec()
        kind = self.kinds[self.at]
        if kind in NAMES and kind not in _WINDOW_STARTS:
            spec.base = self.raw_name()
            self.depth += 1
        if self.accept("PARTITION"):
            self.expect("BY")
            self.enter(2, 4)
            spec.partition_by = self.expr_list()
            self.depth += 1
        if self.accept("ORDER"):
            self.expect("BY")
            self.enter(2, 3)
            spec.order_by = self.order_terms()
            self.depth -= 1
        if self.kinds[self.at] in ("ROWS", "RANGE", "GROUPS"):
            spec.frame = self._frame()
        self.expect(")")
        self.depth = outside
        spec.span = self.span_from(start)
        return spec

    def _frame(self) -> Frame:
        start = self.starts[self.at]
        unit = cast(Literal["RANGE", "ROWS", "GROUPS"], self.kinds[self.at])
        self.at += 1
        self.depth += 1
        if self.accept("BETWEEN"):
            self.enter(1, 3)
            first = self._frame_bound("PRECEDING")
            self.expect("AND")
            self.enter(2, 3)
            last: FrameBound | None = self._frame_bound("FOLLOWING")
        else:
            first, last = self._frame_bound("PRECEDING"), None
        frame = Frame(unit, first, last)
        if self.accept("EXCLUDE"):
            frame.exclude = self._frame_exclusion()
        if _bound_order(first) > _bound_order(last):
            self.complain("unsupported frame specification")
        frame.span = self.span_from(start)
        return frame

    def _frame_bound(self, unbounded: Literal["PRECEDING", "FOLLOWING"]) -> FrameBound:
        start = self.starts[self.at]
        if self.accept("UNBOUNDED"):
            self.expect(unbounded)
            bound = FrameBound("UNBOUNDED PRECEDING", None, self.span_from(start))
            if unbounded == "FOLLOWING":
                bound.kind = "UNBOUNDED FOLLOWING"
            return bound
        if self.accept("CURRENT"):
            self.expect("ROW")
            return FrameBound("CURRENT ROW", None, self.span_from(start))
        offset = self.expr()
        if self.accept("PRECEDING"):
            return FrameBound("PRECEDING", offset, self.span_from(start))
        self.expect("FOLLOWING")
        return FrameBound("FOLLOWING", offset, self.span_from(start))

    def _frame_exclusion(self) -> Literal["NO OTHERS", "CURRENT ROW", "GROUP", "TIES"]:
        if self.accept("NO"):
            self.expect("OTHERS")
            return "NO OTHERS"
        if self.accept("CURRENT"):
            self.expect("ROW")
            return "CURRENT ROW"
        if self.accept("GROUP"):
            return "GROUP"
        self.expect("TIES")
        return "TIES"


def _bound_order(bound: FrameBound | None) -> int:
    """PRECEDING before CURRENT ROW before FOLLOWING: a frame must not end in an earlier group than it starts in."""
    return 1 if bound is None or bound.kind == "CURRENT ROW" else 0 if bound.kind.endswith("PRECEDING") else 2
