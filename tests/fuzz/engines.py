"""SQLite and our engine side by side on two files: each step is answered by both and compared.

A step that we say we do not support yet is never shown to SQLite. One that SQLite cannot end within `MAX_STEPS` of its
machine is passed over. A difference counts only where SQLite itself always answers the same: `is_determined`.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import apsw

import turso_wasm
from tests.fuzz import laws, own
from tests.fuzz.errors import OF_A_VALUE, Message, are_of_one_object, both_are_there, is_of_a_part, mismatches_both
from tests.fuzz.known import (
    FTS3,
    HIDDEN_BY_TEMP,
    as_meant,
    drops_another_not,
    forgets_last_rowid,
    forgets_real,
    forgets_rowid,
    forgets_sequence,
    has_no_solution,
    keeps_spelling,
    misses_new_column,
    reading_new,
    renames_in_part,
    stops_at_another_row,
    takes_temporary_table,
    without_returning,
)
from tests.fuzz.model import quote_name
from tests.fuzz.modes import Hang, limited_time, running
from tests.fuzz.replies import Reply, agree, agree_about_numbers, ask, place_of, same_names
from tests.fuzz.state import contents, differences, facts, schemas, verdict
from tests.fuzz.statements import Law, Script, Statement, Step
from tests.harness.planning import without
from tests.oracle.engines import UNDECODABLE, Engine, Oracle, Ours, literal, row_text
from tests.oracle.planner import sqlite_answer
from turso_wasm.base.errors import SqlError
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

MAX_STEPS = 3_000_000
OUR_EXPLAIN = re.compile("^EXPLAIN CODE ")

CHANGES = re.compile(r"\s*(INSERT|REPLACE|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
MEANT = re.compile(r"CREATE\b.*\b(TRIGGER\b.*\bUPDATE|VIRTUAL)\b", re.IGNORECASE | re.DOTALL)
READS = re.compile(r"\s*(SELECT|VALUES)\b", re.IGNORECASE)
TREES = re.compile(r"\b[rf][789]\b")
BROKEN = re.compile(
    r"trapped|internal|exhausted|too many locals|body size|malformed(?! JSON| MATCH)|recursion depth", re.IGNORECASE
)


TRIGGERS = """SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger' UNION ALL
  SELECT name, 'CREATE TEMP' || substr(sql, 7) FROM temp.sqlite_schema WHERE type = 'trigger'"""


RTREES = "SELECT lower(name) FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%USING%rtree%'"


class Unsupported(Exception):
    """We say that we do not support this yet."""


class Stop(Exception):
    """The rest of the script cannot be compared."""


E = TypeVar("E", Oracle, Ours, Oracle | Ours)


@dataclass(slots=True)
class Fault:
    """Step number `at` of the script was answered differently, or broke something."""

    kind: str
    script: Script
    at: int
    expected: list[str]
    ours: list[str]

    @property
    def signature(self) -> tuple[str, str]:
        """Equal for differences that may be one fault."""
        if self.kind in ("internal", "hang", "file"):
            return self.kind, re.sub(r"\d+|\"[^\"]*\"|'[^']*'|0x\w+", "#", self.ours[0] if self.ours else "")[:80]
        if self.kind == "error":
            return self.kind, " / ".join(_message(lines) for lines in (self.expected, self.ours))
        if self.kind == "law" and self.expected == ["no error"]:
            return self.kind, _message(self.ours[1:])
        step = self.script.steps[self.at]
        return self.kind, step.name if isinstance(step, Law) else step.sql.split()[0].upper()

    def __str__(self) -> str:
        lines = [f"# {self.kind}; seed {self.script.seed}, mode {self.script.mode}"]
        for step in self.script.steps[: self.at + 1]:
            if isinstance(step, Law):
                lines += [f"-- law: {step.name}", *laws.text(step)]
            else:
                bound = f"  -- {', '.join(literal(each) for each in step.parameters)}" if step.parameters else ""
                lines.append(f"{step.sql};{bound}{'' if step.connection == 'main' else '  -- ' + step.connection}")
        lines += ["# SQLite:", *(f"#   {line}" for line in self.expected[:12])]
        return "\n".join([*lines, "# ours:", *(f"#   {line}" for line in self.ours[:12])])


def _message(lines: list[str]) -> str:
    """An error without the names in it; `rows` where there is none."""
    if not lines or not re.match(r"[A-Z]+_|[A-Z]\w+Error: ", lines[0]):
        return "rows"
    return re.sub(r"\d+|\"[^\"]*\"|'[^']*'", "#", ": ".join(lines[0].split(": ")[:2]))[:120]


def is_query(sql: str) -> bool:
    """True if the statement only reads; SQLite is asked first then, because it knows when to give up."""
    if not sql.startswith("WITH"):
        return READS.match(sql) is not None
    try:
        return isinstance(parse_one(sql)[0], ast.Select)
    except SqlError:
        return False


def knowing(engine: E) -> E:
    """The engine, whose main connection calls code of the user's (own.py)."""
    own.register(engine._connection("main"))
    return engine


