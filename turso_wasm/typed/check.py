"""From a function's syntax tree to typed statements.

Types are found by reading the function until they do not change: what a variable is assigned last may widen what it
was before (an int becomes a float, a value one that may be None).
Errors: NotTyped, with the place.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from turso_wasm.typed.errors import NotTyped
from turso_wasm.typed.expressions import Expressions
from turso_wasm.typed.scope import Scope, compiling
from turso_wasm.typed.source import Source
from turso_wasm.typed.types import (
    BOOL,
    BYTES,
    INT,
    LISTS,
    NONE,
    STR,
    Assign,
    Block,
    Constant,
    Expr,
    ForEach,
    ForRange,
    Function,
    Group,
    If,
    Jump,
    MakeList,
    Return,
    SetItem,
    Statement,
    Type,
    Variable,
    While,
)

MAX_READINGS = 64


def compile_function(function: Callable[..., Any]) -> Function:
    """The typed function that a Python function is.

    Errors: NotTyped, whose text shows the line, when it is not written in the typed subset (docs/typed-python.md).
    """
    source = Source(function)
    try:
        with compiling(function):
            return _read(source)
    except NotTyped as error:
        raise error.at(source.path, source.first_line, source.text) from None
    except RecursionError:
        raise NotTyped(f"{source.name}() is nested too deeply").at(
            source.path, source.first_line, source.text
        ) from None


def _read(source: Source) -> Function:
    annotations = source.annotations()
    result = annotations.pop("return")
    defaults = source.defaults(annotations)
    scope = Scope(source, annotations, defaults, result)
    for _ in range(MAX_READINGS):
        scope.begin()
        body = Statements(scope).body()
        if not scope.widened:
            break
    if scope.failed is not None:
        raise scope.failed
    if scope.widened:
        raise NotTyped("the types of its variables cannot be found", source.node)
    calls = tuple(scope.calls.values())
    names = [f"{name}={value!r}" for name, value in sorted(scope.named.items())]
    key = "\n".join([ast.dump(source.node), repr([*annotations.values(), result, *defaults]), *names])
    return Function(
        name=source.name,
        params=tuple(annotations.values()),
        defaults=tuple(defaults),
        result=result,
        variables=tuple(scope.types),
        body=body,
        calls=calls,
        key="\n".join([key, *[call.key for call in calls]]),
        recursive=scope.recursive,
    )


class Statements:
    """Reads the statements of a function once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.expressions = Expressions(scope)

    def body(self) -> Block:
        """The function's body; where it ends it returns None."""
        source = self.scope.source
        found, leaves = self._block(source.node.body)
        if not leaves:
            none = self.expressions.as_type(
                Constant(type=NONE, value=None), self.scope.result, source.node, "the result"
            )
            found = (*found, Return(value=none))
        return found

    def _block(self, nodes: Sequence[ast.stmt]) -> tuple[Block, bool]:
        """(the statements, whether control never gets behind them). What follows a return is not read."""
        found: list[Statement] = []
        for node in nodes:
            try:
                statement = self._statement(node)
            except NotTyped as error:  # which may be gone when more types are known
                self.scope.failed = self.scope.failed or error
                continue
            if statement is not None:
                found.append(statement)
                if self.scope.known is None:
                    return tuple(found), True
        return tuple(found), False

    def _statement(self, node: ast.stmt) -> Statement | None:
        read = getattr(self, f"_{type(node).__name__.lower()}", None)
        if read is None:
            raise NotTyped(f"`{_word(node)}` is not part of typed Python", node)
        statement: Statement | None = read(node)
        return statement

    def _pass(self, _node: ast.Pass) -> None:
        return None

    def _expr(self, node: ast.Expr) -> Statement | None:
        """A docstring, or `items.append(value)`."""
        call = node.value
        if isinstance(call, ast.Constant):
            return None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "append":
            raise NotTyped("the value of this is not used", node)
        items = self._items(call.func.value)
        if len(call.args) != 1 or call.keywords:
            raise NotTyped("append() takes one argument", node)
        return self._set_item(items, None, call.args[0], node)

    def _items(self, node: ast.expr) -> Expr:
        """A list that is changed."""
        items = self.expressions.present(self.expressions.value(node), node)
        if items.type not in LISTS.values():
            raise NotTyped(f"{items.type} cannot be changed", node)
        return items

    def _set_item(self, items: Expr, at: Expr | None, value: ast.expr, node: ast.AST) -> Statement:
        element = items.type.element
        assert element is not None, "it is a list"
        found = self.expressions.value(value)
        return SetItem(items=items, at=at, value=self.expressions.as_type(found, element, node, "an element"))

    def _assign(self, node: ast.Assign) -> Statement:
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
            return self._set_place(node.targets[0], node.value, node)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple):
            return self._set_all(node.targets[0], node.value, node)
        if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            raise NotTyped("an assignment goes to one variable", node)
        return self._set(node.targets[0], node.value, node)

    def _set_all(self, targets: ast.Tuple, values: ast.expr, node: ast.AST) -> Statement:
        """`a, b = x, y`: the values are computed first."""
        names = [target for target in targets.elts if isinstance(target, ast.Name)]
        if not isinstance(values, ast.Tuple) or not len(names) == len(targets.elts) == len(values.elts):
            raise NotTyped("several variables are assigned as many values", node)
        first, second = [], []
        for value in values.elts:
            read = self.expressions.value(value)
            kept = self.scope.hidden(read.type)
            first.append(Assign(number=kept, value=read))
            second.append(Variable(type=read.type, number=kept))
        assigned = []
        for target, computed in zip(names, second, strict=True):
            number = self.scope.assign(target.id, computed.type, node)
            converted = self.expressions.as_type(computed, self.scope.types[number], node, target.id)
            assigned.append(Assign(number=number, value=converted))
        return Group(body=(*first, *assigned))

    def _set_place(self, target: ast.Subscript, value: ast.expr, node: ast.AST) -> Statement:
        if isinstance(target.slice, ast.Slice):
            raise NotTyped("an assignment goes to one element", node)
        return self._set_item(self._items(target.value), self.expressions.place(target.slice), value, node)

    def _annassign(self, node: ast.AnnAssign) -> Statement | None:
        if not isinstance(node.target, ast.Name):
            raise NotTyped("an assignment goes to one variable", node)
        self.scope.annotate(node.target.id, node.annotation)
        type_ = self.scope.types[self.scope.numbers[node.target.id]]
        if isinstance(node.value, ast.List) and not node.value.elts and type_ in LISTS.values():
            empty = MakeList(type=type_, items=(), count=Constant(type=INT, value=0))
            return Assign(number=self.scope.assign(node.target.id, type_, node), value=empty)
        return None if node.value is None else self._set(node.target, node.value, node)

    def _augassign(self, node: ast.AugAssign) -> Statement:
        if isinstance(node.target, ast.Subscript):
            old = ast.copy_location(ast.Subscript(node.target.value, node.target.slice, ast.Load()), node.target)
            return self._set_place(node.target, ast.copy_location(ast.BinOp(old, node.op, node.value), node), node)
        if not isinstance(node.target, ast.Name):
            raise NotTyped("an assignment goes to one variable", node)
        before = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
        return self._set(node.target, ast.copy_location(ast.BinOp(before, node.op, node.value), node), node)

    def _set(self, target: ast.Name, value: ast.expr, node: ast.AST) -> Statement:
        read = self.expressions.value(value)
        number = self.scope.assign(target.id, read.type, node)
        return Assign(number=number, value=self.expressions.as_type(read, self.scope.types[number], node, target.id))

    def _return(self, node: ast.Return) -> Statement:
        value = Constant(type=NONE, value=None) if node.value is None else self.expressions.value(node.value)
        self.scope.known = None
        return Return(value=self.expressions.as_type(value, self.scope.result, node, "the result"))

    def _raise(self, node: ast.Raise) -> Statement:
        self.scope.known = None
        said = node.exc.args[0] if isinstance(node.exc, ast.Call) and node.exc.args else None
        message = said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else ""
        return Jump(what="fail", message=message)

    def _assert(self, node: ast.Assert) -> Statement:
        return If(test=self.expressions.truth(node.test), then=(), otherwise=(Jump(what="fail"),))

    def _break(self, node: ast.Break) -> Statement:
        self.scope.leave_loop("break")
        return Jump(what="break")

    def _continue(self, node: ast.Continue) -> Statement:
        self.scope.leave_loop("continue")
        return Jump(what="continue")

    def _test(self, node: ast.expr) -> Expr:
        """A condition. What is wrong with it may be gone when what stands below has been read."""
        try:
            return self.expressions.truth(node)
        except NotTyped as error:
            self.scope.failed = self.scope.failed or error
            return Constant(type=BOOL, value=False)

    def _if(self, node: ast.If) -> Statement:
        test = self._test(node.test)
        before = self.scope.known
        then, _ = self._block(node.body)
        after, self.scope.known = self.scope.known, before
        otherwise, _ = self._block(node.orelse)
        self.scope.meet(after)
        return If(test=test, then=then, otherwise=otherwise)

    def _while(self, node: ast.While) -> Statement:
        test = self._test(node.test)
        body, otherwise = self._loop(node.body, node.orelse, endless=_is_true(node.test))
        return While(test=test, body=body, otherwise=otherwise)

    def _for(self, node: ast.For) -> Statement:
        if not isinstance(node.target, ast.Name):
            raise NotTyped("a loop has one variable", node.target)
        items = node.iter
        if isinstance(items, ast.Call) and self.expressions.meaning(items.func) is range:
            return self._for_range(node, node.target, items)
        read = self.expressions.present(self.expressions.items(items), items)
        element = read.type.element or {STR: STR, BYTES: INT}.get(read.type)
        if element is None:
            raise NotTyped("a loop goes over range(…), a str, bytes or a list", items)
        before = self.scope.known
        number = self._loop_variable(node.target, element)
        body, otherwise = self._loop(node.body, node.orelse, before=before)
        return ForEach(number=number, items=read, body=body, otherwise=otherwise)

    def _for_range(self, node: ast.For, target: ast.Name, call: ast.Call) -> Statement:
        if not 1 <= len(call.args) <= 3 or call.keywords:
            raise NotTyped("range() takes one to three integers", call)
        read = [self.expressions.as_type(self.expressions.value(a), INT, a, "range()", widen=True) for a in call.args]
        if len(read) == 1:
            read.insert(0, Constant(type=INT, value=0))
        if len(read) == 2:
            read.append(Constant(type=INT, value=1))
        before = self.scope.known
        number = self._loop_variable(target, INT)
        counter = self.scope.hidden(INT)
        start, stop, step = read
        body, otherwise = self._loop(node.body, node.orelse, before=before)
        return ForRange(
            number=number, counter=counter, start=start, stop=stop, step=step, body=body, otherwise=otherwise
        )

    def _loop_variable(self, target: ast.Name, type_: Type) -> int:
        number = self.scope.assign(target.id, type_, target)
        if self.scope.types[number] != type_:
            raise NotTyped(f"{target.id!r} is {self.scope.types[number]} elsewhere, and {type_} here", target)
        return number

    def _loop(
        self, nodes: Sequence[ast.stmt], orelse: Sequence[ast.stmt], before: Any = None, endless: bool = False
    ) -> tuple[Block, Block]:
        """Body and else of a loop. before: what is known when it runs no round. endless: it ends by break only."""
        scope = self.scope
        before = scope.known if before is None else before
        with scope.loop() as exits:
            body, _ = self._block(nodes)
        scope.known = None if endless else before
        otherwise, _ = self._block(orelse) if scope.known is not None else ((), True)
        for known in exits:
            scope.meet(known)
        return body, otherwise


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value)


_WORDS = {
    "FunctionDef": "def", "AsyncFunctionDef": "async def", "ClassDef": "class", "Delete": "del", "TryStar": "try",
    "ImportFrom": "import", "AsyncFor": "async for", "AsyncWith": "async with",
}  # fmt: skip


def _word(node: ast.stmt) -> str:
    name = type(node).__name__
    return _WORDS.get(name, name.lower())
