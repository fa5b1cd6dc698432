"""Finding one value in a JSON text without parsing the rest: the text is checked, and nothing is built.

A probe knows plain JSON and paths of labels and indexes. Whatever else it meets (JSON5, an error, a label with escapes
where one is sought) makes it UNSURE: then the document is parsed.

Invariants:
  O1  A text that ends a probe FOUND or ABSENT is well-formed JSON, which parse.py would take too.
  O2  What is found is what path.py `walk` finds in the parsed document: the first label that is the step's counts.

Source: https://www.rfc-editor.org/rfc/rfc8259
"""

from turso_wasm.kernel.functions.text import same_bytes
from turso_wasm.kernel.json.parse import is_space, skip_text
from turso_wasm.kernel.json.path import Step, read_step
from turso_wasm.kernel.json.scan import BACKSLASH, scan_escape
from turso_wasm.kernel.values.number import is_digit
from turso_wasm.wasm.lang import Struct, byte_mask, ctz, i32, inline, le32, ptr, scratch, sizeof, u8, u64

__subset__ = True

UNSURE = 0
FOUND = 1
ABSENT = 2
MAX_STEPS = 8
MAX_MEMBERS = 64
MANY = MAX_MEMBERS + 1
MAX_SCALARS = 512
MANY_SCALARS = MAX_SCALARS + 1
MAX_DEPTH = 60  # of containers in each other
NOT_HERE = -1  # no step is sought in any container that is open


class Member(Struct):
    """What is in the outermost array or object: its label, without quotes, and its value."""

    label: i32
    label_size: i32
    start: i32
    end: i32


class Scalar(Struct):
    """A number, a word, or a string with its quotes: index of its first byte, and behind it."""

    start: i32
    end: i32


class Probe(Struct):
    """A path, and what a probe along it found. `steps`: MAX_STEPS structs Step.

    members: room for MAX_MEMBERS, or null. n_members: how many there are; MANY when they have no room, or a label has
    escapes.
    scalars: room for MAX_SCALARS, or null. n_scalars: how many the whole text has; MANY_SCALARS without room.
    """

    steps: ptr[Step]
    n_steps: i32
    text: ptr[u8]
    size: i32
    start: i32  # of the value that was found
    end: i32
    members: ptr[Member]
    n_members: i32
    scalars: ptr[Scalar]
    n_scalars: i32


@inline
def note_scalar(pr: Probe, start: i32, end: i32) -> None:
    """A value that holds no others."""
    if pr.n_scalars < MAX_SCALARS:
        scalar: Scalar = pr.scalars[pr.n_scalars]
        scalar.start = start
        scalar.end = end
        pr.n_scalars += 1
    else:
        pr.n_scalars = MANY_SCALARS


@inline
def note_start(pr: Probe, start: i32) -> None:
    """A value of the outermost container begins."""
    if pr.n_members < MAX_MEMBERS:
        pr.members[pr.n_members].start = start


@inline
def note_end(pr: Probe, end: i32) -> None:
    """It is over."""
    if pr.n_members < MAX_MEMBERS:
        pr.members[pr.n_members].end = end
        pr.n_members += 1
    else:
        pr.n_members = MANY


def note_label(pr: Probe, start: i32, size: i32, escaped: bool) -> None:
    """A label of the outermost object."""
    if escaped:
        pr.n_members = MANY
    if pr.n_members < MAX_MEMBERS:
        member: Member = pr.members[pr.n_members]
        member.label = start
        member.label_size = size


def probe_path(pr: Probe, p: ptr[u8], n: i32) -> bool:
    """Read the steps of a path that begins with `$`; False if it is none that a probe can follow."""
    pr.n_steps = 0
    i: i32 = 1
    if n == 0 or p[0] != 36:
        return False
    while i < n:
        if pr.n_steps == MAX_STEPS:
            return False
        step: Step = pr.steps[pr.n_steps]
        if not read_step(step, p, n, i) or (step.escaped if step.is_label else step.from_end):
            return False
        pr.n_steps += 1
        i = step.next
    return True


