"""Functions that can be left and entered again: a transform of structured code.

Code is written as if it never stopped. A *point* is a place where execution can go on: `Land(point)`. `resume` is a
local that is 0 in normal execution; the number of a point in it means: skip everything up to there. `rewrite` makes
code obey it: what lies before a point is put into `if resume == 0`, a block that contains the point is entered, an if
takes the branch the point is in, and landing sets `resume` to 0. So a function that stored its locals and returned
continues where it was (docs/decisions/0003), and code may jump to a point of its own by setting `resume` and branching
to the start of a loop around it.

Invariants:
  U1  Points are numbered from 1 in the order of the code, so "the point is behind this block" is one comparison.
  U2  A local is assigned before it is read in every run of the code between two points, unless it is a state: assigned
      in one stretch and read in another, or read before it is assigned (0 at first). States outlive suspensions.
  U3  Blocks with a result contain no points.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from functools import cache
from typing import Any

from turso_wasm.wasm.blocks import ELSE, END, Assign, Branch, Comment, Hole, Label, Late, Open
from turso_wasm.wasm.dsl import OwnCall
from turso_wasm.wasm.expr import Local
from turso_wasm.wasm.opcodes import CODE, I32, sleb, uleb

_GET, _SET, _CONST = CODE["local.get"], CODE["local.set"], CODE["i32.const"]
_IF_VOID, _IF_I32 = CODE["if"] + b"\x40", CODE["if"] + bytes([I32])
_EQZ, _EQ, _LT_U, _OR = CODE["i32.eqz"], CODE["i32.eq"], CODE["i32.lt_u"], CODE["i32.or"]
_READS = re.compile(rb"(?=\x20([\x80-\xff]{0,2}[\x00-\x7f]))")
# Opcodes of what a condition must not do when it is asked in vain: call, assign, trap. Immediates may look like them.
_NOT_PURE = re.compile(rb"[\x04\x10\x11\x21\x22\x28-\x35\x6d-\x70\x7f-\x82\xa8-\xb1\xfc\xfd]")


POINT = "point "  # how the comment at a point begins


class Point:
    """A place where execution can go on."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0  # until the function is rewritten


class Land:
    """Execution goes on here when `resume` is the point's number; otherwise nothing happens."""

    __slots__ = ("point",)

    def __init__(self, point: Point) -> None:
        self.point = point


class SetPoint(Late):
    """Assigns the number of the point to `target`."""

    __slots__ = ("point", "target")

    def __init__(self, target: Local, point: Point) -> None:
        self.target = target
        self.point = point

    def code(self) -> bytes:
        """See Late."""
        return _CONST + sleb(self.point.number) + _SET + uleb(self.target.index)


def rewrite(
    items: Sequence[Any], resume: Local, around: Sequence[Label], candidates: Container[int]
) -> tuple[list[Any], list[int]]:
    """(the code that obeys `resume`, the locals that must outlive a suspension).

    items: the body of a function, in blocks.py's terms, that stands inside the blocks `around`. candidates: the locals
    that are not assigned anew whenever the function is entered.
    """
    flat: list[Any] = []
    _flatten(items, flat)
    if not any(type(item) is Land for item in flat):
        return flat, []
    tree = _parse(flat)
    writer = _Writer(resume, around)
    writer.sequence(tree)
    return writer.out, [local for local in _states(writer.stretches) if local in candidates]


def marked(items: Sequence[Any]) -> list[Any]:
    """The code as it was written, a comment at each point with its number: to be read, not to be run."""
    marked_items: list[Any] = []
    n = 0
    for item in _with_comments(items):
        if type(item) is Land:
            n += 1
            item.point.number = n
            item = Comment(f"{POINT}{n}")
        marked_items.append(item)
    return marked_items


def _with_comments(items: Sequence[Any]) -> Iterator[Any]:
    for item in items:
        if type(item) is Hole:
            yield from _with_comments(item.out)
        else:
            yield item


def _flatten(items: Sequence[Any], flat: list[Any]) -> None:
    for item in items:
        kind = type(item)
        if kind is Hole:
            _flatten(item.out, flat)
        elif kind is not Comment:
            flat.append(item)


# --- the blocks that contain points ------------------------------------------------------------------------


class _Construct:
    """A block, loop or if with points inside; `first` … `middle` are those of the body, … `last` of the else."""

    __slots__ = ("body", "first", "last", "middle", "opening", "otherwise")

    def __init__(self, opening: Open, first: int) -> None:
        self.opening = opening
        self.body: list[Any] = []
        self.otherwise: list[Any] | None = None
        self.first = first
        self.middle = self.last = -1


def _parse(items: list[Any]) -> list[Any]:
    """The items, with a _Construct in the place of each block that contains points; points are numbered (U1)."""
    inside = _openings_around_points(items)
    root: list[Any] = []
    current = root
    stack: list[tuple[_Construct | None, list[Any]]] = []
    n = 0
    for at, item in enumerate(items):
        if type(item) is Open:
            if at in inside:
                construct = _Construct(item, n + 1)
                current.append(construct)
                stack.append((construct, current))
                current = construct.body
            else:
                current.append(item)
                stack.append((None, current))
        elif (item is ELSE or item is END) and (open_ := stack[-1][0]) is not None:
            if open_.middle < 0:
                open_.middle = n
            if item is ELSE:
                current = open_.otherwise = []
            else:
                open_.last = n
                current = stack.pop()[1]
        else:
            if item is END:
                stack.pop()
            elif type(item) is Land:
                n += 1
                item.point.number = n
            current.append(item)
    return root


