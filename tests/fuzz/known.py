"""Faults of SQLite's that we do not copy, each with a way to write the statement that it gets right.

A difference is excused if SQLite gives our answer to the statement as it is written here, and only then; or if it
does not know a name that it has forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from tests.fuzz.replies import Reply, agree_about_numbers
from tests.oracle.engines import Failure
from turso_wasm.base.errors import SqlError
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.walk import walk


def as_meant(sql: str) -> str | None:
    """The statement written around the faults that it may meet; None if it can meet none.

    EXISTS (SELECT DISTINCT … LIMIT … OFFSET n) forgets DISTINCT, and so passes over equal rows. A compound's ORDER BY
    does not know a column by its name if an outer query makes a constant of it:
    SELECT (SELECT 1 UNION SELECT a ORDER BY a) FROM (SELECT 1 AS a).
    """
    try:
        tree, _ = parse_one(sql)
    except SqlError:
        return None
    edits: list[tuple[int, int, str]] = []
    for node in walk(tree) if tree is not None else ():
        if isinstance(node, ast.Exists) and _skips_distinct(node.select):
            start, end = node.select.span
            edits += [(start, start, "SELECT 1 FROM ("), (end, end, ")")]
        elif isinstance(node, ast.Select) and node.compounds:
            edits += _places_for_names(node)
    for start, end, text in sorted(edits, reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql if edits else None


def _places_for_names(select: ast.Select) -> Iterator[tuple[int, int, str]]:
    cores = (select.core, *(part.core for part in select.compounds))
    places: dict[str, int] = {}
    for core in cores:
        for number, column in enumerate(core.columns if isinstance(core, ast.SelectCore) else (), 1):
            if isinstance(column, ast.ResultColumn):
                of_column = column.expr.column if isinstance(column.expr, ast.ColumnRef) else ""
                places.setdefault(column.alias or of_column, number)
    for term in select.order_by:
        name = term.expr
        while isinstance(name, ast.Collate):
            name = name.operand
        if isinstance(name, ast.ColumnRef) and name.table is None and name.column in places:
            yield (*name.span, str(places[name.column]))


def _skips_distinct(select: ast.Select) -> bool:
    core = select.core
    return isinstance(core, ast.SelectCore) and core.distinct and select.offset is not None


def forgets_real(expected: Reply, ours: Reply, order: tuple[int, ...], schema: Iterable[str]) -> bool:
    """True if SQLite shows 1 where we show 1.0, and a STRICT table has a REAL column that is generated: what is sorted
    of it stays an integer, of which typeof() says that it is real.
    """
    return agree_about_numbers(expected, ours, order) and any(REAL_COLUMN.search(sql) for sql in schema)


REAL_COLUMN = re.compile(r"\bREAL\b[^,]*\bAS\s*\(.*\bSTRICT\b", re.IGNORECASE | re.DOTALL)


def forgets_rowid(message: str, sql: str) -> bool:
    """True if SQLite's message is that it does not know the rowid of a table behind two pairs of parentheses:
    SELECT b.rowid FROM a JOIN (c JOIN (b JOIN d)).
    """
    found = ROWID_OF.fullmatch(message)
    if not found:
        return False
    try:
        tree, _ = parse_one(sql)
    except SqlError:
        return False
    outer = [node for node in walk(tree) if isinstance(node, ast.ParenthesizedSource)] if tree is not None else []
    inner = [part for node in outer for part in walk(node.source) if isinstance(part, ast.ParenthesizedSource)]
    tables = [part for node in inner for part in walk(node) if isinstance(part, ast.TableSource)]
    return any((table.alias or table.name).lower() == found[1].lower() for table in tables)


ROWID_OF = re.compile(r"no such column: (?:\w+\.)?(.+)\.(?:rowid|_rowid_|oid)", re.IGNORECASE)


def misses_new_column(message: str, sql: str, temporary: Collection[str]) -> bool:
    """True if SQLite looks for a column of a temporary table by its new name while it has the old one: RENAME COLUMN of
    one that has a trigger fails there.
    """
    found = NEW_COLUMN.fullmatch(message)
    if not found or not sql.startswith("ALTER"):
        return False
    tree, _ = parse_one(sql)
    if not isinstance(tree, ast.RenameColumn) or tree.to != found[1]:
        return False
    schema = (tree.table.schema or "").lower()
    return schema == "temp" or (not schema and tree.table.name.lower() in temporary)


def takes_temporary_table(message: str, triggers: Iterable[str], temporary: Collection[str]) -> bool:
    """True if SQLite, asked to ALTER anything, takes the table of a trigger in main for one of temp with its name, made
    later, and so misses a column of NEW or OLD.

    triggers: of main. temporary: the names of temporary tables.
    """
    found = MISSING_IN_TRIGGER.fullmatch(message)
    if not found:
        return False
    for sql in triggers:
        tree, _ = parse_one(sql)
        if isinstance(tree, ast.CreateTrigger) and tree.name.name.lower() == found[1].lower():
            return tree.table.name.lower() in temporary
    return False


MISSING_IN_TRIGGER = re.compile(r"error in trigger (.+): no such column: (?:new|old)\.[^.]+", re.IGNORECASE)
NEW_COLUMN = re.compile(r"error in trigger .+: no such column: (?:.+\.)?(.+)")


def forgets_sequence(failure: Failure | None, theirs: list[str], mine: list[str]) -> bool:
    """True if all that is left of a statement that failed differently is a row of sqlite_sequence: SQLite keeps rows
    that a trigger's FAIL leaves, but not the largest of their rowids, and so may give it again.
    """
    return failure is not None and all(SEQUENCE.match(line) for line in theirs + mine)


def forgets_last_rowid(sql: str, expected: Reply, ours: Reply, schema: Iterable[str]) -> bool:
    """True if SQLite says 0 for last_insert_rowid() where we say a rowid, and there is an FTS3 or FTS4 table: what it
    keeps for the end of a transaction is written when a savepoint begins, too, and the rowid is then of that.
    """
    if "last_insert_rowid" not in sql.lower() or not any(FTS3.search(each) for each in schema):
        return False
    pairs = [pair for rows in zip(expected.rows, ours.rows, strict=False) for pair in zip(*rows, strict=False)]
    return len(expected.rows) == len(ours.rows) and all(a == b or (a == 0 and isinstance(b, int)) for a, b in pairs)


def keeps_spelling(expected: Reply, ours: Reply, as_json: Callable[[bytes], str | None]) -> bool:
    """True if the answers differ in nothing but how JSONB spells numbers and texts: for a text that it has made of JSON
    SQLite takes the JSON, if it still has it, and with it what JSON5 allows.
    """
    if expected.failure or ours.failure or len(expected.rows) != len(ours.rows):
        return False

    def meaning(value: object) -> object:
        found = value
        if isinstance(value, str) and HEX.fullmatch(value):
            found = bytes.fromhex(value.removeprefix("X'").removesuffix("'"))
        text = as_json(found) if isinstance(found, bytes) else None
        return value if text is None else text

    rows = [[tuple(map(meaning, row)) for row in reply.rows] for reply in (expected, ours)]
    return rows[0] == rows[1]


HEX = re.compile(r"(?:[0-9A-F]{2})+|X'(?:[0-9A-F]{2})+'")


def has_no_solution(expected: Reply, ours: Reply, sql: str, schema: Iterable[str]) -> bool:
    """True if SQLite joins a table of FTS5 only where the rank to be equal to comes before it, though nothing is looked
    for in it by rank.
    """
    message = expected.failure.message if expected.failure else ""
    has_texts = any("using fts5" in each.lower() for each in schema)
    return message == "no query solution" and not ours.failure and "rank" in sql.lower() and has_texts


FTS3 = re.compile(r"CREATE VIRTUAL TABLE.*\bUSING\s+fts[34]\b", re.IGNORECASE | re.DOTALL)


def stops_at_another_row(sql: str, trees: Collection[str], lines: tuple[list[str], list[str]]) -> bool:
    """True if UPDATE OR FAIL of an rtree, which failed in both engines, has changed other rows before: they come in the
    order of the tree's nodes, which nothing fixes. trees: the names of rtrees. lines: of the same rows.
    """
    try:
        tree, _ = parse_one(sql)
    except SqlError:
        return False
    if not isinstance(tree, ast.Update) or tree.on_conflict != "FAIL" or tree.table.name.lower() not in trees:
        return False
    theirs, mine = (sorted(line.split("|")[0] for line in side) for side in lines)
    prefix = f".{tree.table.name.lower()}: "
    return theirs == mine and all(prefix in row.lower() for row in mine)


def without_returning(sql: str) -> str:
    """The statement without RETURNING, with which SQLite takes a view for a table if any trigger is on it, and does
    nothing.
    """
    return sql.partition(" RETURNING ")[0]


def renames_in_part(theirs: list[str], mine: list[str]) -> bool:
    """True if schemas differ only in ON CONFLICT clauses of triggers: when a name changes SQLite looks at the first
    clause alone, and writes the new name of the table for `excluded`; the trigger then fails or does something else.
    """
    return len(theirs) == len(mine) and all(
        _differ_in_upserts(*pair) for pair in zip(sorted(theirs), sorted(mine), strict=True)
    )


def _differ_in_upserts(theirs: str, mine: str) -> bool:
    texts = [_words(line) for line in (theirs, mine)]
    n_clauses = 0
    for at, (a, b) in enumerate(zip(*texts, strict=False)):
        if b == "ON" and texts[1][at + 1 : at + 2] == ["CONFLICT"]:
            n_clauses += 1
        elif b == ";":
            n_clauses = 0
        if a != b and not (n_clauses > 1 or (n_clauses and b == "EXCLUDED")):
            return False
    return len(texts[0]) == len(texts[1])


def _words(line: str) -> list[str]:
    return [word.upper() for word in re.findall(r"\w+|[^\w\s\"`\[\]]", line)]


def drops_another_not(sql: str, theirs: list[str], mine: list[str]) -> bool:
    """True if SQLite's DROP or SET NOT NULL took a NOT DEFERRABLE for it, which it removes with what follows."""
    if not sql.startswith("ALTER") or not re.search(r"(DROP|SET)\s+NOT\s+NULL", sql, re.IGNORECASE):
        return False
    return any(NOT_DEFERRABLE.search(line) for line in mine) and [_without_not(line) for line in theirs] == [
        _without_not(line) for line in mine
    ]


