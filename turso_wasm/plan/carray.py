"""carray(array, count, ctype) and unnest(array): the elements of an array that is bound as JSON, or as bytes of a type.

Source: https://sqlite.org/carray.html
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import NULL, ROWID, GivenRows, Offer, Request

VALUE, POINTER, COUNT, CTYPE = range(4)
JSON_VALUE, JSON_NUMBER = 1, 8  # columns of nodes.JsonRows
ROWS: Final = 25.0  # nothing is known of the array
ONE: Final = bound.Constant(value=1)
EMPTY: Final = bound.Constant(value="")
ROOT: Final = bound.Constant(value="$")


@dataclass(frozen=True, slots=True)
class ArrayProvider:
    """With a type the array is bytes; without one it is JSON, whatever way that is written."""

    n_arguments: int

    def offers(self, request: Request) -> list[Offer]:
        """One, in the array's order."""
        arguments = [request.argument(number) for number in range(self.n_arguments)]
        consumed = tuple(sarg for sarg in arguments if sarg is not None)
        given = [NULL if sarg is None else sarg.value for sarg in arguments]
        given += [NULL] * (3 - len(given))
        is_typed = self.n_arguments > 2 and arguments[2] is not None
        number = sum(1 << at for at, sarg in enumerate(arguments) if sarg is not None)

        def make(reverse: bool) -> GivenRows:
            return _typed_rows(request, given) if is_typed else _json_rows(request, given)

        return [Offer(ROWS, ROWS * 2, consumed, make, number=number)]


def _typed_rows(request: Request, given: list[bound.Expr]) -> GivenRows:
    count = bound.Call(name="carray_count", args=tuple(given), kernel="fn_carray_count")
    row, (array, limit, ctype, n) = request.evaluated((*given, count))
    source = request.planner.new_source()
    series = nodes.Series(source=source, start=ONE, stop=n, step=ONE, lower=None, upper=None, direction="ascending")
    index = bound.ColumnRef(source=source, column=0)
    value = bound.Call(name="carray_value", args=(array, index, ctype), kernel="fn_carray_value")
    columns: dict[int, bound.Expr] = {VALUE: value, POINTER: array, COUNT: limit, CTYPE: ctype, ROWID: index}
    return GivenRows(nodes.NestedLoop(left=row, right=series), columns)


def _json_rows(request: Request, given: list[bound.Expr]) -> GivenRows:
    row, (array, limit, ctype) = request.evaluated(given)
    source = request.planner.new_source()
    may_be_array = bound.Compare(op=">=", left=array, right=EMPTY)  # no number is one
    document = bound.Case(whens=((may_be_array, array),), otherwise=None)
    rows: nodes.Plan = nodes.JsonRows(source=source, document=document, path=ROOT)
    value, number = (bound.ColumnRef(source=source, column=column) for column in (JSON_VALUE, JSON_NUMBER))
    if given[1] is not NULL:
        is_within = bound.Compare(op="<", left=number, right=bound.Cast(operand=limit, affinity="D"))
        rows = nodes.Filter(child=rows, predicate=is_within)
    columns: dict[int, bound.Expr] = {
        VALUE: value,
        POINTER: array,
        COUNT: limit,
        CTYPE: ctype,
        ROWID: bound.Binary(op="+", left=number, right=ONE),
    }
    return GivenRows(nodes.NestedLoop(left=row, right=rows), columns)