def probe_label(pr: Probe, p: ptr[u8], n: i32) -> None:
    """A path of one label."""
    step: Step = pr.steps[0]
    step.is_label = 1
    step.label = p
    step.label_size = n
    pr.n_steps = 1


# --- tokens: the index behind, or -1 -----------------------------------------------------------------------------


@inline
def blank(p: ptr[u8], n: i32, i: i32) -> i32:
    """Index behind white space."""
    while i < n and p[i] <= 32 and is_space(p[i]):
        i += 1
    return i


def is_escaped(p: ptr[u8], n: i32) -> bool:
    """Whether there is a backslash."""
    i: i32 = 0
    while i < n and p[i] != BACKSLASH:
        i += 1
    return i < n


def probe_escaped(p: ptr[u8], n: i32, i: i32) -> i32:
    """The rest of a string, from a byte that is not plain on."""
    while i < n:
        if p[i] == 34:
            return i + 1
        if p[i] != BACKSLASH:
            return -1
        behind, json5 = scan_escape(p, n, i + 1)
        if behind < 0 or json5:
            return -1
        i = skip_text(p, n, behind)
    return -1


@inline
def probe_string(p: ptr[u8], n: i32, i: i32) -> i32:
    """A string, from behind its quote. Reads sixteen bytes at once (base/memory.py M5)."""
    while i < n:
        found: i32 = byte_mask(p + i, b'\x00\x1f""\\\\')
        if found:
            i += i32(ctz(found))
            break
        i += 16
    return i + 1 if i < n and p[i] == 34 else probe_escaped(p, n, i)


@inline
def skip_digits(p: ptr[u8], n: i32, i: i32) -> i32:
    """Index behind digits, at most n."""
    while i < n and is_digit(p[i]):
        i += 1
    return i


def digits(p: ptr[u8], n: i32, i: i32) -> i32:
    """One digit or more."""
    behind: i32 = skip_digits(p, n, i)
    return behind if behind > i else -1


def probe_fraction(p: ptr[u8], n: i32, i: i32) -> i32:
    """What follows the whole part of a number."""
    if p[i] == 46:
        i = digits(p, n, i + 1)
        if i < 0 or i >= n:
            return i
    if p[i] | 32 == 101:
        i += 1
        if i < n and (p[i] == 43 or p[i] == 45):
            i += 1
        i = digits(p, n, i)
    return i


@inline
def probe_number(p: ptr[u8], n: i32, i: i32) -> i32:
    """A number."""
    i += i32(p[i] == 45)
    first: i32 = i
    i = skip_digits(p, n, i)
    if i == first or (p[first] == 48 and i > first + 1):
        return -1
    return probe_fraction(p, n, i) if i < n and (p[i] == 46 or p[i] | 32 == 101) else i


def probe_word(p: ptr[u8], n: i32, i: i32) -> i32:
    """true, false, null."""
    if i + 4 <= n and (le32(p + i) == 0x65757274 or le32(p + i) == 0x6C6C756E):
        return i + 4
    return i + 5 if i + 5 <= n and p[i] == 102 and le32(p + i + 1) == 0x65736C61 else -1


@inline
def probe_scalar(p: ptr[u8], n: i32, i: i32) -> i32:
    """A value that holds no others."""
    c: i32 = p[i]
    if c == 34:
        return probe_string(p, n, i + 1)
    return probe_number(p, n, i) if c <= 57 else probe_word(p, n, i)


# --- the walk ----------------------------------------------------------------------------------------------------


