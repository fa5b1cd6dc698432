"""Bundles: what is in them, and what the command says."""

from __future__ import annotations

from pathlib import Path

import pytest

from turso_wasm import cli
from turso_wasm.runtime import engine
from turso_wasm.runtime.bundle import Bundle, Script, ScriptError, compile_bundle, read_bundle
from turso_wasm.runtime.hosts import wasmtime

SCHEMA = "PRAGMA foreign_keys = ON; CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(c);"


def made(schema: str, queries: str) -> Bundle:
    scripts = [Script("s.sql", schema)], [Script("q.sql", queries)]
    return compile_bundle(wasmtime.process_host(), engine.kernel_digest(), *scripts)


def keys(bundle: Bundle) -> list[tuple[str, str]]:
    return [(environment, key) for environment, key, _ in read_bundle(bundle.to_bytes())]


def test_a_statement_is_kept_with_the_environment_of_its_moment() -> None:
    found = keys(made(SCHEMA, "SELECT b FROM t WHERE a = 1"))
    wanted = "tCREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b)"
    first, again = (environment for environment, key in found if key == wanted)
    assert '"t"' not in first, "on an empty database"
    assert '"u"' in again, "on the next visit"
    assert any(key == "s SELECT b FROM t WHERE a = <integer>" for _, key in found)
    assert len(found) == len(set(found))


def test_equal_scripts_make_equal_bundles() -> None:
    assert made(SCHEMA, "SELECT 1; SELECT b FROM t").to_bytes() == made(SCHEMA, "SELECT 1; SELECT b FROM t").to_bytes()


def test_texts_of_a_shape_share_a_program_unless_they_pin_their_literals() -> None:
    shared = keys(made(SCHEMA, "SELECT b FROM t WHERE a = 1; select b from t where a=2;"))
    pinned = keys(made(SCHEMA, "SELECT a, b FROM t ORDER BY 1; SELECT a, b FROM t ORDER BY 2"))
    assert sum(key.startswith("s SELECT b FROM t") for _, key in shared) == 1
    assert sum(key.startswith("s SELECT a , b FROM t") for _, key in pinned) == 2


def test_what_analyze_left_belongs_to_the_environment() -> None:
    schema = f"{SCHEMA} CREATE INDEX i ON t(b); INSERT OR IGNORE INTO t VALUES (1, 2), (2, 3); ANALYZE;"
    found = keys(made(schema, "SELECT a FROM t WHERE b = 2"))
    assert any("FROM main . sqlite_stat1" in key.replace('"', "") for _, key in found)
    assert any('"i","2 1"' in environment for environment, key in found if key.startswith("s SELECT a FROM t"))


@pytest.mark.parametrize(
    ("schema", "queries", "words"),
    [
        (SCHEMA, "SELECT 1;\n\nSELECT nope FROM t", "q.sql:3: no such column: nope"),
        (SCHEMA, "SELECT 1;\nSELEC 2", 'q.sql:2: near "SELEC": syntax error'),
        (f"{SCHEMA}\nCREATE TABLE t(a)", "SELECT 1", "s.sql:2: table t already exists"),
        (f"{SCHEMA}\nINSERT INTO t VALUES (1, 1);\nINSERT INTO t VALUES (1, 1);", "", "s.sql:3: UNIQUE constraint"),
        (SCHEMA, "PRAGMA database_list", "q.sql:1: what tells the names of files cannot be compiled ahead"),
    ],
)
def test_errors_name_the_line(schema: str, queries: str, words: str) -> None:
    with pytest.raises(ScriptError) as caught:
        made(schema, queries)
    assert str(caught.value).startswith(words)


def test_what_is_damaged_is_no_bundle() -> None:
    raw = made("", "SELECT 1").to_bytes()
    for damaged in (raw[:-1], b"", raw[:40] + b"x" + raw[41:]):
        with pytest.raises(ValueError, match="damaged"):
            list(read_bundle(damaged))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema, queries, target = (tmp_path / name for name in ("schema.sql", "queries.sql", "app.programs"))
    schema.write_text(SCHEMA)
    queries.write_text("SELECT a FROM t;")
    arguments = ["compile", str(schema), str(queries), "-o", str(target)]
    assert cli.main(arguments) == 0
    assert "Programs" in capsys.readouterr().out
    assert any(key == "s SELECT a FROM t" for _, key, _ in read_bundle(target.read_bytes()))
    queries.write_text("SELECT z FROM t;")
    assert cli.main(arguments) == 1
    assert f"{queries}:1: no such column: z" in capsys.readouterr().err
    assert cli.main(["compile", str(tmp_path / "none.sql"), "-o", str(target)]) == 1
    assert "none.sql" in capsys.readouterr().err
