"""Statements of pseudo-Python: their model, the turning of jumps into while / if / break / continue, and their text.

A Block is a wasm `block`: jumps to its label go behind it. `structured` makes most blocks vanish:
  if c: …; jump L        →  if c: … else: rest          (rest reaches the end of L anyway)
  rest
  jump L at the end of L →  nothing
  jump L out of a loop that ends L → break
Blocks that remain are printed as `block name:` and `leave name`.
"""

from __future__ import annotations

from dataclasses import field

from turso_wasm.base.records import dataclass
from turso_wasm.wasm.terms import Term, logic


class Label:
    """Where a jump goes: behind a block, back to a loop's start, or out of a loop."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(slots=True)
class Line:
    """One simple statement; `leaves`: nothing after it runs (return, trap)."""

    text: str
    leaves: bool = False


@dataclass(slots=True)
class Jump:
    """Go to a label."""

    target: Label


@dataclass(slots=True)
class If:
    """A choice."""

    cond: Term
    then: list[Statement]
    orelse: list[Statement] = field(default_factory=list)


@dataclass(slots=True)
class While:
    """A loop; `start` is where continue goes, `exit` where break goes; it repeats when its body's end is reached."""

    start: Label
    exit: Label
    body: list[Statement]
    cond: Term | None = None


@dataclass(slots=True)
class Block:
    """A block whose label is still needed."""

    label: Label
    body: list[Statement]


@dataclass(slots=True)
class Switch:
    """A br_table: cases in order, the last for everything else."""

    value: Term
    cases: list[tuple[str, list[Statement]]]


Statement = Line | Jump | If | While | Block | Switch


# --- walking -------------------------------------------------------------------------------------


def suites(statement: Statement) -> list[list[Statement]]:
    """The statement lists inside a statement."""
    if isinstance(statement, If):
        return [statement.then, statement.orelse]
    if isinstance(statement, (While, Block)):
        return [statement.body]
    if isinstance(statement, Switch):
        return [body for _, body in statement.cases]
    return []


def retarget(body: list[Statement], old: Label, new: Label) -> None:
    """Every jump to `old` goes to `new`."""
    for statement in body:
        if isinstance(statement, Jump) and statement.target is old:
            statement.target = new
        for suite in suites(statement):
            retarget(suite, old, new)


def jumps_to(body: list[Statement], label: Label) -> bool:
    """Whether some jump inside goes to the label."""
    return any(
        (isinstance(statement, Jump) and statement.target is label)
        or any(jumps_to(suite, label) for suite in suites(statement))
        for statement in body
    )


