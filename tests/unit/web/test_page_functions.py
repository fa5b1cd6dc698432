"""Functions in Python that a page gives, without the page (tests/browser/test_functions.py has one)."""

from __future__ import annotations

import json

import pytest

from turso_wasm.base.errors import SqlError
from turso_wasm.bridge import Compiler
from turso_wasm.page_functions import PageFunction

AREA = "def helper(x):\n    return x\n\ndef area(w: float, h: float = 2.0) -> float:\n    return helper_of(w, h)\n\n"
AREA += "def helper_of(w: float, h: float) -> float:\n    return w * h\n"


class Real:
    """A number that is marked."""

    def __init__(self, value: float) -> None:
        self.value = value


class Bytes:
    """As Pyodide gives an array of bytes."""

    def to_bytes(self) -> bytes:
        return b"\x01\xff"


def head(reply: bytes) -> dict[str, object]:
    size = int.from_bytes(reply[:4], "little")
    found: dict[str, object] = json.loads(reply[4 : 4 + size])
    return found


def test_which_function_a_text_defines() -> None:
    assert PageFunction(AREA, "area").arities == [1, 2]
    assert PageFunction(AREA, "other").arities == [2]
    assert PageFunction("def f(a, b=1, *more): return a", "f").arities == [-1]


def test_what_is_typed() -> None:
    assert PageFunction(AREA, "area").body is not None
    assert PageFunction(AREA, "area", compiled=False).body is None
    assert PageFunction("def f(x): return x", "f").body is None
    with pytest.raises(SqlError, match=r"f\(\) cannot be compiled: a list cannot come from SQL"):
        PageFunction("def f(x: list[int]) -> int:\n    return 1\n", "f", compiled=True)


def test_values() -> None:
    same = PageFunction("def f(x): return x", "f")
    for kind, value, result in (("i", 7, 7), ("t", "é", "é"), ("n", object(), None), ("b", Bytes(), b"\x01\xff")):
        assert same.call(kind, Real, value) == result
    assert same.call("r", Real, 2.5) == 2.5
    whole = same.call("r", Real, 2)
    assert isinstance(whole, Real)
    assert isinstance(whole.value, float)
    made = PageFunction("def f(x): return eval(x)", "f")
    assert made.call("t", Real, "True") == 1
    assert made.call("t", Real, "float('nan')") is None
    assert made.call("t", Real, "float('-inf')") == float("-inf")
    assert made.call("t", Real, "bytearray(b'x')") == b"x"
    for text, error in (
        ("1 << 63", OverflowError),
        ("[1]", TypeError),
        ("1j", TypeError),
        ("1 / 0", ZeroDivisionError),
    ):
        with pytest.raises(error):
            made.call("t", Real, text)
    assert made.call("t", Real, "-(1 << 63)") == -(1 << 63)


def test_the_bridge_compiles_it_from_its_text() -> None:
    compiler = Compiler()
    reply, made = compiler.define("area", AREA, None)
    assert head(reply) == {"arities": [1, 2], "typed": True}
    assert made is not None
    own = [["typed", "area", n, False, AREA] for n in (1, 2)]
    environment = {"databases": [[0, "main", [], True, []], [1, "temp", [], True, []]], "own": own, "settings": 0}
    number = head(compiler.open_schema(json.dumps(environment)))["schema"]
    assert "error" not in head(compiler.compile(number, "SELECT area(3), area(3, 4)", "[]"))  # type: ignore[arg-type]
    error = head(compiler.compile(number, "SELECT area()", "[]"))["error"]  # type: ignore[arg-type]
    assert isinstance(error, dict)
    assert error["message"] == "wrong number of arguments to function area()"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(:", "the source text of f() is no Python that can be run: SyntaxError: "),
        ("import nosuch", "the source text of f() is no Python that can be run: ModuleNotFoundError: "),
        ("f = 5", "the source text of f() defines no function"),
        ("class f: pass", "the source text of f() defines no function"),
        ("async def f(x): pass", "the source text of f() defines no function"),
        ("", "the source text of f() defines no function"),
    ],
)
def test_texts_that_define_none(source: str, message: str) -> None:
    error = head(Compiler().define("f", source, None)[0])["error"]
    assert isinstance(error, dict)
    assert error["code"] == 1
    assert error["message"].startswith(message)
