"""Lifting a function's instructions to pseudo-Python: a symbolic stack folds expressions, blocks become statements.

Order is kept: before a statement is written, whatever waits on the stack and could be changed by it (a call's result, a
memory read, a local about to be assigned) is written to a temporary `t1, t2, …` first.
"""

from __future__ import annotations

import struct
from typing import Any

from turso_wasm.wasm.decode import TYPE_INDEX, VOID, Instruction
from turso_wasm.wasm.opcodes import OPS, VALUE_NAME
from turso_wasm.wasm.reader import FunctionView, ModuleView
from turso_wasm.wasm.structure import Block, If, Jump, Label, Line, Statement, Switch, While, leaves, render, structured
from turso_wasm.wasm.terms import OR, SUM, Term, binary, logic, ternary, unary


def function_text(view: ModuleView, function: FunctionView) -> str:
    """`def name(a: i32) -> i64:` and its body."""
    params = ", ".join(f"{function.local_name(i)}: {VALUE_NAME[t]}" for i, t in enumerate(function.params))
    results = [VALUE_NAME[t] for t in function.results]
    result = "None" if not results else results[0] if len(results) == 1 else f"tuple[{', '.join(results)}]"
    body = structured(Lifter(view, function).lift())
    lines = [f"def {function.name}({params}) -> {result}:"]
    return "\n".join(lines + (render(body, 1, []) or ["    pass"]))


class _Target:
    """An open block: its label, how many results a branch to it carries, and the temporaries that take them."""

    __slots__ = ("label", "n", "names")

    def __init__(self, label: Label, n: int) -> None:
        self.label = label
        self.n = n
        self.names: list[str] = []


