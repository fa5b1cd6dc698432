"""Every public call with every wrong type and in every wrong state: what the standard library's sqlite3 raises.

Tables of calls are run on both modules; class and message of the exceptions must be the same (but for names of modules
and the numbers of threads). `LENIENT` and `STRICT` list where we differ on purpose.
"""

from __future__ import annotations

import datetime
import decimal
import re
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

import turso_wasm

pytestmark = pytest.mark.skipif(sys.version_info[:2] > (3, 13), reason="the messages are those of Python 3.11 to 3.13")

Call = Callable[[Any, Any, Any, Any], Any]
Outcome = tuple[str, str]


class BadIndex:
    def __index__(self) -> int:
        raise ZeroDivisionError("index")


class BadSequence:
    def __len__(self) -> int:
        return 1

    def __getitem__(self, at: int) -> object:
        raise ZeroDivisionError("item")


class MapLike:
    def __getitem__(self, key: object) -> object:
        return 5


class BadConform:
    def __conform__(self, protocol: object) -> object:
        raise ZeroDivisionError("conform")


class Text(str): ...


def blob_of(connection: Any) -> Any:
    connection.execute("CREATE TABLE IF NOT EXISTS blobs(x)")
    connection.execute("INSERT OR REPLACE INTO blobs(rowid, x) VALUES (1, x'00010203')")
    return connection.blobopen("blobs", "x", 1)


WRONG: tuple[Callable[[], Any], ...] = (
    *(lambda v=v: v for v in (None, 1, 1.5, "text", b"bytes", (1,), [1], {"a": 1}, {1}, object, True, range(1))),
    *(lambda v=v: v for v in (10**30, 1 << 63, 1 << 31, -1, "", "\ud800", "nul\0nul", float("nan"), len)),
    *(lambda k=k: k() for k in (object, BadIndex, BadSequence, MapLike, BadConform, bytearray)),
    lambda: Text("select 1"),
    lambda: iter([1]),
    lambda: memoryview(b"abc"),
    lambda: datetime.date(2020, 1, 1),
    lambda: decimal.Decimal(1),
)


def setting(name: str, then: str) -> Call:
    """Set an attribute of a cursor and query."""

    def call(m: Any, c: Any, k: Any, w: Any) -> Any:
        setattr(k, name, w)
        return k.execute(then).fetchall()

    return call


def connection_setting(name: str, then: str) -> Call:
    def call(m: Any, c: Any, k: Any, w: Any) -> Any:
        setattr(c, name, w)
        return c.execute(then).fetchall()

    return call


def row_of(m: Any, c: Any) -> Any:
    c.row_factory = m.Row
    return c.execute("SELECT id, a FROM t").fetchone()


class Total:
    """A sum, with an inverse."""

    def __init__(self) -> None:
        self.total = 0

    def step(self, value: int) -> None:
        self.total += value

    def inverse(self, value: int) -> None:
        self.total -= value

    def value(self) -> int:
        return self.total

    finalize = value


def order(a: str, b: str) -> int:
    return (a > b) - (a < b)


def returning(connection: Any, value: Any) -> Any:
    """The answer of a function that returns the value."""
    connection.create_function("f", 0, lambda: value)
    return connection.execute("SELECT f()").fetchone()


