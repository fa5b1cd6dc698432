"""Where one value is sought in a document, which is not always parsed for that.

A text is only probed (probe.py): that is faster than parsing it. Where the text before it was asked for more than one
value, as all documents of a table are by one query, its members are remembered (members.py). Where these hold most of
it, and many values are sought in them, it is parsed and kept (document.py).
"""

from turso_wasm.kernel.abi import INTEGER, NULL, TEXT, Run, Value
from turso_wasm.kernel.json.document import JSON_SUBTYPE, document, value_result
from turso_wasm.kernel.json.element import ARRAY
from turso_wasm.kernel.json.members import members_hide, members_keep, members_know, members_probe, members_room
from turso_wasm.kernel.json.parse import Parser, is_space, parse_text
from turso_wasm.kernel.json.path import FOUND, Walk, raise_bad_path, start_walk, walk
from turso_wasm.kernel.json.probe import (
    ABSENT,
    MAX_STEPS,
    UNSURE,
    Member,
    Probe,
    Scalar,
    Step,
    is_escaped,
    probe,
    probe_label,
    probe_path,
)
from turso_wasm.kernel.json.probe import FOUND as SEEN
from turso_wasm.kernel.json.shape import shape_has, shape_keep, shape_lead, shape_learn, shape_room
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put
from turso_wasm.kernel.values.number import text_to_number
from turso_wasm.kernel.values.value import bytes_of, size_of, text_value
from turso_wasm.wasm.lang import i32, i64, lit, ptr, scratch, sizeof, u8

__subset__ = True

FEW = 2  # values for which a text is read again

text_now: i64 = 0  # address and size of the text that was asked last: where they are equal it may be the same text
asked_now: i32 = 0  # values of it, so far
read_now: i32 = 0  # those for which most of it was read
asked_before: i32 = 0  # of the text before it
read_before: i32 = 0


def note_asked(text: i64) -> None:
    """Count one more value of a text."""
    global text_now, asked_now, asked_before, read_now, read_before
    if text != text_now:
        text_now = text
        asked_before = asked_now
        read_before = read_now
        asked_now = 0
        read_now = 0
    asked_now += 1


def is_read_little() -> bool:
    """Count one more reading of most of the text: whether that is better than to parse it."""
    global read_now
    read_now += 1
    if read_now > 2 * FEW:
        read_now = FEW  # if it is another text in the same place, that costs a parse now and then
        return False
    return read_now <= FEW and read_before <= FEW


def read_path(pr: Probe, p: ptr[u8], n: i32) -> bool:
    """Read a path, or a label that stands right of an arrow; False if a probe cannot follow it."""
    if n == 0 or p[0] == 91:
        return False
    if p[0] == 36:
        return probe_path(pr, p, n)
    for i in range(n):
        if p[i] == 34 or p[i] == 92:
            return False
    probe_label(pr, p, n)
    return True


def sought(pr: Probe, path: ptr[u8], size: i32) -> i32:
    """Where a path leads in a text, of which something may be remembered: FOUND, ABSENT or UNSURE."""
    several: bool = asked_now > 1 or asked_before > 1
    shaped: bool = shape_has(pr.text, pr.size, several)
    if shaped:
        seen: i32 = shape_lead(pr, path, size)
        if seen != UNSURE:
            return seen
    if not read_path(pr, path, size):
        return UNSURE
    known: bool = pr.n_steps > 0 and members_know(pr.text, pr.size)
    if (not known or members_hide(pr)) and not is_read_little():
        return UNSURE
    if known:
        return members_probe(pr)
    pr.members = members_room() if pr.n_steps and several else ptr[Member](0)
    pr.scalars = ptr[Scalar](0) if shaped else shape_room()
    seen = probe(pr)
    if seen == UNSURE:
        return UNSURE
    if pr.members:
        members_keep(pr, first_byte(pr))
    if shaped or (pr.scalars and shape_keep(pr)):
        shape_learn(pr, path, size, seen)
    return seen


def first_byte(pr: Probe) -> i32:
    """With which a text that is no white space alone begins."""
    i: i32 = 0
    while is_space(pr.text[i]):
        i += 1
    return pr.text[i]


def seek(pr: Probe, w: Walk, text: i64) -> i32:
    """Where w.path, of one byte or more, leads in a text that is asked for one more value: as `sought`."""
    note_asked(text)
    pr.steps = ptr[Step](i32(scratch(MAX_STEPS * sizeof(Step))))
    pr.text = bytes_of(text)
    pr.size = size_of(text)
    return sought(pr, w.path, w.path_size)


