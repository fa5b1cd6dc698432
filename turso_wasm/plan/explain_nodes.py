"""The nodes of a plan in SQLite's words.

Where our plan is one that SQLite has too, the text is SQLite's. What it does not have is called by its name: HASH JOIN.

Source: https://sqlite.org/eqp.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node
from turso_wasm.bind import bound
from turso_wasm.bind.comparison import affinity_of
from turso_wasm.bind.walk import walk
from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.plan import nodes


@dataclass(slots=True)
class Line:
    """One line of the answer and the lines below it.

    about: the nodes it tells of, if they can be told apart: the one that gives its rows first.
    """

    detail: str
    children: list[Line] = field(default_factory=list)
    about: tuple[Node, ...] = ()


class Explainer:
    """The lines about the nodes of one statement."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.materialized: set[int] = set()

    def node(self, plan: Node) -> Iterator[Line]:
        """The lines of a node and of what it reads, in the order in which they happen."""
        match plan:
            case nodes.TableScan() | nodes.RowidSeek() | nodes.RowidRange() | nodes.IndexScan() | nodes.CountRows():
                yield Line(self._access(plan), about=(plan,))
            case nodes.NestedLoop(left=nodes.NearRows() as near, right=nodes.RowidSeek() as row):
                name = self.names.get(row.source, near.table.name)
                yield Line(f"SEARCH {name} USING VECTOR INDEX {near.index.name} (nearest)", about=(near, row))
            case nodes.FunctionScan():
                name = self.names.get(plan.source, plan.name)
                yield Line(f"SCAN {name} VIRTUAL TABLE INDEX {plan.number}:{plan.label}", about=(plan,))
            case nodes.LeftJoin():
                right = list(self.node(plan.right))
                for line in right:
                    if line.detail.startswith(("SCAN", "SEARCH")):
                        line.detail += " LEFT-JOIN"
                yield from _joined(list(self.node(plan.left)), right)
            case nodes.SemiJoin() | nodes.AntiJoin():
                yield from self.node(plan.left)
                yield from self._asked(plan)
            case nodes.NestedLoop(left=nodes.IndexGroups()):
                yield from self.node(plan.right)
            case nodes.NestedLoop(left=nodes.Sort() as rowids, right=nodes.RowidSeek() as row) if _finds(rowids, row):
                yield from self.node(rowids.child)
            case nodes.NestedLoop() if _union(plan) is not None:
                yield Line("MULTI-INDEX OR", list(self._arms(plan)), (plan,))
            case nodes.NestedLoop() if (wanted := _wanted_values(plan.left)) is not None:
                yield from self.node(plan.right)
                if not isinstance(wanted, nodes.Values | nodes.LiteralRows):
                    assert isinstance(plan.left, nodes.Sort)
                    yield Line(self.names[plan.left.source], list(self.node(wanted)), (wanted,))
            case nodes.NestedLoop():
                left = list(self.node(plan.left))
                yield from _joined(left, list(self.node(plan.right)))
            case nodes.HashJoin():
                left = list(self.node(plan.probe))
                yield from _joined(left, self._hash_join(plan))
            case nodes.Append():
                yield from self._append(plan)
            case nodes.Aggregate(child=nodes.Append() as union) if (operator := _set_operator(plan, union)) is not None:
                yield self._set_operation(operator, union)
            case nodes.Values() | nodes.LiteralRows():
                n_rows = len(plan.rows) if isinstance(plan, nodes.Values) else plan.n_rows
                yield Line(f"SCAN {n_rows}-ROW VALUES CLAUSE", about=(plan,))
            case nodes.Output() | nodes.Insert() | nodes.Update() | nodes.Delete():
                yield from self._root(plan)
            case nodes.SharedScan():
                yield from self._shared(plan)
            case nodes.Recursive():
                yield from self._recursive(plan)
            case nodes.Window():
                yield from self._window(plan)
            case nodes.OneRow():
                pass
            case nodes.Ddl():
                for step in plan.steps:
                    if isinstance(step, nodes.InsertRows):
                        yield from self._rows_of(step.child)
            case _:
                yield from self._other(plan)
        if not isinstance(plan, nodes.Output | nodes.Insert | nodes.Update | nodes.Delete):
            yield from self._subqueries(plan)

    def _root(self, plan: nodes.Output | nodes.Insert | nodes.Update | nodes.Delete) -> Iterator[Line]:
        lines = list(self.node(plan.child)) if plan.child is not None else []
        if isinstance(plan, nodes.Output) and _is_compound(plan.child) and lines[0].detail.startswith("CO-ROUTINE"):
            lines[:2] = lines[0].children
        lines.extend(self._subqueries(plan))
        if isinstance(plan, nodes.Output) and not _visits(plan.child):
            lines.insert(0, Line("SCAN CONSTANT ROW", about=(plan.child,)))
        yield from lines

    def _rows_of(self, plan: Node) -> list[Line]:
        """The lines of what gives rows to an operator that says so even if they are read from nowhere."""
        return list(self.node(plan)) or [Line("SCAN CONSTANT ROW", about=(plan,))]

    def _other(self, plan: Node) -> Iterator[Line]:
        """Nodes over one child."""
        child = getattr(plan, "child", None)
        lines = list(self.node(child)) if child is not None else []
        if isinstance(plan, nodes.Aggregate):
            yield from self._aggregate(plan, lines)
            return
        if (
            isinstance(plan, nodes.Filter | nodes.KeyFilter | nodes.Batch)
            and lines
            and child is next(iter(lines[-1].about), None)
        ):
            lines[-1].about = (plan, *lines[-1].about)
        yield from lines
        if isinstance(plan, nodes.Distinct) and not plan.in_order:
            yield Line("USE TEMP B-TREE FOR DISTINCT", about=(plan,))
        elif isinstance(plan, nodes.Sort) and plan.keys and not _sorts_what_is_grouped(plan):
            yield Line(f"USE TEMP B-TREE FOR {_sorted_terms(plan)}ORDER BY", about=(plan,))

    def _aggregate(self, plan: nodes.Aggregate, lines: list[Line]) -> Iterator[Line]:
        """What is added about grouping to the lines about its rows."""
        kept = [Line(f"USE TEMP B-TREE FOR {use}") for use in _kept_rows(plan)]
        if plan.keys:
            yield from lines
            if not plan.in_order:
                yield Line("USE TEMP B-TREE FOR GROUP BY", about=(plan,))
            yield from kept
            return
        yield from kept
        if (
            len(plan.aggregates) == 1
            and plan.aggregates[0].name in ("min", "max")
            and plan.aggregates[0].filter is None
        ):
            for line in lines:
                self._say_search(line, isinstance(plan.child, nodes.Limit))
        yield from lines

    def _say_search(self, line: Line, is_end: bool) -> None:
        """SQLite says SEARCH for a lone min() or max(). is_end: one end of an index is looked at, past the NULLs."""
        scan = line.about[-1] if line.about else None
        if is_end and isinstance(scan, nodes.IndexScan) and scan.lower is not None and _is_lowest(scan.lower.expr):
            past_nulls = self._access(scan).split(" (")[0]
            line.detail = self._access(replace(scan, lower=None)) if scan.equal else past_nulls
        if line.detail.startswith("SCAN ") and not line.detail.endswith(("CONSTANT ROW", "VALUES CLAUSE")):
            line.detail = line.detail.replace("SCAN", "SEARCH", 1)

    def _asked(self, plan: nodes.SemiJoin | nodes.AntiJoin) -> Iterator[Line]:
        """The right side of a semi- or anti-join: as SQLite says it, which joins for EXISTS of one table only."""
        lines = list(self.node(plan.right))
        words = lines[0].detail.split(" ", 2) if lines else []
        if isinstance(plan, nodes.SemiJoin) and len(lines) == 1 and words[0] in ("SCAN", "SEARCH"):
            yield Line(" ".join((*words[:2], "EXISTS", *words[2:])), about=lines[0].about)
        else:
            yield Line(f"CORRELATED SCALAR SUBQUERY {plan.number}", lines, (plan.right,))

    def _arms(self, plan: nodes.NestedLoop) -> Iterator[Line]:
        union = _union(plan)
        assert union is not None
        assert isinstance(plan.right, nodes.RowidSeek)
        for number, child in enumerate(union.children, 1):
            lines = sorted(self.node(child), key=lambda line: "SUBQUERY" not in line.detail)
            for line in lines:
                scan = line.about[-1] if line.about else None
                if isinstance(scan, nodes.IndexScan) and not _has_columns(scan.index, plan.right):
                    line.detail = self._access(replace(scan, covering=False))
            yield Line(f"INDEX {number}", lines, (child,))

    def _append(self, plan: nodes.Append) -> Iterator[Line]:
        if len(plan.children) == 1:
            name = self.names.get(plan.source)
            child = plan.children[0]
            lines = self._rows_of(child)
            if name is None or isinstance(child, nodes.Values | nodes.LiteralRows):
                yield from lines
            else:
                yield Line(f"CO-ROUTINE {name}", lines, (child,))
                yield Line(f"SCAN {name}", about=(plan,))
            return
        whole = Line("COMPOUND QUERY", about=(plan,))
        for number, child in enumerate(plan.children):
            title = "UNION ALL" if number else "LEFT-MOST SUBQUERY"
            whole.children.append(Line(title, self._rows_of(child), (child,)))
        yield whole

    def _set_operation(self, operator: str, union: nodes.Append) -> Line:
        """UNION, EXCEPT or INTERSECT: the rows of all sides, tagged with their side, in one table."""
        whole = Line("COMPOUND QUERY", about=(union,))
        sides = sorted(zip(map(_tag, union.outputs), union.children, strict=True), key=lambda side: side[0])
        for number, (tag, child) in enumerate(sides):
            title = "LEFT-MOST SUBQUERY" if not number else f"{operator} USING TEMP B-TREE" if tag else "UNION ALL"
            whole.children.append(Line(title, self._rows_of(child), (child,)))
        return whole

    def _shared(self, plan: nodes.SharedScan) -> Iterator[Line]:
        label = plan.shared.label or "subquery"
        if plan.shared.number not in self.materialized:
            self.materialized.add(plan.shared.number)
            yield Line(f"MATERIALIZE {label}", self._rows_of(plan.shared.child), (plan.shared.child,))
        yield Line(f"SCAN {self.names.get(plan.source, label)}", about=(plan,))

    def _recursive(self, plan: nodes.Recursive) -> Iterator[Line]:
        yield Line("SETUP", self._rows_of(plan.initial), (plan.initial,))
        steps = [[Line(f"SCAN {plan.label}", about=(step,)), *self.node(step)] for step in plan.steps]
        if len(steps) > 1:
            names = ("LEFT-MOST SUBQUERY", *("UNION ALL" for _ in steps[1:]))
            arms = zip(names, steps, plan.steps, strict=True)
            steps = [[Line("COMPOUND QUERY", [Line(name, lines, (step,)) for name, lines, step in arms])]]
        yield Line("RECURSIVE STEP", steps[0], (plan,))

    def _window(self, plan: nodes.Window) -> Iterator[Line]:
        lines = self._rows_of(plan.child)
        if plan.sort:
            lines.append(Line("USE TEMP B-TREE FOR ORDER BY"))
        name = self.names[plan.source]
        yield Line(f"CO-ROUTINE {name}", lines, (plan.child,))
        yield Line(f"SCAN {name}", about=(plan,))

    def _hash_join(self, plan: nodes.HashJoin) -> list[Line]:
        """Without keys it is a loop over rows that are kept."""
        lines = list(self.node(plan.build))
        name = next((self.names[source] for source in plan.build_sources if source in self.names), "subquery")
        keys = " AND ".join(f"{_shown(key)}=?" for key in plan.build_keys if type(key) is not bound.Constant)
        kind = "" if plan.kind == "inner" else f" {plan.kind.upper()}-JOIN"
        if not keys and plan.kind in ("inner", "left") and isinstance(plan.build, nodes.Append):
            kept = lines[0].children if lines[0].detail == f"CO-ROUTINE {name}" else lines
            return [Line(f"MATERIALIZE {name}", kept, (plan.build,)), Line(f"SCAN {name}{kind}", about=(plan,))]
        return [Line(f"HASH JOIN {name}" + (f" ({keys})" if keys else "") + kind, lines, (plan,))]

    # --- tables --------------------------------------------------------------------------------------------------

    def _access(
        self, plan: nodes.TableScan | nodes.RowidSeek | nodes.RowidRange | nodes.IndexScan | nodes.CountRows
    ) -> str:
        """SCAN or SEARCH, as SQLite says it."""
        name = self.names.get(plan.source, plan.table.name)
        if isinstance(plan, nodes.CountRows) and plan.scan is not None:
            return self._access(plan.scan)
        if isinstance(plan, nodes.CountRows):
            return f"SCAN {plan.table.name}" + (f" USING COVERING INDEX {plan.index.name}" if plan.index else "")
        if isinstance(plan, nodes.TableScan):
            return f"SCAN {name}"
        if isinstance(plan, nodes.RowidSeek):
            return f"SEARCH {name} USING INTEGER PRIMARY KEY (rowid=?)"
        if isinstance(plan, nodes.RowidRange):
            return f"SEARCH {name} USING INTEGER PRIMARY KEY ({_range(['rowid'], plan.lower, plan.upper)})"
        terms = _index_terms(plan)
        if plan.index is None:
            return f"SEARCH {name} USING PRIMARY KEY ({terms})" if terms else f"SCAN {name}"
        how = "COVERING INDEX" if plan.covering else "INDEX"
        verb = "SEARCH" if terms else "SCAN"
        return f"{verb} {name} USING {how} {plan.index.name}" + (f" ({terms})" if terms else "")

    # --- subqueries in expressions -------------------------------------------------------------------------------

    def _subqueries(self, plan: Node) -> Iterator[Line]:
        said: set[int] = set()
        for expr in nodes.subqueries(plan):
            if expr.number in said:  # a row's: each of its values asks it
                continue
            said |= {expr.number} - {0}
            if expr.look_up is not None:
                yield Line(_in_operator(expr.look_up), about=(expr.look_up.equal,))
                continue
            kind = "LIST" if expr.kind == "in" else "SCALAR"
            title = f"{'CORRELATED ' if expr.outer else ''}{kind} SUBQUERY {expr.number}"
            assert isinstance(expr.plan, nodes.Output)
            yield Line(title, list(self.node(expr.plan)), (expr.plan.child,))


