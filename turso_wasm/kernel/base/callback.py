"""Calls of the user's own code: functions, aggregates and collations that a host registered for a connection.

Owns the one way out of a Program into code of the user's (docs/decisions/0015) and the life of aggregate instances.

A call passes values and gets one back, or a failure with its message (abi.py Request, Answer). The bytes of a text lie
behind the Answer if they fit; else `user_take` fetches them.

Invariants:
  U1  `answer` is the top of the kernel's stack: what enters the kernel during the call uses what lies below it. After
      a trap of such an entry the host puts the stack pointer back there, not to the floor of the stack.
  U2  `user_call` returns: a failure is a result code, never a trap or an exception of the host.
  U3  Run.calling counts the calls a run is in. Nobody steps, resets or frees such a run; what it writes nobody else
      does (btree/cursor/position.py); KernelConnection.comparing forbids writing at all.
  U4  What the host keeps for us, aggregate instances above all, it knows by numbers that we give; `user_drop` ends it.
  U5  Calls that give nothing back may be put off, but are made in their order, and before any call of a function or of
      an aggregate that does. (A collation is asked without them: it has no business with what they change.)
"""

from turso_wasm.kernel.abi import (
    ANSWER_ROOM,
    CALL_BITS,
    CALL_COMMIT,
    CALL_COMPARE,
    CALL_CONVERT,
    CALL_FINAL,
    CALL_FUNCTION,
    CALL_INVERSE,
    CALL_PLACE,
    CALL_QUEUE,
    CALL_RAISE,
    CALL_STEP,
    CALL_TOKENS,
    CALL_VALUE,
    CALL_VALUES,
    COLLATION_SHIFT,
    NULL,
    STATEMENT_TRIPPED,
    TEXT,
    Answer,
    Arena,
    KernelConnection,
    Request,
    Resource,
    Run,
    Value,
)
from turso_wasm.kernel.abi_states import UserState
from turso_wasm.kernel.base.errors import SQLITE_ABORT_ROLLBACK, SQLITE_INTERRUPT, raise_error
from turso_wasm.kernel.base.memory import (
    alloc,
    arena_alloc,
    arena_free,
    arena_mark,
    arena_release,
    mfree,
    mrealloc,
    mzalloc,
)
from turso_wasm.kernel.base.resources import KIND_USER, resource_add
from turso_wasm.wasm.lang import (
    addr,
    export,
    funcref,
    i32,
    i64,
    imported,
    lit,
    memory_copy,
    ptr,
    scratch,
    sizeof,
    u8,
    u32,
)

__subset__ = True

ANSWER_SIZE = 16 + ANSWER_ROOM
QUEUE_VALUES = 2048  # so many are enough for a crossing to cost next to nothing
QUEUE_BYTES = 1 << 18


request: i32 = 0  # Request


@export
def user_request() -> Request:
    """Where calls find what they are told."""
    global request
    if request == 0:
        request = i32(mzalloc(sizeof(Request)))
    return Request(request)


@imported("user")
def user_call() -> None:
    """Run code of the user's: reads the Request, writes its Answer."""


@imported("user")
def user_take(p: ptr[u8]) -> None:
    """Write the bytes of the last answer, which had no room, to p."""


@imported("user")
def user_drop(connection: i32, instance: i32) -> None:
    """An aggregate instance is of no use any more."""