def found_document(stmt: Run, w: Walk, pr: Probe) -> ptr[u8]:
    """What was found in a text, as a document of its own, for the walk; null if it is no plain JSON.

    Raises SQLITE_NOMEM.
    """
    ps: Parser = Parser(scratch(sizeof(Parser)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if not parse_text(ps, pr.text + pr.start, pr.end - pr.start, b):
        return ptr[u8](0)
    w.at = 0
    w.behind = b.size
    return b.data


def put_arrow_path(b: Buffer, tag: i32, p: ptr[u8], n: i32) -> None:
    """The path that the right side of an arrow stands for: a label, an index, a path. It is not empty."""
    if tag == INTEGER:
        buffer_add(b, *lit(b"$["))
        if p[0] == 45:
            buffer_put(b, 35)
        buffer_add(b, p, n)
        buffer_put(b, 93)
    elif p[0] == 36:
        buffer_add(b, p, n)
    elif n > 2 and p[0] == 91 and p[n - 1] == 93:
        buffer_put(b, 36)
        buffer_add(b, p, n)
    else:
        buffer_add(b, *lit(b'$."'))
        buffer_add(b, p, n)
        buffer_put(b, 34)


# --- locating ----------------------------------------------------------------------------------------------------


def seek_value(stmt: Run, w: Walk, pr: Probe, v: Value, path: Value, is_arrow: bool) -> i32:
    """As `seek`, for the path w.path that `path` is or, right of an arrow, stands for."""
    if v.tag != TEXT or path.tag == NULL or (is_arrow and path.tag != TEXT):
        return UNSURE
    start_walk(stmt, w, path.tag, path.payload)
    if w.path_size == 0 or (w.path[0] != 36 and not is_arrow):
        return UNSURE
    return seek(pr, w, v.payload)


def walk_document(stmt: Run, w: Walk, v: Value, path: Value, is_arrow: bool) -> ptr[u8]:
    """As `locate`, in the whole document."""
    p, n = document(stmt, v.tag, v.payload)
    if path.tag == NULL:
        return ptr[u8](0)
    start_walk(stmt, w, path.tag, path.payload)
    if is_arrow:
        if w.path_size == 0:
            raise_bad_path(w)
        b: Buffer = Buffer(scratch(sizeof(Buffer)))
        buffer_init(b, stmt)
        put_arrow_path(b, path.tag, w.path, w.path_size)
        w.path = b.data
        w.path_size = b.size
    walk(w, p, n)
    return p if w.result == FOUND else ptr[u8](0)


def locate(stmt: Run, w: Walk, v: Value, path: Value, is_arrow: bool) -> ptr[u8]:
    """The document in which w.at, until w.behind, is what the value has at a path, or for the right side of an arrow;
    null if there is nothing.

    Raises "malformed JSON", "bad JSON path: …", SQLITE_NOMEM.
    """
    if v.tag == NULL:
        return ptr[u8](0)
    pr: Probe = Probe(scratch(sizeof(Probe)))
    seen: i32 = seek_value(stmt, w, pr, v, path, is_arrow)
    if seen == ABSENT:
        return ptr[u8](0)
    found: ptr[u8] = found_document(stmt, w, pr) if seen == SEEN else ptr[u8](0)
    return found if found else walk_document(stmt, w, v, path, is_arrow)


# --- values ------------------------------------------------------------------------------------------------------


def scalar_value(stmt: Run, p: ptr[u8], n: i32) -> tuple[i32, i64, bool]:
    """The value of SQL that a text of plain JSON stands for; False behind it for arrays, objects and escapes."""
    while is_space(p[n - 1]):
        n -= 1
    c: i32 = p[0]
    if c == 91 or c == 123 or (c == 34 and is_escaped(p, n)):
        return NULL, 0, False
    if c == 34:
        tag, payload = text_value(stmt, p + 1, n - 2)
        return tag, payload, True
    if c <= 57:
        tag, payload, _ = text_to_number(p, n)
        return tag, payload, True
    return NULL if c == 110 else INTEGER, i64(c == 116), True


def extracted(stmt: Run, v: Value, path: Value, is_arrow: bool) -> tuple[i32, i64]:
    """The value of SQL at a path, or for the right side of an arrow; its subtype is left in `Run.subtype`.

    Raises as `locate`.
    """
    stmt.subtype = 0
    if v.tag == NULL:
        return NULL, 0
    w: Walk = Walk(scratch(sizeof(Walk)))
    pr: Probe = Probe(scratch(sizeof(Probe)))
    seen: i32 = seek_value(stmt, w, pr, v, path, is_arrow)
    if seen == ABSENT:
        return NULL, 0
    found: ptr[u8] = ptr[u8](0)
    if seen == SEEN:
        tag, payload, plain = scalar_value(stmt, pr.text + pr.start, pr.end - pr.start)
        if plain:
            return tag, payload
        found = found_document(stmt, w, pr)
    if not found:
        found = walk_document(stmt, w, v, path, is_arrow)
    if not found:
        return NULL, 0
    stmt.subtype = JSON_SUBTYPE if found[w.at] & 15 >= ARRAY else 0
    return value_result(stmt, found, w.at, w.behind)
