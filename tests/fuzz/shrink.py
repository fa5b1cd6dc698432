"""Delta debugging: the smallest script with the same fault.

First steps are left out, then each remaining statement becomes smaller: parts of its syntax tree are dropped or
replaced by what they are made of, then tokens are left out as long as it parses.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from tests.fuzz.engines import Fault, replay
from tests.fuzz.statements import Law, Script, Statement, Step
from turso_wasm.base.errors import SqlError
from turso_wasm.sql import ast, lexer
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.printer import print_sql

T = TypeVar("T")
Check = Callable[[Script], Fault | None]


def shrink(fault: Fault, seconds: float = 60.0, check: Check | None = None) -> Fault:
    """The smallest script found in that time whose fault has the same signature."""
    return Shrinker(fault, seconds, check or (lambda script: replay(script, to_the_end=fault.kind == "file"))).run()


class Shrinker:
    """One search. `best` is the smallest fault so far."""

    def __init__(self, fault: Fault, seconds: float, check: Check) -> None:
        self.best = fault
        self.signature = fault.signature
        self.end = time.monotonic() + seconds
        self.check = check
        self.seen: set[str] = set()

    def run(self) -> Fault:
        """Shrink until nothing helps any more, or time is up."""
        at = self.best.at
        self.attempt(self.best.script.with_steps(self.best.script.steps[: at + 1]))
        if self.best.script.mode != "plain":
            self.attempt(replace(self.best.script, mode="plain"))
        before = -1
        while before != self.size() and time.monotonic() < self.end:
            before = self.size()
            self.leave_out_steps()
            for place in reversed(range(len(self.best.script.steps))):
                if place < len(self.best.script.steps):
                    self.shrink_step(place)
        return self.best

    def size(self) -> int:
        """What is to become smaller."""
        return sum(len(repr(step)) for step in self.best.script.steps)

    def attempt(self, script: Script) -> bool:
        """Take this script if it has the fault."""
        key = repr(script.steps) + script.mode
        if key in self.seen or time.monotonic() > self.end:
            return False
        self.seen.add(key)
        found = self.check(script)
        if found is None or found.signature != self.signature:
            return False
        self.best = replace(found, script=found.script.with_steps(found.script.steps[: found.at + 1]))
        return True

    def leave_out_steps(self) -> None:
        size = max(1, len(self.best.script.steps) // 2)
        while size:
            at = 0
            while at < len(self.best.script.steps) - (self.best.kind != "file"):
                steps = self.best.script.steps
                if not self.attempt(self.best.script.with_steps(steps[:at] + steps[at + size :])):
                    at += size
            size //= 2

    def replace_step(self, at: int, step: Step) -> bool:
        steps = list(self.best.script.steps)
        steps[at] = step
        return self.attempt(self.best.script.with_steps(steps))

    def shrink_step(self, at: int) -> None:
        step = self.best.script.steps[at]
        if isinstance(step, Law):
            for part in ("columns", "source", "predicate"):
                self.shrink_tokens(at, part)
            return
        if step.parameters:
            self.replace_step(at, replace(step, parameters=tuple(1 for _ in step.parameters)))
        self.shrink_tree(at)
        self.shrink_tokens(at, "sql")

    def shrink_tree(self, at: int) -> None:
        """Try smaller trees until none has the fault."""
        progress = True
        while progress and time.monotonic() < self.end:
            progress = False
            step = self.best.script.steps[at]
            assert isinstance(step, Statement)
            for text in smaller_texts(step):
                if len(text) < len(step.sql) + 4 and self.replace_step(at, replace(step, sql=text)):
                    progress = True
                    break

    def shrink_tokens(self, at: int, part: str) -> None:
        """Leave out runs of tokens."""
        size = 16
        while size and time.monotonic() < self.end:
            start = 0
            while True:
                step: Any = self.best.script.steps[at]
                text = getattr(step, part)
                tokens = lexer.tokenize(text)
                n = len(tokens.starts) - 1
                if start >= n:
                    break
                last = min(start + size, n) - 1
                shorter = (text[: tokens.starts[start]] + text[tokens.ends[last] :]).strip()
                if not self.parses(step, part, shorter) or not self.replace_step(at, replace(step, **{part: shorter})):
                    start += max(1, size // 2)
            size //= 2

    def parses(self, step: Step, part: str, text: str) -> bool:
        if not text:
            return False
        if part == "predicate":
            text = f"SELECT {text}"
        elif part == "source":
            text = f"SELECT 1 FROM {text}"
        elif part == "columns":
            text = f"SELECT {text}"
        try:
            return parse_one(text)[1] == len(text)
        except (SqlError, IndexError):
            return False


def smaller_texts(step: Statement) -> Iterator[str]:
    """The statement made smaller in one place, in all ways that its syntax tree suggests."""
    try:
        tree, _ = parse_one(step.sql)
    except SqlError:
        return
    if tree is None or step.own:
        return
    for smaller in variants(tree):
        with contextlib.suppress(Exception):  # a part may be missing that cannot be
            yield print_sql(smaller)


def variants(node: T) -> Iterator[T]:
    """Trees that are a little smaller, the smallest first: of each part, what it is made of, or nothing."""
    if not is_dataclass(node) or isinstance(node, type):
        return
    for each in fields(node):
        if each.name in ("span", "text_span", "index"):
            continue
        value = getattr(node, each.name)
        for smaller in _smaller_values(value, each.name):
            yield replace(node, **{each.name: smaller})  # type: ignore[misc]
        for inner in _inner_variants(value):
            yield replace(node, **{each.name: inner})  # type: ignore[misc]


def _smaller_values(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        if name != "columns" and name not in ("whens", "assignments", "tables", "compounds"):
            yield ()
        if len(value) > 1 or name == "compounds":
            for i in range(len(value)):
                yield value[:i] + value[i + 1 :]
    elif isinstance(value, tuple) and len(value) > 1:
        for i in range(len(value)):
            yield value[:i] + value[i + 1 :]
    elif isinstance(value, bool) and value:
        yield False
    elif isinstance(value, ast.Expr):
        if not isinstance(value, (ast.NullLiteral, ast.IntegerLiteral)):
            yield ast.NullLiteral()
            yield ast.IntegerLiteral(1)
        if name in (
            "where",
            "having",
            "limit",
            "offset",
            "on",
            "otherwise",
            "filter",
            "escape",
            "operand",
            "target_where",
        ):
            yield None
        yield from _children(value, ast.Expr)
    elif isinstance(value, ast.FromSource):
        yield from _children(value, ast.FromSource)
        if name == "source":
            yield None
    elif isinstance(value, ast.Select):
        if value.compounds:
            yield replace(value, compounds=())
        yield from _children(value, ast.Select)
    elif is_dataclass(value) or (isinstance(value, str) and name in ("alias", "indexed_by", "on_conflict", "nulls")):
        yield None


def _inner_variants(value: Any) -> Iterator[Any]:
    if is_dataclass(value) and not isinstance(value, type):
        yield from variants(value)
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            for smaller in [*_replacements(item), *(variants(item) if is_dataclass(item) else _inner_variants(item))]:
                yield (*value[:i], smaller, *value[i + 1 :])


def _replacements(item: Any) -> Iterator[Any]:
    if isinstance(item, ast.Expr):
        if not isinstance(item, (ast.NullLiteral, ast.IntegerLiteral)):
            yield ast.NullLiteral()
            yield ast.IntegerLiteral(1)
        yield from _children(item, ast.Expr)


def _children(node: Any, kind: type) -> Iterator[Any]:
    """The nearest parts of that kind."""
    for each in fields(node):
        value = getattr(node, each.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, kind):
                yield item
            elif is_dataclass(item):
                yield from _children(item, kind)