def _in_operator(look_up: bound.LookUp) -> str:
    """How an IN is answered without reading its SELECT."""
    found = next(node for node in walk(look_up.equal) if isinstance(node, nodes.RowidSeek | nodes.IndexScan))
    if isinstance(found, nodes.RowidSeek):
        return f"USING ROWID SEARCH ON TABLE {found.table.name} FOR IN-OPERATOR"
    name = f"sqlite_autoindex_{found.table.name}_1" if found.index is None else found.index.name
    return f"USING INDEX {name} FOR IN-OPERATOR"


def _joined(left: list[Line], right: list[Line]) -> list[Line]:
    """The lines of a join: what is made once for the right side is said before the rows are visited."""
    made = [line for line in right if line.detail.startswith("MATERIALIZE")]
    at = next((at for at, line in enumerate(left) if not line.detail.startswith(MADE)), len(left))
    return [*left[:at], *made, *left[at:], *(line for line in right if line not in made)]


MADE = ("MATERIALIZE", "CO-ROUTINE")


def _sorted_terms(plan: nodes.Sort) -> str:
    """Which terms of an ORDER BY are left to sort by, if not all."""
    n = len(plan.keys) - plan.n_in_order
    return "" if not plan.n_in_order else "LAST TERM OF " if n == 1 else f"LAST {n} TERMS OF "


