"""The plan nodes of an access path."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

from turso_wasm.bind import bound
from turso_wasm.bind.scope import column_ref
from turso_wasm.bind.walk import all_of, walk
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.plan import nodes
from turso_wasm.plan.access import Path, TableAccess
from turso_wasm.plan.alternatives import moved
from turso_wasm.plan.providers import FunctionAccess, Offer
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

TABLED_COLUMNS = 8  # more make large rows


def path_plan(planner: Planner, access: TableAccess | FunctionAccess, path: Path, reverse: bool) -> nodes.Plan:
    """The nodes that visit the table by `path`; an IN becomes a loop over its distinct values around a look-up."""
    if isinstance(access, FunctionAccess):
        if path.kind == "or":
            return _alternative_rows(planner, access, path)
        assert path.offer is not None
        return access.plan(path.offer, reverse, _listed_arguments(planner, path.offer))
    if path.kind == "or":
        return _alternatives(planner, access, path)
    values = {sarg: sarg.value for sarg in path.equal}
    if path.skipped:
        assert path.index is not None
        source = planner.new_source()
        values.update({sarg: bound.ColumnRef(source=source, column=sarg.column) for sarg in path.skipped})
        groups = nodes.IndexGroups(
            source=source, table=access.table, index=path.index, n=len(path.skipped), reverse=reverse
        )
        return nodes.NestedLoop(left=groups, right=_visit(access, path, values, reverse))
    if path.in_sarg is None:
        plan = _visit(access, path, values, reverse)
        return replace(plan, tabled=True) if may_be_tabled(plan, planner) else plan
    down = reverse != path.in_desc
    if path.in_sarg.rows is not None:
        parts = [sarg for sarg in path.equal if sarg.op == "in"]
        loop, columns = _listed_rows(planner, parts, down)
        values.update(zip(parts, columns, strict=True))
    else:
        loop, values[path.in_sarg] = in_values(planner, path.in_sarg, down)
    row = _visit(access, path, values, reverse)
    if not _is_changed(planner, access) or not isinstance(row, nodes.IndexScan) or access.table.without_rowid:
        return nodes.NestedLoop(left=loop, right=row)
    entry = replace(row, columns=frozenset(), covering=True)
    return _in_table_order(planner, access, nodes.NestedLoop(left=loop, right=entry), column_ref(access.item, -1))


def _is_changed(planner: Planner, access: TableAccess) -> bool:
    """The rows are to be changed, and nothing is joined to them."""
    return access.item.source == planner.target == planner.alone


def _in_table_order(planner: Planner, access: TableAccess, found: nodes.Plan, rowid: bound.ColumnRef) -> nodes.Plan:
    """The rows to be changed whose rowids `found` gives: SQLite finds them all, then goes through the table."""
    source = planner.new_source()
    rowids = nodes.Sort(source=source, child=found, keys=(nodes.SortKey(expr=rowid),), outputs=(rowid,))
    return nodes.NestedLoop(left=rowids, right=_row(access, source))


def _row(access: TableAccess, rowids: int) -> nodes.RowidSeek:
    return nodes.RowidSeek(
        source=access.item.source,
        table=access.table,
        columns=frozenset(column for column in access.used if column >= 0),
        key=bound.ColumnRef(source=rowids, column=0, affinity="D", not_null=True, exact=True),
    )


def _listed_arguments(planner: Planner, offer: Offer) -> list[nodes.Plan]:
    """Loops over the values that conditions list (F3 of plan/providers.py)."""
    loops: list[nodes.Plan] = []
    for one, listed in offer.listed:
        assert isinstance(one.value, bound.ColumnRef)
        values, value = in_values(planner, listed, False)
        values = nodes.Filter(child=values, predicate=bound.IsNull(operand=value, negated=True))
        loops += [values, nodes.Values(source=one.value.source, rows=((value,),), n_columns=1)]
    return loops


def may_be_tabled(plan: nodes.Plan, planner: Planner) -> TypeGuard[nodes.IndexScan]:
    """The plan looks rows up for those of another one, by all columns of an index and nothing else: a table of all rows
    would have those of a key in the same order.
    """
    if not isinstance(plan, nodes.IndexScan) or plan.index is None or "lookup_tables" in planner.binder.without:
        return False
    index, table = plan.index, plan.table
    if plan.lower or plan.upper or plan.reverse or plan.n_skipped or any(plan.null_equal):
        return False
    if len(plan.equal) < len(index.columns) or index.where is not None:
        return False
    if table.without_rowid or planner.may_change(table):
        return False
    reads = any(isinstance(node, bound.ColumnRef | bound.LetRef) for expr in plan.equal for node in walk(expr))
    return reads and _fits_lookup_plan(plan)


def _fits_lookup_plan(plan: nodes.IndexScan) -> bool:
    """All columns are stored, for each row and not far, and few."""
    assert plan.index is not None
    table, order = plan.table, plan.table.record_order
    columns = {field.column for field in plan.index.columns} | plan.columns
    return (
        len(columns) <= TABLED_COLUMNS
        and table.rowid_alias not in (field.column for field in plan.index.columns)
        and all(
            column in order and order.index(column) < 64 and table.columns[column].absent_value is None
            for column in columns
        )
    )


def _visit(access: TableAccess, path: Path, values: dict[Sarg, bound.Expr], reverse: bool) -> nodes.Plan:
    source, table, used = access.item.source, access.table, access.used
    columns = frozenset(column for column in used if column >= 0)
    if path.kind == "scan":
        return nodes.TableScan(source=source, table=table, columns=columns, reverse=reverse)
    if path.kind == "rowid":
        return nodes.RowidSeek(source=source, table=table, columns=columns, key=values[path.equal[0]])
    if path.kind == "range":
        return nodes.RowidRange(
            source=source,
            table=table,
            columns=columns,
            lower=_bound(path.lower),
            upper=_bound(path.upper),
            reverse=reverse,
        )
    equal = path.equal
    affinities = [None if sarg.op == "in" else sarg.affinity for sarg in equal]
    ends = [sarg for sarg in (path.lower, path.upper) if sarg is not None]
    if ends:
        # One affinity a field: a bound that needs none is a number or text already, which the other's leaves alone.
        affinities.append(next((sarg.affinity for sarg in ends if sarg.affinity is not None), None))
    return nodes.IndexScan(
        source=source,
        table=table,
        columns=columns,
        index=path.index,
        equal=tuple(values[sarg] for sarg in equal),
        lower=_bound(path.lower, path.lower_rest),
        upper=_bound(path.upper, path.upper_rest),
        affinities=tuple(affinities),
        covering=path.covering,
        reverse=reverse,
        unique=path.unique,
        null_equal=tuple(sarg.op in ("is", "isnull") for sarg in equal),
        n_skipped=len(path.skipped),
    )


def _alternatives(planner: Planner, access: TableAccess, path: Path) -> nodes.Plan:
    """The rowids that the arms find, then the rows."""
    children: list[nodes.Plan] = []
    outputs = []
    before: list[bound.Expr] = []
    asks = any(term.late for arm, _ in path.arms for term in arm.terms)
    for arm, chosen in path.arms:
        source = arm.access.item.source
        done = {sarg.term for sarg in chosen.sargs()} | set(chosen.implied)
        rest = [term.expr for term in arm.terms if term not in done]
        rest += [moved(expr, access.item.source, source) for expr in before]
        plan = path_plan(planner, arm.access, chosen, False)
        predicate = all_of(rest)
        children.append(plan if predicate is None else nodes.Filter(child=plan, predicate=predicate))
        outputs.append((column_ref(arm.access.item, -1),))
        found = all_of([moved(term.expr, source, access.item.source) for term in arm.terms])
        assert found is not None
        if not asks:
            before.append(bound.IsTruth(operand=found, wanted=True, negated=True))
    rowids = planner.new_source()
    union: nodes.Plan = nodes.Append(source=rowids, children=tuple(children), outputs=tuple(outputs))
    if asks:  # subqueries are not asked again what the arms before have found
        key = bound.ColumnRef(source=rowids, column=0)
        union = nodes.Distinct(child=union, keys=(key,), collations=("BINARY",))
    if _is_changed(planner, access):
        return _in_table_order(planner, access, union, bound.ColumnRef(source=rowids, column=0))
    return nodes.NestedLoop(left=union, right=_row(access, rowids))


def _alternative_rows(planner: Planner, access: FunctionAccess, path: Path) -> nodes.Plan:
    """The rows that the arms find in a virtual table, each once: a condition of its module cannot be tested again."""
    children: list[nodes.Plan] = []
    outputs: list[tuple[bound.Expr, ...]] = []
    columns = tuple(sorted(access.used | {-1}))
    for arm, chosen in path.arms:
        source = arm.access.item.source
        done = {sarg.term for sarg in chosen.sargs()}
        plan = path_plan(planner, arm.access, chosen, False)
        predicate = all_of([term.expr for term in arm.terms if term not in done])
        children.append(plan if predicate is None else nodes.Filter(child=plan, predicate=predicate))
        outputs.append(tuple(bound.ColumnRef(source=source, column=column) for column in columns))
    rows = planner.new_source()
    refs = tuple(bound.ColumnRef(source=rows, column=at) for at in range(len(columns)))
    union = nodes.Append(source=rows, children=tuple(children), outputs=tuple(outputs))
    once = nodes.Distinct(child=union, keys=(refs[columns.index(-1)],), collations=("BINARY",))
    return nodes.FunctionScan(
        source=access.item.source, name=access.table.name, child=once, columns=columns, outputs=refs
    )


def _bound(sarg: Sarg | None, rest: tuple[Sarg, ...] = ()) -> nodes.Bound | None:
    if sarg is None:
        return None
    return nodes.Bound(
        expr=sarg.value,
        inclusive=sarg.op in ("<=", ">=", "notnull"),
        rest=tuple(part.value for part in rest),
        affinities=tuple(part.affinity for part in rest),
    )


def in_values(planner: Planner, sarg: Sarg, reverse: bool) -> tuple[nodes.Plan, bound.Expr]:
    """A loop over the distinct values of an IN, ascending or reverse, and the column that holds the value."""
    affinity = sarg.affinity if sarg.affinity != "A" else None
    rows: nodes.Plan
    if sarg.subquery is not None:
        rows, exprs = planner.subquery_rows(sarg.subquery)
        value: bound.Expr = _converted(exprs[0], affinity)
    else:
        rows, value = _listed_values(planner, sarg.items, affinity)
        if isinstance(rows, nodes.Values) and len(rows.rows) == 1:
            return rows, value
    sorted_source = planner.new_source()
    if sarg.subquery is not None:
        planner.binder.names[sorted_source] = f"LIST SUBQUERY {sarg.subquery.number}"
    distinct = nodes.Distinct(child=rows, keys=(value,), collations=(sarg.collation,))
    keys = (nodes.SortKey(expr=value, desc=reverse, collation=sarg.collation),)
    return nodes.Sort(source=sorted_source, child=distinct, keys=keys, outputs=(value,)), bound.ColumnRef(
        source=sorted_source, column=0
    )


def equal_values(planner: Planner, sarg: Sarg) -> tuple[nodes.Plan, bound.Expr]:
    """A loop over the value of `=`, or the distinct ones of an IN, ascending, and the column that holds the value."""
    if sarg.op == "in":
        return in_values(planner, sarg, False)
    value = bound.ColumnRef(source=planner.new_source(), column=0)
    converted = _converted(sarg.value, None if sarg.affinity == "A" else sarg.affinity)
    return nodes.Values(source=value.source, rows=((converted,),), n_columns=1), value


def _listed_rows(planner: Planner, parts: list[Sarg], reverse: bool) -> tuple[nodes.Plan, list[bound.Expr]]:
    """As `in_values`, over rows."""
    sorted_source = planner.new_source()
    affinities = [part.affinity if part.affinity != "A" else None for part in parts]
    columns = [tuple(_converted(item, to) for item in part.items) for part, to in zip(parts, affinities, strict=True)]
    refs: tuple[bound.Expr, ...]
    rows: nodes.Plan
    assert parts[0].rows is not None
    select = parts[0].rows.select
    if select is not None:
        rows, refs = planner.plan_from(select.core).plan, tuple(column[0] for column in columns)
        planner.binder.names[sorted_source] = f"LIST SUBQUERY {select.number + 2}"  # SQLite makes copies of it
    else:
        source = planner.new_source()
        rows = nodes.Values(source=source, rows=tuple(zip(*columns, strict=True)), n_columns=len(parts))
        refs = tuple(bound.ColumnRef(source=source, column=at) for at in range(len(parts)))
    distinct = nodes.Distinct(child=rows, keys=refs, collations=tuple(part.collation for part in parts))
    pairs = zip(refs, parts, strict=True)
    keys = tuple(nodes.SortKey(expr=ref, desc=reverse, collation=part.collation) for ref, part in pairs)
    loop = nodes.Sort(source=sorted_source, child=distinct, keys=keys, outputs=refs)
    return loop, [bound.ColumnRef(source=sorted_source, column=at) for at in range(len(parts))]


def _listed_values(
    planner: Planner, items: tuple[bound.Expr, ...], affinity: AffinityLetter | None
) -> tuple[nodes.Plan, bound.Expr]:
    """A loop over the members of an IN list, and the column that holds the value."""
    value = bound.ColumnRef(source=planner.new_source(), column=0)
    list_ = items[0]
    if not isinstance(list_, bound.LiteralList):
        rows = tuple((_converted(item, affinity),) for item in items)
    elif list_.lifted is None:
        rows = tuple((_converted(member, affinity),) for member in list_.members)
    else:
        literals = nodes.LiteralRows(source=value.source, literal=list_.lifted, n_columns=1)
        return literals, value if list_.is_safe_from(affinity) else _converted(value, affinity)
    return nodes.Values(source=value.source, rows=rows, n_columns=1), value


def _converted(expr: bound.Expr, affinity: AffinityLetter | None) -> bound.Expr:
    """`expr` with the affinity of the comparison, where that can change it."""
    if affinity is None:
        return expr
    if isinstance(expr, bound.Constant):
        is_text = isinstance(expr.value, str)
        if expr.value is None or isinstance(expr.value, bytes) or is_text == (affinity == "B"):
            return expr
    if isinstance(expr, bound.ColumnRef) and expr.affinity == affinity:
        return expr
    return bound.ApplyAffinity(operand=expr, affinity=affinity)