def _without_not(line: str) -> str:
    return "".join(NOT_NULL.sub("", NOT_DEFERRABLE.sub("", line)).split())


NOT_DEFERRABLE = re.compile(r"NOT\s+DEFERRABLE(\s+INITIALLY\s+\w+)?", re.IGNORECASE)
NOT_NULL = re.compile(r"(CONSTRAINT\s+\S+\s+)?NOT\s+NULL(\s+ON\s+CONFLICT\s+\w+)?", re.IGNORECASE)


def reading_new(sql: str, columns: Callable[[str], Iterable[str]]) -> str:
    """A trigger that reads all of NEW before it does anything, which should change nothing.

    SQLite makes the generated columns of NEW in a BEFORE UPDATE trigger of those columns alone that the statement
    assigns or the triggers name; of the others it takes NULL. columns: of a table.
    """
    try:
        tree, _ = parse_one(sql)
    except SqlError:
        return sql
    if not isinstance(tree, ast.CreateTrigger) or tree.event != "UPDATE":
        return sql
    names = ", ".join(f"NEW.{name}" for name in columns(tree.table.name))
    begin = BEGIN.search(sql)
    return f"{sql[: begin.end()]} SELECT {names};{sql[begin.end() :]}" if begin and names else sql


BEGIN = re.compile(r"\bBEGIN\b(?=\s+(SELECT|INSERT|REPLACE|UPDATE|DELETE|WITH)\b)", re.IGNORECASE)


SEQUENCE = re.compile(r"\w+\.sqlite_sequence: ")
HIDDEN_BY_TEMP = """SELECT 1 FROM main.sqlite_schema AS i JOIN temp.sqlite_schema AS t
  ON lower(t.name) = lower(i.tbl_name) WHERE i.type = 'index' AND i.sql IS NOT NULL"""
"""Rows if SQLite's VACUUM fails, or loses an index: it makes the index again on a table of temp with the name."""
