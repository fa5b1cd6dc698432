"""Paths: $, .label, ."label", [n], [#], [#-n].

Owns how a path is walked in a document. A step that the document has no place for ends the walk: what stands behind it
is not looked at, so it need not be well-formed.

Source: https://sqlite.org/json1.html#path_arguments, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import Run, Value
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import arena_mark, arena_release
from turso_wasm.kernel.functions.printf import put_sql_escaped
from turso_wasm.kernel.functions.text import same_bytes
from turso_wasm.kernel.json.element import ARRAY, OBJECT, TEXT_5, TEXT_J, child, element, is_text, raise_malformed
from turso_wasm.kernel.json.scan import BACKSLASH, put_unescaped
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put
from turso_wasm.kernel.values.number import is_digit
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_text
from turso_wasm.wasm.lang import Struct, i32, i64, lit, ptr, scratch, sizeof, u8

__subset__ = True

FOUND = 0
MISSING_LABEL = 1  # an object has no such label: `at` is its end
MISSING_INDEX = 2  # one behind the last element of an array: `at` is its end
NOWHERE = 3
DAMAGED = 4
MAX_INDEX = 0x7FFFFFF0


class Step(Struct):
    """One step of a path; `next` is the index behind it."""

    is_label: i32
    label: ptr[u8]
    label_size: i32
    escaped: i32  # 1: the label has escapes
    index: i32
    from_end: i32  # 1: counted from the end
    open_end: i32  # 1: an index from the end without its bracket, an error unless it lies before the first element
    next: i32


class Walk(Struct):
    """A walk along a path: what it found."""

    stmt: Run
    path: ptr[u8]
    path_size: i32
    shown: i64  # the path as errors show it: packed
    result: i32  # FOUND …
    at: i32  # the element, or where a missing one would stand
    behind: i32
    label_at: i32  # of an object's value: its label; else `at`
    rest: i32  # index of the last step that was taken, or is missing
    is_first: i32  # 1: the element is the first one in its container
    index: i32  # FOUND in an array: the number of the element
    parents: ptr[i32]  # the containers on the way, outermost first
    n_parents: i32
    size: i32  # of the document, if it is JSONB; 0: it is a text
    of_rows: i32  # 1: json_each asks, which takes a damaged document for a bad path


def raise_quoted(stmt: Run, before: ptr[u8], n_before: i32, p: ptr[u8], n: i32) -> None:
    """Raise an error that ends with a text in single quotes."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_add(b, before, n_before)
    buffer_put(b, 39)
    put_sql_escaped(b, p, n, 39, False)
    buffer_put(b, 39)
    raise_error(SQLITE_ERROR, b.data, b.size)


def raise_bad_path(w: Walk) -> None:
    """Raise "bad JSON path: '…'"."""
    raise_quoted(w.stmt, *lit(b"bad JSON path: "), bytes_of(w.shown), size_of(w.shown))


# --- steps -----------------------------------------------------------------------------------------------------


def read_label(step: Step, p: ptr[u8], n: i32, i: i32) -> bool:
    """The label behind the point before i; False if it is malformed."""
    step.is_label = 1
    step.escaped = 0
    start: i32 = i
    if i < n and p[i] == 34:
        start = i + 1
        i = start
        while i < n and p[i] != 34:
            if p[i] == BACKSLASH and i + 1 < n:
                step.escaped = 1
                i += 1
            i += 1
        if i >= n:
            return False
        step.next = i + 1
    else:
        while i < n and p[i] != 46 and p[i] != 91:
            i += 1
        step.next = i
        if i == start:
            return False
    step.label = p + start
    step.label_size = i - start
    return True


def read_number(p: ptr[u8], n: i32, i: i32) -> tuple[i32, i32]:
    """Digits at i: (their value, at most MAX_INDEX; index behind them)."""
    value: i64 = 0
    while i < n and is_digit(p[i]):
        value = value * 10 + i64(p[i] - 48)
        if value > MAX_INDEX:
            value = MAX_INDEX
        i += 1
    return i32(value), i


def read_index(step: Step, p: ptr[u8], n: i32, i: i32) -> bool:
    """The index behind the bracket before i; False if it is malformed."""
    step.is_label = 0
    step.from_end = 0
    step.open_end = 0
    step.index = 0
    if i < n and p[i] == 35:
        step.from_end = 1
        i += 1
        if i < n and p[i] == 45:
            if i + 1 >= n or not is_digit(p[i + 1]):
                return False
            index, after = read_number(p, n, i + 1)
            step.index = index
            i = after
            step.open_end = i32(i >= n or p[i] != 93)
    else:
        if i >= n or not is_digit(p[i]):
            return False
        index, after = read_number(p, n, i)
        step.index = index
        i = after
    step.next = i + 1
    return step.open_end != 0 or (i < n and p[i] == 93)


def read_step(step: Step, p: ptr[u8], n: i32, i: i32) -> bool:
    """The step that begins at i; False if it is malformed."""
    if p[i] == 46:
        return read_label(step, p, n, i + 1)
    return p[i] == 91 and read_index(step, p, n, i + 1)


# --- labels ----------------------------------------------------------------------------------------------------


def unescaped(b: Buffer, stmt: Run, p: ptr[u8], n: i32, escaped: bool) -> None:
    """Fill a fresh buffer with a label's text."""
    buffer_init(b, stmt)
    if escaped:
        put_unescaped(b, p, n)
    else:
        buffer_add(b, p, n)


