"""json_each and json_tree: a walk through a document, child by child or through all that is below.

Owns the position of the walk and the columns of its rows. The document is a copy: nothing that happens to the row it
came from moves it.

Source: https://sqlite.org/json1.html#jeach, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, TEXT, Run, Value
from turso_wasm.kernel.abi_states import JsonLevel, JsonWalk
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.json.ask import type_name
from turso_wasm.kernel.json.document import JSON_SUBTYPE, blob_result, document, value_result
from turso_wasm.kernel.json.each_text import (
    UNDECIDED,
    new_level,
    text_begin,
    text_key,
    text_kind,
    text_next,
    text_shown,
    tree_next,
)
from turso_wasm.kernel.json.element import OBJECT, child, element, is_container, is_text, raise_malformed
from turso_wasm.kernel.json.path import FOUND, Walk, has_escapes, start_walk, walk
from turso_wasm.kernel.json.scan import is_alnum, put_unescaped
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put
from turso_wasm.kernel.values.number import is_digit, text_to_number
from turso_wasm.kernel.values.number_text import INT_TEXT_SIZE, int_to_text
from turso_wasm.kernel.values.value import pack, text_value
from turso_wasm.wasm.lang import export, i32, i64, memory_copy, ptr, scratch, sizeof, u8

__subset__ = True

EACH = 0
TREE = 1
BINARY = 2  # added: arrays and objects are shown as JSONB
PART = 4  # added: nobody asks for ids and paths, so a text need not be parsed

KEY, VALUE, TYPE, ATOM, ID, PARENT, FULL_KEY, PATH, ROWID = range(9)  # the columns
BEYOND = 0x7FFFFFFF  # JsonLevel.next: the element that the row is of goes beyond the document


# --- moving ------------------------------------------------------------------------------------------------------


def push_level(stmt: Run, w: JsonWalk) -> None:
    """The element of the row, a container, becomes the one whose children come next. Raises SQLITE_NOMEM."""
    kind, start, behind = child(w.document, w.value, w.size)
    level: JsonLevel = new_level(stmt, w, i32(kind == OBJECT))
    level.id = w.at
    level.next = start
    level.end = behind


@export
def json_walk_next(stmt: Run, w: JsonWalk) -> i32:
    """Go to the next row: 0 if there is none. Raises "malformed JSON", SQLITE_NOMEM."""
    if w.is_text:
        return tree_next(stmt, w) if w.is_tree else text_next(w)
    if w.is_tree and is_container(w.document[w.value] & 15):
        push_level(stmt, w)
    while w.depth:
        level: JsonLevel = w.levels[w.depth - 1]
        if level.next == BEYOND:
            raise_malformed()
        if level.next < level.end:
            w.at = level.next
            w.value = level.next
            if level.is_object:
                _, _, value = element(w.document, level.next, w.size)
                w.value = value
            kind, _, behind = element(w.document, w.value, w.size)
            level.next = BEYOND if kind < 0 else behind
            level.index += 1
            w.row += 1
            return 1
        w.depth -= 1
    return 0


def part_begin(stmt: Run, w: JsonWalk, text: i64, path: i64) -> i32:
    """As text_begin."""
    values: ptr[Value] = ptr[Value](i32(scratch(2 * sizeof(Value))))
    values[0].tag = TEXT
    values[0].payload = text
    values[1].tag = TEXT
    values[1].payload = path
    return text_begin(stmt, w, values[0], values[1])


@export
def json_walk_begin(stmt: Run, w: JsonWalk, tag: i32, payload: i64, path_tag: i32, path: i64, kind: i32) -> i32:
    """Go to the first row of a document: 0 if there is none. kind: EACH or TREE, with BINARY, PART.

    Raises "malformed JSON", "bad JSON path: …", SQLITE_TOOBIG, SQLITE_NOMEM.
    """
    if tag == NULL:
        return 0
    w.is_text = 0
    w.is_binary = kind & BINARY
    w.is_tree = kind & TREE
    w.depth = 0
    w.capacity = 0
    if kind & PART and tag == TEXT and path_tag == TEXT:
        began: i32 = part_begin(stmt, w, payload, path)
        if began != UNDECIDED:
            return began
    p, n = document(stmt, tag, payload)
    if path_tag == NULL:
        return 0
    w.document = alloc(stmt, n)
    memory_copy(w.document, p, n)
    w.size = n
    w.row = 0
    found: Walk = Walk(scratch(sizeof(Walk)))
    start_walk(stmt, found, path_tag, path)
    found.of_rows = 1
    walk(found, w.document, n)
    if found.result != FOUND:
        return 0
    w.path = alloc(stmt, found.path_size)
    memory_copy(w.path, found.path, found.path_size)
    w.path_size = found.path_size
    w.last_step = found.rest if found.is_first else 1
    w.at = found.label_at
    w.value = found.at
    if w.is_tree == 0 and is_container(w.document[w.value] & 15):
        push_level(stmt, w)
        w.row = -1
        return json_walk_next(stmt, w)
    return 1


# --- columns -----------------------------------------------------------------------------------------------------


def label_value(stmt: Run, w: JsonWalk, at: i32) -> tuple[i32, i64]:
    """The label at `at` as text."""
    kind, start, behind = child(w.document, at, w.size)
    if not is_text(kind):
        return value_result(stmt, w.document, at, behind)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if has_escapes(kind):
        put_unescaped(b, w.document + start, behind - start)
    else:
        buffer_add(b, w.document + start, behind - start)
    return TEXT, pack(b.data, b.size)


def root_key(stmt: Run, p: ptr[u8], n: i32) -> tuple[i32, i64]:
    """The key of the root of json_tree: what the path says from its last step on, or from its first one if the root is
    not the first element in its container, as SQLite has it.
    """
    if p[0] == 91:
        number, value, _ = text_to_number(p + 1, n - 1)
        return INTEGER, value if number == INTEGER else i64(0)
    if p[1] == 34:
        return text_value(stmt, p + 2, n - 3)
    return text_value(stmt, p + 1, n - 1)


def key_value(stmt: Run, w: JsonWalk) -> tuple[i32, i64]:
    """The label or the index of the row's element; that of the root is where the path leads."""
    if w.depth:
        level: JsonLevel = w.levels[w.depth - 1]
        if level.is_object:
            return label_value(stmt, w, w.at)
        return INTEGER, i64(level.index)
    if w.is_tree == 0 or w.path_size == 1:
        return NULL, 0
    return root_key(stmt, w.path + w.last_step, w.path_size - w.last_step)


