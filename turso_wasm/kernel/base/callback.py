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
"""

from turso_wasm.kernel.abi import (
    ANSWER_ROOM,
    CALL_BITS,
    CALL_COMPARE,
    CALL_FINAL,
    CALL_FUNCTION,
    CALL_INVERSE,
    CALL_STEP,
    CALL_VALUE,
    COLLATION_SHIFT,
    STATEMENT_TRIPPED,
    TEXT,
    Answer,
    KernelConnection,
    Request,
    Resource,
    Run,
    UserState,
    Value,
)
from turso_wasm.kernel.base.errors import SQLITE_ABORT_ROLLBACK, SQLITE_INTERRUPT, raise_error
from turso_wasm.kernel.base.memory import alloc, mfree, mzalloc
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
    answer.status = 0
    r: Request = user_request()
    r.connection = stmt.connection
    r.routine = routine
    r.instance = instance
    r.n = n
    r.values = values
    r.answer = i32(answer)
    if n:
        memory_copy(ptr[u8](addr(r.first)), ptr[u8](i32(values)), 16 if n == 1 else 32)
    c: KernelConnection = KernelConnection(stmt.connection)
    compares: i32 = i32(routine & ((1 << CALL_BITS) - 1) == CALL_COMPARE)
    c.comparing += compares
    stmt.calling += 1
    user_call()
    stmt.calling -= 1
    c.comparing -= compares
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
    if c.interrupted:
        raise_error(SQLITE_INTERRUPT, *lit(b"interrupted"))
    if stmt.flags & STATEMENT_TRIPPED:
        raise_error(SQLITE_ABORT_ROLLBACK, *lit(b"abort due to ROLLBACK"))
    return tag, payload


@export
def user_function(stmt: Run, values: ptr[Value], n: i32, number: i32) -> tuple[i32, i64]:
    """The value of a function of the user's. Errors: as `call`."""
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


# --- aggregates ----------------------------------------------------------------------------------------------


class Instance(Resource):
    """An aggregate instance of the host's that must be dropped when the activation ends."""

    connection: i32
    instance: i32


def instance_release(resource: i32) -> None:
    """Drop an instance that was not finished."""
    r: Instance = Instance(resource)
    if r.instance:
        user_drop(r.connection, r.instance)
    mfree(ptr[u8](resource))


@export
def user_step(stmt: Run, state: UserState, values: ptr[Value], n: i32, number: i32) -> None:
    """Take a row into a group. Errors: as `call`."""
    if state.resource == 0:
        r: Instance = Instance(i32(resource_add(stmt, sizeof(Instance), KIND_USER, funcref(instance_release))))
        r.connection = stmt.connection
        state.resource = i32(r)
    owner: Instance = Instance(state.resource)
    _tag, instance = call(stmt, number << CALL_BITS | CALL_STEP, owner.instance, values, n)
    owner.instance = i32(instance)


@export
def user_inverse(stmt: Run, state: UserState, values: ptr[Value], n: i32, number: i32) -> None:
    """Take a row out of a window. Errors: as `call`."""
    _tag, _payload = call(stmt, number << CALL_BITS | CALL_INVERSE, user_instance(state), values, n)


@export
def user_value(stmt: Run, state: UserState, number: i32) -> tuple[i32, i64]:
    """The value of a window as it is. Errors: as `call`."""
    return call(stmt, number << CALL_BITS | CALL_VALUE, user_instance(state), ptr[Value](0), 0)


@export
def user_final(stmt: Run, state: UserState, number: i32) -> tuple[i32, i64]:
    """The value of a group, whose instance is over. Errors: as `call`."""
    instance: i32 = user_instance(state)
    if instance:
        Instance(state.resource).instance = 0
    return call(stmt, number << CALL_BITS | CALL_FINAL, instance, ptr[Value](0), 0)


@export
def user_reset(stmt: Run, state: UserState, number: i32) -> None:
    """Make the state the one before the first row: the instance, if there is one, is over. Errors: as `call`."""
    if user_instance(state):
        _tag, _payload = user_final(stmt, state, number)


def user_instance(state: UserState) -> i32:
    """The instance of a group, 0 if no row came."""
    return Instance(state.resource).instance if state.resource else 0
