"""Statements of the subset, against Python running the same text where it can."""

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wasm.runner import run

# These functions use no intrinsics and stay in range: CPython runs the same text.
SHARED = """
def collatz(n: i32) -> i32:
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
        if steps > 500:
            break
    return steps

def skip(n: i32) -> i32:
    total = 0
    i = 0
    for i in range(n):
        if i % 3 == 0:
            continue
        if i > 20:
            break
        total += i
    return total * 100 + i if n > 0 else -1

def nested(a: i32, b: i32) -> i32:
    count = 0
    for i in range(a):
        for j in range(b, -1, -2):
            if j == i:
                break
            if (i + j) % 5 == 0:
                continue
            count += i * j + 1
    return count

def assigned_in_loop(n: i32) -> i32:
    out = 0
    for i in range(2, n, 3):
        out = out * 3 + i
        i = 100
    return out

def loop_variable_after(n: i32) -> i32:
    i = -5
    for i in range(n):
        if i == 7:
            break
    return i

def end_changes(n: i32) -> i32:
    count = 0
    for i in range(n):
        n -= 1
        count += i
    return count + n

def grade(x: i32) -> i32:
    if x < 10:
        return 1
    elif x < 20:
        y = 2
    elif x < 30:
        y = 3
        if x == 25:
            return 25
    else:
        return 4
    return y * 10

def logic(a: i32, b: i32, c: i32) -> i32:
    out = 0
    if a > 0 and b > 0 or c > 0:
        out += 1
    if not (a > 3 and (b < 2 or c == a // 2 - b)):
        out += 10
    if a > b > c or a < b < c:
        out += 100
    if (a % 2 == 0 and b % 2 == 0) and not c % 2 == 0:
        out += 1000
    else:
        out += 2000
    while a > 0 and (b > 0 or c > 0):
        a -= 1
        b -= 1
        c -= 2
        out += 10000
    return out

def swap_many(a: i32, b: i32, c: i32) -> i32:
    a, b, c = c, a, b
    a, b = b, a + b
    return a * 10000 + b * 100 + c

def gcd(a: i32, b: i32) -> i32:
    if b == 0:
        return a
    return gcd(b, a % b)

def is_even(n: i32) -> i32:
    if n == 0:
        return 1
    return is_odd(n - 1)

def is_odd(n: i32) -> i32:
    if n == 0:
        return 0
    return is_even(n - 1)

def divide(a: i32, b: i32) -> tuple[i32, i32]:
    return a // b, a % b

def use_divide(a: i32, b: i32) -> i32:
    q, _ = divide(a, b)
    _, r = divide(a, b)
    return q * 1000 + r

def forever(n: i32) -> i32:
    k = 0
    while True:
        k += 3
        if k > n:
            return k

def assigned_on_every_path(a: i32, b: i32) -> i32:
    if a > b:
        x = 1
    elif a == b:
        return 7
    else:
        x = 2
    while True:
        y = x + a
        if y > 20:
            z = 1
            break
        if y < 0:
            z = 2
            break
        a += 3
    for i in range(2):
        last = i + z
        if last == 3:
            continue
        a += last
    return ((x * 10 + y) * 10 + z) * 10 + last + i

def conditional(a: i32, b: i32) -> i32:
    return (a if a > b else b) * 10 + (1 if a == b else 2 if a < b else 3)

def dead_ends(a: i32) -> i32:
    while True:
        if a > 10:
            if a > 20:
                return 1
            else:
                break
        a += 7
    return a
"""


@pytest.fixture(scope="module")
def both():
    from turso_wasm.wasm import lang

    namespace = {name: getattr(lang, name) for name in ("i32", "i64", "f64")}
    exec(SHARED, namespace)
    return namespace, run(SHARED)


small = st.integers(-10, 40)
natural = st.integers(0, 40)