def _union(plan: nodes.NestedLoop) -> nodes.Append | None:
    """The rowids that several indexes find, of a loop that looks up their rows."""
    found = plan.left.child if isinstance(plan.left, nodes.Sort | nodes.Distinct) else plan.left
    is_or = isinstance(found, nodes.Append) and isinstance(plan.right, nodes.RowidSeek) and len(found.children) > 1
    return found if is_or and isinstance(found, nodes.Append) else None


def _has_columns(index: Index | None, row: nodes.RowidSeek) -> bool:
    """The rows that are looked up need not be: what is read of them is in the index."""
    return index is not None and row.columns <= {part.column for part in (*index.columns, *index.suffix)}


def _sorts_what_is_grouped(plan: nodes.Sort) -> bool:
    """By the keys of a grouping, all of them: SQLite sorts once for both."""
    child = plan.child
    while isinstance(child, nodes.Filter):
        child = child.child
    keys = [key.expr for key in plan.keys]
    if isinstance(child, nodes.Distinct):
        return not child.in_order and keys == list(child.keys)
    if not isinstance(child, nodes.Aggregate) or child.in_order:
        return False
    places = [key.column for key in keys if isinstance(key, bound.ColumnRef) and key.source == child.source]
    return places == list(range(len(child.keys))) and len(keys) == len(places)


