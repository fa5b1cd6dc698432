"""A module as a listing: rows of one operation each, numbered through all functions, as EXPLAIN shows a Program.

Blocks, loops and ifs become jumps to the number of a row. A call of an imported function is an operation with a name
of its own; what is computed without calls stays an expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from turso_wasm.base.records import dataclass
from turso_wasm.wasm.coroutine import POINT
from turso_wasm.wasm.decode import Instruction
from turso_wasm.wasm.pseudo import Lifter
from turso_wasm.wasm.reader import FunctionView, ModuleView, read_module
from turso_wasm.wasm.structure import Block, If, Jump, Label, Line, Statement, Switch, While
from turso_wasm.wasm.terms import Term

_CALL = re.compile(r"(?:(?P<results>[\w, ]+) = )?(?P<name>\w+)\((?P<arguments>.*)\)")
_STORE = re.compile(r"\w+\[.*\] \S*= ")


@dataclass(slots=True)
class Row:
    """One operation.

    routine: the function's number. target: the row it may go on at. depth: how many loops it stands in. about: the last
    comment before it.
    """

    opcode: str
    routine: int
    depth: int
    operands: str | None = None
    about: str | None = None
    point: int = 0
    target: int = 0


def list_module(wasm: bytes) -> list[Row]:
    """The rows of a module that was encoded with its comments; the position of each is its number."""
    view = read_module(wasm)
    lister = _Lister(view)
    for function in view.functions:
        if function.imported is None:
            lister.add(function)
    lister.settle()
    return lister.rows


class _CallLifter(Lifter):
    """Lifts code so that a call is a statement of its own."""

    def _call(self, name: str, args: list[Term], n_results: int) -> None:
        super()._call(name, args, n_results)
        if n_results == 1 and not self._is_assigned_next():
            self._save(lambda term: term.has_effect)

    def _is_assigned_next(self) -> bool:
        following: Instruction | None = next(iter(self.function.code[self.at : self.at + 1]), None)
        return following is not None and following[0] in ("local.set", "local.tee")


class _Lister:
    """Collects the rows."""

    def __init__(self, view: ModuleView) -> None:
        self.view = view
        self.rows: list[Row] = []
        self.starts: dict[str, int] = {}  # functions of the module → their first row
        self.labels: dict[Label, int] = {}
        self.jumps: list[tuple[Row, Label]] = []
        self.calls: list[tuple[Row, str]] = []
        self.switches: list[tuple[Row, list[tuple[str, Label]]]] = []
        self.imported = {function.name for function in view.functions if function.imported is not None}
        self.own = {function.name for function in view.functions if function.imported is None}
        self.routine = -1
        self.depth = 0
        self.about: str | None = None

    def add(self, function: FunctionView) -> None:
        """The rows of a function."""
        self.routine, self.depth, self.about = self.routine + 1, 0, None
        self.is_first = self.routine == 0
        self.starts[function.name] = len(self.rows)
        parameters = ", ".join(function.local_name(number) for number in range(len(function.params)))
        self._row("Routine", f"{function.name}({parameters})")
        self._suite(_CallLifter(self.view, function).lift())

    def settle(self) -> None:
        """Fill in where jumps and calls go."""
        for row, label in self.jumps:
            row.target = self.labels[label]
        for row, name in self.calls:
            row.target = self.starts[name]
        for row, cases in self.switches:
            row.operands = ", ".join((row.operands or "", *(f"{case}: {self.labels[to]}" for case, to in cases)))

    def _row(self, opcode: str, operands: str | None = None, point: int = 0) -> Row:
        row = Row(opcode, self.routine, self.depth, operands, self.about, point)
        self.rows.append(row)
        return row

    def _jump(self, opcode: str, label: Label, condition: str | None = None) -> None:
        self.jumps.append((self._row(opcode, condition), label))

    def _place(self, label: Label) -> None:
        self.labels[label] = len(self.rows)

    # --- statements ----------------------------------------------------------------------------------------------

    def _suite(self, body: list[Statement]) -> None:
        for statement in body:
            match statement:
                case Line():
                    self._line(statement)
                case Jump():
                    self._jump("Goto", statement.target)
                case If():
                    self._if(statement)
                case Block():
                    self._suite(statement.body)
                    self._place(statement.label)
                case While():
                    self._place(statement.start)
                    self.depth += 1
                    self._suite(statement.body)
                    self.depth -= 1
                    self._place(statement.exit)
                case Switch():
                    self._switch(statement)
        body.clear()  # inner ones first: what is deep would be freed at once, which takes the stack of JavaScript

    def _if(self, statement: If) -> None:
        match statement.then, statement.orelse:
            case [Jump(target=target)], []:
                self._jump("If", target, statement.cond.text)
                return
        otherwise, end = Label("else"), Label("end")
        self._jump("IfNot", otherwise, statement.cond.text)
        self._suite(statement.then)
        if statement.orelse:
            self._jump("Goto", end)
        self._place(otherwise)
        self._suite(statement.orelse)
        self._place(end)

    def _switch(self, statement: Switch) -> None:
        row = self._row("Switch", statement.value.text)
        cases = []
        for case, body in statement.cases:
            match body:
                case [Jump(target=target)]:
                    cases.append((case, target))
                case _:
                    target = Label(case)
                    cases.append((case, target))
                    self._place(target)
                    self._suite(body)
        self.switches.append((row, cases))

    def _line(self, line: Line) -> None:
        text = line.text
        if text.startswith(f"# {POINT}"):
            self._row("Point", point=int(text.removeprefix(f"# {POINT}")))
        elif text.startswith("# "):
            self.about = text[2:] or None
        elif text == "unreachable()":
            self._row("Trap")
        elif line.leaves:
            self._row("Halt" if self.is_first else "Return", text.removeprefix("return").strip() or None)
        elif (call := _CALL.fullmatch(text)) and call["name"] in self.imported | self.own:
            self._called(call)
        else:
            self._row("Store" if _STORE.match(text) else "Set", text)

    def _called(self, call: re.Match[str]) -> None:
        name = call["name"]
        operands = " -> ".join(part for part in (call["arguments"], call["results"]) if part)
        if name in self.own:
            self.calls.append((self._row("Call", operands), name))
        else:
            self._row("".join(word.capitalize() for word in name.split("_")), operands or None)


def numbered(rows: list[Row]) -> Iterator[tuple[int, str, int, int, int, str | None, int, str | None]]:
    """The rows in SQLite's columns: addr, opcode, p1 … p5, comment (docs/decisions/0032)."""
    for number, row in enumerate(rows):
        yield number, row.opcode, row.routine, row.target, row.depth, row.operands, row.point, row.about
