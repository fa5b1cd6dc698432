"""What a script is made of, and the generator of whole scripts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.fuzz.definitions import Definitions
from tests.fuzz.dense import Bulk, Dense, Triggers
from tests.fuzz.dense_changes import Keys, Savepoints
from tests.fuzz.dense_functions import Functions
from tests.fuzz.dense_modules import Boxes, OldTexts, Texts
from tests.fuzz.dense_queries import Documents, Frames
from tests.fuzz.grammar import production
from tests.fuzz.model import Scope
from tests.fuzz.queries import Query
from turso_wasm.plan.build import OPTIMIZATIONS


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. order: the result columns, 0-based, that fix the order of its rows, from the first on.

    own: its answer is SQLite's own affair (EXPLAIN): only whether we fail is looked at. connection: to the one file.
    """

    sql: str
    parameters: tuple[object, ...] = ()
    order: tuple[int, ...] = ()
    own: bool = False
    connection: str = "main"


@dataclass(frozen=True, slots=True)
class Law:
    """An equation that holds in every database, over `SELECT columns FROM source WHERE predicate`.

    without: optimizations that are off on its second side.
    """

    name: str
    columns: str
    source: str
    predicate: str
    parameters: tuple[object, ...] = ()
    without: tuple[str, ...] = ()


Step = Statement | Law


@dataclass(slots=True)
class Script:
    """Steps in order; mode: how our engine runs them (`engines.MODES`)."""

    seed: int
    steps: list[Step] = field(default_factory=list)
    mode: str = "plain"

    def with_steps(self, steps: list[Step]) -> Script:
        """The same with other steps."""
        return replace(self, steps=steps)


SWITCHES = (
    "foreign_keys", "recursive_triggers", "ignore_check_constraints", "legacy_alter_table", "automatic_index",
    "query_only", "cell_size_check", "checkpoint_fullfsync", "defer_foreign_keys", "fullfsync", "trusted_schema",
    "read_uncommitted", "secure_delete", "count_changes",
)  # fmt: skip
"""PRAGMAs of a connection that are on or off."""
SETTINGS = (
    "journal_mode", "auto_vacuum", "locking_mode", "synchronous", "temp_store", "cache_size = 7",
    "cache_size = -100", "journal_size_limit = 4096", "journal_size_limit", "max_page_count", "busy_timeout",
    "wal_autocheckpoint", "wal_autocheckpoint = 10", "page_size = 2048", "temp_store = file", "temp_store = 9",
    "locking_mode = normal", "synchronous = full", "auto_vacuum = incremental", "journal_mode = persist",
    "journal_mode = delete", "journal_mode = x", "encoding = 'UTF-8'", "analysis_limit = 10", "analysis_limit",
    "user_version = 'x'", "application_id = 1.5", "threads", "mmap_size = 0",
)  # fmt: skip
"""PRAGMAs that are read, or set to a value."""
LAWS = (
    "count", "partition", "not indexed", "swapped", "subquery", "common", "view", "bound", "no indexes",
    "materialized", "twice", "on", "correlated", "scalar", "exists", "distinct", "filter", "window",
)  # fmt: skip
UNOPTIMIZED = "unoptimized"
DENSE: tuple[type[Dense], ...] = (
    Triggers, Bulk, Frames, Documents, Functions, Keys, Savepoints, Texts, OldTexts, Boxes,
)  # fmt: skip
"""What some scripts are all about."""
FOCUSES: dict[str, dict[str, float]] = {
    "": {},
    "changes": {
        "statement_query": 0.2,
        "statement_change": 2.0,
        "statement_definition": 2.0,
        "statement_transaction": 2.0,
        "statement_housekeeping": 3.0,
        "statement_explain": 0.2,
    },
}
"""What scripts are mostly about: how much likelier some kinds of statements are."""


