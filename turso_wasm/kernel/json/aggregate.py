"""json_group_array and json_group_object: the state is the text between the brackets."""

from turso_wasm.kernel.abi import NULL, TEXT, Run
from turso_wasm.kernel.abi_states import ConcatState
from turso_wasm.kernel.base.memory import arena_mark, arena_release
from turso_wasm.kernel.json.build import text_to_blob
from turso_wasm.kernel.json.document import put_value
from turso_wasm.kernel.values.aggregate import concat_compact, concat_grow
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_text
from turso_wasm.wasm.lang import export, i32, i64, memory_copy, ptr, scratch, sizeof, u8

__subset__ = True


def add_text(stmt: Run, state: ConcatState, p: ptr[u8], n: i32) -> None:
    """Append bytes to the state."""
    concat_grow(stmt, state, n)
    memory_copy(state.data + state.used, p, n)
    state.used += n


@export
def json_array_step(stmt: Run, state: ConcatState, tag: i32, payload: i64, subtype: i32) -> None:
    """Take a value in. Raises "JSON cannot hold BLOB values", SQLITE_TOOBIG, SQLITE_NOMEM."""
    mark: i32 = arena_mark(stmt.arena)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if state.count:
        buffer_put(b, 44)
    put_value(b, tag, payload, subtype)
    add_text(stmt, state, b.data, b.size)
    state.count += 1
    arena_release(stmt.arena, mark)


@export
def json_object_step(
    stmt: Run, state: ConcatState, label_tag: i32, label: i64, tag: i32, payload: i64, subtype: i32
) -> None:
    """Take a label and its value in, unless the label is NULL. Raises as json_array_step."""
    if label_tag == NULL:
        return
    mark: i32 = arena_mark(stmt.arena)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if state.count:
        buffer_put(b, 44)
    text: i64 = to_text(stmt, label_tag, label)
    put_value(b, TEXT, pack(bytes_of(text), terminated_size(bytes_of(text), size_of(text))), 0)
    buffer_put(b, 58)
    put_value(b, tag, payload, subtype)
    add_text(stmt, state, b.data, b.size)
    state.count += 1
    arena_release(stmt.arena, mark)


def element_end(p: ptr[u8], i: i32, end: i32) -> i32:
    """Index of the comma behind the element that begins at i; `end` when it is the last."""
    depth: i32 = 0
    while i < end:
        c: i32 = p[i]
        if c == 34:
            i += 1
            while p[i] != 34:
                i += 2 if p[i] == 92 else 1
        elif c == 91 or c == 123:
            depth += 1
        elif c == 93 or c == 125:
            depth -= 1
        elif c == 44 and depth == 0:
            return i
        i += 1
    return end


@export
def json_group_inverse(state: ConcatState, tag: i32) -> None:
    """Take out the oldest element, unless it was a NULL label's, which is not there."""
    if tag == NULL:
        return
    state.count -= 1
    state.start = element_end(state.data, state.start, state.used) + 1
    concat_compact(state)


@export
def json_group_value(stmt: Run, state: ConcatState, opening: i32, binary: i32) -> tuple[i32, i64]:
    """The array or object so far; opening: its first byte. Raises SQLITE_TOOBIG, SQLITE_NOMEM."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_put(b, opening)
    buffer_add(b, state.data + state.start, state.used - state.start)
    buffer_put(b, opening + 2)
    if binary:
        return text_to_blob(stmt, TEXT, pack(b.data, b.size))
    return TEXT, pack(b.data, b.size)
