"""Edits: a document in a buffer is changed where a path leads, in place.

Source: https://sqlite.org/json1.html#jins, https://sqlite.org/json1.html#jrm
"""

from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.json.element import (
    ARRAY,
    MAX_DEPTH,
    OBJECT,
    TEXT_5,
    TEXT_RAW,
    close_container,
    element,
    put_element,
    raise_malformed,
    resize,
    splice,
    widen,
)
from turso_wasm.kernel.json.path import (
    FOUND,
    MISSING_LABEL,
    NOWHERE,
    Step,
    Walk,
    raise_bad_path,
    raise_quoted,
    read_step,
    walk,
)
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_room
from turso_wasm.wasm.lang import i32, i64, lit, memory_copy, ptr, scratch, sizeof, u8

__subset__ = True

INSERT = 1  # where there is nothing
REPLACE = 2  # where there is something
REMOVE = 4
ARRAY_INSERT = 8  # before an element of an array
UNLIMITED = 0x7FFFFFFF


def grow_parents(w: Walk, doc: Buffer, delta: i32) -> None:
    """The payload of the innermost container on the way has grown by `delta`: rewrite the headers."""
    i: i32 = w.n_parents - 1
    while i >= 0:
        _, start, behind = element(doc.data, w.parents[i], UNLIMITED)
        delta += resize(doc, w.parents[i], behind - start + delta)
        i -= 1


def change(w: Walk, doc: Buffer, at: i32, removed: i32, p: ptr[u8], added: i32) -> None:
    """Replace bytes inside the innermost container on the way."""
    splice(doc, at, removed, p, added)
    grow_parents(w, doc, added - removed)


def replace(doc: Buffer, at: i32, removed: i32, p: ptr[u8], added: i32) -> i32:
    """Put an element of `added` bytes in the place of one of `removed` bytes; by how much the document grew (E1)."""
    if added < removed:
        memory_copy(doc.data + at, p, added)
        if widen(doc, at, removed - added):
            return 0
    splice(doc, at, removed, p, added)
    return added - removed


# --- what is missing --------------------------------------------------------------------------------------------


def build(w: Walk, b: Buffer, i: i32, op: i32, value: ptr[u8], size: i32, depth: i32) -> bool:
    """Append what the path from i on makes of a value: arrays of one element and objects of one label around it.

    False when there is no such thing: an array cannot begin with its second element.
    """
    if depth > MAX_DEPTH:
        raise_malformed()
    if i >= w.path_size:
        buffer_add(b, value, size)
        return True
    step: Step = Step(scratch(sizeof(Step)))
    if not read_step(step, w.path, w.path_size, i):
        raise_bad_path(w)
    at: i32 = b.size
    _ = buffer_room(b, i64(1))
    if step.is_label:
        put_label(w, b, step, op)
    elif step.index > 0:
        return False
    elif step.open_end:
        raise_bad_path(w)
    if not build(w, b, step.next, op, value, size, depth + 1):
        return False
    close_container(b, at, 1, OBJECT if step.is_label else ARRAY)
    return True


def raise_no_element(w: Walk) -> None:
    """Raise "not an array element: '…'"."""
    raise_quoted(w.stmt, *lit(b"not an array element: "), w.path, w.path_size)


def put_label(w: Walk, b: Buffer, step: Step, op: i32) -> None:
    """Append the label of a value that is going to be inserted."""
    if op == ARRAY_INSERT and (step.next >= w.path_size or w.path[w.path_size - 1] != 93):
        raise_no_element(w)
    put_element(b, TEXT_5 if step.escaped else TEXT_RAW, step.label, step.label_size)


def insert_missing(w: Walk, doc: Buffer, op: i32, value: ptr[u8], size: i32) -> None:
    """Insert a value where the walk found nothing."""
    step: Step = Step(scratch(sizeof(Step)))
    _ = read_step(step, w.path, w.path_size, w.rest)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, w.stmt)
    if w.result == MISSING_LABEL:
        put_label(w, b, step, op)
    if build(w, b, step.next, op, value, size, 1):
        change(w, doc, w.at, 0, b.data, b.size)


# --- edits -------------------------------------------------------------------------------------------------------


def edit_found(w: Walk, doc: Buffer, op: i32, value: ptr[u8], size: i32) -> None:
    """Edit the element that the walk found."""
    if op & REPLACE:
        grow_parents(w, doc, replace(doc, w.at, w.behind - w.at, value, size))
    elif op == REMOVE:
        change(w, doc, w.label_at, w.behind - w.label_at, value, 0)
    elif op == ARRAY_INSERT and w.n_parents > 0:
        if w.label_at != w.at:
            raise_no_element(w)
        change(w, doc, w.at, 0, value, size)


def edit(w: Walk, doc: Buffer, op: i32, value: ptr[u8], size: i32) -> None:
    """Edit the document where w.path leads; op: INSERT, REPLACE, both, REMOVE or ARRAY_INSERT.

    Raises "bad JSON path: …", "not an array element: …", "malformed JSON", SQLITE_TOOBIG, SQLITE_NOMEM.
    """
    w.parents = ptr[i32](alloc(w.stmt, 4 * w.path_size + 4))
    walk(w, doc.data, doc.size)
    if w.result == FOUND:
        edit_found(w, doc, op, value, size)
    elif w.result != NOWHERE and op & (INSERT | ARRAY_INSERT):
        insert_missing(w, doc, op, value, size)
