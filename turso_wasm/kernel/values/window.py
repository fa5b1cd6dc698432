"""What window functions compute: the numbers in a window, the order of its rows, extremes of a frame that moves.

Invariants:
  W1  The items of an Extremes are the values of the frame that can still become its extreme: each is better than all
      behind it, so the first is the extreme. Of equal values the last is kept, which leaves the frame last; or all of
      them, so that the first of them is the extreme.
  W2  Values are numbered as they enter; they leave in the same order. NULLs neither enter nor leave.
"""

from turso_wasm.kernel.abi import INTEGER, KEY_DESC, KEY_NULLS_FIRST, KEY_NULLS_LAST, NULL, REAL, TEXT, Resource, Run
from turso_wasm.kernel.abi_states import ExtremesState
from turso_wasm.kernel.base.memory import grown, malloc, mfree, mrealloc
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.values.arithmetic import value_add, value_sub
from turso_wasm.kernel.values.bounds import rowid_exact
from turso_wasm.kernel.values.collate import compare_values
from turso_wasm.kernel.values.value import apply_numeric
from turso_wasm.wasm.lang import (
    Struct,
    export,
    float_from_bits,
    funcref,
    i32,
    i64,
    memory_copy,
    ptr,
    sizeof,
    u8,
    u32,
)

__subset__ = True

KIND_EXTREMES = 19
FAR = 1 << 30  # more rows than any partition has


# --- numbers in a window --------------------------------------------------------------------------------------


@export
def window_count(tag: i32, payload: i64) -> i32:
    """The offset of ROWS and GROUPS, the n of nth_value: at most FAR; -1 if it is no integer, or a negative one."""
    ok, n = rowid_exact(tag, payload)
    if ok == 0 or n < 0:
        return -1
    return i32(n) if n < FAR else FAR


@export
def window_distance(tag: i32, payload: i64) -> tuple[i32, i64]:
    """The offset of RANGE: a number that is not negative, else NULL."""
    tag, payload = apply_numeric(tag, payload)
    if tag == INTEGER and payload >= 0:
        return tag, payload
    if tag == REAL and float_from_bits(payload) >= 0.0:
        return tag, payload
    return NULL, i64(0)


@export
def window_edge(tag: i32, payload: i64, distance_tag: i32, distance: i64, forward: i32) -> tuple[i32, i64]:
    """The value at that distance from the current row's; what is no number has its own value at any distance."""
    if tag == NULL or tag >= TEXT:
        return tag, payload
    if forward:
        return value_add(tag, payload, distance_tag, distance)
    return value_sub(tag, payload, distance_tag, distance)


@export
def window_order(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64, flags: i32) -> i32:
    """-1, 0 or 1: how two values come in an order with these flags (kernel/values/key.py)."""
    if tag == NULL or tag2 == NULL:
        last: i32 = flags & KEY_NULLS_LAST
        if flags & KEY_DESC and not flags & KEY_NULLS_FIRST:
            last = 1
        order: i32 = i32(tag2 == NULL) - i32(tag == NULL)
        return -order if last else order
    order = compare_values(stmt, tag, payload, tag2, payload2, flags)
    return -order if flags & KEY_DESC else order


@export
def window_target(tag: i32, payload: i64, count: i32) -> i32:
    """The number of a row, of `count`; -1 if there is none with that number."""
    ok, n = rowid_exact(tag, payload)
    return i32(n) if ok and n >= 0 and n < i64(count) else -1


# --- extremes -------------------------------------------------------------------------------------------------


class Extreme(Struct):
    """A value, of which text and blobs are copies of their own."""

    number: i64
    payload: i64
    tag: i32
    unused: i32


class Extremes(Resource):
    """The candidates (W1): `count` items from `first` on. sign: 1 for the least value, -1 for the greatest."""

    items: ptr[Extreme]
    first: i32
    count: i32
    capacity: i32
    sign: i32
    keeps_equals: i32
    collation: i32
    entered: i64
    left: i64