def _is_compound(plan: nodes.Plan) -> bool:
    """A compound in FROM, of whose rows nothing more is made: SQLite takes it for the statement, if the columns of all
    its SELECTs are of the same types.
    """
    while isinstance(plan, nodes.Filter | nodes.Limit):
        plan = plan.child
    if not isinstance(plan, nodes.Append) or len(plan.children) != 1 or not isinstance(plan.children[0], nodes.Append):
        return False
    compound = plan.children[0]
    types = {tuple(map(affinity_of, outputs)) for outputs in compound.outputs}
    return len(types) == 1 and all(_is_plain(arm) for arm in compound.children)


def _is_plain(plan: nodes.Plan) -> bool:
    while isinstance(plan, nodes.Filter):
        plan = plan.child
    return not isinstance(plan, nodes.Aggregate | nodes.Distinct | nodes.Limit | nodes.Sort | nodes.Window)


def _finds(rowids: nodes.Sort, row: nodes.RowidSeek) -> bool:
    """Rows to be changed that were found in another order."""
    return isinstance(rowids.outputs[0], bound.ColumnRef) and rowids.outputs[0].source == row.source


def _wanted_values(plan: nodes.Plan) -> nodes.Plan | None:
    """What gives the values of an IN that drive a look-up (paths.py). Lists are not mentioned, as in SQLite."""
    if isinstance(plan, nodes.Sort) and isinstance(plan.child, nodes.Distinct) and plan.keys:
        return plan.child.child
    return plan if isinstance(plan, nodes.Values) and len(plan.rows) == 1 else None


