"""Delta debugging: the smallest script with the same fault.

First steps are left out, then each remaining statement becomes smaller: parts of its syntax tree are dropped or
replaced by what they are made of, then tokens are left out as long as it parses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from tests.fuzz.engines import Fault, replay
from tests.fuzz.smaller import smaller_texts
from tests.fuzz.statements import Law, Script, Statement, Step
from turso_wasm.base.errors import SqlError
from turso_wasm.sql import lexer
from turso_wasm.sql.parser import parse_one

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
        if not step.own:  # without EXPLAIN it would be another one
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