def extremes_new(stmt: Run, sign: i32, collation: i32) -> Extremes:
    """Of an empty frame. sign: as in extremes_enter."""
    e: Extremes = Extremes(i32(resource_add(stmt, sizeof(Extremes), KIND_EXTREMES, funcref(extremes_release))))
    e.sign = 1 if sign > 0 else -1
    e.keeps_equals = i32(sign > 1 or sign < -1)
    e.collation = collation
    return e


def extremes_release(resource: i32) -> None:
    """Free an Extremes."""
    e: Extremes = Extremes(resource)
    extremes_empty(e)
    mfree(ptr[u8](e.items))
    mfree(ptr[u8](resource))


def extremes_empty(e: Extremes) -> None:
    """Forget all values."""
    for i in range(e.count):
        extreme_free(e.items[e.first + i])
    e.first = 0
    e.count = 0


def extreme_free(item: Extreme) -> None:
    """Free a value's copy."""
    if item.tag >= TEXT:
        mfree(ptr[u8](i32(item.payload)))


@export
def extremes_reset(state: ExtremesState) -> None:
    """The frame is empty."""
    if state.extremes:
        e: Extremes = Extremes(state.extremes)
        extremes_empty(e)
        e.left = e.entered


@export
def extremes_enter(stmt: Run, state: ExtremesState, tag: i32, payload: i64, sign: i32, collation: i32) -> None:
    """A value enters the frame. sign: 1 for the least value, -1 for the greatest; 2, -2: of equal ones the first.

    Errors: SQLITE_NOMEM.
    """
    if tag == NULL:
        return
    if state.extremes == 0:
        state.extremes = i32(extremes_new(stmt, sign, collation))
    e: Extremes = Extremes(state.extremes)
    while e.count:
        last: Extreme = e.items[e.first + e.count - 1]
        order: i32 = compare_values(stmt, last.tag, last.payload, tag, payload, e.collation) * e.sign
        if order < e.keeps_equals:
            break
        extreme_free(last)
        e.count -= 1
    if e.first + e.count == e.capacity:
        extremes_grow(e)
    if tag >= TEXT:
        size: i32 = i32(payload >> 32)
        copy: ptr[u8] = malloc(size + 1)
        memory_copy(copy, ptr[u8](i32(payload)), size)
        payload = i64(u32(copy)) | i64(size) << 32
    item: Extreme = e.items[e.first + e.count]
    item.number = e.entered
    item.tag = tag
    item.payload = payload
    e.count += 1
    e.entered += 1


def extremes_grow(e: Extremes) -> None:
    """Make room behind the last item: by moving all to the front, or with more memory."""
    if e.first > e.count:
        memory_copy(ptr[u8](i32(e.items)), ptr[u8](i32(e.items[e.first])), e.count * sizeof(Extreme))
        e.first = 0
        return
    size: i32 = grown(e.capacity * sizeof(Extreme), i64(e.capacity + 1) * sizeof(Extreme), 16 * sizeof(Extreme))
    e.items = ptr[Extreme](mrealloc(ptr[u8](e.items), size))
    e.capacity = size // sizeof(Extreme)


@export
def extremes_leave(state: ExtremesState, tag: i32) -> None:
    """A value of that storage class, the one that entered first, leaves the frame."""
    if tag == NULL:
        return
    e: Extremes = Extremes(state.extremes)
    if e.count and e.items[e.first].number == e.left:
        extreme_free(e.items[e.first])
        e.first += 1
        e.count -= 1
    e.left += 1


@export
def extremes_value(state: ExtremesState) -> tuple[i32, i64]:
    """The extreme, NULL of an empty frame; valid until a value enters or leaves."""
    if state.extremes == 0:
        return NULL, i64(0)
    e: Extremes = Extremes(state.extremes)
    if e.count == 0:
        return NULL, i64(0)
    return e.items[e.first].tag, e.items[e.first].payload