def same_label(stmt: Run, p: ptr[u8], n: i32, escaped: bool, q: ptr[u8], m: i32, other_escaped: bool) -> bool:
    """Whether two labels are the same text: up to a NUL, as SQLite compares those with escapes."""
    if not escaped and not other_escaped:
        return n == m and same_bytes(p, q, n)
    mark: i32 = arena_mark(stmt.arena)
    a: Buffer = Buffer(scratch(sizeof(Buffer)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    unescaped(a, stmt, p, n, escaped)
    unescaped(b, stmt, q, m, other_escaped)
    size: i32 = till_nul(a)
    same: bool = size == till_nul(b) and same_bytes(a.data, b.data, size)
    arena_release(stmt.arena, mark)
    return same


def till_nul(b: Buffer) -> i32:
    """How many bytes come before the first NUL."""
    n: i32 = 0
    while n < b.size and b.data[n]:
        n += 1
    return n


def has_escapes(kind: i32) -> bool:
    """Whether a string of that kind is spelled with escapes."""
    return kind >= TEXT_J and kind <= TEXT_5


# --- walking ---------------------------------------------------------------------------------------------------


def step_label(w: Walk, step: Step, p: ptr[u8], at: i32, end: i32, n: i32) -> None:
    """Find a label in an object's payload, of a document of n bytes: it alone bounds elements, as in SQLite."""
    while at < end:
        kind, start, behind = element(p, at, n)
        value, _, after = element(p, behind, n)
        if not is_text(kind) or value < 0 or behind >= end:
            w.result = DAMAGED
            return
        if same_label(
            w.stmt, p + start, behind - start, has_escapes(kind), step.label, step.label_size, step.escaped != 0
        ):
            w.result = FOUND if value <= OBJECT else DAMAGED
            w.label_at = at
            w.at = behind
            w.behind = after
            return
        at = after
    w.result = MISSING_LABEL if at == end else DAMAGED
    w.at = end


def count_elements(p: ptr[u8], at: i32, end: i32, n: i32) -> i32:
    """How many elements a payload holds, in a document of n bytes, as far as they can be read."""
    count: i32 = 0
    while at < end:
        kind, _, after = element(p, at, n)
        if kind < 0:
            return count + 1
        at = after
        count += 1
    return count


def step_index(w: Walk, step: Step, p: ptr[u8], at: i32, end: i32, n: i32) -> None:
    """Find an element of an array's payload, as step_label."""
    wanted: i32 = step.index
    if step.from_end:
        wanted = count_elements(p, at, end, n) - step.index
    w.result = NOWHERE
    w.index = wanted
    if wanted < 0:
        return
    while at < end:
        kind, _, after = element(p, at, n)
        if wanted == 0:
            w.result = FOUND
            w.at = at
            w.label_at = at
            w.behind = after
            return
        if kind < 0:
            w.result = DAMAGED
            return
        wanted -= 1
        at = after
    if at > end:
        w.result = DAMAGED
    elif wanted == 0:
        w.result = MISSING_INDEX
        w.at = end


def check_start(w: Walk) -> None:
    """Raise "bad JSON path: …" for a path that does not begin with $."""
    if w.path_size == 0 or w.path[0] != 36:
        raise_bad_path(w)


def walk(w: Walk, p: ptr[u8], n: i32) -> None:
    """Follow w.path in the document of n bytes; w.parents has room. Raises "bad JSON path: …", "malformed JSON"."""
    check_start(w)
    w.size = n
    step: Step = Step(scratch(sizeof(Step)))
    _, _, behind = child(p, 0, n)
    w.result = FOUND
    w.at = 0
    w.label_at = 0
    w.behind = behind
    w.n_parents = 0
    i: i32 = 1
    while i < w.path_size and w.result == FOUND:
        kind, start, end = child(p, w.at, n)
        if w.path[i] == 91 and kind != ARRAY:
            w.result = NOWHERE
            return
        if not read_step(step, w.path, w.path_size, i):
            raise_bad_path(w)
        if step.is_label and kind != OBJECT:
            w.result = NOWHERE
            return
        w.rest = i
        if w.parents:
            w.parents[w.n_parents] = w.at
            w.n_parents += 1
        if step.is_label:
            step_label(w, step, p, start, end, n)
        else:
            step_index(w, step, p, start, end, n)
            if step.open_end and w.index >= 0:
                raise_bad_path(w)
        w.is_first = i32(w.label_at == start)
        i = step.next
    if w.result == DAMAGED:
        if w.of_rows:
            raise_bad_path(w)
        raise_malformed()


def start_walk(stmt: Run, w: Walk, tag: i32, payload: i64) -> None:
    """Begin a walk along a path that is not NULL."""
    text: i64 = to_text(stmt, tag, payload)
    w.stmt = stmt
    w.path = bytes_of(text)
    w.path_size = terminated_size(w.path, size_of(text))
    w.shown = pack(w.path, w.path_size)
    w.parents = ptr[i32](0)
    w.of_rows = 0
    w.size = 0


def find(stmt: Run, w: Walk, p: ptr[u8], n: i32, path: Value) -> bool:
    """Whether there is something at the path."""
    start_walk(stmt, w, path.tag, path.payload)
    walk(w, p, n)
    return w.result == FOUND