def is_plain_label(p: ptr[u8], n: i32) -> bool:
    """Whether a path shows a label without quotes: ASCII letters and digits, a letter first."""
    i: i32 = 0
    while i < n and is_alnum(p[i]):
        i += 1
    return n > 0 and i == n and not is_digit(p[0])


def put_step(b: Buffer, w: JsonWalk, level: JsonLevel, at: i32) -> None:
    """Append the step from a level to its child at `at`."""
    if level.is_object:
        _, start, behind = child(w.document, at, w.size)
        plain: bool = is_plain_label(w.document + start, behind - start)
        buffer_put(b, 46)
        if not plain:
            buffer_put(b, 34)
        buffer_add(b, w.document + start, behind - start)
        if not plain:
            buffer_put(b, 34)
    else:
        digits: ptr[u8] = scratch(INT_TEXT_SIZE)
        buffer_put(b, 91)
        buffer_add(b, digits, int_to_text(i64(level.index), digits))
        buffer_put(b, 93)


def path_value(stmt: Run, w: JsonWalk, steps: i32) -> tuple[i32, i64]:
    """The path of the root and that many steps from it."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_add(b, w.path, w.path_size)
    for i in range(steps):
        put_step(b, w, w.levels[i], w.levels[i + 1].id if i + 1 < w.depth else w.at)
    return TEXT, pack(b.data, b.size)


def container_path(stmt: Run, w: JsonWalk) -> tuple[i32, i64]:
    """The path of what the row's element is in."""
    if w.depth:
        return path_value(stmt, w, w.depth - 1)
    size: i32 = w.last_step if w.is_tree and w.path_size > 1 else w.path_size
    return TEXT, pack(w.path, size)


def text_column(stmt: Run, w: JsonWalk, column: i32) -> tuple[i32, i64]:
    """As json_walk_column; ids and paths are asked of no text."""
    if column == KEY:
        return text_key(stmt, w)
    if column == TYPE:
        return type_name(text_kind(w))
    if column == ROWID:
        return INTEGER, i64(w.row)
    return text_shown(stmt, w, column == ATOM)


@export
def json_walk_column(stmt: Run, w: JsonWalk, column: i32) -> tuple[i32, i64]:
    """A column of the row (KEY …); the value leaves its subtype in `Run.subtype`. Raises as json_walk_next."""
    if w.is_text:
        return text_column(stmt, w, column)
    kind: i32 = w.document[w.value] & 15
    if column == KEY:
        return key_value(stmt, w)
    if column == TYPE:
        return type_name(kind)
    if column == ID:
        return INTEGER, i64(w.at)
    if column == PARENT:
        if w.is_tree and w.depth:
            return INTEGER, i64(w.levels[w.depth - 1].id)
        return NULL, 0
    if column == FULL_KEY:
        return path_value(stmt, w, w.depth)
    if column == PATH:
        return container_path(stmt, w)
    if column == ROWID:
        return INTEGER, i64(w.row)
    if (column == ATOM and is_container(kind)) or kind > OBJECT:
        return NULL, 0
    stmt.subtype = JSON_SUBTYPE if is_container(kind) else 0
    if w.is_binary and is_container(kind):
        _, _, behind = child(w.document, w.value, w.size)
        return blob_result(stmt, w.document + w.value, behind - w.value)
    return value_result(stmt, w.document, w.value, w.size)
