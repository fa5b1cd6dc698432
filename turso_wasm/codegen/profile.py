"""EXPLAIN ANALYZE: a statement that measures itself, its result rows dropped; then a row for each line of its plan.

The measures, kernel structs (kernel/session/profile.py), lie in the frame of the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from turso_wasm.base.tree import Node
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.output import show_row
from turso_wasm.codegen.roots import ROOTS, emit_root
from turso_wasm.codegen.suspension import Suspendable
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.kernel.abi import INTEGER, REAL, Profile, ProfilePoint, Run
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr


class Profiler:
    """Where the measures of each line and node are. points: by node, those of the outer lines first."""

    def __init__(self, node: nodes.Profile, ctx: Context) -> None:
        self.n_points = sum(len(line.about) for line in node.lines)
        self.at = ctx.frame_alloc(Profile.size + self.n_points * ProfilePoint.size)
        self.first = self.at + Profile.size
        places = count(self.first, ProfilePoint.size)
        self.lines = [[next(places) for _ in line.about] for line in node.lines]
        self.points: dict[int, list[int]] = {}
        for line, at in zip(node.lines, self.lines, strict=True):
            for about, place in zip(line.about, at, strict=True):
                self.points.setdefault(id(about), []).append(place)

    def address(self, at: int, ctx: Suspendable) -> Expr:
        """A place in the frame of the statement, from any routine."""
        return ctx.f.load("i32", ctx.stmt, Run.offset("frame")) + at

    def measure(self, node: Node, ctx: Context, then: Then, emit: Callable[..., None]) -> None:
        """Emit the rows of a node, measured for each of its points."""
        self._measured(self.points.get(id(node), []), node, ctx, then, emit)

    def _measured(self, points: Sequence[int], node: Node, ctx: Context, then: Then, emit: Callable[..., None]) -> None:
        if not points:
            emit(node, ctx, then)
            return
        profile, point = self.address(self.at, ctx), self.address(points[0], ctx)
        owner = ctx.f.local(I32, "owner", ctx.f.call("profile_enter", profile, point))

        def each() -> None:
            ctx.do("profile_row", profile, point, owner)
            then()
            ctx.do("profile_resume", profile, point)

        self._measured(points[1:], node, ctx, each, emit)
        ctx.do("profile_leave", profile, point, owner)

    def drop_row(self, values: Sequence[SqlValue], ctx: Context) -> None:
        """A result row is computed, and counted."""
        kept = ctx.frame_values(len(values))
        for number, value in enumerate(values):
            ctx.store_value(kept, value, number)
        rows = self.address(self.first + ProfilePoint.offset("rows"), ctx)
        ctx.f.store("i64", rows, ctx.f.load("i64", rows) + 1)


def emit_profile(node: nodes.Profile, ctx: Context) -> None:
    """Run the statement, measured, and tell the measures."""
    profile = ctx.unit.profile = Profiler(node, ctx)
    first = profile.address(profile.first, ctx)
    with ctx.f.into(ctx.start):
        ctx.do("profile_begin", profile.address(profile.at, ctx), first)
    emit_root(node.child, ctx)
    ctx.do("profile_end", profile.address(profile.at, ctx), first, profile.n_points)
    if not isinstance(node.child, nodes.Output):
        changes = ctx.f.load("i64", ctx.stmt, Run.offset("changes"))
        ctx.f.store("i64", first, changes, ProfilePoint.offset("rows"))
    _add_up(node.lines, profile, ctx)
    for number, (line, places) in enumerate(zip(node.lines, profile.lines, strict=True), 1):
        head: list[Any] = [number, line.parent, 0, line.detail]
        values = [ctx.constant(value) for value in head]
        show_row([*values, *_measures(places, profile, ctx)], ctx)


def _add_up(lines: Sequence[nodes.ProfileLine], profile: Profiler, ctx: Context) -> None:
    """The time of a line is that of all its nodes and of the lines under it."""
    for number in range(len(lines) - 1, -1, -1):
        parent = lines[number].parent
        while parent and not lines[parent - 1].about:
            parent = lines[parent - 1].parent
        places = profile.lines[number]
        pairs = [(places[0], other) for other in places[1:]]
        if parent and places:
            pairs.append((profile.lines[parent - 1][0], places[0]))
        for into, of in pairs:
            ctx.do("profile_add", profile.address(into, ctx), profile.address(of, ctx))


def _measures(places: Sequence[int], profile: Profiler, ctx: Context) -> list[SqlValue]:
    """loops, visited, rows, ms."""
    if not places:
        return [NULL_VALUE] * 4
    f = ctx.f
    first, last = (profile.address(place, ctx) for place in (places[0], places[-1]))
    loops, rows = ProfilePoint.offset("loops"), ProfilePoint.offset("rows")
    numbers = [f.load("i64", first, loops), f.load("i64", last, rows), f.load("i64", first, rows)]
    return [
        *(SqlValue(INTEGER, f.local(I64, "n", number)) for number in numbers),
        SqlValue(REAL, f.local(I64, "ms", f.call("profile_ms", first))),
    ]


ROOTS[nodes.Profile] = emit_profile
