"""The printers: WAT-like text, and pseudo-Python with structure and names."""

import textwrap

import pytest

from tests.unit.wasm.runner import HEADER
from turso_wasm.wasm.dsl import F64, I32, I64, V128, i32, i64
from turso_wasm.wasm.module import Module
from turso_wasm.wasm.reader import read_module
from turso_wasm.wasm.subset.program import compile_source
from turso_wasm.wasm.symbols import Symbols
from turso_wasm.wasm.text import print_module, print_python

SYMBOLS = Symbols(
    {
        "functions": {
            "cursor_next": {"params": ["i32"], "results": ["i32"]},
            "record_column": {"params": ["i32", "i32"], "results": ["i32", "i64"]},
            "row_set": {"params": ["i32", "i32", "i32", "i64"], "results": []},
        },
        "globals": {"budget": {"type": "i32", "mutable": True}},
    }
)


def program():
    """What a generated statement looks like: a scan with a filter."""
    m = Module(SYMBOLS)
    m.import_memory("kernel", "memory")
    budget = m.kernel_global("budget")
    f = m.function("step", [("stmt", I32)], [I32], export=True)
    (stmt,) = f.params
    row = f.local(I32, "row")
    cur = f.local(I32, "cur", value=f.load("i32", stmt, 12))
    f.comment("SCAN t")
    with f.block() as done, f.loop() as again:
        f.br(done, if_=f.call("cursor_next", cur).eqz())
        tag, payload = f.call_multi("record_column", cur, 2, into=[f.local(I32, "tag"), f.local(I64, "payload")])
        with f.if_((tag == 1) & (payload > 10)):
            f.do(f.call("row_set", row, 0, tag, payload))
        f.set(budget, budget - 1)
        f.br(again, if_=budget)
        f.ret(i32(2))
    f.store("i64", stmt, payload + i64(7), 24)
    f.ret(i32(0))
    return m.encode(comments=True)


PSEUDO = """\
def step(stmt: i32) -> i32:
    cur = i32[stmt + 12]
    # SCAN t
    while cursor_next(cur):
        tag, payload = record_column(cur, 2)
        if (tag == 1) & (payload > 10):
            row_set(row, 0, tag, payload)
        budget -= 1
        if not budget:
            return 2
    i64[stmt + 24] = payload + 7
    return 0
"""


def test_a_program_as_pseudo_python():
    assert print_python(program()) == PSEUDO


def test_a_program_as_instructions():
    text = print_module(program())
    assert text.endswith('  (export "step" (func 3)))\n')
    for line in (
        '  (import "kernel" "cursor_next" (func))',
        "  (global $budget (mut i32))",
        "  (func $step (param $stmt i32) (result i32)",
        "    (local $row i32)",
        "    i32.load offset=12",
        "    ;; SCAN t",
        "        call $cursor_next",
        "        br_if 1",
    ):
        assert line in text.split("\n"), line


def pseudo(text, name="f"):
    compiled = compile_source(HEADER + textwrap.dedent(text), name="printed", export_all=True, debug=True)
    functions = print_python(compiled.wasm).rstrip("\n").split("\n\n")
    return next(function for function in functions if function.startswith(f"def {name}("))


# The pseudo-Python of simple functions is their source again (with wasm types and without casts).
ROUND_TRIP = [
    """
def f(a: i32, b: i32) -> i32:
    if a < b:
        return a
    elif a == b:
        return a * 7
    return b - 1
""",
    """
def f(n: i32) -> i64:
    total = 5
    while n > 0:
        n -= 1
        if n % 3:
            if n == 77:
                break
            total += n
    return i64(total)
""",
    """
def f(a: i32, b: i32, c: i32) -> i32:
    x = 0
    if (a > 3 and g(b)) or c < g(2):
        x = 3
    else:
        x = 4
    return x
def g(a: i32) -> i32:
    return a // 3
""",
    """
def f(n: i32) -> i32:
    i = 0
    while True:
        j = 0
        while j < n:
            if i * j == 100:
                return i
            j += 1
        i += 1
        if i > n:
            break
    return -1
""",
    """
def f(x: f64, y: i64) -> f64:
    return (x - 1.5) / (x + 2.0) * sqrt(x) + f64(y)
""",
    """
def f(a: i32, b: i32) -> i32:
    return a - (b - 3) - (a * 5 + b) // ((a ^ b) & 15 | 16)
""",
]


