"""The generator reaches all of the grammar, most of what it writes runs, and a sample agrees with SQLite."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import apsw
import pytest

import turso_wasm
from tests.fuzz import engines, own
from tests.fuzz.engines import Fault, Pair, Stop, replay
from tests.fuzz.errors import Message, are_of_one_object, both_are_there, is_of_a_part
from tests.fuzz.known import (
    as_meant,
    drops_another_not,
    forgets_last_rowid,
    forgets_real,
    forgets_rowid,
    forgets_sequence,
    misses_new_column,
    renames_in_part,
    stops_at_another_row,
    takes_temporary_table,
)
from tests.fuzz.mending import complains_after_mending
from tests.fuzz.model import learn
from tests.fuzz.modes import MODES
from tests.fuzz.replies import Reply, agree
from tests.fuzz.run import fuzz
from tests.fuzz.shrink import shrink
from tests.fuzz.statements import Generator, Law, Script, Statement
from tests.oracle.engines import Failure
from tests.oracle.planner import sqlite_answer
from turso_wasm.base.errors import SqlError
from turso_wasm.sql.parser import ddl, dml, expressions, functions, leaves, misc, parse_one, select, tables, types

MODULES = (ddl, dml, expressions, functions, leaves, misc, select, tables, types)
SEEDS = (1, 2, 6, 7, 9, 10, 12, 13, 14, 15, 16, 18, 19, 20, 21)
SCRIPTS = 400
STEPS = 40

NOT_WRITTEN = (
    *(
        "fail()",
        "complain",
        "raise SqlError",
        "raise too_high",
        "too_big",
        "raise NotImplementedError",
        "BAD_NUMBER",
        "TriggerBodyError",
        "error.span",
    ),  # refusals
    "the parser has gone back",
)


@pytest.fixture(scope="module")
def corpus() -> tuple[list[str], Counter[str]]:
    """(statements that the generator writes beside SQLite, how often it chose each production)."""
    texts: list[str] = []
    used: Counter[str] = Counter()
    for seed in range(SCRIPTS):
        generator = Generator(seed)
        database = apsw.Connection(":memory:")
        own.register(database)
        database.set_progress_handler(lambda: True, 200_000)
        for at in range(STEPS):
            learn(generator.schema, database)
            step = generator.first(at) if at < 6 else generator.statement()
            if isinstance(step, Statement):
                texts.append(step.sql)
                if step.sql.startswith(("EXPLAIN", "ATTACH", "VACUUM", "CREATE VIRTUAL")):
                    continue
                try:
                    database.execute(step.sql, step.parameters or None).fetchall()
                except (apsw.Error, UnicodeDecodeError):
                    continue
        used += generator.used
        database.close()
    return texts, used


def test_every_production_is_chosen(corpus: tuple[list[str], Counter[str]]) -> None:
    assert [each.name for each in Generator.productions() if not corpus[1][each.name]] == []


BEYOND_SQLITE = (
    "CREATE INDEX i ON t USING fts (a, b) WITH (tokenizer = 'raw', min_gram = 2)",
    "OPTIMIZE INDEX i",
    "CREATE MATERIALIZED VIEW v AS SELECT 1",
    "REFRESH MATERIALIZED VIEW v",
    "BEGIN CONCURRENT",
    "INSERT INTO t VALUES (DEFAULT, 1)",
    "UPDATE t SET a[2] = 9",
    "SELECT a[1], a[2:3], a && b, a @> b, ARRAY[1, 2]",
)
"""What the generator does not write, since SQLite could not answer."""


def code_objects(module: ModuleType) -> Iterator[CodeType]:
    for _, owner in inspect.getmembers(module, inspect.isclass):
        if owner.__module__ == module.__name__:
            for _, function in inspect.getmembers(owner, inspect.isfunction):
                if function.__module__ == module.__name__:
                    yield function.__code__


def test_every_line_of_the_parser_is_reached(corpus: tuple[list[str], Counter[str]]) -> None:
    """The parser is its grammar, one branch for each production: all are taken but those that refuse."""
    files = {module.__file__ for module in MODULES}
    seen: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        seen.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        for text in (*corpus[0], *BEYOND_SQLITE):
            try:
                parse_one(text)
            except SqlError:
                continue
    finally:
        sys.settrace(None)
    missed = []
    for module in MODULES:
        assert module.__file__
        lines = Path(module.__file__).read_text(encoding="utf-8").splitlines()
        for code in code_objects(module):
            for _, _, line in code.co_lines():
                if line is None or line == code.co_firstlineno or (module.__file__, line) in seen:
                    continue
                nearby = " ".join(lines[line - 2 : line + 2])
                if not any(words in nearby for words in NOT_WRITTEN):
                    missed.append(f"{Path(module.__file__).name}:{line} {lines[line - 1].strip()}")
    assert not missed, "\n".join(sorted(set(missed)))


def test_most_statements_run(corpus: tuple[list[str], Counter[str]]) -> None:
    outcome = Counter[str]()
    for seed in range(3):
        outcome += fuzz(seed + 70).counts
    assert outcome["ran"] > 3 * outcome["failed"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_script_is_answered_as_by_sqlite(seed: int) -> None:
    fault = fuzz(seed, mode=MODES[seed % len(MODES)]).fault
    assert fault is None, str(shrink(fault, 30))


def test_equal_seeds_write_equal_scripts() -> None:
    first, second = (fuzz(5).script.steps for _ in range(2))
    assert first == second


# --- the tools -----------------------------------------------------------------------------------------------------


def test_shrinking_leaves_what_makes_the_fault() -> None:
    """A fault that needs one table and one operator comes down to these."""

    def check(script: Script) -> Fault | None:
        for at, step in enumerate(script.steps):
            assert isinstance(step, Statement)
            if "~" in step.sql and any("TABLE t" in earlier.sql for earlier in script.steps[:at]):  # type: ignore[union-attr]
                return Fault("rows", script, at, ["1"], ["2"])
        return None

    texts = (
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x', CHECK (a > 1 OR b LIKE 'a%'))",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        "SELECT count(*) FROM t",
        "SELECT a + 1, CASE WHEN b IN (SELECT b FROM t WHERE ~a IS NOT NULL) THEN 1 END FROM t ORDER BY 1, 2 LIMIT 3",
        "DELETE FROM t",
    )
    script = Script(1, [Statement(text) for text in texts])
    fault = check(script)
    assert fault is not None
    small = shrink(fault, 20, check).script.steps
    assert len(small) == 2
    assert len(small[0].sql) < 30 and len(small[1].sql) < 14, small  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sql", "order", "other", "agrees"),
    [
        ([(1,), (2,)], (), [(2,), (1,)], True),
        ([(1,), (2,)], (0,), [(2,), (1,)], False),
        ([(1, 5), (1, 6)], (0,), [(1, 6), (1, 5)], True),
        ([(1,)], (), [(1.0,)], False),
        ([(1,)], (), [("1",)], False),
        ([(1,)], (), [], False),
        ([(1,), (1,)], (), [(1,)], False),
    ],
)
def test_rows_are_compared_in_the_order_that_the_statement_fixes(
    sql: list[tuple[object, ...]], order: tuple[int, ...], other: list[tuple[object, ...]], agrees: bool
) -> None:
    assert agree(Reply(sql), Reply(other), order) is agrees


def test_a_difference_is_found_where_one_is_made() -> None:
    """An answer that SQLite never gives is a fault of the step that gave it."""
    steps = [
        Statement("CREATE TABLE t(a)"),
        Statement("INSERT INTO t VALUES (1)"),
        Statement("SELECT sqlite_version() = 1 FROM t"),
    ]
    assert replay(Script(1, list(steps))) is None
    wrong = Law("count", "a AS q0", "t", "a = 1 AND random() IS NOT NULL")
    assert replay(Script(1, [*steps, wrong])) is None


def prepared(database: apsw.Connection) -> Message:
    return lambda sql: found if isinstance(found := sqlite_answer(database, sql), str) else None


def prepared_by_us(connection: turso_wasm.Connection) -> Message:
    def message(sql: str) -> str | None:
        try:
            connection._runtime.prepare(sql)
        except SqlError as error:
            return error.message
        return None

    return message


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET a = 1, nosuch = 2 FROM missing",
        "CREATE TRIGGER r DELETE ON t BEGIN DELETE FROM main.t; SELECT (1, 2; END",
    ],
)
def test_of_two_errors_either_may_be_reported(sql: str) -> None:
    ours, database = turso_wasm.connect(":memory:"), apsw.Connection(":memory:")
    for connection in (ours, database):
        connection.execute("CREATE TABLE t(a, b)")
    mine, theirs = prepared_by_us(ours), prepared(database)
    assert both_are_there(sql, theirs, mine)
    assert not both_are_there(sql, theirs, lambda text: "an error of ours alone")
    assert not both_are_there(sql, theirs, lambda text: mine(text) if text == sql else None)


def test_what_is_complained_of_is_left_out_piece_by_piece() -> None:
    ours = turso_wasm.connect(":memory:")
    ours.execute("CREATE TABLE t(a, b)")
    tried: list[str] = []

    def message(sql: str) -> str | None:
        tried.append(sql)
        return prepared_by_us(ours)(sql)

    sql = "SELECT x + a, (SELECT x FROM t WHERE b = 1), (SELECT 1, 2), max(min(a)) FROM t"
    assert complains_after_mending(sql, "misuse of aggregate function min()", message)
    mended = "SELECT NULL + a, (SELECT NULL FROM t WHERE b = 1), (SELECT 1, 2), max(min(a)) FROM t"
    assert mended.replace("NULL", " NULL ") in tried
    assert not complains_after_mending(sql, "no such column: a", message)


@pytest.mark.parametrize("left", ["b", "c"])
def test_of_two_parts_that_are_wrong_together_either_is_left_out(left: str) -> None:
    def message(sql: str) -> str | None:
        return "both" if "b" in sql and "c" in sql else "alone" if left in sql else None

    assert complains_after_mending("SELECT b, c, d", "alone", message)
    assert not complains_after_mending("SELECT b, c, d", "neither", message)


DISTINCT_OFFSET = "SELECT 1 WHERE NOT EXISTS (SELECT DISTINCT 1 FROM t, t LIMIT 1 OFFSET 3)"
FORGOTTEN = "SELECT b.rowid FROM t JOIN (t a JOIN (t b JOIN t c))"


@pytest.mark.parametrize("sql", [DISTINCT_OFFSET, f"INSERT INTO t {DISTINCT_OFFSET}", FORGOTTEN])
def test_faults_of_sqlite_are_not_ours(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(1, [Statement("CREATE TABLE t(a)"), Statement("INSERT INTO t VALUES (1), (2)"), Statement(sql)])
    assert replay(script) is None
    monkeypatch.setattr(engines, "as_meant", lambda sql: None)
    monkeypatch.setattr(engines, "forgets_rowid", lambda message, sql: False)
    assert replay(script) is not None


def test_nothing_else_is_taken_for_a_fault_of_sqlite() -> None:
    assert as_meant("SELECT EXISTS (SELECT DISTINCT a FROM t LIMIT 2)") is None
    assert as_meant("SELECT EXISTS (SELECT a FROM t LIMIT 2 OFFSET 1)") is None
    assert as_meant(DISTINCT_OFFSET) == (
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM (SELECT DISTINCT 1 FROM t, t LIMIT 1 OFFSET 3))"
    )
    assert not forgets_rowid("no such column: b.rowid", "SELECT b.rowid FROM t JOIN (t a JOIN t b)")
    assert not forgets_rowid("no such column: b.x", FORGOTTEN)
    assert not forgets_rowid("no such column: a.rowid", FORGOTTEN)


def test_a_column_of_a_temporary_table_is_renamed_though_sqlite_cannot() -> None:
    steps = [
        "CREATE TEMP TABLE t(a)",
        "CREATE TRIGGER r DELETE ON t BEGIN SELECT old.a; END",
        "ALTER TABLE t RENAME a TO z",
    ]
    assert replay(Script(1, [Statement(sql) for sql in steps])) is None
    message = "error in trigger r: no such column: old.z"
    assert misses_new_column(message, steps[2], ["t"])
    assert not misses_new_column(message, steps[2], [])
    assert not misses_new_column(message.replace("old.z", "old.y"), steps[2], ["t"])


def test_a_table_of_temp_does_not_hide_that_of_a_trigger() -> None:
    steps = [
        "CREATE TABLE t(a)",
        "CREATE TABLE u(a)",
        "CREATE TRIGGER r UPDATE ON t WHEN new.a BEGIN SELECT 1; END",
        "CREATE TEMP TABLE t(b)",
        "ALTER TABLE u RENAME TO v",
    ]
    assert replay(Script(1, [Statement(sql) for sql in steps])) is None
    message = "error in trigger r: no such column: new.a"
    assert takes_temporary_table(message, [steps[2]], ["t"])
    assert not takes_temporary_table(message, [steps[2]], ["u"])
    assert not takes_temporary_table(message.replace("new.a", "a"), [steps[2]], ["t"])


def test_the_last_rowid_is_kept_where_sqlite_forgets_it() -> None:
    steps = [
        "CREATE VIRTUAL TABLE f USING fts4(a)",
        "BEGIN",
        "INSERT INTO f(docid, a) VALUES (7, 'x')",
        "CREATE TABLE t(a)",
        "SELECT last_insert_rowid()",
    ]
    assert replay(Script(1, [Statement(sql) for sql in steps])) is None
    zero, seven = Reply([(0, 1)]), Reply([(7, 1)])
    assert forgets_last_rowid(steps[-1], zero, seven, steps[:1])
    assert not forgets_last_rowid(steps[-1], seven, zero, steps[:1])
    assert not forgets_last_rowid(steps[-1], zero, seven, steps[3:4])
    assert not forgets_last_rowid("SELECT a, 1 FROM t", zero, seven, steps[:1])


def test_what_explains_a_change_counts_in_both() -> None:
    steps = [
        Statement("CREATE TABLE t(a)"),
        Statement("INSERT INTO t VALUES (1)"),
        Statement("EXPLAIN CODE DELETE FROM t", own=True),
        Statement("SELECT changes()"),
    ]
    assert replay(Script(1, steps)) is None


def test_an_alter_is_refused_for_one_object() -> None:
    assert are_of_one_object("error in view v: no such column: a", "error in view v after rename: no such table: b")
    assert not are_of_one_object("error in view v: no such column: a", "error in view w: no such column: a")
    assert not are_of_one_object("no such column: a", "error in view w: no such column: a")


def test_an_error_of_a_value_is_excused_where_a_part_has_it() -> None:
    def other(sql: str) -> str | None:
        return "malformed JSON" if sql.startswith("SELECT 'x'") else None

    assert is_of_a_part("SELECT 0 AND 'x' -> '$'", "malformed JSON", other)
    assert not is_of_a_part("SELECT 0 AND 'x' -> '$'", "malformed JSON", lambda sql: None)
    assert not is_of_a_part("SELECT 0 AND 'x' -> '$'", "no such column: x", lambda sql: "no such column: x")
    assert not is_of_a_part("SELECT 1 + 'x' -> '$'", "malformed JSON", lambda sql: "malformed JSON")


def test_what_sqlite_leaves_behind_in_upserts_of_triggers_is_not_ours() -> None:
    text = "main: 'r'|'t'|'CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO t VALUES (1) {} ; END'"
    old = text.format("ON CONFLICT (z) DO NOTHING ON CONFLICT (a) DO UPDATE SET a = 1")
    new = text.format("ON CONFLICT (z) DO NOTHING ON CONFLICT (z) DO UPDATE SET z = 1")
    assert renames_in_part([old], [new])
    assert not renames_in_part([old], [new.replace("ON t", "ON u")])
    first = text.format("ON CONFLICT (a) DO UPDATE SET b = 1")
    assert not renames_in_part([first], [first.replace("(a)", "(z)")])
    renamed = text.format("ON CONFLICT DO UPDATE SET b = t.b")
    assert renames_in_part([renamed], [renamed.replace("t.b", "excluded.b")])


def test_not_deferrable_that_sqlite_takes_for_not_null() -> None:
    sql = "ALTER TABLE t ALTER COLUMN a DROP NOT NULL"
    mine = "main: 't'|'t'|'CREATE TABLE t(a REFERENCES t(a) NOT DEFERRABLE)'"
    assert drops_another_not(sql, ["main: 't'|'t'|'CREATE TABLE t(a REFERENCES t(a) NOT NULL)'"], [mine])
    assert drops_another_not(sql, ["main: 't'|'t'|'CREATE TABLE t(a REFERENCES t(a))'"], [mine])
    assert not drops_another_not(sql, ["main: 't'|'t'|'CREATE TABLE t(a)'"], [mine])
    assert not drops_another_not(
        sql, ["main: 't'|'t'|'CREATE TABLE t(a)'"], ["main: 't'|'t'|'CREATE TABLE t(a NOT NULL)'"]
    )
    both = mine.replace("NOT DEFERRABLE", "NOT DEFERRABLE NOT NULL")
    assert drops_another_not("ALTER TABLE t ALTER a SET NOT NULL", [mine.replace("DEFERRABLE", "NULL")], [both])
    assert not drops_another_not("DROP TABLE t", ["main: 't'|'t'|'CREATE TABLE t(a REFERENCES t(a))'"], [mine])


FAULTS_OF_SQLITE = [
    [  # generated columns of NEW
        "CREATE TABLE t (n, s, g AS (s))",
        "CREATE TRIGGER r BEFORE UPDATE ON t BEGIN UPDATE t SET s = new.g; END",
        "INSERT INTO t VALUES (1, 2)",
        "UPDATE t SET n = 1",
    ],
    [  # a row without its parent
        "CREATE TABLE t (id INTEGER PRIMARY KEY, r REFERENCES t ON DELETE SET NULL, x UNIQUE)",
        "INSERT INTO t VALUES (1, 1, 1)",
        "PRAGMA foreign_keys = 1",
        "REPLACE INTO t VALUES (2, 1, 1)",
    ],
    ["CREATE TABLE t (a)", "CREATE INDEX i ON t (a)", "CREATE TEMP TABLE t (a)", "VACUUM"],  # which loses the index
    ["BEGIN", "CREATE VIRTUAL TABLE r USING rtree (a)", "PRAGMA journal_mode = wal"],  # has the table been written?
]


@pytest.mark.parametrize("statements", FAULTS_OF_SQLITE)
def test_faults_of_sqlite_are_proved(statements: list[str]) -> None:
    script = Script(1, [Statement(sql) for sql in statements])
    pair = Pair(script)
    try:
        assert [pair.run(at) for at in range(len(statements) - 1)] == [None] * (len(statements) - 1)
        with pytest.raises(Stop):
            pair.run(len(statements) - 1)
        assert pair.statements["right unlike SQLite"] == 1
    finally:
        pair.close()


def test_errors_of_triggers_and_of_the_statement() -> None:
    script = Script(
        1,
        [
            Statement("CREATE TABLE t (a)"),
            Statement("CREATE TRIGGER r BEFORE INSERT ON t BEGIN DELETE FROM t WHERE nosuch; END"),
            Statement("INSERT INTO t VALUES (1) RETURNING percent_rank()"),
        ],
    )
    assert replay(script) is None


def test_a_sequence_may_differ_only_after_a_failure() -> None:
    failure = Failure("SQLITE_CONSTRAINT_TRIGGER", "x")
    assert forgets_sequence(failure, [], ["main.sqlite_sequence: 1|'t'|3"])
    assert not forgets_sequence(None, [], ["main.sqlite_sequence: 1|'t'|3"])
    assert not forgets_sequence(failure, ["main.t: 1|2"], ["main.sqlite_sequence: 1|'t'|3"])


def test_an_rtree_is_updated_in_the_order_of_its_nodes() -> None:
    lines = (["main.r: 5|5|-1.0|0.0"], ["main.r: 5|5|-1.0|7.0"])
    sql = "UPDATE OR FAIL r SET h0 = 0 WHERE l0 <= 0"
    assert stops_at_another_row(sql, ["r"], lines)
    assert not stops_at_another_row(sql, ["f"], lines)
    assert not stops_at_another_row(sql.replace("FAIL", "ABORT"), ["r"], lines)
    assert not stops_at_another_row(sql, ["r"], (lines[0], []))
    assert not stops_at_another_row(sql, ["r"], (["main.t: 5|1"], ["main.t: 5|2"]))


def test_functions_of_the_library_cast_what_they_are_given() -> None:
    assert own.from_library("lpad")(5.5, "5", b"xy") == "xy5.5"
    assert own.from_library("gcd")("12", 8.5) == 4
    assert own.from_library("reverse")(None) is None
    with pytest.raises(apsw.SQLError, match="unknown encoding"):
        own.from_library("crypto_encode")("a", "nosuch")


def test_integers_of_generated_columns_of_strict_tables_are_sqlites() -> None:
    one, real, other = (Reply(rows=[(value,)]) for value in (1, 1.0, 2))
    table = "CREATE TABLE t (b REAL, d REAL AS (1)) STRICT"
    assert forgets_real(one, real, (), [table])
    assert not forgets_real(one, other, (), [table])
    assert not forgets_real(one, real, (), ["CREATE TABLE t (b REAL, d REAL AS (1))"])
