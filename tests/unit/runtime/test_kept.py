"""What a process imports before its first statement, and Programs that outlive it: docs/decisions/0068."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

# What is imported when nothing is compiled; the rest of codegen, and all of these, belong to the compiler.
COMPILER = ("turso_wasm.bind", "turso_wasm.plan", "turso_wasm.sql.", "turso_wasm.values", "turso_wasm.runtime.compiler")

SETUP = "CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x' CHECK (b <> 'y'))"
KNOWN = [
    (SETUP, ()),
    ("CREATE INDEX IF NOT EXISTS i ON t(b)", ()),
    ("PRAGMA user_version", ()),
    ("PRAGMA foreign_keys = ON", ()),
    ("PRAGMA journal_mode = WAL", ()),
    ("SELECT 1", ()),
    ("SELECT 1, -2.5 AS x, NULL", ()),
    ("BEGIN IMMEDIATE", ()),
    ("INSERT INTO t(b) VALUES (?)", ("one",)),
    ("UPDATE t SET b = :b WHERE a > :a", {"b": "two", "a": 0}),
    ("COMMIT", ()),
    ("SAVEPOINT s", ()),
    ("DELETE FROM t WHERE a > ?", (1,)),
    ("RELEASE s", ()),
    ("SELECT count(*), b FROM t GROUP BY b ORDER BY 1 LIMIT 3; -- and no more", ()),
]


def run(folder: Path, statements: list[Any], database: str = "a.db", **environment: str) -> dict[str, Any]:
    """What another process sees that executes them: rows or errors, modules, hits and files written."""
    script = """
        import json, sys
        import turso_wasm
        database, statements = json.load(sys.stdin)
        db = turso_wasm.connect(database, isolation_level=None)
        answers = []
        for sql, values in statements:
            try:
                answers.append(db.execute(sql, values).fetchall())
            except turso_wasm.Error as error:
                answers.append(str(error))
        store = db._runtime.host.programs
        facts = {"answers": answers, "modules": [name for name in sys.modules if name.startswith("turso_wasm.")]}
        facts |= {"all": len(sys.modules), "found": store and store.n_found, "written": store and store.n_written}
        db.close()
        print(json.dumps(facts))
    """
    given = os.environ | {"TURSO_WASM_CACHE": str(folder / "cache"), "TURSO_WASM_PROGRAMS": "1"} | environment
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        input=json.dumps([str(folder / database), statements]),
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compiles(facts: dict[str, Any]) -> bool:
    return any(name.startswith(COMPILER) for name in facts["modules"])


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what two processes have left: the second found the tables that the first one made."""
    folder = tmp_path_factory.mktemp("kept")
    first = run(folder, KNOWN)
    assert compiles(first) and first["found"] == 0 and first["written"] > len(KNOWN)
    run(folder, KNOWN)
    return folder


def programs(folder: Path) -> list[Path]:
    return sorted((folder / "cache" / "programs").glob("*.program"))


def test_known_statements_run_without_the_compiler(visited: Path) -> None:
    before = programs(visited)
    facts = run(visited, KNOWN)
    assert not compiles(facts), [name for name in facts["modules"] if name.startswith(COMPILER)]
    ours = [name for name in facts["modules"] if name.startswith("turso_wasm.")]
    assert len(ours) <= 83 and facts["all"] <= 217, "a process waits for each of them"
    assert facts["written"] == 0 and programs(visited) == before
    assert facts["answers"] == run(visited, KNOWN, TURSO_WASM_PROGRAMS="0")["answers"]


def test_a_file_is_read_for_each_statement_and_one_for_the_schema(visited: Path) -> None:
    facts = run(visited, [("PRAGMA user_version", ()), ("PRAGMA user_version", ())])
    assert facts["found"] == 2 and facts["written"] == 0, "the schema's query, and the statement once"
    assert run(visited, [("PRAGMA busy_timeout", ())])["found"] == 0


def test_other_literals_of_a_known_shape_need_the_lexer_alone(visited: Path) -> None:
    run(visited, [("SELECT b FROM t WHERE a = 7 AND b <> 'secret'", ())])
    facts = run(visited, [("SELECT b FROM t WHERE a = 1 AND b <> 'other'", ())])
    assert facts["answers"] == [[["two"]]]
    assert "turso_wasm.sql.lexer" in facts["modules"] and "turso_wasm.runtime.compiler" not in facts["modules"]


def test_texts_that_statements_give_are_not_written(visited: Path) -> None:
    run(
        visited,
        [
            ("SELECT b FROM t WHERE b = 'swordfish-1'", ()),
            ("SELECT length(x'73776f7264666973682d32') || 'swordfish-3'", ()),
        ],
    )
    run(visited, [("INSERT INTO t(b) SELECT 'swordfish-4' WHERE 0", ()), ("PRAGMA table_info('swordfish-5')", ())])
    run(visited, [("SELECT 1 WHERE 'z' IN ('swordfish-6', 'swordfish-7')", ())])
    for path in programs(visited):
        assert b"swordfish" not in path.read_bytes()


def test_what_is_wrong_is_dropped(tmp_path: Path) -> None:
    statements = [("SELECT 40 + 2", ()), ("SELECT name FROM sqlite_schema", ())]
    run(tmp_path, statements)
    paths = programs(tmp_path)
    assert len(paths) == 3, "two texts, and the shape of the one with literals; an empty file has no schema"
    good = [path.read_bytes() for path in paths]
    for damage in (
        lambda raw: raw[:-1],
        lambda raw: b"",
        lambda raw: raw[:200] + b"\xff" + raw[201:],
        lambda raw: raw[:20],
    ):
        for path, raw in zip(paths, good, strict=True):
            path.write_bytes(damage(raw))
        facts = run(tmp_path, statements)
        assert facts["answers"] == [[[42]], []] and facts["found"] == 0 and compiles(facts)
        assert sorted(path.read_bytes()[:40] for path in programs(tmp_path)) == sorted(raw[:40] for raw in good)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners")