@pytest.mark.parametrize("source", ROUND_TRIP)
def test_source_and_text_agree(source):
    text = pseudo(source)
    expected = source.strip().split("\ndef g")[0]
    assert text == expected.replace("(a ^ b) & 15 | 16", "((a ^ b) & 15) | 16")


def test_unsigned_operators_memory_and_globals():
    text = pseudo(
        """
        count: i32 = 0
        def f(p: ptr[u8], n: u32) -> u32:
            global count
            count += 1
            p[3] = p[n] + 1
            q = ptr[u16](p)
            if n > 7:
                return n // 5 + n >> 3
            return u32(q[1])
        """
    )
    assert text == textwrap.dedent(
        """\
        def f(p: i32, n: i32) -> i32:
            count += 1
            u8[p + 3] = u8[p + n] + 1
            q = p
            if n >u 7:
                return (n //u 5 + n) >>u 3
            return u16[q + 2]"""
    )


def test_order_of_effects_is_kept():
    """A call waiting on the stack is written before the statement that comes between."""
    m = Module(SYMBOLS)
    f = m.function("f", [("a", I32)], [I32], export=True)
    (a,) = f.params
    waiting = f.call("cursor_next", a)
    with f.capture() as body:
        f.do(f.call("row_set", a, 1, 2, 3))
    from turso_wasm.wasm.dsl import Expr

    f.ret(Expr(waiting.code + body.code() + a.code + b"\x6a", I32))
    assert print_python(m.encode()) == textwrap.dedent(
        """\
        def f(a: i32) -> i32:
            t1 = cursor_next(a)
            row_set(a, 1, 2, 3)
            return t1 + a
        """
    )


def test_switch_select_and_vectors():
    m = Module(SYMBOLS)
    m.set_memory(1)
    f = m.function("f", [("a", I32), ("v", V128)], [F64], export=True)
    a, v = f.params
    x = f.local(F64, "x")
    with f.block() as default:
        with f.block() as two:
            with f.block() as one:
                f.switch(a, [one, two, one], default)
            f.set(x, 1.5)
            f.br(default)
        f.set(x, v.i8x16_bitmask().to_f64_s())
    f.ret(x)
    assert print_python(m.encode()) == textwrap.dedent(
        """\
        def f(a: i32, v: v128) -> f64:
            block block1:
                block block2:
                    match a:
                        case 0 | 2:
                            pass
                        case 1:
                            leave block2
                        case _:
                            leave block1
                    x = 1.5
                    leave block1
                x = f64(bitmask(v))
            return x
        """
    )


def test_multi_value_blocks_from_inlining():
    text = pseudo(
        """
        @inline
        def pick(a: i32) -> tuple[i32, i64]:
            if a > 5:
                return 1, 2
            return a, 7
        def f(a: i32) -> i64:
            x, y = pick(a)
            return y + i64(x)
        """
    )
    assert text == textwrap.dedent(
        """\
        def f(a: i32) -> i64:
            if a > 5:
                t1 = 1
                t2 = 2
            else:
                t1 = a
                t2 = 7
            y = t2
            x = t1
            return y + i64(x)"""
    )


def test_reader_gives_back_what_was_encoded():
    view = read_module(program())
    function = view.functions[-1]
    assert (function.name, function.params, function.results) == ("step", (I32,), (I32,))
    assert function.local_names[1] == "row" and function.comments == [(function.comments[0][0], "SCAN t")]
    assert view.imports[0][:2] == ("kernel", "memory")
    assert view.exports == [("step", 0, 3)]
    with pytest.raises(ValueError, match="not a WebAssembly module"):
        read_module(b"nonsense")


def test_data_and_start_values_are_read():
    compiled = compile_source(
        HEADER + 'x: f64 = 1.5\n@export\ndef f() -> i32: return b"abc"[0] + i32(x)\n', name="data"
    )
    view = read_module(compiled.wasm)
    assert view.data == [(65536, b"abc")]
    assert [name for name, _, _ in view.exports][:3] == ["memory", "table", "f"]
