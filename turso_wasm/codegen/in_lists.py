"""X IN (list): a branch to one of three labels.

A short list is compared member by member, a long one hashed once. The members of a list of literals are known only when
the statement runs, and so is how many there are: its code can do both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.codegen.cells import emit_cells, is_cell
from turso_wasm.codegen.conditions import JUMPS, KLEENE, compare_values, kleene_value
from turso_wasm.codegen.context import VALUE_SIZE, Context
from turso_wasm.codegen.expressions import EMITTERS, comparison_affinity, for_comparison
from turso_wasm.codegen.hashing import add_member, find_member, new_members
from turso_wasm.codegen.values import ANY, SqlValue, mask
from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT
from turso_wasm.sql.literals import ListKind
from turso_wasm.wasm.dsl import I32, Expr, Label, Local, i32, select

CHAIN = 8  # so many members are compared one by one
CHAIN_OF_LITERALS = 4  # likewise of literals that are not all integers
MIN_LIFTED = 2  # members of a list of literals (sql.lexer)

_TYPES: dict[ListKind, int] = {
    "integers": mask(INTEGER),
    "numbers": mask(INTEGER, REAL),
    "texts": mask(TEXT),
    "mixed": ANY,
}

EachMember: TypeAlias = Callable[[Callable[[list[SqlValue]], None]], None]
"""Emits the code it is given, about a member (as a row of one value), in a loop over all members of a list."""


@dataclass(slots=True)
class Outcome:
    """Where to go when the operand is in the list, is not, or cannot be told for a NULL."""

    found: Label
    missing: Label
    unknown: Label


def _jump_in(node: bound.InList, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    with ctx.f.block() as past:
        goal = {when: label, not when: past}
        _decide(node, ctx, Outcome(goal[not node.negated], goal[node.negated], label if on_null else past))


def _kleene_in(node: bound.InList, ctx: Context) -> Local:
    f = ctx.f
    known = f.local(I32, "in", 2 if node.negated else 0)
    with f.block() as missing:
        with f.block() as unknown:
            with f.block() as found:
                _decide(node, ctx, Outcome(found, missing, unknown))
            f.set(known, 0 if node.negated else 2)
            f.br(missing)
        f.set(known, 1)
    return known


def _decide(node: bound.InList, ctx: Context, outcome: Outcome) -> None:
    if not node.items:
        ctx.f.br(outcome.missing)
        return
    operand = for_comparison(node.operand, node.affinity, ctx)
    list_ = node.items[0]
    if isinstance(list_, bound.LiteralList) and list_.lifted is not None:
        literals = _Literals(list_, list_.lifted, ctx)
        if list_.is_safe_from(node.affinity):
            literals.decide_early(node, operand, outcome)
        _look_up(node, operand, ctx, literals.each, outcome)
        return
    items = list_.members if isinstance(list_, bound.LiteralList) else node.items
    if len(items) > CHAIN and all(is_cell(item) for item in items):
        _look_up(node, operand, ctx, partial(emit_cells, [(item,) for item in items], ctx), outcome)
    else:
        _compare_each(node, items, operand, ctx, outcome)


def _compare_each(
    node: bound.InList, items: Sequence[bound.Expr], operand: SqlValue, ctx: Context, outcome: Outcome
) -> None:
    f = ctx.f
    f.br(outcome.unknown, if_=operand.has_tag(NULL))
    null: Local | None = None
    for item in items:
        value = for_comparison(item, node.affinity, ctx)
        f.br(outcome.found, if_=compare_values("=", operand, value, node.collation, ctx))
        if value.may_be(NULL):
            null = f.local(I32, "null", value.has_tag(NULL) if null is None else null | value.has_tag(NULL))
    if null is not None:
        f.br(outcome.unknown, if_=null)
    f.br(outcome.missing)


def _look_up(node: bound.InList, operand: SqlValue, ctx: Context, each_member: EachMember, outcome: Outcome) -> None:
    """Hash the members once; then one look-up a row."""

    def fill(members: Expr) -> None:
        new_members(members, ctx)

        def add(values: list[SqlValue]) -> None:
            add_member(members, comparison_affinity(values[0], node.affinity, ctx), node.collation, ctx)

        each_member(add)

    known = ctx.f.local(I32, "in")
    find_member(ctx.once(node, 8, fill), operand, node.collation, known, ctx)
    ctx.f.br(outcome.found, if_=known == 2)
    ctx.f.br(outcome.unknown, if_=known)
    ctx.f.br(outcome.missing)


class _Literals:
    """The members of a list of literals, in the parameter of the list."""

    def __init__(self, list_: bound.LiteralList, lifted: int, ctx: Context) -> None:
        place = ctx.parameter(ctx.n_user_params + lifted, BLOB).payload
        self.ctx = ctx
        self.kind = list_.kind
        self.first = place.wrap()
        self.count = ctx.prologue_local(I32, f"n{lifted}", place.shr_u(32).wrap())

    def each(self, emit: Callable[[list[SqlValue]], None]) -> None:
        """See EachMember."""
        f = self.ctx.f
        at = f.local(I32, "member", self.first)
        end = f.local(I32, "members_end", at + self.count * VALUE_SIZE)
        with f.loop() as top:
            emit([self.ctx.load_value(at, types=_TYPES[self.kind])])
            f.set(at, at + VALUE_SIZE)
            f.br(top, if_=at.lt_u(end))

    def member(self, number: int) -> SqlValue:
        """Member `number`, or the last one, read when the routine is entered."""
        last = self.count - 1
        at = i32(number) if number < MIN_LIFTED else select(last < number, last, i32(number))
        address = self.ctx.prologue_local(I32, "member_at", self.first + at * VALUE_SIZE)
        tag = INTEGER if self.kind == "integers" else None
        return self.ctx.prologue_value(address, 0, tag, f"member{number}", _TYPES[self.kind])

    def decide_early(self, node: bound.InList, operand: SqlValue, outcome: Outcome) -> None:
        """Decide where the list is short and has no NULL; go on where it is long."""
        f, count = self.ctx.f, self.count
        if self.kind == "integers":
            with f.if_(operand.has_tag(INTEGER)):
                self._equals(range(2), operand, outcome)
                with f.if_(count <= CHAIN):
                    self._equals(range(2, 4), operand, outcome)
                    self._equals(range(4, CHAIN), operand, outcome)
        elif self.kind != "mixed":
            f.br(outcome.unknown, if_=operand.has_tag(NULL))
            with f.if_(count <= CHAIN_OF_LITERALS):
                for number in range(CHAIN_OF_LITERALS):
                    equal = compare_values("=", operand, self.member(number), node.collation, self.ctx)
                    f.br(outcome.found, if_=equal)
                    if number + 1 >= MIN_LIFTED:
                        f.br(outcome.missing, if_=count <= number + 1)

    def _equals(self, numbers: range, operand: SqlValue, outcome: Outcome) -> None:
        for number in numbers:
            self.ctx.f.br(outcome.found, if_=operand.payload == self.member(number).payload)
        self.ctx.f.br(outcome.missing, if_=self.count <= numbers.stop)


JUMPS[bound.InList] = _jump_in
KLEENE[bound.InList] = _kleene_in
EMITTERS[bound.InList] = lambda node, ctx: kleene_value(_kleene_in(node, ctx), ctx)