CALLS: dict[str, Call] = {
    "execute": lambda m, c, k, w: k.execute(w),
    "Connection.execute": lambda m, c, k, w: c.execute(w),
    "execute, parameters": lambda m, c, k, w: k.execute("SELECT ?", w).fetchall(),
    "execute, too many": lambda m, c, k, w: k.execute("SELECT 1", w).fetchall(),
    "execute, named": lambda m, c, k, w: k.execute("SELECT :a", w).fetchall(),
    "execute, value": lambda m, c, k, w: k.execute("SELECT ?", (w,)).fetchall(),
    "execute, named value": lambda m, c, k, w: k.execute("SELECT :a", {"a": w}).fetchall(),
    "execute, inserted": lambda m, c, k, w: k.execute("INSERT INTO t(a) VALUES (?)", (w,)).rowcount,
    "executemany": lambda m, c, k, w: k.executemany(w, [()]),
    "executemany, sets": lambda m, c, k, w: k.executemany("INSERT INTO t(a) VALUES (?)", w).rowcount,
    "executemany, set": lambda m, c, k, w: k.executemany("INSERT INTO t(a) VALUES (?)", [w]).rowcount,
    "executemany, value": lambda m, c, k, w: k.executemany("INSERT INTO t(a) VALUES (?)", [(w,)]).rowcount,
    "executemany, named": lambda m, c, k, w: k.executemany("INSERT INTO t(a) VALUES (:a)", [w]).rowcount,
    "Connection.executemany": lambda m, c, k, w: c.executemany(w, [()]),
    "executescript": lambda m, c, k, w: k.executescript(w),
    "Connection.executescript": lambda m, c, k, w: c.executescript(w),
    "fetchmany": lambda m, c, k, w: k.execute("SELECT id FROM t").fetchmany(w),
    "fetchmany, by name": lambda m, c, k, w: k.execute("SELECT id FROM t").fetchmany(size=w),
    "row_factory": setting("row_factory", "SELECT id FROM t"),
    "Connection.row_factory": connection_setting("row_factory", "SELECT id FROM t"),
    "text_factory": connection_setting("text_factory", "SELECT b FROM t"),
    "isolation_level": connection_setting("isolation_level", "SELECT 1"),
    "connect, isolation_level": lambda m, c, k, w: m.connect(":memory:", isolation_level=w).close(),
    "connect, timeout": lambda m, c, k, w: m.connect(":memory:", timeout=w).close(),
    "connect, detect_types": lambda m, c, k, w: m.connect(":memory:", detect_types=w).close(),
    "connect, cached_statements": lambda m, c, k, w: m.connect(":memory:", cached_statements=w).close(),
    "connect, uri": lambda m, c, k, w: m.connect(":memory:", uri=w).close(),
    "connect, database": lambda m, c, k, w: None if isinstance(w, (str, bytes)) else m.connect(w),
    "cursor, factory": lambda m, c, k, w: c.cursor(w),
    "cursor, factory by name": lambda m, c, k, w: c.cursor(factory=w),
    "Cursor": lambda m, c, k, w: m.Cursor(w),
    "Row, cursor": lambda m, c, k, w: m.Row(w, (1,)),
    "Row, values": lambda m, c, k, w: tuple(m.Row(k, w)),
    "Row[…]": lambda m, c, k, w: row_of(m, c)[w],
    "Row ==": lambda m, c, k, w: row_of(m, c) == w,
    "Row <": lambda m, c, k, w: row_of(m, c) < w,
    "set_trace_callback": lambda m, c, k, w: (c.set_trace_callback(w), c.execute("SELECT 1").fetchall())[1],
    "set_authorizer": lambda m, c, k, w: (c.set_authorizer(w), c.execute("SELECT 1").fetchall())[1],
    "set_progress_handler": lambda m, c, k, w: c.set_progress_handler(None, w),
    "getlimit": lambda m, c, k, w: c.getlimit(w) and None,
    "setlimit": lambda m, c, k, w: c.setlimit(w, -1) and None,
    "setlimit, limit": lambda m, c, k, w: c.setlimit(0, w),
    "blobopen": lambda m, c, k, w: c.blobopen(w, "x", 1),
    "blobopen, column": lambda m, c, k, w: c.blobopen("blobs", w, 1),
    "blobopen, row": lambda m, c, k, w: c.blobopen("blobs", "x", w),
    "blobopen, name": lambda m, c, k, w: c.blobopen("blobs", "x", 1, name=w),
    "Blob.read": lambda m, c, k, w: blob_of(c).read(w),
    "Blob.write": lambda m, c, k, w: blob_of(c).write(w),
    "Blob.seek": lambda m, c, k, w: blob_of(c).seek(w),
    "Blob.seek, origin": lambda m, c, k, w: blob_of(c).seek(0, w),
    "Blob[…]": lambda m, c, k, w: blob_of(c)[w],
    "Blob[0] =": lambda m, c, k, w: blob_of(c).__setitem__(0, w),
    "Blob[0:2] =": lambda m, c, k, w: blob_of(c).__setitem__(slice(0, 2), w),
    "backup": lambda m, c, k, w: c.backup(w),
    "backup, pages": lambda m, c, k, w: c.backup(m.connect(":memory:"), pages=w),
    "backup, progress": lambda m, c, k, w: c.backup(m.connect(":memory:"), progress=w),
    "backup, name": lambda m, c, k, w: c.backup(m.connect(":memory:"), name=w),
    "backup, sleep": lambda m, c, k, w: c.backup(m.connect(":memory:"), sleep=w),
    "serialize": lambda m, c, k, w: len(c.serialize(name=w)) > 0,
    "deserialize": lambda m, c, k, w: c.deserialize(w),
    "register_converter": lambda m, c, k, w: m.register_converter(w, lambda v: v),
    "setinputsizes": lambda m, c, k, w: k.setinputsizes(w),
    "setoutputsize": lambda m, c, k, w: k.setoutputsize(w),
    "DateFromTicks": lambda m, c, k, w: m.DateFromTicks(w),
    "TimeFromTicks": lambda m, c, k, w: m.TimeFromTicks(w),
    "Binary": lambda m, c, k, w: bytes(m.Binary(w)),
    "TimestampFromTicks": lambda m, c, k, w: m.TimestampFromTicks(w) and None,
    "__exit__": lambda m, c, k, w: c.__exit__(w, w, w),
    "create_function, name": lambda m, c, k, w: c.create_function(w, 1, len),
    "create_function, narg": lambda m, c, k, w: c.create_function("f", w, len),
    "create_function, func": lambda m, c, k, w: c.create_function("f", 1, w),
    "create_function, deterministic": lambda m, c, k, w: c.create_function("f", 1, len, deterministic=w),
    "create_function, called": lambda m, c, k, w: returning(c, w),
    "create_aggregate, name": lambda m, c, k, w: c.create_aggregate(w, 1, Total),
    "create_aggregate, n_arg": lambda m, c, k, w: c.create_aggregate("f", w, Total),
    "create_aggregate, class": lambda m, c, k, w: c.create_aggregate("f", 1, w),
    "create_window_function, name": lambda m, c, k, w: c.create_window_function(w, 1, Total),
    "create_window_function, num_params": lambda m, c, k, w: c.create_window_function("f", w, Total),
    "create_window_function, class": lambda m, c, k, w: c.create_window_function("f", 1, w),
    "create_collation, name": lambda m, c, k, w: c.create_collation(w, order),
    "create_collation, callable": lambda m, c, k, w: c.create_collation("o", w),
    "complete_statement": lambda m, c, k, w: m.complete_statement(w),
    "register_adapter": lambda m, c, k, w: m.register_adapter(w, lambda v: v),
    "enable_callback_tracebacks": lambda m, c, k, w: (
        m.enable_callback_tracebacks(w),
        m.enable_callback_tracebacks(False),
    ),
    "connect, check_same_thread": lambda m, c, k, w: m.connect(":memory:", check_same_thread=w).close(),
    "connect, factory": lambda m, c, k, w: m.connect(":memory:", factory=w).close(),
}
LENIENT = {  # what sqlite3 refuses, or takes by accident, and we give an answer to
    ("fetchmany", "NoneType"),  # None is the default
    ("fetchmany, by name", "NoneType"),
    ("connect, factory", "builtin_function_or_method"),  # which counts its arguments itself
    ("execute, too many", "BadSequence"),  # its items are read before they are counted
}
STRICT = {  # what sqlite3 takes, to fail later on
    *(("register_adapter", type(make()).__name__) for make in WRONG),  # it takes what is no type without a word
    *(("deserialize", name) for name in ("str", "Text", "bytes", "bytearray", "memoryview")),
    ("register_converter", "str"),  # it takes names of ASCII only
}


