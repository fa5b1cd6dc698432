"""json_each(document, path), json_tree, and their sisters that show arrays and objects as JSONB.

Source: https://sqlite.org/json1.html#jeach
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import GivenRows, Offer, Request

N_COLUMNS: Final = 8  # the visible ones; then the document and the path
ROWID: Final = -1
PLACES: Final = frozenset({4, 5, 6, 7})  # columns that tell where an element is in the document
ROOT: Final = bound.Constant(value="$")
ROWS: Final = {False: 10.0, True: 50.0}  # nothing is known of the document


@dataclass(frozen=True, slots=True)
class JsonProvider:
    """is_tree: all that is below the path, not the children alone. is_binary: arrays and objects as JSONB."""

    is_tree: bool = False
    is_binary: bool = False

    def offers(self, request: Request) -> list[Offer]:
        """One, in the document's order; without a document there are no rows."""
        arguments = [request.argument(number) for number in range(2)]
        consumed = tuple(sarg for sarg in arguments if sarg is not None)
        document, path = [sarg.value if sarg is not None else None for sarg in arguments]
        number = sum(1 << at for at, sarg in enumerate(arguments) if sarg is not None) if document is not None else 0
        rows = ROWS[self.is_tree] if document is not None else 0.0

        def make(reverse: bool) -> GivenRows:
            return self._rows(request, document or bound.Constant(value=None), path or ROOT)

        return [Offer(rows, rows * 4, consumed, make, number=number)]

    def _rows(self, request: Request, document: bound.Expr, path: bound.Expr) -> GivenRows:
        row, (document, path) = request.evaluated([document, bound.Cast(operand=path, affinity="B")])
        source = request.planner.new_source()
        rows = nodes.JsonRows(
            source=source,
            document=document,
            path=path,
            is_tree=self.is_tree,
            is_binary=self.is_binary,
            is_partial=not request.used & PLACES,
        )
        columns = [bound.ColumnRef(source=source, column=column) for column in range(N_COLUMNS + 1)]
        shown: dict[int, bound.Expr] = dict(
            enumerate((*columns[:N_COLUMNS], bound.ApplyAffinity(operand=document, affinity="B"), path))
        )
        shown[ROWID] = columns[N_COLUMNS]
        return GivenRows(nodes.NestedLoop(left=row, right=rows), shown)