@inline
def probe_member(pr: Probe, i: i32, sought: i32, noted: bool) -> tuple[i32, i32]:
    """A label and its colon: (index behind, -1 for UNSURE; whether step number `sought`, from 1, names it)."""
    p: ptr[u8] = pr.text
    n: i32 = pr.size
    i = blank(p, n, i)
    if i >= n or p[i] != 34:
        return -1, 0
    start: i32 = i + 1
    i = skip_text(p, n, start)
    named: i32 = 0
    if i < n and p[i] == 34:
        if sought > 0:
            step: Step = pr.steps[sought - 1]
            named = i32(i - start == step.label_size and same_bytes(p + start, step.label, i - start))
        if noted:
            note_label(pr, start, i - start, False)
        i += 1
    else:
        i = -1 if sought > 0 else probe_escaped(p, n, i)
        if noted:
            note_label(pr, start, 0, True)
    if i < 0:
        return -1, 0
    i = blank(p, n, i)
    return i + 1 if i < n and p[i] == 58 else -1, named


def probe(pr: Probe) -> i32:
    """Check the text, and find what is at the path: FOUND (start, end), ABSENT or UNSURE.

    `at` is the depth of the container in which the next step is sought; `target` says that the value that begins is
    where the steps so far lead.
    """
    p: ptr[u8] = pr.text
    n: i32 = pr.size
    steps: ptr[Step] = pr.steps
    kinds: u64 = 0  # of the open containers, innermost first: 1 an object
    depth: i32 = 0
    at: i32 = 0
    left: i32 = 0  # elements before the one that is sought
    found_depth: i32 = NOT_HERE
    target: i32 = 1
    noting: bool = i32(pr.members) != 0
    noting_scalars: bool = i32(pr.scalars) != 0
    pr.n_members = 0
    pr.n_scalars = 0
    result: i32 = ABSENT
    i: i32 = 0
    while True:
        i = blank(p, n, i)
        if i >= n:
            return UNSURE
        c: i32 = p[i]
        if depth == 1 and noting:
            note_start(pr, i)
        if target and at == pr.n_steps:
            pr.start = i
            found_depth = depth
            result = FOUND
        if c == 123 or c == 91:
            is_object: i32 = i32(c == 123)
            i = blank(p, n, i + 1)
            if depth == MAX_DEPTH or i >= n:
                return UNSURE
            depth += 1
            kinds = kinds << 1 | u64(is_object)
            if target and at < pr.n_steps and steps[at].is_label == is_object:
                left = steps[at].index
                at += 1
            elif target:
                at = NOT_HERE
            if p[i] != c + 2:
                target = i32(at == depth and left == 0)
                if is_object:
                    i, target = probe_member(pr, i, at if at == depth else 0, depth == 1 and noting)
                    if i < 0:
                        return UNSURE
                continue
        else:
            start: i32 = i
            i = probe_scalar(p, n, i) - 1
            if i < 0:
                return UNSURE
            if noting_scalars:
                note_scalar(pr, start, i + 1)
            if target and found_depth != depth:
                at = NOT_HERE
            depth += 1
            kinds = kinds << 1
        # The value ends with the byte at i; so may those around it.
        while True:
            if at == depth:
                at = NOT_HERE
            depth -= 1
            kinds = kinds >> 1
            if depth == 1 and noting:
                note_end(pr, i + 1)
            i = blank(p, n, i + 1)
            if found_depth == depth:
                pr.end = i
                found_depth = NOT_HERE
                at = NOT_HERE
            if depth == 0:
                return result if i == n else UNSURE
            if i >= n:
                return UNSURE
            if p[i] == 44:
                break
            if p[i] != (125 if kinds & 1 else 93):
                return UNSURE
        i += 1
        target = 0
        if at == depth:
            left -= 1
            target = i32(left == 0)
        if kinds & 1:
            i, target = probe_member(pr, i, at if at == depth else 0, depth == 1 and noting)
            if i < 0:
                return UNSURE


def is_plain_json(p: ptr[u8], n: i32) -> bool:
    """Whether a text is JSON for certain; one that is not may be."""
    pr: Probe = Probe(scratch(sizeof(Probe)))
    pr.text = p
    pr.size = n
    pr.n_steps = 0
    pr.members = ptr[Member](0)
    pr.scalars = ptr[Scalar](0)
    return probe(pr) != UNSURE