def shown(value: Any) -> str:
    if value is None or isinstance(value, (int, float, str, bytes, tuple, list)):
        return repr(value)
    return f"<{type(value).__name__}>"


def attempt(work: Callable[[], Any]) -> Outcome:
    try:
        return "ok", shown(work())
    except BaseException as error:
        text = re.sub(r"0x[0-9a-f]+|\d{6,}", "#", str(error))
        return type(error).__name__, re.sub(r"\b(sqlite3|turso_wasm|datetime|decimal)\.(?=[A-Z]|date)", "", text)


def made(module: Any) -> Any:
    connection = module.connect(":memory:")
    connection.executescript(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT);"
        "INSERT INTO t VALUES (1, 10, 'x'), (2, 2.5, 'y'), (3, NULL, 'z')"
    )
    return connection


def outcome(module: Any, call: Call, wrong: Any) -> Outcome:
    connection = made(module)
    cursor = connection.cursor()
    try:
        return attempt(lambda: call(module, connection, cursor, wrong))
    finally:
        connection.close()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_every_wrong_type(name: str) -> None:
    for make in WRONG:
        kind = type(make()).__name__
        ours, theirs = (outcome(module, CALLS[name], make()) for module in (turso_wasm, sqlite3))
        if (name, kind) in LENIENT | STRICT:
            assert ours[0] not in ("AttributeError", "KeyError", "InternalError", "AssertionError")
        else:
            assert ours == theirs, f"{name} of {make()!r}"