def test_what_others_can_write_is_not_used(tmp_path: Path) -> None:
    run(tmp_path, [("SELECT 5", ())])
    for path in programs(tmp_path):
        path.chmod(0o666)
    facts = run(tmp_path, [("SELECT 5", ())])
    assert facts["found"] == 0 and facts["answers"] == [[[5]]]
    (tmp_path / "cache").chmod(0o777)
    assert run(tmp_path, [("SELECT 5", ())])["found"] is None


def test_another_schema_has_programs_of_its_own(tmp_path: Path) -> None:
    for database, columns in (("1.db", "a, b"), ("2.db", "b, a"), ("3.db", "a INTEGER PRIMARY KEY, b COLLATE nocase")):
        statements = [(f"CREATE TABLE t({columns})", ()), ("INSERT INTO t(a, b) VALUES (1, 'B')", ())]
        run(tmp_path, statements, database)
    for _ in range(2):
        for database, expected in (("1.db", [1, "B"]), ("2.db", ["B", 1]), ("3.db", [1, "B"])):
            found = run(tmp_path, [("SELECT * FROM t", ()), ("SELECT count(*) FROM t WHERE b = ?", ("b",))], database)
            assert found["answers"] == [[expected], [[int(database == "3.db")]]]


def test_settings_have_programs_of_their_own(tmp_path: Path) -> None:
    for _ in range(2):
        sensitive = run(tmp_path, [("PRAGMA case_sensitive_like = ON", ()), ("SELECT ? LIKE 'A'", ("a",))])
        assert sensitive["answers"][1] == [[0]]
        assert run(tmp_path, [("SELECT ? LIKE 'A'", ("a",))])["answers"] == [[[1]]]


def test_code_of_the_users_is_not_kept(tmp_path: Path) -> None:
    script = """
        import turso_wasm
        db = turso_wasm.connect(":memory:")
        db.create_function("f", 1, lambda x: x + 1)
        assert db.execute("SELECT f(?)", (1,)).fetchone() == (2,)
        print(db._runtime.host.programs.n_written)
    """
    given = os.environ | {"TURSO_WASM_CACHE": str(tmp_path / "cache"), "TURSO_WASM_PROGRAMS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], env=given, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) <= 1, "the schema's query at most"


def test_what_is_planned_otherwise_is_neither_kept_nor_taken(tmp_path: Path) -> None:
    script = """
        import turso_wasm
        from tests.harness.planning import without
        db = turso_wasm.connect(":memory:")
        store = db._runtime.host.programs
        db.execute("SELECT 1")
        written = store.n_written
        with without(["pushdown"]):
            db.execute("SELECT 1")
            db.execute("SELECT 2 AS x")
        assert (store.n_written, store.n_found) == (written, 0) and written > 0
        db.execute("SELECT 2 AS x")
        assert store.n_written > written
    """
    given = os.environ | {"TURSO_WASM_CACHE": str(tmp_path / "cache"), "TURSO_WASM_PROGRAMS": "1"}
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=given, cwd=root, check=True)


def test_errors_are_those_of_the_compiler(visited: Path) -> None:
    wrong = [
        ("SELECT nope FROM t", ()),
        ("SELEC 1", ()),
        ("", ()),
        (" ; ", ()),
        ("/* */", ()),
        ("SELECT 1; SELECT 2", ()),
    ]
    assert run(visited, wrong)["answers"] == run(visited, wrong, TURSO_WASM_PROGRAMS="0")["answers"]
    assert run(visited, wrong)["answers"][-1] == "You can only execute one statement at a time."


def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from turso_wasm.runtime.hosts import programs as module

    monkeypatch.setattr(module, "MOST_FILES", 12)
    monkeypatch.setattr(module, "MOST_WRITTEN", 4)
    for process in range(5):
        store = module.ProgramStore(tmp_path / "p", b"build")
        for number in range(6):
            store.put(b"", f"{process} {number}", (b"{}", b"program", b"native"))
            os.utime(tmp_path / "p", (process, process))
        assert store.n_written == 4 and not store.has_room
        for number in range(4):
            assert store.find(b"", f"{process} {number}") == (b"{}", b"program", b"native")
        assert store.find(b"", f"{process} 5") is None
    assert len(list((tmp_path / "p").iterdir())) == 12
    assert module.ProgramStore(tmp_path / "p", b"another").find(b"", "4 0") is None
    monkeypatch.setattr(module, "MOST_OF_ONE", 3)
    module.ProgramStore(tmp_path / "p", b"build").put(b"", "large", (b"{}", b"program", b"native"))
    assert store.find(b"", "large") is None


def test_a_changed_compiler_is_another_build(tmp_path: Path) -> None:
    from turso_wasm.runtime.hosts.programs import build_of

    folder = tmp_path / "package"
    (folder / "plan").mkdir(parents=True)
    source, host = folder / "plan" / "a.py", tmp_path / "host.py"
    builds = set()
    for text in ("a", "bb", "ccc"):
        source.write_text(text)
        host.write_text("")
        builds |= {build_of(folder, host), build_of(folder, host)}
    (folder / "kernel.wasm").write_bytes(b"")
    host.write_text("more")
    builds.add(build_of(folder, host))
    assert len(builds) == 4
    with pytest.raises(OSError):
        build_of(tmp_path / "absent", host)
