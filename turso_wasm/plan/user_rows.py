"""Table functions of the user's: a generator of rows, begun anew whenever its arguments are there."""

from __future__ import annotations

from typing import Final

from turso_wasm.bind import bound
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import NULL, GivenRows, Offer, Request

ROWS: Final = 100.0  # where nothing is known of the code


class UserProvider:
    """Arguments up to the last that is given are passed on, NULL for those between."""

    def offers(self, request: Request) -> list[Offer]:
        """One, in the order of the generator."""
        function = request.item.function
        assert function is not None
        arguments = [request.argument(number) for number in range(len(function.arguments))]
        consumed = tuple(sarg for sarg in arguments if sarg is not None)
        number = sum(1 << at for at, sarg in enumerate(arguments) if sarg is not None)
        while arguments and arguments[-1] is None:
            arguments.pop()
        given = [NULL if sarg is None else sarg.value for sarg in arguments]

        def make(reverse: bool) -> GivenRows:
            return _rows(request, given, function.number, len(function.columns))

        rows = ROWS if function.rows is None else float(function.rows)
        return [Offer(rows, rows * 10, consumed, make, number=number)]


def _rows(request: Request, given: list[bound.Expr], number: int, n_columns: int) -> GivenRows:
    row, arguments = request.evaluated(given) if given else (None, ())
    source = request.planner.new_source()
    rows = nodes.UserRows(source=source, number=number, arguments=arguments, n_columns=n_columns)
    columns = [bound.ColumnRef(source=source, column=column) for column in range(n_columns)]
    child = rows if row is None else nodes.NestedLoop(left=row, right=rows)
    return GivenRows(child, dict(enumerate((*columns, *arguments))))
