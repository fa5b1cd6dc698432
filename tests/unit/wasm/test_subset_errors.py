"""What the compiler says about wrong kernels: message, place, source line, caret."""

import pytest

from tests.unit.wasm.runner import compile_text
from turso_wasm.wasm.subset.errors import SubsetError
from turso_wasm.wasm.subset.program import compile_program, compile_source

STRUCT = """
class Page(Struct):
    pgno: u32
    flags: u8
    items: array[i32, 4]
    next: "Page"
    call: fn[[i32], i32]
class Other(Struct):
    x: i32
total: i64 = 0
NAME = b"abc"
TEXT = "abc"
def callee(a: i32, p: ptr[u8]) -> i32: return a
def nothing() -> None: pass
def pair() -> tuple[i32, i64]: return 1, 2
@at_import
def helper(n): return n
"""

# (function body, message); the signature is f(a: i32, b: i64, u: u32, d: f64, p: ptr[u8], q: ptr[i32], s: Page) -> i32
CASES = [
    ("return a + b", "i32 + i64: convert one of them"),
    ("return a + u", "i32 + u32: convert one of them"),
    ("return a < b", "i32 < i64: convert one of them"),
    ("return b", "result of f: expected i32, got i64; write i32(…)"),
    ("return u", "result of f: expected i32, got u32; write i32(…)"),
    ("return d + a", "f64 + i32: convert one of them"),
    ("return a / a", "/ is for f64; integers divide with //"),
    ("return 6 / 3", "/ is for f64; integers divide with //"),
    ("return i32(d % d)", "f64 has no %"),
    ("return 5 // 0", "division by zero"),
    ("return a << 32", "shift of i32 by 32"),
    ("return 0x80000000", "result of f: 2147483648 does not fit i32"),
    ("return a < 0x80000000", "2147483648 does not fit i32"),
    ("return a ** 2", "this operator is not part of the subset"),
    ("return x", "'x' is not defined"),
    ("if a: return x\n    x = 1\n    return x", "'x' is used before it is assigned"),
    ("return a\n    x = 1", "nothing reaches this statement"),
    ("while a:\n        break\n        a = 1\n    return a", "nothing reaches this statement"),
    ("x += 1\n    return x", "'x' is used before it is assigned"),
    ("if a: x = 1\n    return x", "'x' is not assigned on every path that leads here"),
    ("if a and b or a: x = 1\n    return x", "'x' is not assigned on every path that leads here"),
    ("if a: pass\n    else: x = 1\n    return x", "'x' is not assigned on every path that leads here"),
    ("x: i32\n    return x", "'x' is not assigned on every path that leads here"),
    ("while a:\n        x = 1\n        a -= 1\n    return x", "'x' is not assigned on every path that leads here"),
    (
        "while True:\n        if a: break\n        x = 1\n    return x",
        "'x' is not assigned on every path that leads here",
    ),
    ("for x in range(a): pass\n    return x", "'x' is not assigned on every path that leads here"),
    (
        "for i in range(3):\n        if a: continue\n        x = 1\n    return x",
        "'x' is not assigned on every path that leads here",
    ),
    (
        "for i in range(3):\n        if a: break\n        x = 1\n    return x",
        "'x' is not assigned on every path that leads here",
    ),
    ("x = 1\n    x = b\n    return x", "variable 'x': expected i32, got i64; write i32(…)"),
    ("x = None\n    return 1", "None alone gives no type: annotate `x: ptr[…] = None`"),
    ("x: u8 = 1\n    return x", "a variable cannot be u8: it exists in memory only"),
    ("total = 5\n    return 1", "total is a module global: say `global total` first"),
    ("global NAME\n    NAME = 1\n    return 1", "NAME is not a mutable global; declare it as `NAME: i32 = 0`"),
    ("return s.nope", "Page has no field 'nope'; its fields are pgno, flags, items, next, call"),
    ("return a.x", "i32 has no field 'x': it is not a struct"),
    ("return a[0]", "i32 cannot be indexed: it is not a ptr"),
    ("return p[b]", "an index must be i32 or u32, not i64"),
    ("return p[1:2]", "slices are not part of the subset"),
    ("return i32(s + 1)", "Page is a struct pointer: cast to ptr[u8] for arithmetic"),
    ("return p - q", "ptr[u8] - ptr[i32]: the types must be equal"),
    ("return i32(p + b)", "ptr[u8] + i64: expected an i32 or u32 offset"),
    ("return p == q", "ptr[u8] == ptr[i32]"),
    ("return a is None", "i32 is never None"),
    ("return a is a", "`is` compares pointers with None"),
    ("return p < None", "only ==, !=, is, is not compare with None"),
    ("if d: pass\n    return 1", "f64 has no truth value; compare it"),
    ("s.flags = b\n    return 1", "expected i32, got i64; write i32(…)"),
    ("s.items = q\n    return 1", "field items is an array; assign its elements"),
    ("s.next = p\n    return 1", "expected Page, got ptr[u8]"),
    ("return callee(a)", "callee(a: i32, p: ptr[u8]) takes 2 arguments, got 1"),
    ("return callee(b, p)", "argument 'a' of callee: expected i32, got i64; write i32(…)"),
    ("return callee(a, s)", "argument 'p' of callee: expected ptr[u8], got Page"),
    ("return callee(a, p=p)", "keyword arguments are not part of the subset"),
    ("return nothing()", "result of f: expected i32, but the call has no result"),
    ("x = nothing()\n    return 1", "the call has no result"),
    ("x = pair()\n    return 1", "the call has 2 results"),
    ("x, y, z = pair()\n    return 1", "expected 3 values, got tuple[i32, i64]"),
    ("x, y = a\n    return 1", "expected 2 values, got i32"),
    ("return callee", "callee is a function: call it, or write funcref(callee)"),
    ("return Page", "Page is a type"),
    ("return TEXT", "a constant must be int, float or bytes, not str"),
    ("return a(1)", "i32 cannot be called"),
    ("return s.pgno(1)", "field pgno is a u32, not a function"),
    ("return s.call(b)", "argument 1: expected i32, got i64; write i32(…)"),
    ("return s.call()", "fn[[i32], i32] takes 1 arguments, got 0"),
    ("return print(a)", "print is not a function of the subset"),
    ("return len(p)", "len takes a bytes literal or a bytes constant"),
    ("return sizeof(a)", "sizeof takes a type"),
    ("return i32(scratch(a))", "scratch takes a positive constant"),
    ("return funcref(f2)", "'f2' is not defined"),
    ("return clz(d)", "clz: expected an integer, got f64"),
    ("return i32(be16(q))", "be16: expected ptr[u8], got ptr[i32]"),
    ("return clz(a, a)", "clz takes 1 arguments, got 2"),
    ("return i32(Page(b))", "i64 cannot become Page: it must be i32, u32 or a pointer"),
    ("return i32(a, a)", "a cast takes one argument, got 2"),
    ("return Page.offset(a)", 'offset takes the field\'s name: .offset("field")'),
    ('return Page.offset("zz")', "Page has no field 'zz'; its fields are pgno, flags, items, next, call"),
    ("for x in p:\n        pass\n    return 1", "for needs range(end), range(start, end) or range(start, end, step)"),
    ("for x in range(1, 2, a):\n        pass\n    return 1", "the step must be a constant other than 0"),
    ("for x in range(a):\n        pass\n    else:\n        pass\n    return 1", "for … else is not part of the subset"),
    ("for x in range(d):\n        pass\n    return 1", "range needs integers, not f64"),
    ("a + 1\n    return 1", "this expression has no effect"),
    ("callee(a, p)\n    return 1", "the result, i32, is dropped; if that is meant: _ = …"),
    ("pair()\n    return 1", "the result, tuple[i32, i64], is dropped; if that is meant: _ = …"),
    ("i32(b)\n    return 1", "the result, i32, is dropped; if that is meant: _ = …"),
    ("_ = a\n    return 1", "`_ = …` drops the result of a call; there is none"),
    ("_ = nothing()\n    return 1", "`_ = …` drops the result of a call; there is none"),
    (
        "return helper(a)",
        "helper is plain Python: @at_import, or of a module that does not say `__subset__ = True`",
    ),
    ("try:\n        pass\n    finally:\n        pass\n    return 1", "Try is not part of the subset"),
    ("return [1][0]", "List is not part of the subset"),
    ("return lambda: 1", "Lambda is not part of the subset"),
    ("x = y = 1\n    return x", "a = b = … is not part of the subset"),
    ("return", "f must return i32"),
    ("return 1, 2", "f returns 1 values, not 2"),
    ("if a: return 1", "f: not every path returns i32"),
    ("while a: return 1", "f: not every path returns i32"),
    ("return callee(*lit(p))", "len takes a bytes literal or a bytes constant"),
    ("return callee(*q)", 'only *lit(b"…") may be starred'),
    ('return lit(b"x")', 'lit is only for arguments: f(*lit(b"…"))'),
    ("return a in (1, 2)", "`in` is not part of the subset"),
]
SIGNATURE = "def f(a: i32, b: i64, u: u32, d: f64, p: ptr[u8], q: ptr[i32], s: Page) -> i32:\n    "


