"""Functions of the user's called for many rows at once.

A batch gathers rows: Values, of which some are arguments of calls, and one is for the value of each. The host makes the
calls for all of them in one crossing; then they are handed on. How many rows are gathered grows while a crossing is
short, so what is asked for a few rows only is hardly asked too much, and interrupts are seen in time. Once the code has
written to a database, rows are read one by one: it may have written to what is read.

Invariants:
  B1  Rows 0..n-1 have their values; rows gathered behind them lie from `n` to `gathered`.
  B2  A call that fails ends the batch: the host keeps the failure as `failure`, and it is raised when the rows before
      it have been handed on.
  B3  Texts and blobs that are arguments follow one another in `given`, a NUL behind each: if none has NULs inside, one
      split gives them all. Texts come back so too: a value TEXT_RUN in the first row stands for those of its column.
"""

from turso_wasm.kernel.abi import (
    CALL_BATCH,
    CALL_RAISE,
    TEXT,
    TEXT_RUN,
    Answer,
    Arena,
    KernelConnection,
    Request,
    Resource,
    Run,
    Value,
)
from turso_wasm.kernel.base.callback import (
    ANSWER_SIZE,
    ask,
    call,
    go_on,
    host_object,
    queue_run,
    user_drop,
    user_request,
    user_take,
)
from turso_wasm.kernel.base.errors import raise_error
from turso_wasm.kernel.base.memory import (
    arena_alloc,
    arena_free,
    arena_mark,
    arena_release,
    grown,
    mfree,
    mrealloc,
)
from turso_wasm.kernel.base.resources import KIND_USER, resource_add
from turso_wasm.kernel.base.vfs import host_clock
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.wasm.lang import addr, export, f64, funcref, i32, i64, ptr, scratch, sizeof, u8, u32

__subset__ = True

MOST_ROWS = 512
MOST_BYTES = 1 << 18  # of texts and blobs
TEXT_MAX = 0x7FFFFFF0
GIVEN_MIN = 4096
GROWTH_SHIFT = 2
SHORT = 1.0  # ms: a crossing that takes less can do more
LONG = 8.0


class Batch(Resource):
    """Rows that are gathered, or handed on."""

    statement: Run
    calls: i32
    n_calls: i32
    width: i32  # Values of a row
    by_rows: i32
    rows: ptr[Value]
    room: i32  # rows that `rows` has room for
    capacity: i32  # rows to gather
    growth: i32  # a shift of it; 0 once something was written
    gathered: i32
    n: i32  # B1
    at: i32  # the row that is handed on next
    failure: i32
    failed: i32  # 1: B2
    bytes: i32
    mark: i32
    arena: Arena.embed  # texts and blobs of columns that are kept, and of values
    given: ptr[u8]  # B3
    given_used: i32
    given_room: i32


@export
def batch_new(stmt: Run, calls: i32, n_calls: i32, width: i32, by_rows: i32) -> Batch:
    """An empty batch. Errors: SQLITE_NOMEM."""
    b: Batch = Batch(i32(resource_add(stmt, sizeof(Batch), KIND_USER, funcref(batch_release))))
    b.statement = stmt
    b.calls = calls
    b.n_calls = n_calls
    b.width = width
    b.by_rows = by_rows
    b.capacity = 1
    b.growth = GROWTH_SHIFT
    b.failure = host_object(stmt)
    return b


def batch_release(resource: i32) -> None:
    """Free a Batch."""
    b: Batch = Batch(resource)
    if b.failed:
        user_drop(b.statement.connection, b.failure)
    arena_free(b.arena)
    mfree(b.given)
    mfree(ptr[u8](i32(b.rows)))
    mfree(ptr[u8](resource))


@export
def batch_row(b: Batch) -> ptr[Value]:
    """The Values of the next row to be gathered."""
    if b.gathered == 0:
        b.mark = arena_mark(b.arena)
        b.bytes = 0
        b.given_used = 0
    if b.gathered == b.room:
        b.room = b.capacity
        b.rows = ptr[Value](i32(mrealloc(ptr[u8](i32(b.rows)), b.room * b.width * 16)))
    return b.rows + b.gathered * b.width


@export
def batch_alloc(b: Batch, size: i32) -> ptr[u8]:
    """Bytes for a text or blob of that row that is kept."""
    b.bytes += size
    return arena_alloc(b.arena, size)


@export
def batch_given(b: Batch, size: i32) -> ptr[u8]:
    """Bytes for a text or blob of that row that is an argument (B3)."""
    b.bytes += size
    need: i64 = i64(b.given_used) + i64(size) + 1
    if need > i64(b.given_room):
        given_grow(b, need)
    p: ptr[u8] = b.given + b.given_used
    p[size] = 0
    b.given_used += size + 1
    return p


