"""Rows of table functions of the user's: some are fetched in a crossing, more each time, and handed on.

The host keeps the generator. It is asked with the arguments and, last, how many rows are wanted, and answers with a
BLOB; with the arguments only the first time:

  SIZE             MEANING
  4                number of rows
  4                how many there could have been: more than there are, so there are no more
  rows * width * 16  Values; a text or blob: offset in the answer | size << 32
  …                the bytes of texts and blobs
"""

from turso_wasm.kernel.abi import CALL_BITS, CALL_ROWS, INTEGER, TEXT, Resource, Run, Value
from turso_wasm.kernel.base.callback import call, host_object, queue_run, user_drop
from turso_wasm.kernel.base.memory import arena_mark, arena_release, mfree, mrealloc
from turso_wasm.kernel.base.resources import KIND_USER, resource_add
from turso_wasm.wasm.lang import export, funcref, i32, i64, memory_copy, ptr, scratch, sizeof, u8, u32

__subset__ = True

MOST_ROWS = 256
GROWTH_SHIFT = 2
HEAD = 8


class UserRows(Resource):
    """A generator, and the rows that were fetched last."""

    statement: Run
    routine: i32
    instance: i32
    width: i32
    wanted: i32
    data: ptr[u8]
    capacity: i32
    n: i32
    at: i32
    over: i32


@export
def user_rows_begin(stmt: Run, arguments: ptr[Value], n: i32, number: i32, width: i32) -> UserRows:
    """Begin a generator; `arguments` have room for one more. Errors: as callback.py `call`."""
    w: UserRows = UserRows(i32(resource_add(stmt, sizeof(UserRows), KIND_USER, funcref(user_rows_release))))
    w.statement = stmt
    w.routine = number << CALL_BITS | CALL_ROWS
    w.instance = host_object(stmt)
    w.width = width
    w.wanted = 1
    fetch(w, arguments, n)
    return w


def user_rows_release(resource: i32) -> None:
    """Free a UserRows."""
    w: UserRows = UserRows(resource)
    user_drop(w.statement.connection, w.instance)
    mfree(w.data)
    mfree(ptr[u8](resource))


def fetch(w: UserRows, arguments: ptr[Value], n: i32) -> None:
    """Ask for rows. Errors: as `call`."""
    stmt: Run = w.statement
    _tag, _payload = queue_run(stmt)
    arguments[n].tag = INTEGER
    arguments[n].payload = i64(w.wanted)
    mark: i32 = arena_mark(stmt.arena)
    _blob, payload = call(stmt, w.routine, w.instance, arguments, n + 1)
    size: i32 = i32(payload >> 32)
    if size > w.capacity:
        w.data = mrealloc(w.data, size)
        w.capacity = size
    memory_copy(w.data, ptr[u8](i32(payload)), size)
    arena_release(stmt.arena, mark)
    w.n = ptr[i32](i32(w.data))[0]
    w.at = 0
    w.over = i32(w.n < ptr[i32](i32(w.data))[1])
    values: ptr[Value] = ptr[Value](i32(w.data) + HEAD)
    for i in range(w.n * w.width):
        if values[i].tag >= TEXT:
            values[i].payload = values[i].payload + i64(u32(w.data))
    if w.wanted < MOST_ROWS:
        w.wanted <<= GROWTH_SHIFT


@export
def user_rows_next(w: UserRows) -> ptr[Value]:
    """The next row, null: there is none. Errors: as `call`."""
    if w.at == w.n:
        if w.over:
            return ptr[Value](0)
        fetch(w, ptr[Value](i32(scratch(16))), 0)
        if w.n == 0:
            return ptr[Value](0)
    row: ptr[Value] = ptr[Value](i32(w.data) + HEAD) + w.at * w.width
    w.at += 1
    return row