@pytest.mark.parametrize(("body", "message"), CASES, ids=[body.replace("\n", ";") for body, _ in CASES])
def test_message(body, message):
    with pytest.raises(SubsetError) as caught:
        compile_text(STRUCT + SIGNATURE + body + "\n")
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("def f(a) -> i32: return 1", "parameter a needs a type"),
        ("def f(a: i32): return 1", "f needs a result type (-> None if there is no result)"),
        ("def f(a: u8) -> i32: return 1", "u8 exists in memory only; use the type it loads as"),
        ("def f(a: i32 = 3) -> i32: return 1", "f may only have plain parameters without defaults"),
        ("def f(*a: i32) -> i32: return 1", "f may only have plain parameters without defaults"),
        ("def f(a: '3') -> i32: return 1", "'3' is not a type of the subset"),
        ("def f() -> NoReturn: pass", "f is declared never to return, but may"),
        ("from functools import cache\n@cache\ndef f() -> i32: return 1", "a kernel function may have @export"),
        ("x: u8 = 0\ndef f() -> i32: return x", "a global cannot be u8"),
        ("x: i32 = 2**40\ndef f() -> i32: return x", "initial value of x: 1099511627776 does not fit i32"),
    ],
)
def test_declarations(declaration, message):
    with pytest.raises(SubsetError) as caught:
        compile_text(declaration)
    assert message in str(caught.value)


