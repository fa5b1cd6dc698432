"""Where one value is sought in a document, which is not always parsed for that.

A text is only probed (probe.py): that is faster than parsing it. Where the text before it was asked for more than one
value, as all documents of a table are by one query, its members are remembered (members.py). Where these hold most of
it, and many values are sought in them, it is parsed and kept (document.py).
"""

from turso_wasm.kernel.abi import INTEGER, NULL, TEXT, Run, Value
from turso_wasm.kernel.json.document import document
from turso_wasm.kernel.json.members import members_hide, members_keep, members_know, members_probe, members_room
from turso_wasm.kernel.json.parse import Parser, is_space, parse_text
from turso_wasm.kernel.json.path import FOUND, Walk, raise_bad_path, start_walk, walk
from turso_wasm.kernel.json.probe import ABSENT, MAX_STEPS, UNSURE, Member, Probe, Step, probe, probe_label, probe_path
from turso_wasm.kernel.json.probe import FOUND as SEEN
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put
from turso_wasm.kernel.values.value import bytes_of, size_of
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


def sought(pr: Probe) -> i32:
    """Probe a text, or what is remembered of it: FOUND, ABSENT or UNSURE."""
    known: bool = pr.n_steps > 0 and members_know(pr.text, pr.size)
    if (not known or members_hide(pr)) and not is_read_little():
        return UNSURE
    if known:
        return members_probe(pr)
    pr.members = members_room() if pr.n_steps and (asked_now > 1 or asked_before > 1) else ptr[Member](0)
    seen: i32 = probe(pr)
    if pr.members and seen != UNSURE:
        members_keep(pr, first_byte(pr))
    return seen


def first_byte(pr: Probe) -> i32:
    """With which a text that is no white space alone begins."""
    i: i32 = 0
    while is_space(pr.text[i]):
        i += 1
    return pr.text[i]


def probe_value(stmt: Run, w: Walk, pr: Probe, text: i64) -> tuple[ptr[u8], bool]:
    """(the value at the path as a document of its own, for the walk; whether that is the answer)."""
    pr.text = bytes_of(text)
    pr.size = size_of(text)
    seen: i32 = sought(pr)
    if seen != SEEN:
        return ptr[u8](0), seen == ABSENT
    ps: Parser = Parser(scratch(sizeof(Parser)))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    if not parse_text(ps, pr.text + pr.start, pr.end - pr.start, b):
        return ptr[u8](0), False
    w.at = 0
    w.behind = b.size
    return b.data, True


def followed(w: Walk, p: ptr[u8], n: i32) -> ptr[u8]:
    """The document if the walk along w.path finds something in it, or null."""
    walk(w, p, n)
    return p if w.result == FOUND else ptr[u8](0)


def locate(stmt: Run, w: Walk, v: Value, path: Value) -> ptr[u8]:
    """The document in which w.at, until w.behind, is what the value has at a path; null if there is nothing.

    Raises "malformed JSON", "bad JSON path: …".
    """
    if v.tag == TEXT and path.tag != NULL:
        note_asked(v.payload)
        start_walk(stmt, w, path.tag, path.payload)
        pr: Probe = Probe(scratch(sizeof(Probe)))
        pr.steps = ptr[Step](i32(scratch(MAX_STEPS * sizeof(Step))))
        if probe_path(pr, w.path, w.path_size):
            found, answers = probe_value(stmt, w, pr, v.payload)
            if answers:
                return found
    p, n = document(stmt, v.tag, v.payload)
    if path.tag == NULL:
        return ptr[u8](0)
    start_walk(stmt, w, path.tag, path.payload)
    return followed(w, p, n)


# --- the arrows ------------------------------------------------------------------------------------------------------


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


def probe_arrow(pr: Probe, p: ptr[u8], n: i32) -> bool:
    """Read the right side of an arrow, a text; False if a probe cannot follow it."""
    if n == 0 or p[0] == 91:
        return False
    if p[0] == 36:
        return probe_path(pr, p, n)
    for i in range(n):
        if p[i] == 34 or p[i] == 92:
            return False
    probe_label(pr, p, n)
    return True


def arrow(stmt: Run, w: Walk, values: ptr[Value]) -> ptr[u8]:
    """As `locate`, for the right side of an arrow."""
    if values[0].tag == NULL:
        return ptr[u8](0)
    if values[0].tag == TEXT and values[1].tag == TEXT:
        note_asked(values[0].payload)
        start_walk(stmt, w, TEXT, values[1].payload)
        pr: Probe = Probe(scratch(sizeof(Probe)))
        pr.steps = ptr[Step](i32(scratch(MAX_STEPS * sizeof(Step))))
        if probe_arrow(pr, w.path, w.path_size):
            found, answers = probe_value(stmt, w, pr, values[0].payload)
            if answers:
                return found
    p, n = document(stmt, values[0].tag, values[0].payload)
    if values[1].tag == NULL:
        return ptr[u8](0)
    start_walk(stmt, w, values[1].tag, values[1].payload)
    if w.path_size == 0:
        raise_bad_path(w)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    put_arrow_path(b, values[1].tag, w.path, w.path_size)
    w.path = b.data
    w.path_size = b.size
    return followed(w, p, n)