class Generator(Definitions):
    """Steps one after the other. Equal seeds and equal schemas give equal steps."""

    def __init__(self, seed: int, dense: type[Dense] | None = None, focus: str = "") -> None:
        """dense: what most of the script is about; None: of some scripts one of these kinds, of others nothing. focus:
        one of FOCUSES.
        """
        super().__init__(seed)
        self.favoured = FOCUSES[focus]
        self.settings: list[str] = []
        self.connections = ["main"]
        if dense is None and self.chance(0.4):
            dense = self.pick(DENSE)
        self.dense = dense(self.random) if dense is not None else None

    def statement(self) -> Step:
        """The next step, for the schema as it is now."""
        self.start_statement()
        if self.dense is not None and self.chance(0.8):
            return Statement(self.dense.statement())
        if len(self.schema.tables) < 2:
            self.parameters = None
            return Statement(self.create_table())
        if self.chance(0.15 * self.favoured.get("statement_query", 1.0)):
            return self.law()
        step: Statement = self.derive("statement")
        if self.parameters:
            step = replace(step, parameters=tuple(self.parameters))
        return step if step.own or len(self.connections) == 1 else replace(step, connection=self.pick(self.connections))

    def begins(self, at: int) -> bool:
        """Whether step number `at` is one of the first."""
        return at < 8 or bool(self.settings)

    def first(self, at: int) -> Step:
        """One of the steps that begin a script: tables, and rows in them."""
        self.start_statement()
        self.parameters = None
        if at == 0:
            self.settings = self.first_settings() if self.dense is None else [*self.dense.schema()][::-1]
        if self.settings:
            return Statement(self.settings.pop())
        if self.dense is not None:
            return Statement(self.dense.statement())
        if not self.schema.tables or (len(self.schema.tables) < 3 and at < 6):
            return Statement(self.create_table())
        return Statement(self.insert_values())

    def first_settings(self) -> list[str]:
        """What holds for a whole script."""
        chosen = [f"PRAGMA encoding = '{self.pick(('UTF-16le', 'UTF-16be'))}'"] if self.chance(0.15) else []
        chosen += ["PRAGMA foreign_keys = on"] if self.foreign_keys else []
        chosen += ["PRAGMA recursive_triggers = on"] if self.chance(0.1) else []
        if self.chance(0.4):
            modes = ("delete", "truncate", "persist", "memory", "wal")  # with `off` SQLite cannot roll back
            before = (
                f"PRAGMA page_size = {self.pick((512, 1024, 8192))}", f"PRAGMA auto_vacuum = {self.pick((1, 2))}",
                "PRAGMA secure_delete = on", "PRAGMA locking_mode = exclusive", "PRAGMA temp_store = memory",
                "PRAGMA cache_size = 5", "PRAGMA legacy_alter_table = on", "PRAGMA cell_size_check = on",
                "PRAGMA ignore_check_constraints = on", "PRAGMA automatic_index = off",
            )  # fmt: skip
            chosen = [*self.random.sample(before, self.random.randint(0, 2)), *chosen]
            chosen += [f"PRAGMA journal_mode = {self.pick(modes)}"]
        attached = ["ATTACH ':memory:' AS other"] if self.chance(0.3) else []
        if self.chance(0.1) and not attached and not chosen:
            # without a log SQLite's readers hinder writers; ours of one process do not
            self.connections = ["main", "main", "second"]
            chosen += ["PRAGMA journal_mode = wal"]
        return attached + chosen[::-1]

    def law(self) -> Law:
        """A query to be asked in several ways."""
        self.parameters = None
        self.no_windows = True  # they look at other rows
        without = tuple(self.random.sample(OPTIMIZATIONS, 1 if self.chance(0.8) else 3)) if self.chance(0.4) else ()
        name = UNOPTIMIZED if without else self.pick(LAWS)
        from_ = self.from_clause(None)
        scope = Scope(from_.sources, merged=from_.merged)
        if name == "view" and "pragma_" in from_.text:
            name = "subquery"  # a view in temp adds a database
        columns = ", ".join(f"{self.expr(scope)} AS q{i}" for i in range(self.random.randint(1, 3)))
        return Law(name, columns, from_.text, self.condition(scope), without=without)

    # --- statements ------------------------------------------------------------------------------------------------

    @production("statement", 12)
    def statement_query(self) -> Statement:
        query: Query = self.query()
        return Statement(query.text, order=query.order)

    @production("statement", 7)
    def statement_change(self) -> Statement:
        self.in_change = True
        text = str(self.derive("change"))
        self.in_change = False
        return Statement(text)

    @production("statement", 3)
    def statement_definition(self) -> Statement:
        self.parameters = None
        return Statement(str(self.derive("define")))

    @production("statement", 1.5)
    def statement_transaction(self) -> Statement:
        self.parameters = None
        return Statement(str(self.derive("transaction")))

    @production("statement", 1)
    def statement_housekeeping(self) -> Statement:
        self.parameters = None
        return Statement(str(self.derive("housekeeping")))

    @production("statement", 0.3)
    def statement_explain(self) -> Statement:
        if self.chance(0.3):  # which runs it
            return Statement(f"EXPLAIN ANALYZE {self.statement_query().sql}", own=True)
        inner = self.pick((self.statement_query, self.statement_change, self.statement_of_our_own))().sql
        words = self.pick(("EXPLAIN", "EXPLAIN QUERY PLAN", "EXPLAIN QUERY PLAN", "EXPLAIN CODE"))
        return Statement(f"{words} {inner}", own=True)

    def statement_of_our_own(self) -> Statement:
        """What the oracle cannot parse; it is explained, not run."""
        self.parameters = None
        table = self.table()
        name = self.name(table.name)
        if self.chance(0.5):
            return Statement(
                f"ALTER TABLE {name} ALTER COLUMN {self.some_column(table)} TO {self.new_column(table)}", own=True
            )
        ordered = f"percentile({self.random.randint(0, 100)}) WITHIN GROUP (ORDER BY {self.some_column(table)})"
        return Statement(f"SELECT {self.pick((ordered, 'count(*) within'))} FROM {name}", own=True)

    @production("statement", 0.2, leaf=True)
    def statement_refused(self) -> Statement:
        """What the grammar takes only to refuse it in words of its own."""
        self.parameters = None
        texts = (
            "SELECT 1 ORDER BY 1 UNION SELECT 2", "SELECT 1 LIMIT 1 UNION ALL SELECT 2",
            "CREATE VIEW v8(a COLLATE nocase) AS SELECT 1", "CREATE INDEX i8 ON t1(a NULLS FIRST)",
            "SELECT 1 FROM (SELECT 1) ON 1", "VALUES (1), (2, 3)", "WITH w AS (SELECT 1), w AS (SELECT 2) SELECT 1",
            "SELECT 'a' MATCH 'b'", "SELECT 'a' NOT MATCH 1", "SELECT RAISE(IGNORE)",
            "DELETE FROM t1 WHERE RAISE(IGNORE)", "SELECT 'x' -> '$'",
            "SELECT json_extract('[1', '$')", "SELECT json_set('{}', 'a', 1)", "SELECT json_array(x'00')",
            "SELECT json_object('a')", "SELECT * FROM json_each('[')", "SELECT '[1]' -> '$[x]'", "SELECT jsonb('b')",
            "SELECT -0x8000000000000000",
        )  # fmt: skip
        return Statement(self.pick(texts))

    @production("statement", 0.05, leaf=True)
    def statement_empty(self) -> Statement:
        self.parameters = None
        return Statement(self.pick((";", "-- nothing")))

    # --- transactions ----------------------------------------------------------------------------------------------

    def word(self) -> str:
        return self.pick(("", "", " TRANSACTION"))

    @production("transaction", 3, leaf=True)
    def begin(self) -> str:
        return f"BEGIN{self.pick(('', '', ' DEFERRED', ' IMMEDIATE', ' EXCLUSIVE'))}{self.word()}"

    @production("transaction", 0.3, leaf=True)
    def begin_named(self) -> str:
        return self.pick(("BEGIN TRANSACTION x", "COMMIT TRANSACTION x"))

    @production("transaction", 2, leaf=True)
    def commit(self) -> str:
        return f"{self.pick(('COMMIT', 'END'))}{self.word()}"

    @production("transaction", 1, leaf=True)
    def rollback(self) -> str:
        return f"ROLLBACK{self.word()}"

    @production("transaction", 2, leaf=True)
    def savepoint(self) -> str:
        return f"SAVEPOINT s{self.random.randint(1, 3)}"

    @production("transaction", 1, leaf=True)
    def release(self) -> str:
        return f"RELEASE {self.pick(('SAVEPOINT ', ''))}s{self.random.randint(1, 3)}"

    @production("transaction", 1, leaf=True)
    def rollback_to(self) -> str:
        return f"ROLLBACK{self.word()} TO {self.pick(('SAVEPOINT ', ''))}s{self.random.randint(1, 3)}"

    # --- housekeeping ----------------------------------------------------------------------------------------------

    @production("housekeeping", 4, leaf=True)
    def pragma(self) -> str:
        table = self.name(self.table().name)
        index = self.name(self.pick(self.schema.indexes)) if self.schema.indexes else "none"
        return "PRAGMA " + self.pick(
            (
                f"table_info({table})", f"table_xinfo({table})", f"index_list({table})", f"foreign_key_list = {table}",
                f"index_info({index})", f"index_xinfo = {index}", f"user_version = {self.random.randint(-3, 9)}",
                "user_version", "main.user_version", "application_id", "encoding", "page_size", "integrity_check",
                "quick_check", "main.journal_mode(DELETE)", "schema_version", "user_version(+3)",
                f"main.table_info({table})",
                "application_id = 0x10", "integrity_check(5)", "foreign_key_check", f"foreign_key_check({table})",
                "foreign_keys", f"defer_foreign_keys = {self.pick('01')}",
                f"{self.pick(SWITCHES)} = {self.pick(('on', 'off', '1', '0', 'yes', 'no', 'true', '2', 'x'))}",
                self.pick(SWITCHES), self.pick(SETTINGS), self.pick(SETTINGS), f"quick_check({table})",
                f"integrity_check({table})", f"table_list({table})", "wal_checkpoint", "optimize", "shrink_memory",
                f"incremental_vacuum({self.random.randint(0, 3)})", "collation_list", f"main.{self.pick(SETTINGS)}",
            )
        )  # fmt: skip

    @production("housekeeping", 0.3, leaf=True)
    def analyze(self) -> str:
        return f"ANALYZE{self.pick(('', ' main', ' ' + self.name(self.table().name)))}"

    @production("housekeeping", 0.3, leaf=True)
    def reindex(self) -> str:
        return f"REINDEX{self.pick(('', ' NOCASE', ' main.' + self.name(self.table().name)))}"

    @production("housekeeping", 0.2, leaf=True)
    def vacuum(self) -> str:
        return self.pick(("VACUUM", "VACUUM main", "VACUUM INTO ''"))

    @production("housekeeping", 0.1, leaf=True)
    def attach(self) -> str:
        choices = ("ATTACH ':memory:' AS other", "ATTACH DATABASE ':memory:' AS o KEY 'k'", "DETACH other",
                   "DETACH DATABASE o")  # fmt: skip
        return self.pick(choices)
