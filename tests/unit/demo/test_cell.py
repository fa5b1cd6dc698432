"""Python cells of the playground: what is shown of a value, and the text of a function that SQL is to call."""

from __future__ import annotations

import pytest

from demo.python.cell import Database, Rows, Sources, failed, shown


def test_rows_of_a_query_are_columns_too() -> None:
    rows = Rows(["a", "b"], [(1, "x"), (2, None)])
    assert rows["b"] == ["x", None]
    assert rows[1] == (2, None)
    assert rows[:1].fetchall() == [(1, "x")]
    assert rows.dicts()[0] == {"a": 1, "b": "x"}
    with pytest.raises(KeyError, match="there is no column 'c': a, b"):
        rows["c"]


def test_data_frames_are_tables() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"n": [1, 2], "r": [1.0, None], "t": ["x", None], "d": pandas.to_datetime(["2026-01-02", None])}
    )
    assert shown(frame) == {
        "columns": ["n", "r", "t", "d"],
        "rows": [[1, 1.0, "x", "2026-01-02 00:00:00"], [2, None, None, None]],
        "kinds": "irttinnn",
        "total": 2,
    }
    grouped = frame.groupby("n").size()
    assert shown(grouped)["columns"] == ["n", "0"]
    assert shown(grouped)["rows"] == [[1, 1], [2, 1]]
    assert Rows(["a"], [(1,)]).df().shape == (1, 1)


def test_frames_of_polars_are_tables() -> None:
    polars = pytest.importorskip("polars")
    assert shown(polars.DataFrame({"a": [1, 2], "b": ["x", None]})) == {
        "columns": ["a", "b"],
        "rows": [[1, "x"], [2, None]],
        "kinds": "itin",
        "total": 2,
    }


@pytest.mark.parametrize(("value", "text"), [(None, ""), ("words", "words"), ([1, 2], "[1, 2]"), ([], "[]")])
def test_anything_else_is_text(value: object, text: str) -> None:
    assert shown(value) == {"text": text}


def test_integers_that_sql_has_not_are_text() -> None:
    assert shown([(1 << 70, True, b"x")])["rows"] == [[str(1 << 70), 1, b"x"]]


def test_the_text_of_a_function_has_what_it_uses() -> None:
    sources = Sources()
    sources.add("import math\nimport json\nK = 2\nhidden = print('x')\ndef half(x):\n    return x / K\n")
    sources.add("def area(r: float) -> float:\n    return math.pi * half(r)\n")
    text = sources.of("area")
    assert text.split("\n\n") == [
        "K = 2",
        "def half(x):\n    return x / K",
        "import math",
        "def area(r: float) -> float:\n    return math.pi * half(r)",
    ]


def test_what_sql_cannot_call_is_refused() -> None:
    database = Database(None, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="what a cell defines with def"):
        database.function(len)


def test_an_error_tells_the_line_of_the_cell() -> None:
    scope: dict[str, object] = {}
    code = compile("def f():\n    return 1 / 0\n\nf()\n", "<cell>", "exec")
    try:
        exec(code, scope)
    except ZeroDivisionError as error:
        assert failed(error) == {"message": "ZeroDivisionError: division by zero\nline 4, in <module>", "line": 2}