class Lifter:
    """Lifts one function; see `lift`."""

    def __init__(self, view: ModuleView, function: FunctionView) -> None:
        self.view = view
        self.function = function
        self.at = 0
        self.stack: list[Term] = []
        self.out: list[Statement] = []
        self.targets: list[_Target] = []
        self.n_temps = 0
        self.n_labels = 0
        self.comments = list(function.comments)

    def lift(self) -> list[Statement]:
        """The function's statements."""
        n = len(self.function.results)
        label = Label("function")
        self.targets.append(_Target(label, n))
        body = self._suite()
        if not leaves(body) and n:
            self.out = body
            body.append(self._return())
        return body

    # --- suites ----------------------------------------------------------------------------------

    def _suite(self) -> list[Statement]:
        """Statements up to the matching `end` or `else` (left for the caller to step over)."""
        outer, self.out = self.out, []
        code = self.function.code
        while self.at < len(code) and code[self.at][0] not in ("end", "else"):
            self._take_comments()
            instruction = code[self.at]
            self.at += 1
            self._instruction(instruction)
            if leaves(self.out[-1:]) and instruction[0] in ("br", "return", "unreachable", "br_table"):
                self._skip_dead_code()
        out, self.out = self.out, outer
        return out

    def _take_comments(self) -> None:
        while self.comments and self.comments[0][0] <= self.function.offsets[self.at]:
            self.out.append(Line(f"# {self.comments.pop(0)[1]}"))

    def _skip_dead_code(self) -> None:
        depth = 0
        while self.at < len(self.function.code):
            name = self.function.code[self.at][0]
            if name in ("block", "loop", "if"):
                depth += 1
            elif name in ("end", "else") and depth == 0:
                return
            elif name == "end":
                depth -= 1
            self.at += 1

    # --- the stack -------------------------------------------------------------------------------

    def _pop(self) -> Term:
        return self.stack.pop() if self.stack else Term("?")

    def _pop_many(self, n: int) -> list[Term]:
        return [self._pop() for _ in range(n)][::-1]

    def _temp(self) -> str:
        self.n_temps += 1
        return f"t{self.n_temps}"

    def _label(self, kind: str) -> Label:
        self.n_labels += 1
        return Label(f"{kind}{self.n_labels}")

    def _emit(self, statement: Statement, writes: int | None = None) -> None:
        """Append a statement, saving first what it could change."""
        self._save(lambda term: term.memory or term.has_effect or writes in term.reads)
        self.out.append(statement)

    def _save(self, threatened: Any) -> None:
        for i, term in enumerate(self.stack):
            if threatened(term):
                name = self._temp()
                self.out.append(Line(f"{name} = {term.text}"))
                self.stack[i] = Term(name)

    def _set_local(self, index: int, value: Term) -> None:
        name = self.function.local_name(index)
        text = _assignment(name, value)
        # a pure local assignment only threatens what reads the local; with effects or memory, the order matters too
        if value.has_effect:
            self._emit(Line(text), index)
        else:
            self._save(lambda term: index in term.reads)
            self.out.append(Line(text))

    # --- instructions ----------------------------------------------------------------------------

    def _instruction(self, instruction: Instruction) -> None:
        name = instruction[0]
        handler = getattr(self, f"_do_{name.replace('.', '_')}", None)
        if handler is not None:
            handler(instruction)
            return
        op = OPS[name]
        if op.immediates and op.immediates[0] == "memarg":
            self._memory(instruction)
        elif name.endswith(".const"):
            self.stack.append(Term(_constant_text(instruction)))
        elif len(op.operands) == 1 and len(op.results) == 1 and not op.immediates:
            self.stack.append(unary(name, self._pop()))
        elif len(op.operands) == 2 and len(op.results) == 1 and not op.immediates:
            a, b = self._pop_many(2)
            self.stack.append(binary(name, a, b))
        else:
            self._generic(instruction)

    def _generic(self, instruction: Instruction) -> None:
        """Anything else with a fixed signature: `memory_copy(a, b, c)`."""
        name, *immediates = instruction
        op = OPS[name]
        args = self._pop_many(len(op.operands))
        words = [term.text for term in args]
        if op.immediates and op.immediates[0] in ("lane", "lanes16"):
            words.append(str(list(immediates[0])))
        text = f"{name.replace('.', '_')}({', '.join(words)})"
        if op.results:
            is_pure = name.startswith(("i8x16", "i64x2", "v128", "ref"))
            self.stack.append(Term(text, parts=tuple(args), effect=not is_pure))
        else:
            self._emit(Line(text))

    def _memory(self, instruction: Instruction) -> None:
        name, _, offset = instruction
        value = self._pop() if ".store" in name else None
        pointer = self._pop()
        if offset:
            pointer = binary("i32.add", pointer, Term(str(offset)))
        place = f"{_memory_type(name)}[{pointer.text}]"
        if value is None:
            self.stack.append(Term(place, parts=(pointer,), memory=True))
        else:
            self._emit(Line(_assignment(place, value)))

    def _do_nop(self, instruction: Instruction) -> None:
        pass

    def _do_unreachable(self, instruction: Instruction) -> None:
        self._emit(Line("unreachable()", leaves=True))

    def _do_drop(self, instruction: Instruction) -> None:
        value = self._pop()
        if value.has_effect:
            self._emit(Line(value.text))

    def _do_select(self, instruction: Instruction) -> None:
        a, b, cond = self._pop_many(3)
        self.stack.append(ternary(cond, a, b))

    def _do_local_get(self, instruction: Instruction) -> None:
        index = instruction[1]
        self.stack.append(Term(self.function.local_name(index), reads=frozenset([index])))

    def _do_local_set(self, instruction: Instruction) -> None:
        self._set_local(instruction[1], self._pop())

    def _do_local_tee(self, instruction: Instruction) -> None:
        self._set_local(instruction[1], self._pop())
        self._do_local_get(instruction)

    def _do_global_get(self, instruction: Instruction) -> None:
        name = self.view.global_names.get(instruction[1], f"global{instruction[1]}")
        self.stack.append(Term(name, memory=True))

    def _do_global_set(self, instruction: Instruction) -> None:
        name = self.view.global_names.get(instruction[1], f"global{instruction[1]}")
        self._emit(Line(_assignment(name, self._pop())))

    def _do_memory_size(self, instruction: Instruction) -> None:
        self.stack.append(Term("memory_size()", memory=True))

    def _do_call(self, instruction: Instruction) -> None:
        callee = self.view.functions[instruction[1]]
        args = self._pop_many(len(callee.params))
        self._call(callee.name, args, len(callee.results))

    def _do_call_indirect(self, instruction: Instruction) -> None:
        params, results = self.view.types[instruction[1]]
        index = self._pop()
        args = self._pop_many(len(params))
        self._call(f"table[{index.text}]", [*args], len(results))

    def _call(self, name: str, args: list[Term], n_results: int) -> None:
        text = f"{name}({', '.join(term.text for term in args)})"
        if n_results == 1:
            self.stack.append(Term(text, parts=tuple(args), effect=True))
            return
        if n_results == 0:
            self._emit(Line(text))
            return
        sets = self.function.code[self.at : self.at + n_results]
        if all(item[0] == "local.set" for item in sets) and len(sets) == n_results:
            self.at += n_results
            indices = [item[1] for item in reversed(sets)]
            self._save(lambda term: term.memory or term.has_effect or bool(term.reads & set(indices)))
            names = [self.function.local_name(index) for index in indices]
            self.out.append(Line(f"{', '.join(names)} = {text}"))
            return
        names = [self._temp() for _ in range(n_results)]
        self._emit(Line(f"{', '.join(names)} = {text}"))
        self.stack += [Term(name) for name in names]

    # --- control ---------------------------------------------------------------------------------

    def _result_count(self, block_type: int) -> int:
        if block_type == VOID:
            return 0
        return len(self.view.types[block_type - TYPE_INDEX][1]) if block_type >= TYPE_INDEX else 1

    def _assign_results(self, target: _Target) -> None:
        """The values a branch (or the block's end) carries go to the target's temporaries."""
        values = self._pop_many(target.n)
        if not target.names:
            target.names = [self._temp() for _ in range(target.n)]
        for name, value in zip(target.names, values, strict=True):
            if value.text != name:
                self._emit(Line(f"{name} = {value.text}"))

    def _do_block(self, instruction: Instruction) -> None:
        target = _Target(self._label("block"), self._result_count(instruction[1]))
        body = self._inside(target)
        self.at += 1
        self._enclose(Block(target.label, body), target)

    def _do_loop(self, instruction: Instruction) -> None:
        result = _Target(Label(""), self._result_count(instruction[1]))
        target = _Target(self._label("loop"), 0)
        body = self._inside(target, result)
        self.at += 1
        self._enclose(While(target.label, Label(target.label.name), body), result)

    def _inside(self, target: _Target, result: _Target | None = None) -> list[Statement]:
        """The body of a block; its end's values are assigned."""
        outer, self.stack = self.stack, []
        self.targets.append(target)
        body = self._suite()
        result = result or target
        if result.n and not leaves(body):
            before, self.out = self.out, body
            self._assign_results(result)
            self.out = before
        self.targets.pop()
        self.stack = outer
        return body

    def _enclose(self, statement: Statement, target: _Target) -> None:
        """Append a block; what waits on the stack is saved before it, results are pushed."""
        self._save(lambda term: bool(term.reads) or term.memory or term.has_effect)
        self.out.append(statement)
        self.stack += [Term(name) for name in target.names or ["?"] * target.n]

    def _do_if(self, instruction: Instruction) -> None:
        cond = self._pop()
        target = _Target(self._label("block"), self._result_count(instruction[1]))
        if target.n == 1 and self._try_ternary(cond, target):
            return
        then, orelse = self._inside(target), []
        if self.function.code[self.at][0] == "else":
            self.at += 1
            orelse = self._inside(target)
        self.at += 1
        self._enclose(Block(target.label, [If(cond, then, orelse)]), target)

    def _try_ternary(self, cond: Term, target: _Target) -> bool:
        """An if with one result whose branches are expressions becomes `a if c else b`."""
        state = (self.at, self.n_temps, self.n_labels, list(self.comments))
        outer, self.stack = self.stack, []
        self.targets.append(target)
        values = []
        for _ in range(2):
            body = self._suite()
            if body or len(self.stack) != 1:
                break
            values.append(self.stack.pop())
            self.at += 1
        self.targets.pop()
        self.stack = outer
        if len(values) == 2:
            self.stack.append(_boolean(cond, values[0], values[1]))
            return True
        self.at, self.n_temps, self.n_labels, self.comments = state
        target.names = []
        return False

    def _do_br(self, instruction: Instruction) -> None:
        self.out += self._jump(instruction[1], self.stack)

    def _jump(self, depth: int, stack: list[Term]) -> list[Statement]:
        """The statements of a branch; its values are taken from (a copy of) the stack."""
        target = self.targets[-1 - depth]
        if target is self.targets[0]:
            return [self._return()]
        if not target.n:
            return [Jump(target.label)]
        outer, self.out = self.out, []
        self.stack = list(stack)
        self._assign_results(target)
        out, self.out = self.out, outer
        return [*out, Jump(target.label)]

    def _do_br_if(self, instruction: Instruction) -> None:
        cond = self._pop()
        self._save(lambda term: term.has_effect or term.memory)
        stack = list(self.stack)
        self._emit(If(cond, self._jump(instruction[1], stack)))
        self.stack = stack

    def _do_br_table(self, instruction: Instruction) -> None:
        value = self._pop()
        *labels, default = instruction[1]
        cases: dict[int, list[int]] = {}
        for number, depth in enumerate(labels):
            if depth != default:
                cases.setdefault(depth, []).append(number)
        stack = list(self.stack)
        branches = [(" | ".join(map(str, numbers)), self._jump(depth, stack)) for depth, numbers in cases.items()]
        branches.append(("_", self._jump(default, stack)))
        self._emit(Switch(value, branches))

    def _do_return(self, instruction: Instruction) -> None:
        self.out.append(self._return())

    def _return(self) -> Line:
        values = self._pop_many(len(self.function.results))
        text = ", ".join(value.text for value in values)
        last = self.out[-1] if self.out else None
        if len(values) > 1 and isinstance(last, Line) and last.text.startswith(f"{text} = ") and text[0] == "t":
            self.out.pop()  # `t1, t2 = f(); return t1, t2`
            text = last.text.partition(" = ")[2]
        return Line(f"return {text}".rstrip(), leaves=True)