def test_every_public_method_is_in_a_table() -> None:
    """What a connection and a cursor have that the table above and those below do not call takes nothing."""
    connection = made(turso_wasm)
    methods = {
        name
        for each in (connection, connection.cursor())
        for name in dir(type(each))
        if not name.startswith("_") and callable(getattr(each, name))
    }
    named = {name.split(",")[0].removeprefix("Connection.") for name in CALLS}
    known = named | CONNECTION_CALLS.keys() | CURSOR_CALLS.keys()
    errors = {name for name in methods if name.endswith("Error") or name == "Warning"}
    assert methods - known - errors == {
        "changes",  # tests/unit/capture
        "concurrently",  # which sqlite3 has not
        "connection",
        "create_table_function",  # which sqlite3 has not
        "create_tokenizer",
        "fetch_arrow",
        "fetch_df",
        "fetch_numpy",
        "fetch_polars",
        "fork",  # options of connect
        "iterdump",
        "function",
        "getconfig",
        "register",
        "rekey",  # test_encryption.py
        "setconfig",
        "unregister",
    }
    connection.close()


# --- states -----------------------------------------------------------------------------------------------------

CONNECTION_CALLS: dict[str, Callable[[Any], Any]] = {
    "execute": lambda c: c.execute("SELECT 1"),
    "executemany": lambda c: c.executemany("INSERT INTO t(a) VALUES (?)", [(1,)]),
    "executescript": lambda c: c.executescript("SELECT 1"),
    "cursor": lambda c: c.cursor(),
    "commit": lambda c: c.commit(),
    "rollback": lambda c: c.rollback(),
    "close": lambda c: c.close(),
    "in_transaction": lambda c: c.in_transaction,
    "total_changes": lambda c: c.total_changes,
    "isolation_level": lambda c: c.isolation_level,
    "isolation_level = None": lambda c: setattr(c, "isolation_level", None),
    "interrupt": lambda c: c.interrupt(),
    "set_trace_callback": lambda c: c.set_trace_callback(None),
    "serialize": lambda c: len(c.serialize()) > 0,
    "__enter__": lambda c: c.__enter__(),
    "__exit__": lambda c: c.__exit__(None, None, None),
    "__exit__ with an error": lambda c: c.__exit__(ValueError, ValueError(), None),
    "nothing": lambda c: c.execute(""),
    "two statements": lambda c: c.execute("SELECT 1; SELECT 2"),
    "a syntax error": lambda c: c.execute("SELEC"),
}
CURSOR_CALLS: dict[str, Callable[[Any], Any]] = {
    "execute": lambda k: k.execute("SELECT 1"),
    "execute an INSERT": lambda k: k.execute("INSERT INTO t(a) VALUES (1)"),
    "executemany": lambda k: k.executemany("INSERT INTO t(a) VALUES (?)", [(1,)]),
    "executescript": lambda k: k.executescript("SELECT 1"),
    "fetchone": lambda k: k.fetchone(),
    "fetchmany": lambda k: k.fetchmany(2),
    "fetchall": lambda k: k.fetchall(),
    "for": lambda k: list(k),
    "next": lambda k: next(k),
    "close": lambda k: k.close(),
    "description": lambda k: k.description,
    "rowcount": lambda k: k.rowcount,
    "lastrowid": lambda k: k.lastrowid,
    "setinputsizes": lambda k: k.setinputsizes(1),
    "a missing parameter": lambda k: k.execute("SELECT ?"),
    "a syntax error": lambda k: k.execute("SELEC"),
}


def closed(m: Any) -> Any:
    connection = made(m)
    connection.close()
    return connection


def in_transaction(m: Any) -> Any:
    connection = made(m)
    connection.execute("INSERT INTO t(a) VALUES (1)")
    return connection


def not_initialized(m: Any) -> Any:
    class Hollow(m.Connection):  # type: ignore[misc]
        def __init__(self) -> None: ...

    return Hollow()


kept: list[Any] = []


def kept_connection(m: Any) -> Any:
    kept.append(made(m))
    return kept[-1]


def half_read(m: Any) -> Any:
    cursor = kept_connection(m).execute("SELECT id FROM t")
    cursor.fetchone()
    return cursor


def reading(m: Any) -> Any:
    kept.append(half_read(m))
    return kept[-1].connection


def closed_cursor(m: Any) -> Any:
    cursor = half_read(m)
    cursor.close()
    return cursor


def cursor_of_a_closed_connection(m: Any) -> Any:
    cursor = half_read(m)
    cursor.connection.close()
    return cursor


