"""%sql and %%sql in IPython, and what they give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import turso_wasm

pytest.importorskip("IPython")


@pytest.fixture
def shell() -> Iterator[Any]:
    from IPython.core.interactiveshell import InteractiveShell

    made = InteractiveShell()
    made.run_line_magic("load_ext", "turso_wasm")
    yield made
    made.history_manager.enabled = False
    magic = made.magics_manager.magics["line"]["sql"]
    if magic.connection is not None:
        magic.connection.close()


FILMS = """
CREATE TABLE film(title TEXT, year INTEGER, mark REAL);
INSERT INTO film VALUES ('M & <b>', 1931, 8.3), ('Playtime', 1967, NULL);
CREATE TRIGGER seen AFTER INSERT ON film BEGIN SELECT 1; SELECT 2; END;
INSERT INTO film VALUES ('Stalker', 1979, 8.1)
"""


def test_lines_cells_and_parameters(shell: Any) -> None:
    assert shell.run_cell_magic("sql", "", FILMS) is None
    shell.user_ns["since"] = 1960
    found = shell.run_line_magic("sql", "SELECT title, year FROM film WHERE year > :since")
    assert found.columns == ("title", "year")
    assert found.rows == [("Playtime", 1967), ("Stalker", 1979)]
    assert shell.run_line_magic("sql", "films << SELECT * FROM film") is None
    assert len(shell.user_ns["films"]) == 3
    assert shell.user_ns["films"].kinds() == ["TEXT", "INTEGER", "REAL"]
    assert shell.run_cell_magic("sql", "some <<", "SELECT 1;\n-- the end\n") is None
    assert shell.user_ns["some"].rows == [(1,)]


def test_connections(shell: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    shell.run_line_magic("sql", f"--open {file} CREATE TABLE t(a)")
    own = turso_wasm.connect(file)
    shell.user_ns["own"] = own
    shell.run_line_magic("sql", "own INSERT INTO t VALUES (1)")
    assert own.in_transaction
    own.commit()
    assert shell.run_cell_magic("sql", "own", "SELECT a FROM t").rows == [(1,)]


def test_errors_show_the_place(shell: Any) -> None:
    from IPython.core.error import UsageError

    with pytest.raises(UsageError) as caught:
        shell.run_cell_magic("sql", "", "SELECT 1;\nSELECT\n  colour FROM sqlite_schema")
    assert str(caught.value) == "no such column: colour\n    colour FROM sqlite_schema\n    ^^^^^^"
    with pytest.raises(UsageError, match="You did not supply a value for binding parameter :nobody"):
        shell.run_line_magic("sql", "SELECT :nobody")


def test_tables(shell: Any) -> None:
    shell.run_cell_magic("sql", "", FILMS)
    found = shell.run_line_magic("sql", "SELECT title, mark FROM film")
    html = found._repr_html_()
    assert "<td>M &amp; &lt;b&gt;</td>" in html
    assert "<small>REAL</small>" in html
    assert "<i>NULL</i>" in html
    assert repr(found).splitlines() == [
        "title     mark",
        "--------  ----",
        "M & <b>   8.3",
        "Playtime  NULL",
        "Stalker   8.1",
        "3 rows",
    ]
    many = shell.run_line_magic("sql", "SELECT value FROM generate_series(1, 1000)")
    assert many._repr_html_().count("<tr>") == 101
    assert "1000 rows, 100 shown" in many._repr_html_()


def test_charts(shell: Any) -> None:
    pytest.importorskip("altair")
    found = shell.run_line_magic(
        "sql", "SELECT '2024-05-0' || value AS day, value, value * 2 AS b FROM generate_series(1, 3)"
    )
    chart = found.chart().to_dict()
    assert chart["encoding"]["x"]["type"] == "temporal"
    assert [row["y"] for row in chart["data"]["values"]] == [1, 2, 2, 4, 3, 6]
    assert found.chart("bar", y="b").to_dict()["mark"]["type"] == "bar"
    with pytest.raises(ValueError, match="no column 'c'"):
        found.chart(y="c")
    with pytest.raises(ValueError, match="not 'pie'"):
        found.chart("pie")