def _boolean(cond: Term, a: Term, b: Term) -> Term:
    """`if c then a else 0` is `c and a`, `if c then 1 else b` is `c or b`."""
    if b.text == "0" and a.prec < SUM:
        return logic("and", cond, a)
    if a.text == "1" and b.prec < SUM:
        return logic("or", cond, b)
    return ternary(cond, a, b)


def _assignment(place: str, value: Term) -> str:
    """`place = value`, or `place += …`."""
    if value.operation is not None and value.operation[1].text == place and value.prec >= OR:
        return f"{place} {value.operation[0]}= {value.operation[2].text}"
    return f"{place} = {value.text}"


def _constant_text(instruction: Instruction) -> str:
    name, value = instruction
    if name == "f64.const":
        return repr(struct.unpack("<d", value)[0])
    if name == "f32.const":
        return repr(struct.unpack("<f", value)[0])
    return f"v128({value.hex()})" if isinstance(value, bytes) else str(value)


def _memory_type(mnemonic: str) -> str:
    """How memory of a load or store is written: u8, i16, i64, …"""
    namespace, _, rest = mnemonic.partition(".")
    rest = rest.removeprefix("load").removeprefix("store")
    if not rest:
        return namespace
    width, _, sign = rest.partition("_")
    return f"{'i' if sign == 's' else 'u'}{width}" if width.isdigit() else f"{namespace}_{rest}"