class Pair:
    """Both engines, each with a file of its own."""

    def __init__(self, script: Script) -> None:
        self.script = script
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="fuzz", dir=memory if memory.is_dir() else None))
        self.oracle = Oracle(self.folder / "sqlite.db")
        self.ours = Ours(self.folder / "ours.db")
        self.statements = Counter[str]()
        self.last: Reply = Reply()
        self.slow = False
        self.n_calls = 0
        self.has_tried = False  # statements that were run and undone, which only changes() tells nothing of
        self.open("main")

    def open(self, name: str) -> None:
        """Have a connection of each engine; SQLite gives up on what takes too long."""
        if name in self.oracle.connections:
            return
        for engine in (self.oracle, self.ours):
            own.register(engine._connection(name))
            ask(engine, Statement("PRAGMA synchronous = off", connection=name))
        connection = self.oracle._connection(name)

        def tick() -> bool:
            self.n_calls += 1
            self.slow = self.n_calls > MAX_STEPS // 10_000
            return self.slow

        def start(_cursor: object, _sql: str, _bindings: object) -> bool:
            self._reset()
            return True

        connection.set_progress_handler(tick, 10_000)
        connection.exec_trace = start

    def _reset(self) -> None:
        self.n_calls = 0

    @property
    def database(self) -> apsw.Connection:
        """SQLite's connection."""
        return self.oracle._connection("main")

    def close(self) -> None:
        """Close both and remove the files."""
        self.oracle.close()
        with contextlib.suppress(turso_wasm.Error):
            self.ours.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- one step --------------------------------------------------------------------------------------------------

    def run(self, at: int) -> Fault | None:
        """Run step number `at`; a difference, or None. Raises Unsupported, Stop."""
        step = self.script.steps[at]
        try:
            if isinstance(step, Law):
                return self.run_law(at, step)
            self.open(step.connection)
            if len(self.oracle.connections) > 1:  # SQLite learns of a new schema only when it runs a statement
                for engine in (self.oracle, self.ours):
                    for name in engine.connections:
                        ask(engine, Statement("SELECT count(*) FROM sqlite_schema", connection=name))
            return self.run_statement(at, step)
        except Hang as hang:
            if isinstance(step, Statement) and not (step.own or is_query(step.sql)):
                self.ask_oracle(step)
                if self.slow:
                    raise Stop from None
            return Fault("hang", self.script, at, ["ends"], [str(hang)])

    def run_statement(self, at: int, step: Statement) -> Fault | None:
        if step.sql.startswith("VACUUM") and self.database.execute(HIDDEN_BY_TEMP).fetchone():
            self.statements["right unlike SQLite"] += 1
            raise Stop
        reads = is_query(step.sql)
        expected = self.ask_oracle(step) if reads and not step.own else Reply()
        if self.slow:
            return None
        with limited_time(self.ours):
            # EXPLAIN CODE shows code, whatever it would be given: it takes no parameters.
            ours = ask(self.ours, replace(step, parameters=()) if OUR_EXPLAIN.match(step.sql) else step)
        broken = self.breakage(at, ours)
        if broken:
            return broken
        if step.own:
            if not step.sql.startswith("EXPLAIN ANALYZE"):
                self.ask_oracle(replace(step, sql=OUR_EXPLAIN.sub("EXPLAIN ", step.sql)))  # changes() is 0 afterwards
            return None
        if not reads:
            expected = self.ask_oracle(step)
            if self.slow:
                raise Stop
        self.last = expected
        self.statements["failed" if expected.failure else "ran"] += 1
        return self.compare(at, step, expected, ours)

    def ask_oracle(self, step: Statement) -> Reply:
        self._reset()
        self.slow = False
        return ask(self.oracle, step)

    def breakage(self, at: int, ours: Reply) -> Fault | None:
        """A failure that nothing excuses. Raises Unsupported."""
        failure = ours.failure
        if failure is None:
            return None
        if failure.message.startswith("not supported yet"):
            raise Unsupported(failure.message)
        if failure.code.startswith("BUG") or failure.code == "SQLITE_CORRUPT" or BROKEN.search(failure.message):
            if "malformed database schema" in failure.message or failure.code == "SQLITE_CORRUPT_VTAB":
                return None  # the latter is said of full texts that lie elsewhere, too
            return Fault("internal", self.script, at, [], [f"{place_of(failure)}{failure}"])
        return None

    def compare(self, at: int, step: Statement, expected: Reply, ours: Reply) -> Fault | None:
        kind = ""
        if "schema_version" in step.sql and self.has_tree(at):
            return None  # how many tables a module makes, and how often ANALYZE reads them, is its own affair
        if "wal_checkpoint" in step.sql:  # and so is how many frames the log has; whether others were in the way is not
            for reply in (expected, ours):
                reply.rows = [row[:1] for row in reply.rows]
        # SQLite's functions in RETURNING see the integer that a REAL column was given
        if not (agree_about_numbers if " RETURNING " in step.sql else agree)(expected, ours, step.order):
            kind = "error" if expected.failure or ours.failure else "rows"
            lines = expected.lines(), ours.lines()
        elif not step.sql.startswith("ALTER") and not same_names(expected, ours):
            kind, lines = "columns", ([str(expected.columns)], [str(ours.columns)])
        elif not (self.vacuumed() or self.has_tree(at)) and self.counters(self.oracle) != self.counters(self.ours):
            kind, lines = "counters", ([str(self.counters(self.oracle))], [str(self.counters(self.ours))])
        elif step.sql.startswith("ALTER") and schemas(self.database, self.oracle) != schemas(self.database, self.ours):
            kind, lines = "schema", differences(schemas(self.database, self.oracle), schemas(self.database, self.ours))
        elif CHANGES.match(step.sql):
            rows = contents(self.database, self.oracle), contents(self.database, self.ours)
            if rows[0] != rows[1]:
                kind, lines = "content", differences(*rows)
        if not kind:
            return None
        if kind == "error" and self.is_excused(step, expected, ours):
            self.statements["with several errors"] += 1
            if not is_query(step.sql) and not (expected.failure and ours.failure):
                raise Stop
            return None
        if (kind == "content" and self.is_left_half_done(at, expected)) or not self.is_determined(at):
            raise Stop
        if self.is_fault_of_sqlite(at, kind, expected, ours, lines):
            self.statements["right unlike SQLite"] += 1
            raise Stop
        return Fault(kind, self.script, at, *lines)

    def is_excused(self, step: Statement, expected: Reply, ours: Reply) -> bool:
        """True if both errors are there, or the one that is there may come or not (errors.py)."""
        if expected.failure and expected.failure.code == UNDECODABLE:
            return True
        if expected.failure and forgets_rowid(expected.failure.message, step.sql):
            return True
        if self.script.mode == "unoptimized" and expected.failure and not ours.failure and is_query(step.sql):
            with without(()):  # whether anybody asks for what is wrong may depend on the plan
                if agree(expected, ask(self.ours, step), step.order):
                    return OF_A_VALUE.search(expected.failure.message) is not None
        if ours.failure and ours.failure.message.endswith(" because it is a view"):
            plain = self.message_of_sqlite(without_returning(step.sql), step.connection)
            if plain == ours.failure.message:
                return True
        if expected.failure and ours.failure:
            busy = any(reply.code.startswith("SQLITE_BUSY") for reply in (ours.failure, expected.failure))
            if busy and len(self.ours.connections) > 1:
                return True  # who is asked first, the schema or the lock
            if step.sql.startswith("ALTER") and are_of_one_object(expected.failure.message, ours.failure.message):
                return True
            if expected.failure.code == "SQLITE_READONLY":  # SQLite looks at some errors only when it may write
                return self.message_of_sqlite_writing(step) == ours.failure.message
            if step.sql == "PRAGMA foreign_key_check":
                return mismatches_both(
                    expected.failure.message,
                    ours.failure.message,
                    lambda sql: self.attempt(self.oracle, sql, Statement(sql)),
                    lambda sql: self.attempt(self.ours, sql, Statement(sql)),
                )
            if OF_A_VALUE.search(expected.failure.message) and OF_A_VALUE.search(ours.failure.message):
                # which value is asked for first
                return is_of_a_part(
                    step.sql, expected.failure.message, lambda sql: self.attempt(self.ours, sql, step)
                ) and is_of_a_part(step.sql, ours.failure.message, lambda sql: self.attempt(self.oracle, sql, step))
            messages = (
                lambda sql: self.message_of_sqlite(sql, step.connection),
                lambda sql: self.message_of_ours(sql, step.connection),
            )
            if not CHANGES.match(step.sql):
                return both_are_there(step.sql, *messages)
            bare = (
                lambda sql: self.without_triggers(self.oracle, messages[0], sql),
                lambda sql: self.without_triggers(self.ours, messages[1], sql),
            )
            return both_are_there(step.sql, *messages, bare) or self.both_are_in_a_trigger(step)
        failure = expected.failure or ours.failure
        other = self.ours if expected.failure else self.oracle
        return failure is not None and is_of_a_part(
            step.sql, failure.message, lambda sql: self.attempt(other, sql, step)
        )

    def both_are_in_a_trigger(self, step: Statement) -> bool:
        """True if a change meets both errors in a trigger."""
        return any(
            both_are_there(
                sql,
                lambda text, name=name: self.with_trigger(self.oracle, name, text, step),  # type: ignore[misc]
                lambda text, name=name: self.with_trigger(self.ours, name, text, step),  # type: ignore[misc]
            )
            for name, sql in self.database.execute(TRIGGERS).fetchall()
        )

    def with_trigger(self, engine: Engine, name: str, sql: str, step: Statement) -> str | None:
        """What an engine says against a change when a trigger is another one."""
        if ask(engine, Statement("SAVEPOINT fuzz_try")).failure:
            return None
        self.has_tried = True
        changed = all(not ask(engine, Statement(text)).failure for text in (f"DROP TRIGGER {quote_name(name)}", sql))
        self._reset()
        failure = ask(engine, step).failure if changed else None
        for undo in ("ROLLBACK TO fuzz_try", "RELEASE fuzz_try"):
            ask(engine, Statement(undo))
        return failure.message if failure else None

    def without_triggers(self, engine: Engine, message: Message, sql: str) -> str | None:
        """What an engine says against a statement when there are no triggers."""
        names = [name for name, _ in self.database.execute(TRIGGERS).fetchall()]
        if not names or ask(engine, Statement("SAVEPOINT fuzz_try")).failure:
            return None
        self.has_tried = True
        for name in names:
            ask(engine, Statement(f"DROP TRIGGER {quote_name(name)}"))
        found = message(sql)
        for undo in ("ROLLBACK TO fuzz_try", "RELEASE fuzz_try"):
            ask(engine, Statement(undo))
        return found

    def attempt(self, engine: Engine, sql: str, step: Statement) -> str | None:
        """What an engine says against a statement that is run and undone."""
        undone = not is_query(sql)
        if undone and ask(engine, Statement("SAVEPOINT fuzz_try")).failure:
            return None
        self._reset()
        self.has_tried |= undone
        failure = ask(engine, replace(step, sql=sql)).failure
        if undone:
            for undo in ("ROLLBACK TO fuzz_try", "RELEASE fuzz_try"):
                ask(engine, Statement(undo))
        return failure.message if failure else None

    def is_fault_of_sqlite(
        self, at: int, kind: str, expected: Reply, ours: Reply, lines: tuple[list[str], list[str]]
    ) -> bool:
        """True if SQLite gives our answer, too, once the statement is written around a fault of its (known.py)."""
        step = self.script.steps[at]
        assert isinstance(step, Statement)
        if kind == "schema":
            return renames_in_part(*lines) or drops_another_not(step.sql, *lines)
        if kind == "error" and expected.failure and ours.failure is None:
            temporary = [name for (name,) in self.database.execute("SELECT lower(name) FROM sqlite_temp_schema")]
            if misses_new_column(expected.failure.message, step.sql, temporary):
                return True
            triggers = [sql for name, sql in self.database.execute(TRIGGERS) if not sql.startswith("CREATE TEMP")]
            if step.sql.startswith("ALTER") and takes_temporary_table(expected.failure.message, triggers, temporary):
                return True
        if kind == "error" and ours.failure and ours.failure.code == "SQLITE_CONSTRAINT_FOREIGNKEY":
            return self.has_let_dangle()
        if kind == "content" and forgets_sequence(expected.failure, *lines):
            return True
        if kind == "content" and expected.failure and agree(expected, ours, ()):
            trees = [name for (name,) in self.database.execute(RTREES)]
            if stops_at_another_row(step.sql, trees, lines):
                return True
        tables = [sql for (sql,) in self.database.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'")]
        if kind == "rows" and forgets_real(expected, ours, step.order, tables):
            return True
        if kind == "rows" and keeps_spelling(expected, ours, self.as_json):
            return True
        if kind == "error" and has_no_solution(expected, ours, step.sql, tables):
            return True
        if kind == "rows" and forgets_last_rowid(step.sql, expected, ours, tables):
            return True
        if kind == "counters" and any(map(FTS3.search, tables)):
            theirs, mine = self.counters(self.oracle), self.counters(self.ours)
            if len(mine) > 2 and theirs == (mine[0], 0, *mine[2:]):
                return True  # see forgets_last_rowid
        text = as_meant(step.sql)
        earlier = any(isinstance(each, Statement) and MEANT.match(each.sql) for each in self.script.steps[:at])
        if text is None and not earlier:
            return False
        again = Pair(self.script)
        try:
            again.repeat(at, meant=True)
            return agree(ask(again.oracle, replace(step, sql=text or step.sql)), ours, step.order) and (
                contents(self.database, self.ours) == contents(again.database, again.oracle)
            )
        finally:
            again.close()

    def as_json(self, value: bytes) -> str | None:
        """The text of JSONB; None: it is none."""
        ((text,),) = self.database.execute("SELECT iif(json_valid(?1, 8), json(?1), NULL)", (value,)).fetchall()
        return str(text) if text is not None else None

    def has_let_dangle(self) -> bool:
        """True if SQLite itself says that it let in a row without its parent: after REPLACE in a table that refers to
        itself ON DELETE SET NULL.
        """
        check = Statement("PRAGMA foreign_key_check")
        return not self.oracle.counters("main")[2] and len(ask(self.oracle, check).rows) > len(
            ask(self.ours, check).rows
        )

    def repeat(self, until: int, *, meant: bool = False) -> None:
        """Let SQLite run the steps before this one. meant: as they are meant (known.py), without virtual tables that it
        refuses when it has begun to write them.
        """
        for step in self.script.steps[:until]:
            if isinstance(step, Statement) and not step.own:
                self.open(step.connection)
                if meant and step.sql.startswith("CREATE VIRTUAL") and ask(Oracle(), step).failure:
                    continue
                ask(self.oracle, replace(step, sql=reading_new(step.sql, self.columns)) if meant else step)

    def columns(self, table: str) -> list[str]:
        """The columns of a table, as they are quoted."""
        rows = self.database.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
        return [quote_name(name) for (name,) in rows]

    def is_left_half_done(self, at: int, expected: Reply) -> bool:
        """True if SQLite keeps what a statement had done when a type of a STRICT table stopped it, and we have undone
        it: SQLite keeps no journal of statements that only that can stop.
        """
        if expected.failure is None or expected.failure.code != "SQLITE_CONSTRAINT_DATATYPE":
            return False
        before = Pair(self.script)
        try:
            before.repeat(at)
            return contents(self.database, self.ours) == contents(before.database, before.oracle)
        finally:
            before.close()

    def message_of_sqlite(self, sql: str, connection: str) -> str | None:
        """What SQLite says against a statement when it prepares it; of ALTER, when it is run, for it looks late."""
        if sql.startswith("ALTER"):
            return self.attempt(self.oracle, sql, Statement(sql, connection=connection))
        found = sqlite_answer(self.oracle._connection(connection), sql)
        return found if isinstance(found, str) else None

    def message_of_sqlite_writing(self, step: Statement) -> str | None:
        """What SQLite says against a statement without PRAGMA query_only."""
        ask(self.oracle, replace(step, sql="PRAGMA query_only = off", parameters=()))
        message = self.attempt(self.oracle, step.sql, step)
        ask(self.oracle, replace(step, sql="PRAGMA query_only = on", parameters=()))
        return message

    def message_of_ours(self, sql: str, connection: str) -> str | None:
        """What we say."""
        if sql.startswith("ALTER"):
            return self.attempt(self.ours, sql, Statement(sql, connection=connection))
        try:
            self.ours._connection(connection)._runtime.prepare(sql)
        except SqlError as error:
            return error.message
        return None

    def has_tree(self, at: int) -> bool:
        """SQLite changes shadow tables with statements that count like others."""
        return any(TREES.search(getattr(step, "sql", "")) for step in self.script.steps[: at + 1])

    def vacuumed(self) -> bool:
        """True after VACUUM and CREATE VIRTUAL TABLE, which leave SQLite with its own inserts as the last ones."""
        own = ("VACUUM", "CREATE VIRTUAL")
        return any(isinstance(step, Statement) and step.sql.startswith(own) for step in self.script.steps)

    def counters(self, engine: Engine) -> tuple[object, ...]:
        """changes(), last_insert_rowid(), total_changes() and whether a transaction is open; what can be compared."""
        changes, rowid, inside = engine.counters("main")
        if self.has_tried:
            return changes, inside
        return changes, rowid, engine.run("main", "SELECT total_changes()").rows[0][0], inside

    def is_determined(self, at: int) -> bool:
        """True if SQLite gives the same answer however it visits its rows."""
        step = self.script.steps[at]
        assert isinstance(step, Statement)
        if any(isinstance(other, Statement) and other.connection != "main" for other in self.script.steps[: at + 1]):
            return True  # who waits for whom does not depend on that
        answers = []
        for way in ("", "PRAGMA reverse_unordered_selects = on", "no indexes", "ANALYZE"):
            oracle = knowing(Oracle())
            try:
                for earlier in self.script.steps[:at]:
                    if isinstance(earlier, Statement) and not earlier.own:
                        if way == "no indexes" and earlier.sql.startswith("CREATE INDEX"):
                            continue
                        ask(oracle, earlier)
                if (" " in way and way != "no indexes") or way == "ANALYZE":
                    ask(oracle, Statement(way))
                reply = ask(oracle, step)
                counted = [] if way == "ANALYZE" else contents(self.database, oracle)
                answers.append((reply, counted))
            finally:
                oracle.close()
        first, first_content = answers[0]
        return all(
            (way == 2 and reply.failure and not first.failure)
            or (agree(first, reply, step.order) and (not content or content == first_content))
            for way, (reply, content) in enumerate(answers)
        )

    # --- laws ------------------------------------------------------------------------------------------------------

    def run_law(self, at: int, law: Law) -> Fault | None:
        reference = Statement(laws.reference(law))
        expected = self.ask_oracle(reference)
        if self.slow or expected.failure or len(expected.rows) > 5000:
            return None
        self.statements["laws"] += 1
        sides: list[list[str]] = []
        for (queries, before, after), off in zip(laws.sides(law, self.indexes()), ((), law.without), strict=True):
            rows: list[str] = []
            for statement in before:
                self.must(statement)
            for query in queries:
                with without(off) if off else contextlib.nullcontext(), limited_time(self.ours):
                    reply = ask(self.ours, query)
                broken = self.breakage(at, reply)
                if broken or reply.failure:
                    for statement in after:
                        self.must(statement)
                    if reply.failure and reply.failure.code == UNDECODABLE:
                        return None  # a text of bytes that are none
                    if reply.failure and OF_A_VALUE.search(reply.failure.message):
                        return None  # another plan may ask for a value that the reference never asks for
                    return broken or Fault("law", self.script, at, ["no error"], [query.sql, str(reply.failure)])
                rows += [row_text(row) for row in reply.rows]
            for statement in after:
                self.must(statement)
            sides.append(sorted(rows))
        if sides[0] == sides[1]:
            return None
        return Fault("law", self.script, at, sides[0], sides[1])

    def must(self, sql: str) -> None:
        """Run a statement of a law's frame. Raises Stop if it fails."""
        if ask(self.ours, Statement(sql)).failure:
            raise Stop

    def indexes(self) -> list[str]:
        """The indexes that can be dropped."""
        return [
            row[0] for row in self.database.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql > ''")
        ]

    # --- the end ---------------------------------------------------------------------------------------------------

    def finish(self) -> Fault | None:
        """Commit, close, and look at both files with both engines."""
        at = len(self.script.steps) - 1
        for engine in (self.oracle, self.ours):
            for name in sorted(engine.connections, reverse=True):
                if engine.counters(name)[2]:
                    ask(engine, Statement("COMMIT", connection=name))
        self.oracle.close()
        self.ours.close()
        mine, theirs = self.folder / "ours.db", self.folder / "sqlite.db"
        if not mine.exists():
            return None
        found = verdict(mine)
        if found != ["ok"] and found != verdict(theirs):
            return Fault("file", self.script, at, ["ok"], ["integrity_check: " + found[0], *found[1:]])
        about = [facts(path) for path in (theirs, mine)]
        if about[0] != about[1]:
            return Fault("file", self.script, at, about[0], ["schema or foreign keys", *about[1]])
        read = []
        lister = self.oracle = knowing(Oracle(shutil.copy(theirs, self.folder / "copy.db")))
        for engine in (lister, knowing(Oracle(mine)), knowing(Ours(theirs))):
            read.append(contents(self.database, engine))
            if engine is not lister:
                engine.close()
        for what, content in zip(("ours read by SQLite", "SQLite's read by us"), read[1:], strict=True):
            if content != read[0]:
                return Fault("file", self.script, at, read[0], [f"content: {what}", *content])
        return None


def replay(script: Script, *, to_the_end: bool = False) -> Fault | None:
    """Run a recorded script; its first fault. to_the_end: with the check of the files."""
    pair = Pair(script)
    try:
        with running(script.mode):
            for at in range(len(script.steps)):
                with contextlib.suppress(Unsupported):
                    fault = pair.run(at)
                    if fault:
                        return fault
        return pair.finish() if to_the_end else None
    except Stop:
        return None
    finally:
        pair.close()


__all__ = ["Fault", "Pair", "Step", "Stop", "Unsupported", "replay"]