def failed_cursor(m: Any) -> Any:
    cursor = half_read(m)
    with suppress(m.Error):
        cursor.execute("SELEC")
    return cursor


def cursor_of_a_failed_insert(m: Any) -> Any:
    cursor = half_read(m)
    with suppress(m.Error):
        cursor.execute("INSERT INTO t VALUES (1, 1, 1)")
    return cursor


STATES: dict[Callable[[Any], Any], dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys((made, closed, in_transaction, reading, not_initialized), CONNECTION_CALLS),
    **dict.fromkeys((half_read, closed_cursor, cursor_of_a_closed_connection), CURSOR_CALLS),
    **dict.fromkeys((failed_cursor, cursor_of_a_failed_insert), CURSOR_CALLS),
}
HOLLOW_IS_LENIENT = {"isolation_level = None"}


def in_another_thread(work: Callable[[], Outcome]) -> Outcome:
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("state", STATES)
def test_every_state(state: Callable[[Any], Any], threaded: bool) -> None:
    for name, call in STATES[state].items():
        if state is not_initialized and name in HOLLOW_IS_LENIENT:
            continue
        outcomes = []
        for module in (turso_wasm, sqlite3):
            subject = state(module)
            work = partial(attempt, partial(call, subject))
            outcomes.append(in_another_thread(work) if threaded else work())
        assert outcomes[0] == outcomes[1], f"{name} of {state.__name__}"
    for connection in kept:
        with suppress(sqlite3.Error, turso_wasm.Error):
            connection.close()
    kept.clear()


def used_by_its_parameters(m: Any, call: Callable[[Any], Any], of_connection: bool) -> Outcome:
    """A cursor, or its connection, used by the generator that makes the parameters of executemany."""
    connection = made(m)
    cursor = connection.cursor()

    def sets() -> Any:
        call(connection if of_connection else cursor)
        yield (1,)

    return attempt(lambda: cursor.executemany("INSERT INTO t(a) VALUES (?)", sets()).rowcount)


def used_by_a_converter(m: Any, call: Callable[[Any], Any], of_connection: bool) -> Outcome:
    connection = m.connect(":memory:", detect_types=m.PARSE_COLNAMES)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT)")
    cursor = connection.cursor()
    m.register_converter("using", lambda raw: call(connection if of_connection else cursor))
    return attempt(lambda: cursor.execute('SELECT 1 AS "x [using]"').fetchone() is None)


def used_by_an_adapter(m: Any, call: Callable[[Any], Any], of_connection: bool) -> Outcome:
    connection = made(m)
    cursor = connection.cursor()

    class Using:
        def __conform__(self, protocol: object) -> object:
            call(connection if of_connection else cursor)
            return 1

    return attempt(lambda: cursor.execute("SELECT ?", (Using(),)).fetchall())


RECURSIONS = (used_by_its_parameters, used_by_a_converter, used_by_an_adapter)


@pytest.mark.parametrize("use", RECURSIONS)
def test_a_cursor_that_is_used_while_it_works(use: Callable[..., Outcome]) -> None:
    for name, call in CURSOR_CALLS.items():
        if use is used_by_an_adapter:  # the sqlite3 module swallows what __conform__ raises
            assert use(turso_wasm, call, False)[0] in ("ProgrammingError", "ok"), name
        else:
            assert use(turso_wasm, call, False) == use(sqlite3, call, False), name


@pytest.mark.parametrize("use", RECURSIONS)
def test_a_connection_that_is_used_while_its_cursor_works(use: Callable[..., Outcome]) -> None:
    for name, call in CONNECTION_CALLS.items():
        ours = use(turso_wasm, call, True)
        assert ours[0] in ("ok", *(error.__name__ for error in DBAPI_ERRORS), "ValueError"), name


DBAPI_ERRORS = (turso_wasm.ProgrammingError, turso_wasm.OperationalError, turso_wasm.InterfaceError)


def test_a_loop_over_a_cursor_that_is_closed_in_it() -> None:
    for module in (turso_wasm, sqlite3):
        connection = made(module)
        cursor = connection.execute("SELECT id FROM t")
        with pytest.raises(module.ProgrammingError, match="closed cursor"):
            for _ in cursor:
                cursor.close()
        cursor = connection.execute("SELECT id FROM t")
        got = []
        for (value,) in cursor:
            got.append(value)
            if len(got) == 1:
                cursor.execute("SELECT 7 UNION ALL SELECT 8")
        assert got == [1, 7, 8]
        connection.close()