def _tag(outputs: tuple[bound.Expr, ...]) -> int:
    last = outputs[-1]
    return last.value if isinstance(last, bound.Constant) and isinstance(last.value, int) else -1


def _set_operator(plan: nodes.Aggregate, union: nodes.Append) -> str | None:
    """The operator that compounds._set_operation has made a grouping of."""
    tag = len(union.outputs[0]) - 1
    if len(union.children) < 2 or any(_tag(outputs) < 0 for outputs in union.outputs):
        return None
    if not plan.aggregates:
        grouped = {key.column for key in plan.keys if isinstance(key, bound.ColumnRef) and key.source == union.source}
        return "UNION" if grouped == set(range(tag)) else None
    (call, *others) = plan.aggregates
    if others or len(call.args) != 1 or call.args[0] != bound.ColumnRef(source=union.source, column=tag):
        return None
    return {"max": "EXCEPT", "count": "INTERSECT"}.get(call.name)


def _kept_rows(plan: nodes.Aggregate) -> Iterator[str]:
    """What the aggregates keep rows for. Sorted by their argument, or without GROUP BY, they need no table besides."""
    hashed = _hashed(plan)
    for call in plan.aggregates:
        if any(call is other for other in hashed) and not _sorts_distinct(plan, call):
            yield f"{call.name}(DISTINCT)"
        if call.order_by and call.name not in ("min", "max"):
            yield f"{call.name}(ORDER BY)"


