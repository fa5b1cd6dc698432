"""Small improvements of one function's decoded instructions: for code compiled ahead of time.

Engines allocate registers and schedule; what is worth doing here is what makes code smaller: no dead code, no blocks
nobody branches to, set/get pairs as tee, inverted comparisons, conditional branches instead of `if … br … end`, no
unused locals. Every pass keeps the function valid and its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.wasm.decode import VOID, Instruction

_INVERSE = {"eq": "ne", "ne": "eq"}
for _a, _b in (("lt", "ge"), ("gt", "le")):
    for _sign in ("_s", "_u"):
        _INVERSE[_a + _sign], _INVERSE[_b + _sign] = _b + _sign, _a + _sign
INVERSE = {f"{t}.{a}": f"{t}.{b}" for t in ("i32", "i64") for a, b in _INVERSE.items()}
INVERSE.update({"f64.eq": "f64.ne", "f64.ne": "f64.eq", "f32.eq": "f32.ne", "f32.ne": "f32.eq"})
_COMPARISON = set(INVERSE) | {"i32.eqz", "i64.eqz"} | {f"f64.{op}" for op in ("lt", "gt", "le", "ge")}
_TESTS = {
    "br_if",
    "if",
    "i32.eqz",
}  # consumers that only ask whether an i32 is zero (select: its condition is on top too)
_ENDS = {"br", "br_table", "return", "unreachable"}
_OPENERS = {"block", "loop", "if"}
_EXTENSIONS = ("i64.extend_i32_s", "i64.extend_i32_u")
_BYTE_LOADS = {"i32.load8_u": 0xFF, "i32.load16_u": 0xFFFF}
_LOCAL = {"local.get", "local.set", "local.tee"}
_PURE_PUSH = {"local.get", "i32.const", "i64.const", "f64.const", "global.get"}
_SAFE_OFFSET = 1024  # no valid address lies below it, so base + offset cannot have wrapped around (subset/program.py)


def optimize(code: list[Instruction], n_params: int, types: Sequence[int]) -> tuple[list[Instruction], list[int]]:
    """(better instructions, the old indices of the remaining locals in their new order, parameters first)."""
    size = -1
    while len(code) != size:
        size = len(code)
        code = structure(code)
        code = drop_dead_stores(code, n_params)
        code = peephole(code)
    if code and code[-1] == ["return"]:
        code.pop()
    return renumber_locals(code, n_params, types)


# --- control flow --------------------------------------------------------------------------------


def structure(code: list[Instruction]) -> list[Instruction]:
    """Drop unreachable code, branches to what follows anyway, and blocks nobody branches to."""
    code = drop_unreachable(code)
    used = _branch_targets(code)
    out: list[Instruction] = []
    stack: list[tuple[int, bool]] = []  # (opener's position, kept)
    at = 0
    while at < len(code):
        instruction = code[at]
        name = instruction[0]
        if name == "if" and _is_conditional_branch(code, at):
            depth = code[at + 1][1]
            if depth == 0:
                out.append(["drop"])
            else:
                out.append(["br_if", _new_depth(stack, depth - 1)])
            at += 3
            continue
        if name in _OPENERS:
            keep = name == "if" or at in used
            stack.append((at, keep))
            if keep:
                out.append(instruction)
        elif name == "end":
            keep = stack.pop()[1]
            if keep:
                _close(out, instruction)
        elif name == "else" and out[-1] == ["if", VOID]:
            out[-1:] = [["i32.eqz"], out[-1]]  # an empty then: the else becomes it
        elif name == "br" and instruction[1] == 0 and _ends_here(code, at, stack):
            pass  # falls through to the same place
        elif name in ("br", "br_if"):
            out.append([name, _new_depth(stack, instruction[1])])
        elif name == "br_table":
            out.append([name, tuple(_new_depth(stack, depth) for depth in instruction[1])])
        else:
            out.append(instruction)
        at += 1
    return out


def _close(out: list[Instruction], end: Instruction) -> None:
    """Append `end`; an empty else is dropped, and an empty if."""
    if out[-1][0] == "else" and _opener_is_void(out):
        out.pop()
    if out[-1] == ["if", VOID]:
        out[-1] = ["drop"]
    else:
        out.append(end)


def _opener_is_void(out: list[Instruction]) -> bool:
    """Whether the `if` whose `else` ends `out` has no result."""
    depth = 0
    for instruction in reversed(out[:-1]):
        if instruction[0] == "end":
            depth += 1
        elif instruction[0] in _OPENERS:
            if depth == 0:
                return bool(instruction[1] == VOID)
            depth -= 1
    return False


def _is_conditional_branch(code: list[Instruction], at: int) -> bool:
    """`if; br n; end` is br_if n-1."""
    if code[at][1] != VOID or at + 2 >= len(code):
        return False
    return bool(code[at + 1][0] == "br" and code[at + 2][0] == "end")


def _ends_here(code: list[Instruction], at: int, stack: list[tuple[int, bool]]) -> bool:
    """Whether `br 0` at this place only goes where control falls anyway: before the end of a block or if."""
    if not stack or at + 1 >= len(code) or code[at + 1][0] not in ("end", "else"):
        return False
    return bool(code[stack[-1][0]][0] != "loop")


def _new_depth(stack: list[tuple[int, bool]], depth: int) -> int:
    """A branch depth without the dropped blocks."""
    return sum(1 for _, kept in stack[len(stack) - depth :] if kept) if depth else 0


def drop_unreachable(code: list[Instruction]) -> list[Instruction]:
    """Drop what follows a br, return or unreachable up to the end of its block."""
    out: list[Instruction] = []
    dead = False
    depth = 0
    for instruction in code:
        name = instruction[0]
        if not dead:
            out.append(instruction)
            dead = name in _ENDS
        elif name in _OPENERS:
            depth += 1
        elif name in ("end", "else"):
            if depth == 0:
                out.append(instruction)
                dead = False
            elif name == "end":
                depth -= 1
    return out


def _branch_targets(code: list[Instruction]) -> set[int]:
    """The positions of openers some branch goes to, not counting branches `structure` drops or folds."""
    used: set[int] = set()
    stack: list[tuple[int, bool]] = []
    for at, instruction in enumerate(code):
        name = instruction[0]
        if name in _OPENERS:
            stack.append((at, True))
        elif name == "end":
            stack.pop()
        elif name in ("br", "br_if"):
            if name == "br" and instruction[1] == 0 and _ends_here(code, at, stack):
                continue
            if instruction[1] < len(stack):
                used.add(stack[-1 - instruction[1]][0])
        elif name == "br_table":
            used.update(stack[-1 - depth][0] for depth in instruction[1] if depth < len(stack))
    return used


# --- values --------------------------------------------------------------------------------------


def drop_dead_stores(code: list[Instruction], n_params: int) -> list[Instruction]:
    """A local nobody reads is not written; one that is written and read once, in a row, stays on the stack."""
    reads: dict[int, int] = {}
    writes: dict[int, int] = {}
    for instruction in code:
        if instruction[0] == "local.get":
            reads[instruction[1]] = reads.get(instruction[1], 0) + 1
        elif instruction[0] in ("local.set", "local.tee"):
            writes[instruction[1]] = writes.get(instruction[1], 0) + 1
    out: list[Instruction] = []
    for instruction in code:
        name = instruction[0]
        if name == "local.set" and instruction[1] not in reads:
            out.append(["drop"])
        elif name == "local.tee" and instruction[1] not in reads:
            pass
        elif name == "local.get" and out and out[-1] == ["local.set", instruction[1]]:
            local = instruction[1]
            out.pop()
            if not (reads[local] == 1 and writes[local] == 1 and local >= n_params):
                out.append(["local.tee", local])
        else:
            out.append(instruction)
    return out


def peephole(code: list[Instruction]) -> list[Instruction]:
    """Rewrite neighbours, looking back from each instruction at what precedes it."""
    out: list[Instruction] = []
    for instruction in code:
        _push(out, instruction)
    return out


def _push(out: list[Instruction], instruction: Instruction) -> None:
    name = instruction[0]
    last = out[-1][0] if out else ""
    if name in _TESTS and _simplify_test(out):
        _push(out, instruction)
    elif name == "i32.eqz" and last in INVERSE:
        out[-1] = [INVERSE[last]]
    elif name == "drop" and last in _PURE_PUSH:
        out.pop()
    elif name == "drop" and last == "local.tee":
        out[-1] = ["local.set", out[-1][1]]
    elif name == "local.set" and last == "local.get" and out[-1][1] == instruction[1]:
        out.pop()
    elif name in ("i32.eq", "i64.eq") and last == name[:4] + "const" and out[-1][1] == 0:
        out[-1] = [name + "z"]
    elif (name == "i32.wrap_i64" and last in _EXTENSIONS) or (name == "i32.and" and _is_masked_already(out)):
        out.pop()
    elif name == "i32.wrap_i64" and last == "i64.const":
        value = out[-1][1] & 0xFFFFFFFF
        out[-1] = ["i32.const", value - (1 << 32) if value >> 31 else value]
    elif ".load" in name and last == "i32.add" and _foldable(out, instruction):
        offset = out[-2][1]
        del out[-2:]
        out.append([name, instruction[1], instruction[2] + offset])
    else:
        out.append(instruction)


def _is_masked_already(out: list[Instruction]) -> bool:
    """Whether `out` ends in a narrow unsigned load and the mask of its width."""
    if len(out) < 2 or out[-1][0] != "i32.const":
        return False
    return bool(_BYTE_LOADS.get(out[-2][0]) == out[-1][1])


def _foldable(out: list[Instruction], load: Instruction) -> bool:
    if len(out) < 2 or out[-2][0] != "i32.const":
        return False
    return bool(0 < out[-2][1] <= _SAFE_OFFSET)


def _simplify_test(out: list[Instruction]) -> bool:
    """Where only zero or not counts: drop a final `!= 0` and a double negation. True if something changed."""
    if len(out) < 2:
        return False
    if out[-1][0] == "i32.ne" and out[-2] == ["i32.const", 0]:
        del out[-2:]
        return True
    if out[-1][0] == "i32.eqz" and out[-2][0] == "i32.eqz":
        del out[-2:]
        return True
    return False


# --- locals --------------------------------------------------------------------------------------


def renumber_locals(
    code: list[Instruction], n_params: int, types: Sequence[int]
) -> tuple[list[Instruction], list[int]]:
    """(code, old indices in their new order): unused locals are removed, the rest ordered by type."""
    used = {instruction[1] for instruction in code if instruction[0] in _LOCAL}
    kept = sorted((i for i in used if i >= n_params), key=lambda i: (-types[i], i))
    order = list(range(n_params)) + kept
    new = {old: index for index, old in enumerate(order)}
    return [[i[0], new[i[1]]] if i[0] in _LOCAL else i for i in code], order