def given_grow(b: Batch, need: i64) -> None:
    """More room for arguments: they move, as do those of the row that is being gathered."""
    b.given_room = grown(b.given_room, need, GIVEN_MIN)
    before: ptr[u8] = b.given
    b.given = mrealloc(before, b.given_room)
    moved: i64 = i64(b.given - before)
    if moved == 0 or not before:
        return
    for i in range((b.gathered + 1) * b.width):
        value: Value = b.rows[i]
        if value.tag >= TEXT and u32(i32(value.payload) - i32(before)) < u32(b.given_used):
            value.payload = value.payload + moved


@export
def batch_add(b: Batch) -> i32:
    """The row is complete; 1: there is room for another."""
    b.gathered += 1
    return i32(b.gathered < b.capacity and b.bytes < MOST_BYTES)


@export
def batch_next(b: Batch) -> ptr[Value]:
    """The next row with its values, null: there is none, and nothing is gathered.

    Errors: what a call for it raised; SQLITE_INTERRUPT, SQLITE_ABORT_ROLLBACK.
    """
    while b.at == b.n:
        if b.failed:
            b.failed = 0
            _tag, _payload = call(b.statement, CALL_RAISE, b.failure, ptr[Value](0), 0)
        if b.n == b.gathered:
            if b.n:
                arena_release(b.arena, b.mark)
            b.gathered = 0
            b.n = 0
            b.at = 0
            return ptr[Value](0)
        _ = batch_run(b.statement, b)
    row: ptr[Value] = b.rows + b.at * b.width
    b.at += 1
    return row


@export
def batch_run(stmt: Run, b: Batch) -> i32:
    """Ask for the values of some of the rows that have none; 1: that took long.

    Errors: as batch_next, but for what a call raised.
    """
    if b.n == b.gathered:
        return 0
    _tag, _payload = queue_run(stmt)
    answer: Answer = Answer(i32(scratch(ANSWER_SIZE)))
    r: Request = user_request()
    rows: ptr[Value] = b.rows + b.n * b.width
    wanted: i32 = b.gathered - b.n
    r.routine = CALL_BATCH
    r.instance = b.failure
    r.n = wanted
    r.values = rows
    told: ptr[i64] = ptr[i64](addr(r.first))
    told[0] = i64(b.width)
    told[1] = i64(u32(b.calls)) | i64(b.n_calls) << 32
    told[2] = i64(b.by_rows)
    told[3] = i64(u32(i32(b.given))) | i64(b.given_used) << 32
    c: KernelConnection = KernelConnection(stmt.connection)
    writes: i32 = c.writes
    started: f64 = host_clock()
    ask(stmt, r, answer)
    took: f64 = host_clock() - started
    if answer.status:
        raise_error(answer.status, ptr[u8](i32(answer)) + 16, i32(answer.payload >> 32))
    done: i32 = i32(answer.payload)
    more: ptr[i32] = ptr[i32](i32(answer) + 16)
    size: i32 = more[0]
    b.failed = more[1]
    if size:
        texts: ptr[u8] = arena_alloc(b.arena, size + 8)  # terminated_size reads by words
        user_take(texts)
        texts_place(b, rows, done, texts)
    b.n += done
    b.growth = b.growth if c.writes == writes else 0
    if b.failed:
        b.gathered = b.n
    elif b.growth == 0:
        b.capacity = 1
    elif took > LONG:
        b.capacity = 1 + b.capacity // 2
    elif took < SHORT and done == b.capacity and b.capacity < MOST_ROWS:
        b.capacity <<= b.growth
    go_on(stmt)
    return i32(took > SHORT)


def texts_place(b: Batch, rows: ptr[Value], n: i32, texts: ptr[u8]) -> None:
    """Make the offsets of texts and blobs in values addresses."""
    for j in range(b.width - b.n_calls, b.width):
        if rows[j].tag == TEXT_RUN:
            run_place(b, rows + j, n, texts + i32(rows[j].payload))
            continue
        for i in range(n):
            value: Value = rows[i * b.width + j]
            if value.tag >= TEXT:
                value.payload = value.payload + i64(u32(texts))


def run_place(b: Batch, values: ptr[Value], n: i32, p: ptr[u8]) -> None:
    """Texts with a NUL behind each become the values of a column (B3)."""
    for i in range(n):
        size: i32 = terminated_size(p, TEXT_MAX)
        value: Value = values[i * b.width]
        value.tag = TEXT
        value.payload = i64(u32(p)) | i64(size) << 32
        p += size + 1