def _openings_around_points(items: list[Any]) -> set[int]:
    found: set[int] = set()
    stack: list[int] = []
    for at, item in enumerate(items):
        if type(item) is Open:
            stack.append(at)
        elif item is END:
            stack.pop()
        elif type(item) is Land:
            found.update(stack)
    return found


# --- the new code --------------------------------------------------------------------------------------------


class _Writer:
    """Collects the new code, and the stretches of old code between points."""

    def __init__(self, resume: Local, around: Sequence[Label]) -> None:
        self.out: list[Any] = []
        self.stretches: list[list[Any]] = []
        self._get = _GET + uleb(resume.index)
        self._clear = _CONST + b"\0" + _SET + uleb(resume.index)
        self._at = {label: depth for depth, label in enumerate(around)}
        self._depth = len(around)

    def sequence(self, items: Sequence[Any]) -> None:
        """Code that is entered normally, or because it contains the point."""
        marks = [at for at, item in enumerate(items) if type(item) is Land or type(item) is _Construct]
        if not marks:
            self._stretch(items)
            return
        start = 0
        for at in marks:
            self._guarded(items[start:at])
            self._note_condition(items[at], start < at)
            self._mark(items[at], at == marks[-1])
            start = at + 1
        self._stretch(items[start:])

    def _guarded(self, items: Sequence[Any]) -> None:
        if items:
            self._open(self._get + _EQZ + _IF_VOID)
            self._stretch(items)
            self._close()

    def _note_condition(self, item: Any, follows: bool) -> None:
        """An if's condition is evaluated in one go with the code before it."""
        cond = item.opening.cond if type(item) is _Construct else None
        if cond is not None and follows:
            self.stretches[-1].append(cond)
        elif cond is not None:
            self.stretches.append([cond])

    def _mark(self, item: Any, is_last: bool) -> None:
        """A point, or a construct around points. At the last of a sequence, one that is skipped to is in it."""
        if type(item) is Land:
            if is_last:
                self.out.append(self._clear)
            else:
                self._open(self._get + _CONST + sleb(item.point.number) + _EQ + _IF_VOID)
                self.out.append(self._clear)
                self._close()
        elif is_last:
            self._construct(item)
        else:
            self._open(self._get + _CONST + sleb(item.last + 1) + _LT_U + _IF_VOID)
            self._construct(item)
            self._close()

    def _construct(self, item: _Construct) -> None:
        opening = item.opening
        self._open(bytes(opening) if opening.cond is None else self._condition(item, opening.cond), opening.label)
        self.sequence(item.body)
        if item.otherwise is not None:
            self.out.append(ELSE)
            self.sequence(item.otherwise)
        self._close()

    def _condition(self, item: _Construct, cond: bytes) -> bytes:
        """An if takes the branch that the point is in."""
        if item.middle == item.last:
            if not _NOT_PURE.search(cond):
                return cond + self._get + _OR + _IF_VOID
            there = _CONST + sleb(1)
        elif item.middle < item.first:
            there = _CONST + sleb(0)
        else:
            there = self._get + _CONST + sleb(item.middle + 1) + _LT_U
        return self._get + _IF_I32 + there + ELSE + cond + END + _IF_VOID

    def _stretch(self, items: Sequence[Any]) -> None:
        """Code without points, as it is."""
        if not items:
            return
        self.stretches.append(list(items))
        for item in items:
            kind = type(item)
            if kind is Open:
                self._open(item, item.label)
            elif item is END:
                self._close()
            elif kind is Branch:
                depths = [uleb(self._depth - self._at[label] - 1) for label in item.labels]
                self.out.append(item.head + b"".join(depths))
            else:
                self.out.append(item)

    def _open(self, code: bytes, label: Label | None = None) -> None:
        if label is not None:
            self._at[label] = self._depth
        self._depth += 1
        self.out.append(bytes(code))

    def _close(self) -> None:
        self._depth -= 1
        self.out.append(bytes(END))


# --- states (U2) ---------------------------------------------------------------------------------------------


def _states(stretches: list[list[Any]]) -> list[int]:
    home: dict[int, int] = {}  # local -> the one stretch it occurs in
    states: set[int] = set()
    for number, items in enumerate(stretches):
        code, assigned = _reads_and_writes(items)
        for raw in set(_READS.findall(code)):  # what only looks like a read errs on the safe side
            local = _index(raw)
            if local not in assigned or code.find(_GET + raw) < assigned[local]:
                states.add(local)
        for local in assigned:
            if home.setdefault(local, number) != number:
                states.add(local)
    return sorted(states)


def _reads_and_writes(items: list[Any]) -> tuple[bytes, dict[int, int]]:
    """(the code, local → where in it the first assignment to the local ends)."""
    parts: list[bytes] = []
    assigned: dict[int, int] = {}
    end = 0
    for item in items:
        kind = type(item)
        if kind is OwnCall:
            parts.append(item.arguments)
            end += len(item.arguments)
            for target in item.targets:
                assigned.setdefault(target.index, end)
        elif kind is not SetPoint:  # its target is the coroutine's own
            parts.append(item)
            end += len(item)
            if kind is Assign:
                for index in item.targets:
                    assigned.setdefault(index, end)
    return b"".join(parts), assigned


@cache
def _index(raw: bytes) -> int:
    """The number that LEB128 bytes stand for."""
    value = 0
    for shift, byte in enumerate(raw):
        value |= (byte & 0x7F) << (7 * shift)
    return value