def leaves(body: list[Statement]) -> bool:
    """Whether control never reaches the end of a suite."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, Line):
        return last.leaves
    if isinstance(last, If):
        return leaves(last.then) and leaves(last.orelse)
    if isinstance(last, While):
        return last.cond is None and not jumps_to(last.body, last.exit)
    if isinstance(last, Switch):
        return all(leaves(case) for _, case in last.cases)
    return isinstance(last, Jump)


# --- structuring ---------------------------------------------------------------------------------


def structured(body: list[Statement]) -> list[Statement]:
    """The same program with as few labels as possible."""
    body = _without_labels(body)
    _lift_conditions(body)
    return body


def _without_labels(body: list[Statement]) -> list[Statement]:
    out: list[Statement] = []
    for statement in body:
        if leaves(out):
            break
        for suite in suites(statement):
            suite[:] = _without_labels(suite)
        if isinstance(statement, Block):
            settle_tail(statement.body, statement.label)
            if jumps_to(statement.body, statement.label):
                out.append(statement)
            else:
                out += statement.body
        elif isinstance(statement, While):
            if not leaves(statement.body):
                statement.body.append(Jump(statement.exit))
            settle_tail(statement.body, statement.start)
            out.append(statement)
        else:
            out.append(statement)
        _merge_nested_if(out[-1] if out else None)
    return out


def _merge_nested_if(statement: Statement | None) -> None:
    """`if a: if b: …` is `if a and b: …`."""
    while isinstance(statement, If) and not statement.orelse and len(statement.then) == 1:
        inner = statement.then[0]
        if not isinstance(inner, If) or inner.orelse:
            return
        statement.cond = logic("and", statement.cond, inner.cond)
        statement.then = inner.then


def _lift_conditions(body: list[Statement]) -> None:
    """A loop that begins with its exit gets a condition."""
    for statement in body:
        if isinstance(statement, While):
            first = statement.body[0] if statement.body else None
            if isinstance(first, If) and not first.orelse and _is_jump(first.then, statement.exit):
                statement.cond = first.cond.negated()
                del statement.body[0]
            elif isinstance(first, If) and _is_jump(first.orelse, statement.exit):
                statement.cond = first.cond
                statement.body[:1] = first.then
        for suite in suites(statement):
            _lift_conditions(suite)


def _is_jump(body: list[Statement], label: Label) -> bool:
    return len(body) == 1 and isinstance(body[0], Jump) and body[0].target is label


def settle_tail(body: list[Statement], label: Label) -> None:
    """In a suite whose end is where `label` leads: drop jumps to it, nesting what they skip."""
    for at, statement in enumerate(body[:-1]):
        if isinstance(statement, If) and _ends_with_jump(statement, label):
            rest = body[at + 1 :]
            del body[at + 1 :]
            if _last_target(statement.then) is label:
                statement.then.pop()
                statement.orelse += rest
            else:
                statement.orelse.pop()
                statement.then += rest
            break
    if not body:
        return
    last = body[-1]
    if isinstance(last, Jump) and last.target is label:
        body.pop()
    elif isinstance(last, If):
        settle_tail(last.then, label)
        settle_tail(last.orelse, label)
        if not last.then and last.orelse:
            last.cond, last.then, last.orelse = last.cond.negated(), last.orelse, []
        elif not last.then and not last.cond.has_effect:
            body.pop()
        _merge_nested_if(last)
    elif isinstance(last, While):
        retarget(last.body, label, last.exit)
    elif isinstance(last, Block):
        retarget(last.body, label, last.label)
        settle_tail(last.body, last.label)
    elif isinstance(last, Switch):
        for _, case in last.cases:
            settle_tail(case, label)


def _ends_with_jump(statement: If, label: Label) -> bool:
    return _last_target(statement.then) is label or _last_target(statement.orelse) is label


def _last_target(body: list[Statement]) -> Label | None:
    last = body[-1] if body else None
    return last.target if isinstance(last, Jump) else None


# --- text ----------------------------------------------------------------------------------------


def render(body: list[Statement], indent: int, loops: list[While]) -> list[str]:
    """The lines of a suite."""
    pad = "    " * indent
    lines: list[str] = []
    for statement in body:
        if isinstance(statement, Line):
            lines.append(pad + statement.text)
        elif isinstance(statement, Jump):
            lines.append(pad + _jump_text(statement, loops))
        elif isinstance(statement, If):
            lines += _render_if(statement, indent, loops, "if")
        elif isinstance(statement, While):
            name = f"  # {statement.start.name}" if _needs_name(statement) else ""
            lines.append(f"{pad}while {statement.cond.text if statement.cond else 'True'}:{name}")
            lines += render(statement.body, indent + 1, [*loops, statement]) or [pad + "    pass"]
        elif isinstance(statement, Block):
            lines.append(f"{pad}block {statement.label.name}:")
            lines += render(statement.body, indent + 1, loops)
        else:
            lines.append(f"{pad}match {statement.value.text}:")
            for pattern, case in statement.cases:
                lines.append(f"{pad}    case {pattern}:")
                lines += render(case, indent + 2, loops) or [pad + "        pass"]
    return lines


def _render_if(statement: If, indent: int, loops: list[While], word: str) -> list[str]:
    pad = "    " * indent
    lines = [f"{pad}{word} {statement.cond.text}:"]
    lines += render(statement.then, indent + 1, loops) or [pad + "    pass"]
    if len(statement.orelse) == 1 and isinstance(statement.orelse[0], If):
        return lines + _render_if(statement.orelse[0], indent, loops, "elif")
    if statement.orelse:
        lines.append(f"{pad}else:")
        lines += render(statement.orelse, indent + 1, loops)
    return lines


def _jump_text(jump: Jump, loops: list[While]) -> str:
    for depth, loop in enumerate(reversed(loops)):
        name = f" {loop.start.name}" if depth else ""
        if jump.target is loop.exit:
            return f"break{name}"
        if jump.target is loop.start:
            return f"continue{name}"
    return f"leave {jump.target.name}"


def _needs_name(loop: While) -> bool:
    """Whether an inner loop jumps past its own end to this one."""

    def inner(body: list[Statement], inside: bool) -> bool:
        for statement in body:
            if inside and isinstance(statement, Jump) and statement.target in (loop.start, loop.exit):
                return True
            if any(inner(suite, inside or isinstance(statement, While)) for suite in suites(statement)):
                return True
        return False

    return inner(loop.body, False)