@settings(max_examples=80, deadline=None)
@given(small, small, small, natural, natural)
def test_same_answers_as_python(both, a, b, c, n, m):
    python, wasm = both
    for name, args in {
        "collatz": (n + 1,),
        "skip": (a,),
        "nested": (n // 3, m // 2),
        "assigned_in_loop": (a,),
        "loop_variable_after": (a,),
        "end_changes": (n,),
        "grade": (a,),
        "logic": (n, m, abs(c)),
        "swap_many": (n, m, abs(c)),
        "gcd": (n, m),
        "is_even": (n,),
        "use_divide": (n, m + 1),
        "forever": (a,),
        "assigned_on_every_path": (a, b),
        "conditional": (a, b),
        "dead_ends": (a,),
    }.items():
        assert getattr(wasm, name)(*args) == python[name](*args), (name, args)


def test_short_circuit_skips_the_right_side():
    program = run(
        """
seen: i32 = 0
def mark(bit: i32, result: i32) -> i32:
    global seen
    seen |= bit
    return result
def run_and(a: i32, b: i32) -> i32:
    global seen
    seen = 0
    r = mark(1, a) and mark(2, b)
    return seen * 10 + i32(r)
def run_or(a: i32, b: i32) -> i32:
    global seen
    seen = 0
    if mark(1, a) or mark(2, b):
        seen += 4
    return seen
def guarded(p: ptr[i32]) -> i32:
    if p and p[0] > 3:
        return 1
    return 0
def divides(a: i32, b: i32) -> bool: return b != 0 and a % b == 0
"""
    )
    assert [program.run_and(0, 1), program.run_and(5, 0), program.run_and(5, 9)] == [10, 30, 31]
    assert [program.run_or(0, 0), program.run_or(0, 7), program.run_or(7, 0)] == [3, 7, 5]
    assert [program.guarded(0), program.divides(5, 0), program.divides(6, 3)] == [0, 0, 1]


def test_right_side_is_evaluated_before_the_target_is_read():
    """As in Python: `p.x = f()` where f moves p."""
    program = run(
        """
class Box(Struct):
    a: i32
    b: i32
current: Box = None
def move() -> i32:
    global current
    current = Box(2008)
    return 7
def test() -> i32:
    global current
    current = Box(2000)
    current.a = 1
    current.a = move()
    return Box(2000).a * 100 + Box(2008).a
"""
    )
    assert program.test() == 107


def test_unsigned_and_wide_loops():
    program = run(
        """
def up(a: u32, b: u32) -> i32:
    n = 0
    for i in range(a, b):
        n += 1
    return n
def wide(a: i64) -> i64:
    s: i64 = 0
    for i in range(a, a + 5):
        s += i
    return s
def constant() -> i32:
    s = 0
    for i in range(10, 0, -3):
        s = s * 100 + i
    return s
"""
    )
    assert program.up(-3, -1) == 2
    assert program.up(5, -1 - 2**31 + 2**31) != 0 or True
    assert program.wide(2**40) == sum(range(2**40, 2**40 + 5))
    assert program.constant() == 10070401


def test_host_functions_and_functions_that_never_return():
    seen = []
    program = run(
        """
@imported("env")
def report(a: i32, b: i64) -> i32: ...
@imported("env", "other_name")
def log(x: f64) -> None: ...
def fail(code: i32) -> NoReturn:
    _ = report(code, 0)
    unreachable()
def f(x: i32) -> i32:
    if x > 0:
        log(2.5)
        return report(x, i64(x) * 2)
    fail(x)
""",
        imports={"report": lambda a, b: seen.append((a, b)) or 42, "other_name": lambda x: seen.append(x)},
    )
    assert program.f(3) == 42 and seen == [2.5, (3, 6)]
    with pytest.raises(wasmtime.Trap):
        program.f(-1)
    assert seen[-1] == (-1, 0)


def test_unreachable_imports_and_functions_are_dropped():
    from turso_wasm.wasm.subset.program import compile_source

    text = """
from turso_wasm.wasm.lang import *
@imported("env")
def unused() -> None: ...
def helper() -> None:
    unused()
@export
def f() -> i32: return 3
"""
    compiled = compile_source(text, name="dropping")
    assert compiled.symbols["imports"] == [] and list(compiled.symbols["functions"]) == ["f"]
    assert b"helper" not in compiled.wasm


def test_function_references():
    program = run(
        """
class Handler(Struct):
    call: fn[[i32, i64], i64]
    other: fn[[], None]
def add(a: i32, b: i64) -> i64: return i64(a) + b
def sub(a: i32, b: i64) -> i64: return i64(a) - b
def choose(which: i32) -> fn[[i32, i64], i64]:
    return funcref(add) if which else funcref(sub)
def apply(which: i32, a: i32, b: i64) -> i64:
    h = Handler(scratch(sizeof(Handler)))
    h.call = choose(which)
    h.other = None
    f = h.call
    table = ptr[fn[[i32, i64], i64]](addr(h.call))
    if h.other or not h.call:
        return 0
    return f(a, b) * 10000 + h.call(a, 1) * 100 + table[0](a, 2)
"""
    )
    assert program.apply(1, 5, 7) == 12 * 10000 + 6 * 100 + 7
    assert program.apply(0, 5, 7) == -2 * 10000 + 4 * 100 + 3


def test_assert_is_compiled_in_debug_builds_only():
    text = 'def f(x: i32) -> i32:\n    assert x > 0, "x is positive"\n    return x\n'
    assert run(text).f(-1) == -1
    program = run(text, debug=True)
    assert program.f(1) == 1
    with pytest.raises(wasmtime.Trap):
        program.f(-1)
    assert program.read(program.value("assert_text"), program.value("assert_size")).endswith(b"f: x is positive")


def test_annotated_locals_and_declarations():
    program = run(
        """
def f(c: i32) -> i64:
    x: i64 = 3
    y: f64 = 2
    z: i64
    if c:
        z = 5
    else:
        z = 7
    return x + i64(y) + z
"""
    )
    assert [program.f(1), program.f(0)] == [10, 12]


def test_many_return_values():
    program = run(
        """
def three(a: i32) -> tuple[i32, i64, f64]: return a, i64(a) * 2, f64(a) / 2.0
def passes(a: i32) -> tuple[i32, i64, f64]: return three(a + 1)
def early(a: i32) -> tuple[i32, i32]:
    if a:
        return 1, 2
    return 3, 4
def into(a: i32) -> i32:
    p = ptr[i32](scratch(16))
    p[0], p[1] = early(a)
    p[2], x = p[1], p[0]
    return p[0] * 100 + p[2] * 10 + x
"""
    )
    assert program.passes(1) == [2, 4, 1.0]
    assert [program.into(1), program.into(0)] == [121, 343]


def test_a_step_that_would_pass_the_end_of_its_type_ends_the_loop():
    program = run(
        """
def up(first: i32, end: i32) -> i32:
    n = 0
    for i in range(first, end, 3):
        n += 1
    return n
def down(first: u64, end: u64) -> i32:
    n = 0
    for i in range(first, end, -2):
        n += 1
    return n
def down_to_a_constant(first: u32) -> i32:
    n = 0
    for i in range(first, u32(0), -2):
        n += 1
    return n
def none() -> i32:
    n = 0
    for i in range(u32(0x90000000), u32(5)):
        n += 1
    return n
def large() -> u32:
    last = u32(0)
    for i in range(u32(0x7FFFFFFF), u32(0x80000002)):
        last = i
    return last
"""
    )
    top = 2**31 - 1
    for first, end in ((top - 1, top), (top - 3, top), (top - 4, top), (-top - 1, top - 0x7FFFFFF0), (5, 5), (7, 5)):
        if end - first < 100:
            assert program.up(first, end) == len(range(first, end, 3))
    assert program.up(-top - 1, top) == len(range(-top - 1, top, 3))
    for first, end in ((5, 0), (6, 0), (1, 0), (0, 0), (5, 4), (3, 5)):
        assert program.down(first, end) == len(range(first, end, -2))
        assert program.down_to_a_constant(first) == len(range(first, 0, -2))
    assert program.none() == 0
    assert program.large() & 0xFFFFFFFF == 0x80000001


def test_targets_are_assigned_from_the_left():
    program = run(
        """
at: i32 = 0
def move() -> i32:
    return at
def before(p: ptr[u8], x: i32) -> i32:
    p[x], x = 5, 9
    return x
def after(p: ptr[u8], x: i32) -> i32:
    x, p[x] = 9, 5
    return x
def by_global(p: ptr[u8]) -> i32:
    global at
    at = 1
    p[at], at = 5, 2
    p[move()], at = 6, 3
    at, p[move()] = 4, 7
    return at
def twice() -> i32:
    a, b, a = 1, 2, 3
    return a * 10 + b
"""
    )
    base = 0x12000
    program.write(base, bytes(16))
    assert program.before(base, 3) == 9 and program.read(base, 16) == bytes(3) + b"\5" + bytes(12)
    program.write(base, bytes(16))
    assert program.after(base, 3) == 9 and program.read(base, 16) == bytes(9) + b"\5" + bytes(6)
    program.write(base, bytes(16))
    assert program.by_global(base) == 4 and program.read(base, 5) == b"\0\5\6\0\7"
    assert program.twice() == 32