def test_text_names_file_line_source_and_caret():
    with pytest.raises(SubsetError) as caught:
        compile_source(
            "from turso_wasm.wasm.lang import *\n@export\ndef f(é: i32, b: i64) -> i32:\n    return é + b\n",
            name="here",
        )
    assert str(caught.value) == "here.py:4: i32 + i64: convert one of them\n    return é + b\n           ^^^^^"
    assert (caught.value.line, caught.value.path) == (4, "here.py")


def test_errors_of_all_functions_come_together():
    text = "def f(a: i32) -> i64: return a\ndef g(a: i32) -> i32: return x\n"
    with pytest.raises(SubsetError) as caught:
        compile_text(text)
    assert "result of f" in str(caught.value) and "'x' is not defined" in str(caught.value)


def test_two_exports_of_one_name():
    import types

    from turso_wasm.wasm.subset.source import Loader

    text = "from turso_wasm.wasm.lang import *\n@export\ndef same() -> i32: return 1\n"
    loader = Loader()
    loader.load_source(text, "first_module")
    loader.load_source(text, "second_module")
    with pytest.raises(SubsetError, match="same is already exported by first_module"):
        compile_program([], loader=loader)
    assert isinstance(types, types.ModuleType)


def test_calling_compiled_things_in_python_says_so():
    from turso_wasm.wasm.lang import Struct, clz, i32

    class Thing(Struct):
        n: i32

    for call in (lambda: clz(1), lambda: i32(1), lambda: Thing(1)):
        with pytest.raises(RuntimeError, match="compiled, it cannot run in Python"):
            call()


HEADER = "from turso_wasm.wasm.lang import *\n"


@pytest.mark.parametrize(
    ("unreached", "message"),
    [
        ("def g(a: i32) -> i64: return a", "result of g: expected i64, got i32"),
        ("def g() -> i32: return f() + h()\ndef h() -> i32: return x", "'x' is not defined"),
        ("@inline\ndef g(c: i32) -> i32:\n    if c: x = c\n    return x", "'x' is not assigned on every path"),
        ('@imported("env")\ndef g(a) -> None: ...', "parameter a needs a type"),
        ("count: u8 = 0", "a global cannot be u8"),
    ],
)
def test_what_no_export_reaches_is_checked_too(unreached, message):
    text = HEADER + "@export\ndef f() -> i32: return 1\n" + unreached + "\n"
    with pytest.raises(SubsetError) as caught:
        compile_source(text, name="unreached")
    assert message in str(caught.value)


def test_what_no_export_reaches_leaves_no_trace():
    text = HEADER + "@export\ndef f() -> i32: return 1\n"
    unreached = 'total: i32 = 0\ndef g() -> ptr[u8]:\n    global total\n    total = 1\n    return b"some data"\n'
    assert compile_source(text + unreached, name="traceless").wasm == compile_source(text, name="traceless").wasm


def test_an_inlined_function_starts_with_no_values():
    """An `x` that only some paths set must not be the x of an earlier call."""
    text = "@inline\ndef g(c: i32) -> i32:\n    if c: x = c * 10\n    return x\ndef f() -> i32: return g(7) + g(0)\n"
    with pytest.raises(SubsetError, match="'x' is not assigned on every path that leads here"):
        compile_text(text)


def test_a_module_is_in_the_subset_when_it_says_so(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    unmarked = HEADER + "LIMIT = 7\ndef helper() -> i32: return LIMIT\n"
    (tmp_path / "subset_unmarked.py").write_text(unmarked)
    (tmp_path / "subset_marked.py").write_text(unmarked + "__subset__ = True\n")
    with pytest.raises(SubsetError, match="expected a module of the subset: one that says `__subset__ = True`"):
        compile_program(["subset_unmarked"])
    use = HEADER + "from subset_{} import LIMIT, helper\n@export\ndef f() -> i32: return {}\n"
    compile_source(use.format("unmarked", "LIMIT"), name="uses_a_constant")
    compile_source(use.format("marked", "helper() + LIMIT"), name="uses_a_function")
    with pytest.raises(SubsetError, match="helper is plain Python"):
        compile_source(use.format("unmarked", "helper()"), name="uses_plain_python")
