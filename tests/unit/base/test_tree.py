"""base.tree over nodes of the plan: children, walking, rewriting, folding."""

from __future__ import annotations

import dataclasses

import pytest

from turso_wasm.base import tree
from turso_wasm.base.tree import Node
from turso_wasm.bind import bound, query
from turso_wasm.plan import nodes

ONE, TWO = bound.Constant(value=1), bound.Constant(value=2)


def add(left: bound.Expr, right: bound.Expr) -> bound.Expr:
    return bound.Binary(op="+", left=left, right=right)


NODES = [kind for module in (bound, nodes, query) for kind in vars(module).values() if isinstance(kind, type)]


@pytest.mark.parametrize("kind", [kind for kind in NODES if issubclass(kind, Node)], ids=lambda kind: kind.__name__)
def test_every_node_is_frozen_keyword_only_and_slotted(kind: type) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind.__setattr__(object.__new__(kind), "nosuch", 1)
    assert all(field.kw_only for field in dataclasses.fields(kind))
    assert "__slots__" in kind.__dict__


def test_children_in_the_order_of_the_fields() -> None:
    case = bound.Case(whens=((ONE, TWO), (TWO, ONE)), otherwise=add(ONE, TWO))
    assert tree.children(case) == [ONE, TWO, TWO, ONE, add(ONE, TWO)]
    scan = nodes.Values(source=0, rows=((ONE,), (TWO,)), n_columns=1)
    assert tree.children(nodes.Filter(child=scan, predicate=ONE)) == [scan, ONE]


def test_children_in_dictionaries() -> None:
    parts = nodes.KernelCall(source=0, function="f", args=(1, b"x", ONE))
    assert tree.children(parts) == [ONE]
    assert "table" not in tree.parts(nodes.TableScan)


def test_walk_is_outside_in_and_visits_a_shared_node_once() -> None:
    shared = add(ONE, TWO)
    whole = add(shared, shared)
    assert [id(node) for node in tree.walk((whole,))] == [id(whole), id(shared), id(ONE), id(TWO)]


def test_walk_and_transform_of_a_tower_of_shared_nodes_is_linear() -> None:
    expr: bound.Expr = ONE
    for _ in range(200):
        expr = add(expr, expr)
    assert len(list(tree.walk((expr,)))) == 201
    changed = tree.transform(expr, lambda node: TWO if node is ONE else None)
    assert len(list(tree.walk((changed,)))) == 201


def test_transform_keeps_what_does_not_change() -> None:
    kept = add(ONE, ONE)
    case = bound.Case(whens=((kept, TWO),), otherwise=None)
    assert tree.transform(case, lambda node: None) is case
    changed = tree.transform(case, lambda node: ONE if node is TWO else None)
    assert changed == bound.Case(whens=((kept, ONE),), otherwise=None)
    assert isinstance(changed, bound.Case)
    assert changed.whens[0][0] is kept


def test_transform_does_not_enter_what_it_replaced() -> None:
    seen: list[Node] = []

    def rewrite(node: Node) -> Node | None:
        seen.append(node)
        return add(TWO, TWO) if node is ONE else None

    assert tree.transform(add(ONE, ONE), rewrite) == add(add(TWO, TWO), add(TWO, TWO))
    assert TWO not in seen


def test_fold_goes_from_the_leaves_up() -> None:
    def height(node: Node, below: list[int]) -> int:
        return 1 + max(below, default=0)

    expr: bound.Expr = ONE
    for _ in range(5000):
        expr = add(expr, TWO)
    assert tree.fold(expr, height) == 5001


@pytest.mark.parametrize("kind", [kind for kind in NODES if issubclass(kind, Node)], ids=lambda kind: kind.__name__)
def test_operators_and_kinds_are_data(kind: type) -> None:
    """Else nodes that differ in them alone would be the same."""
    names = {field.name for field in dataclasses.fields(kind)}
    assert not names & {"op", "kind", "mode", "name", "negated", "collation", "affinity"} & set(tree.parts(kind))


def test_operators_tell_expressions_apart() -> None:
    less, equal = (bound.Compare(op=op, left=ONE, right=TWO) for op in ("<", "="))  # type: ignore[arg-type]
    assert tree.data(less) != tree.data(equal)
