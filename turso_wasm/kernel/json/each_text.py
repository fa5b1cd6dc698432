"""json_each and json_tree over a text of plain JSON where nobody asks for ids and paths: nothing is parsed but what a
column shows.

Invariants:
  W1  `document` is a copy of an array or object that is well-formed JSON (probe.py O1): nothing is checked again.
  W2  In a tree `behind` is 0 while nobody knows the end of the row's array or object; its children begin at value + 1.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, TEXT, Run, Value
from turso_wasm.kernel.abi_states import JsonLevel, JsonWalk
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.json.document import JSON_SUBTYPE, blob_result, value_result
from turso_wasm.kernel.json.element import (
    ARRAY,
    FALSE_ELEMENT,
    FLOAT,
    INT,
    NULL_ELEMENT,
    OBJECT,
    TEXT_PLAIN,
    TRUE_ELEMENT,
)
from turso_wasm.kernel.json.locate import scalar_value, seek_value
from turso_wasm.kernel.json.parse import Parser, parse_text, skip_text
from turso_wasm.kernel.json.path import Walk
from turso_wasm.kernel.json.probe import ABSENT, FOUND, Probe, blank, is_escaped
from turso_wasm.kernel.json.scan import BACKSLASH, put_unescaped
from turso_wasm.kernel.values.buffer import Buffer, buffer_init
from turso_wasm.kernel.values.value import pack, text_value
from turso_wasm.wasm.lang import i32, i64, inline, memory_copy, ptr, scratch, sizeof, u8

__subset__ = True

UNDECIDED = -1
FIRST_LEVELS = 8


@inline
def string_end(p: ptr[u8], n: i32, i: i32) -> i32:
    """Index behind the string that begins at i."""
    i = skip_text(p, n, i + 1)
    while p[i] == BACKSLASH:
        i = skip_text(p, n, i + 2)
    return i + 1


def container_end(p: ptr[u8], n: i32, i: i32) -> i32:
    """Index behind the array or object that begins at i."""
    depth: i32 = 0
    while True:
        c: i32 = p[i]
        if c == 34:
            i = string_end(p, n, i)
            continue
        i += 1
        if c == 91 or c == 123:
            depth += 1
        elif c == 93 or c == 125:
            depth -= 1
            if depth == 0:
                return i


@inline
def value_end(p: ptr[u8], n: i32, i: i32) -> i32:
    """Index behind the value that begins at i."""
    c: i32 = p[i]
    if c == 34:
        return string_end(p, n, i)
    if c == 91 or c == 123:
        return container_end(p, n, i)
    while p[i] > 32 and p[i] != 44 and p[i] != 93 and p[i] != 125:
        i += 1
    return i


def text_next(w: JsonWalk) -> i32:
    """Go to the next child: 0 if there is none."""
    p: ptr[u8] = w.document
    n: i32 = w.size
    i: i32 = blank(p, n, w.behind)
    if p[i] == 44:
        i = blank(p, n, i + 1)
    if p[i] == 93 or p[i] == 125:
        return 0
    w.at = i
    if p[0] == 123:
        i = blank(p, n, string_end(p, n, i))
        i = blank(p, n, i + 1)
    w.value = i
    w.behind = value_end(p, n, i)
    w.row += 1
    return 1


def new_level(stmt: Run, w: JsonWalk, is_object: i32) -> JsonLevel:
    """A level below the last one, before its first child. Raises SQLITE_NOMEM."""
    if w.depth == w.capacity:
        capacity: i32 = w.capacity * 2 if w.capacity else FIRST_LEVELS
        levels: ptr[u8] = alloc(stmt, capacity * sizeof(JsonLevel))
        memory_copy(levels, ptr[u8](i32(w.levels)), w.depth * sizeof(JsonLevel))
        w.levels = ptr[JsonLevel](i32(levels))
        w.capacity = capacity
    level: JsonLevel = w.levels[w.depth]
    level.is_object = is_object
    level.index = -1
    w.depth += 1
    return level


@inline
def is_container(c: i32) -> bool:
    """Whether a value that begins so is an array or an object."""
    return c == 91 or c == 123


def tree_next(stmt: Run, w: JsonWalk) -> i32:
    """Go to the next value of a tree: 0 if there is none. Raises SQLITE_NOMEM."""
    p: ptr[u8] = w.document
    n: i32 = w.size
    i: i32 = w.behind
    if is_container(p[w.value]):
        _ = new_level(stmt, w, i32(p[w.value] == 123))
        i = w.value + 1
    while w.depth:
        level: JsonLevel = w.levels[w.depth - 1]
        i = blank(p, n, i)
        if p[i] == 44:
            i = blank(p, n, i + 1)
        if p[i] != 93 and p[i] != 125:
            w.at = i
            if level.is_object:
                i = blank(p, n, string_end(p, n, i))
                i = blank(p, n, i + 1)
            w.value = i
            w.behind = 0 if is_container(p[i]) else value_end(p, n, i)
            level.index += 1
            w.row += 1
            return 1
        i += 1
        w.depth -= 1
    return 0


def text_begin(stmt: Run, w: JsonWalk, document: Value, path: Value) -> i32:
    """Go to the first child of what the path leads to, of a tree to the root: 0 if there is none, UNDECIDED if it is
    no plain container.

    Raises as `locate`.
    """
    pr: Probe = Probe(scratch(sizeof(Probe)))
    found: Walk = Walk(scratch(sizeof(Walk)))
    seen: i32 = seek_value(stmt, found, pr, document, path, False)
    if seen == ABSENT:
        return 0
    p: ptr[u8] = pr.text + pr.start
    if seen != FOUND or not is_container(p[0]) or (w.is_tree and found.path_size > 1):
        return UNDECIDED
    w.size = pr.end - pr.start
    w.document = alloc(stmt, w.size)
    copy_bytes(w.document, p, w.size)
    w.is_text = 1
    if w.is_tree:
        w.value = 0
        w.behind = 0
        w.row = 0
        return 1
    w.behind = 1
    w.row = -1
    return text_next(w)


# --- columns -----------------------------------------------------------------------------------------------------


def text_key(stmt: Run, w: JsonWalk) -> tuple[i32, i64]:
    """The label, or the number of the element; the root of a tree has none."""
    p: ptr[u8] = w.document + w.at
    if w.is_tree and w.depth == 0:
        return NULL, 0
    if w.is_tree and w.levels[w.depth - 1].is_object == 0:
        return INTEGER, i64(w.levels[w.depth - 1].index)
    if w.is_tree == 0 and w.document[0] == 91:
        return INTEGER, i64(w.row)
    n: i32 = string_end(w.document, w.size, w.at) - w.at - 2
    if not is_escaped(p + 1, n):
        return text_value(stmt, p + 1, n)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    put_unescaped(b, p + 1, n)
    return TEXT, pack(b.data, b.size)


def text_kind(w: JsonWalk) -> i32:
    """A kind of element that the value can be, of those that have the same type."""
    c: i32 = w.document[w.value]
    if c == 34:
        return TEXT_PLAIN
    if c == 91:
        return ARRAY
    if c == 123:
        return OBJECT
    if c == 110:
        return NULL_ELEMENT
    if c == 116:
        return TRUE_ELEMENT
    if c == 102:
        return FALSE_ELEMENT
    for i in range(w.value, w.behind):
        if w.document[i] == 46 or w.document[i] | 32 == 101:
            return FLOAT
    return INT


def text_shown(stmt: Run, w: JsonWalk, is_atom: bool) -> tuple[i32, i64]:
    """The value as one of SQL, arrays and objects as JSON or JSONB; is_atom: for them NULL. Leaves its subtype."""
    p: ptr[u8] = w.document + w.value
    stmt.subtype = 0
    if is_container(p[0]) and is_atom:
        return NULL, 0
    n: i32 = (w.behind if w.behind else container_end(w.document, w.size, w.value)) - w.value
    tag, payload, plain = scalar_value(stmt, p, n)
    if plain:
        return tag, payload
    ps: Parser = Parser(scratch(sizeof(Parser)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    _ = parse_text(ps, p, n, b)
    stmt.subtype = JSON_SUBTYPE if is_container(p[0]) else 0
    if is_container(p[0]) and w.is_binary:
        return blob_result(stmt, b.data, b.size)
    return value_result(stmt, b.data, 0, b.size)