def _sorts_distinct(plan: nodes.Aggregate, call: bound.AggregateCall) -> bool:
    return bool(call.order_by) and (not plan.keys or call.order_by[0].expr == call.args[0])


def _hashed(plan: nodes.Aggregate) -> list[bound.AggregateCall]:
    """The DISTINCT aggregates whose arguments do not come in order anyway."""
    calls = [call for call in plan.aggregates if call.distinct]
    if len(calls) == 1 and (plan.keys or len(plan.aggregates) == 1):
        (call,) = calls
        if _comes_in_order(plan.child, plan.keys) and _comes_in_order(plan.child, (*plan.keys, call.args[0])):
            return []
    return calls


def _comes_in_order(plan: nodes.Plan, exprs: Sequence[bound.Expr]) -> bool:
    """Rows of one table with equal values stand together, in the order in which it is read."""
    while isinstance(plan, nodes.Filter | nodes.KeyFilter | nodes.Batch):
        plan = plan.child
    if not isinstance(plan, nodes.IndexScan | nodes.TableScan | nodes.RowidRange):
        return False
    wanted = {expr.column for expr in exprs if isinstance(expr, bound.ColumnRef) and expr.source == plan.source}
    if len(wanted) < len({id(expr) for expr in exprs}):
        return False
    order = _order(plan)
    if isinstance(plan, nodes.IndexScan):
        known = {part.column for part in order[: len(plan.equal)]}
        wanted, order = wanted - known, [part for part in order if part.column not in known]
    return {part.column for part in order[: len(wanted)]} == wanted


def _order(plan: nodes.IndexScan | nodes.TableScan | nodes.RowidRange) -> list[IndexColumn]:
    if isinstance(plan, nodes.IndexScan):
        return list(_fields(plan.index, plan.table))
    return list(plan.table.primary_key) if plan.table.without_rowid else [IndexColumn(column=-1)]


def _is_lowest(expr: bound.Expr) -> bool:
    return isinstance(expr, bound.Constant) and expr.value == float("-inf")


def _visits(plan: Node) -> bool:
    """Something in the plan reads rows."""
    return any(isinstance(node, nodes.Plan) and not isinstance(node, ROWLESS) for node in walk(plan))


ROWLESS = (
    nodes.OneRow
    | nodes.Filter
    | nodes.KeyFilter
    | nodes.Batch
    | nodes.Limit
    | nodes.Sort
    | nodes.Distinct
    | nodes.NestedLoop
    | nodes.Aggregate
)


def _fields(index: Index | None, table: Table) -> tuple[IndexColumn, ...]:
    return table.primary_key if index is None else index.columns + index.suffix


def _index_terms(plan: nodes.IndexScan) -> str:
    names = [_field_name(part, plan.table) for part in _fields(plan.index, plan.table)]
    terms = [f"ANY({name})" for name in names[: plan.n_skipped]]
    terms += [f"{name}=?" for name in names[plan.n_skipped : len(plan.equal)]]
    if plan.lower is not None or plan.upper is not None:
        terms.append(_range(names[len(plan.equal) :], plan.lower, plan.upper))
    return " AND ".join(terms)


def _field_name(part: IndexColumn, table: Table) -> str:
    if part.shown == -2:
        return "<expr>"
    return "rowid" if part.shown < 0 else table.columns[part.shown].name


def _range(names: Sequence[str], lower: nodes.Bound | None, upper: nodes.Bound | None) -> str:
    return " AND ".join(_end(names, op, limit) for op, limit in ((">", lower), ("<", upper)) if limit is not None)


def _end(names: Sequence[str], op: str, limit: nodes.Bound) -> str:
    n = 1 + len(limit.rest)
    return f"{names[0]}{op}?" if n == 1 else f"({','.join(names[:n])}){op}({','.join('?' * n)})"


def _shown(expr: bound.Expr) -> str:
    if isinstance(expr, bound.ColumnRef):
        return "rowid" if expr.column == -1 else expr.name
    return "<expr>"