def call(stmt: Run, routine: i32, instance: i32, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """Run code of the user's; its answer, bytes in the arena. Errors: its own; SQLITE_INTERRUPT, _ABORT_ROLLBACK."""
    answer: Answer = Answer(i32(scratch(ANSWER_SIZE)))
    r: Request = user_request()
    r.routine = routine
    r.instance = instance
    r.n = n
    r.values = values
    if n:
        memory_copy(ptr[u8](addr(r.first)), ptr[u8](i32(values)), 16 if n == 1 else 32)
    ask(stmt, r, answer)
    tag: i32 = answer.tag
    payload: i64 = answer.payload
    if tag >= TEXT:
        size: i32 = i32(payload >> 32)
        p: ptr[u8] = alloc(stmt, size)
        if size <= ANSWER_ROOM:
            memory_copy(p, ptr[u8](i32(answer)) + 16, size)
        else:
            user_take(p)
        payload = i64(u32(p)) | i64(size) << 32
    if answer.status:
        raise_error(answer.status, ptr[u8](i32(payload)), i32(payload >> 32))
    go_on(stmt)
    return tag, payload


def ask(stmt: Run, r: Request, answer: Answer) -> None:
    """Let the host answer the Request."""
    answer.status = 0
    r.connection = stmt.connection
    r.answer = i32(answer)
    operation: i32 = r.routine & ((1 << CALL_BITS) - 1)
    compares: i32 = i32(
        (operation == CALL_COMPARE)
        | (operation == CALL_PLACE)
        | (operation == CALL_TOKENS)
        | (operation == CALL_CONVERT)
        | (operation == CALL_COMMIT)
    )
    c: KernelConnection = KernelConnection(stmt.connection)
    c.comparing += compares
    stmt.calling += 1
    user_call()
    stmt.calling -= 1
    c.comparing -= compares


def go_on(stmt: Run) -> None:
    """After a call. Errors: SQLITE_INTERRUPT, SQLITE_ABORT_ROLLBACK."""
    if KernelConnection(stmt.connection).interrupted:
        raise_error(SQLITE_INTERRUPT, *lit(b"interrupted"))
    if stmt.flags & STATEMENT_TRIPPED:
        raise_error(SQLITE_ABORT_ROLLBACK, *lit(b"abort due to ROLLBACK"))


def host_object(stmt: Run) -> i32:
    """A number for something that the host is to keep (U4)."""
    c: KernelConnection = KernelConnection(stmt.connection)
    c.host_objects += 1
    return c.host_objects


@export
def user_function(stmt: Run, values: ptr[Value], n: i32, number: i32) -> tuple[i32, i64]:
    """The value of a function of the user's. Errors: as `call`."""
    _tag, _payload = queue_run(stmt)
    return call(stmt, number << CALL_BITS | CALL_FUNCTION, 0, values, n)


def compare_user(stmt: Run, p: ptr[u8], n: i32, q: ptr[u8], m: i32, collation: i32) -> i32:
    """-1, 0 or 1: two texts under a collation of the user's (COLLATION_USER and its number). Errors: as `call`."""
    values: ptr[Value] = ptr[Value](i32(scratch(2 * 16)))
    text_put(values[0], p, n)
    text_put(values[1], q, m)
    _tag, order = call(stmt, collation >> COLLATION_SHIFT << CALL_BITS | CALL_COMPARE, 0, values, 2)
    return i32(order)


def text_put(value: Value, p: ptr[u8], n: i32) -> None:
    """Make a Value the TEXT of n bytes."""
    value.tag = TEXT
    value.payload = i64(u32(p)) | i64(n) << 32


def tokens_user(stmt: Run, values: ptr[Value], n: i32, number: i32) -> tuple[i32, i64]:
    """The tokens of a text, by a tokenizer of the user's: a BLOB (kernel/fts/user_tokens.py). Errors: as `call`."""
    return call(stmt, number << CALL_BITS | CALL_TOKENS, 0, values, n)


def convert_user(stmt: Run, values: ptr[Value], number: i32) -> tuple[i32, i64]:
    """What a function of the user's makes of a value amid a change. Errors: as `call`."""
    _tag, _payload = queue_run(stmt)
    return call(stmt, number << CALL_BITS | CALL_CONVERT, 0, values, 1)


def place_user(stmt: Run, instance: i32, p: ptr[u8], n: i32, collation: i32) -> i32:
    """Where a text belongs among those that the host keeps in order as `instance`, numbered from 1 as they came.

    2 * the number of the one before it (0: none), or, + 1, the number of its equal. Any other is kept itself. Errors:
    as `call`.
    """
    value: ptr[Value] = ptr[Value](i32(scratch(16)))
    text_put(value[0], p, n)
    _tag, place = call(stmt, collation >> COLLATION_SHIFT << CALL_BITS | CALL_PLACE, instance, value, 1)
    return i32(place)


def commit_refused(stmt: Run) -> i32:
    """Whether the host's hook refuses the commit of the transaction that is open. Errors: as `call`."""
    _tag, refused = call(stmt, CALL_COMMIT, 0, ptr[Value](0), 0)
    return i32(refused != 0)


# --- the queue -----------------------------------------------------------------------------------------------


class CallQueue(Resource):
    """Calls of aggregates that were put off (U5): for each a head, a Value, then its arguments.

    The tag of a head is the routine, its payload the instance | the number of arguments << 32.
    """

    cells: ptr[Value]
    used: i32  # Values
    capacity: i32
    values: i32  # UserValues, where the values of windows go; 0: only the last call gives one
    limit: i32  # Values with which it is full: it grows
    growth: i32  # as batch.py Batch
    bytes: i32  # of texts and blobs, in `arena`
    mark: i32
    arena: Arena.embed


def queue_release(resource: i32) -> None:
    """Free a CallQueue."""
    q: CallQueue = CallQueue(resource)
    arena_free(q.arena)
    mfree(ptr[u8](i32(q.cells)))
    mfree(ptr[u8](resource))


def queue_of(stmt: Run) -> CallQueue:
    """The queue of a run."""
    if stmt.queue == 0:
        scope: i32 = stmt.scope
        stmt.scope = i32(stmt.root)
        stmt.queue = i32(resource_add(stmt, sizeof(CallQueue), KIND_USER, funcref(queue_release)))
        stmt.scope = scope
        CallQueue(stmt.queue).limit = 1
        CallQueue(stmt.queue).growth = 2
    return CallQueue(stmt.queue)


def queue_add(stmt: Run, routine: i32, instance: i32, values: ptr[Value], n: i32) -> CallQueue:
    """Put a call off."""
    q: CallQueue = queue_of(stmt)
    if q.used == 0:
        q.mark = arena_mark(q.arena)
        q.bytes = 0
    if q.used + n >= q.capacity:
        q.capacity = q.capacity * 2 + n + 16
        q.cells = ptr[Value](i32(mrealloc(ptr[u8](i32(q.cells)), q.capacity * 16)))
    q.cells[q.used].tag = routine
    q.cells[q.used].payload = i64(u32(instance)) | i64(n) << 32
    for i in range(n):
        value: Value = q.cells[q.used + 1 + i]
        value.tag = values[i].tag
        value.payload = values[i].payload
        if value.tag >= TEXT:
            size: i32 = i32(value.payload >> 32)
            p: ptr[u8] = arena_alloc(q.arena, size)
            memory_copy(p, ptr[u8](i32(value.payload)), size)
            value.payload = i64(u32(p)) | i64(size) << 32
            q.bytes += size
    q.used += 1 + n
    return q


def queue_run(stmt: Run) -> tuple[i32, i64]:
    """Make the calls that were put off; what the last of them gives, NULL if there are none. Errors: as `call`."""
    q: CallQueue = CallQueue(stmt.queue)
    if not q or q.used == 0:
        return NULL, i64(0)
    n: i32 = q.used
    q.used = 0
    c: KernelConnection = KernelConnection(stmt.connection)
    writes: i32 = c.writes
    if q.values:
        tag, payload = NULL, i64(0)
        values_run(stmt, UserValues(q.values), q.cells, n)
    elif n == 1:
        tag, payload = call(stmt, q.cells[0].tag, i32(q.cells[0].payload), q.cells, 0)
    else:
        tag, payload = call(stmt, CALL_QUEUE, 0, q.cells, n)
    arena_release(q.arena, q.mark)
    q.growth = q.growth if c.writes == writes else 0
    if q.growth == 0:
        q.limit = 1
    elif q.limit < QUEUE_VALUES:
        q.limit <<= q.growth
    return tag, payload


# --- values of windows ---------------------------------------------------------------------------------------


class UserValues(Resource):
    """The values of windows for some rows, asked for in few crossings (docs/decisions/0037).

    Values 0..n-1 are known; the one that follows failed if `failed`: the host keeps the failure as `failure`, and it is
    raised when that value is wanted. Calls behind it are not made.
    """

    statement: Run
    values: ptr[Value]
    capacity: i32
    n: i32
    at: i32  # the value that is wanted next
    failure: i32
    failed: i32
    mark: i32
    arena: Arena.embed  # texts and blobs


@export
def user_values_new(stmt: Run) -> UserValues:
    """No values yet. Errors: SQLITE_NOMEM."""
    v: UserValues = UserValues(i32(resource_add(stmt, sizeof(UserValues), KIND_USER, funcref(values_release))))
    v.statement = stmt
    v.failure = host_object(stmt)
    return v


def values_release(resource: i32) -> None:
    """Free a UserValues."""
    v: UserValues = UserValues(resource)
    if v.failed:
        user_drop(v.statement.connection, v.failure)
    arena_free(v.arena)
    mfree(ptr[u8](i32(v.values)))
    mfree(ptr[u8](resource))


@export
def user_values_begin(v: UserValues) -> None:
    """Calls of windows are put off from now on; the values before are forgotten."""
    if v.n:
        arena_release(v.arena, v.mark)
    v.mark = arena_mark(v.arena)
    v.n = 0
    v.at = 0
    queue_of(v.statement).values = i32(v)


@export
def user_value_ask(stmt: Run, state: UserState, number: i32) -> None:
    """Ask for the value of a window as it is: the next of the UserValues."""
    none: ptr[Value] = ptr[Value](i32(scratch(16)))
    none[0].tag = NULL
    _ = queue_add(stmt, number << CALL_BITS | CALL_VALUE, user_instance(state), none, 1)


@export
def user_values_more(v: UserValues) -> i32:
    """1: another row may be asked for before a crossing."""
    q: CallQueue = queue_of(v.statement)
    return i32(q.used < q.limit and q.bytes < QUEUE_BYTES and v.failed == 0)


@export
def user_values_end(v: UserValues) -> None:
    """Make the calls that were put off. Errors: SQLITE_INTERRUPT, SQLITE_ABORT_ROLLBACK."""
    _tag, _payload = queue_run(v.statement)
    queue_of(v.statement).values = 0


@export
def user_values_next(v: UserValues) -> tuple[i32, i64]:
    """The next value. Errors: what the call raised."""
    if v.at == v.n:
        v.failed = 0
        tag, payload = call(v.statement, CALL_RAISE, v.failure, ptr[Value](0), 0)
        return tag, payload
    value: Value = v.values[v.at]
    v.at += 1
    return value.tag, value.payload


def values_run(stmt: Run, v: UserValues, cells: ptr[Value], n: i32) -> None:
    """Make the calls of a queue, whose CALL_VALUE have a cell for the value each, and keep the values."""
    if v.failed:
        return
    answer: Answer = Answer(i32(scratch(ANSWER_SIZE)))
    r: Request = user_request()
    r.routine = CALL_VALUES
    r.instance = v.failure
    r.n = n
    r.values = cells
    ask(stmt, r, answer)
    if answer.status:
        raise_error(answer.status, ptr[u8](i32(answer)) + 16, i32(answer.payload >> 32))
    more: ptr[i32] = ptr[i32](i32(answer) + 16)
    v.failed = more[1]
    texts: ptr[u8] = ptr[u8](0)
    if more[0]:
        texts = arena_alloc(v.arena, more[0])
        user_take(texts)
    values_keep(v, cells, i32(answer.payload), texts)
    go_on(stmt)


def values_keep(v: UserValues, cells: ptr[Value], n: i32, texts: ptr[u8]) -> None:
    """Keep the first n values among the cells; those of texts and blobs are places in `texts`."""
    if v.n + n > v.capacity:
        v.capacity = v.capacity + n + 16
        v.values = ptr[Value](i32(mrealloc(ptr[u8](i32(v.values)), v.capacity * 16)))
    at: i32 = 0
    end: i32 = v.n + n
    while v.n < end:
        if cells[at].tag & ((1 << CALL_BITS) - 1) == CALL_VALUE:
            value: Value = v.values[v.n]
            value.tag = cells[at + 1].tag
            value.payload = cells[at + 1].payload
            if value.tag >= TEXT:
                value.payload = value.payload + i64(u32(texts))
            v.n += 1
        at += 1 + i32(cells[at].payload >> 32)


# --- aggregates ----------------------------------------------------------------------------------------------


class Instance(Resource):
    """An aggregate instance of the host's that must be dropped when the activation ends."""

    statement: Run
    instance: i32


def instance_release(resource: i32) -> None:
    """Drop an instance that was not finished; its calls that were put off are not made any more."""
    r: Instance = Instance(resource)
    if r.instance:
        queue_forget(r.statement, r.instance)
        user_drop(r.statement.connection, r.instance)
    mfree(ptr[u8](resource))


def queue_forget(stmt: Run, instance: i32) -> None:
    """Take the calls of an instance out of the queue."""
    q: CallQueue = CallQueue(stmt.queue)
    if not q:
        return
    at: i32 = 0
    kept: i32 = 0
    while at < q.used:
        n: i32 = 1 + i32(q.cells[at].payload >> 32)
        if i32(q.cells[at].payload) != instance:
            memory_copy(ptr[u8](i32(q.cells + kept)), ptr[u8](i32(q.cells + at)), n * 16)
            kept += n
        at += n
    q.used = kept


@export
def user_step(stmt: Run, state: UserState, values: ptr[Value], n: i32, number: i32, later: i32) -> None:
    """Take a row into a group. later: the call may be put off. Errors: as `call`."""
    if state.resource == 0:
        r: Instance = Instance(i32(resource_add(stmt, sizeof(Instance), KIND_USER, funcref(instance_release))))
        r.statement = stmt
        state.resource = i32(r)
    owner: Instance = Instance(state.resource)
    if owner.instance == 0:
        owner.instance = host_object(stmt)
    routine: i32 = number << CALL_BITS | CALL_STEP
    if later == 0:
        _tag, _payload = queue_run(stmt)
        _none, _nothing = call(stmt, routine, owner.instance, values, n)
        return
    q: CallQueue = queue_add(stmt, routine, owner.instance, values, n)
    if q.used >= q.limit or q.bytes >= QUEUE_BYTES:
        _last, _value = queue_run(stmt)


@export
def user_inverse(stmt: Run, state: UserState, values: ptr[Value], n: i32, number: i32) -> None:
    """Take a row out of a window, before its value is asked for next."""
    _ = queue_add(stmt, number << CALL_BITS | CALL_INVERSE, user_instance(state), values, n)


@export
def user_value(stmt: Run, state: UserState, number: i32) -> tuple[i32, i64]:
    """The value of a window as it is. Errors: as `call`."""
    _ = queue_add(stmt, number << CALL_BITS | CALL_VALUE, user_instance(state), ptr[Value](0), 0)
    return queue_run(stmt)


@export
def user_final(stmt: Run, state: UserState, number: i32) -> tuple[i32, i64]:
    """The value of a group, whose instance is over. Errors: as `call`."""
    instance: i32 = user_instance(state)
    _ = queue_add(stmt, number << CALL_BITS | CALL_FINAL, instance, ptr[Value](0), 0)
    tag, payload = queue_run(stmt)
    if instance:
        Instance(state.resource).instance = 0
    return tag, payload


@export
def user_reset(stmt: Run, state: UserState, number: i32) -> None:
    """Make the state the one before the first row: the instance, if there is one, is over. Errors: as `call`."""
    if user_instance(state):
        _tag, _payload = user_final(stmt, state, number)


def user_instance(state: UserState) -> i32:
    """The instance of a group, 0 if no row came."""
    return Instance(state.resource).instance if state.resource else 0
