"""generate_series(start, stop, step).

Source: https://sqlite.org/series.html
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.plan import nodes
from turso_wasm.plan.access import OrderColumn
from turso_wasm.plan.providers import GivenRows, Offer, Request
from turso_wasm.plan.terms import LOWER, UPPER, Sarg

VALUE, ROWID = 0, -1
STOP, STEP = bound.Constant(value=4294967295), bound.Constant(value=1)
ROWS: Final = 1000.0  # nothing is known of the arguments
ONE: Final = bound.Constant(value=1)

Direction: TypeAlias = Literal["ascending", "descending"]


class SeriesProvider:
    """Arguments become integers as CAST makes them; bounds of the value are only looked at to leave rows out early."""

    def offers(self, request: Request) -> list[Offer]:
        """In the direction of the step, or in order of the values. Errors: there is no start."""
        arguments = [request.argument(number) for number in range(3)]
        if arguments[0] is None:
            message = 'first argument to "generate_series()" missing or unusable'
            raise SqlError(SQLITE_ERROR, message)
        consumed = tuple(sarg for sarg in arguments if sarg is not None)
        start, stop, step = [sarg.value if sarg is not None else None for sarg in arguments]
        given = [start or ONE, stop or STOP, step or STEP]

        def make(direction: Direction | None) -> GivenRows:
            return _series(request, given, direction)

        def in_order(reverse: bool) -> GivenRows:
            return make("descending" if reverse else "ascending")

        number = sum(1 << at for at, sarg in enumerate(arguments) if sarg is not None)
        rows = ROWS if stop is not None else 1000 * ROWS
        as_given = Offer(rows, rows, consumed, lambda reverse: make(None), number=number)
        sorted_ = Offer(rows, rows, consumed, in_order, (OrderColumn(VALUE),), number)
        return [as_given, sorted_]


def _series(request: Request, given: list[bound.Expr], direction: Direction | None) -> GivenRows:
    bounds = [_bound(request, ops) for ops in (LOWER, UPPER)]
    integers = [bound.Cast(operand=value, affinity="D") for value in given]
    row, columns = request.evaluated([*integers, *(value for value in bounds if value is not None)])
    start, stop, step = columns[:3]
    source = request.planner.new_source()
    limits = iter(columns[3:])
    lower, upper = [None if value is None else next(limits) for value in bounds]
    series = nodes.Series(
        source=source, start=start, stop=stop, step=step, lower=lower, upper=upper, direction=direction
    )
    value, *effective = [bound.ColumnRef(source=source, column=column) for column in range(4)]
    passed = bound.Binary(op="-", left=value, right=effective[0])
    rowid = bound.Binary(op="+", left=bound.Binary(op="/", left=passed, right=effective[2]), right=ONE)
    shown: dict[int, bound.Expr] = {VALUE: value, ROWID: rowid, **dict(enumerate(effective, 1))}
    return GivenRows(nodes.NestedLoop(left=row, right=series), shown)


def _bound(request: Request, ops: frozenset[str]) -> bound.Expr | None:
    def applies(sarg: Sarg) -> bool:
        return sarg.column == VALUE and (sarg.op in ops or sarg.op == "=") and sarg.affinity is None

    return next((sarg.value for sarg in request.conditions if applies(sarg)), None)
