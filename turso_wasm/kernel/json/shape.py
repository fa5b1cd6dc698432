"""What texts of one column have in common: all but their numbers, words and strings.

A text that was probed (probe.py) is kept as a *shape*: where its scalars lie, and where some paths lead. Another text
has the same shape if it is made of the same bytes between scalars of its own. So it is checked by comparing, and what
a path leads to lies where it lay, but for the lengths of the scalars before it.

Invariants:
  S1  The text of the shape is well-formed JSON (probe.py O1). One of the same shape is, too: scalars stand for scalars,
      and labels are none.
  S2  `now` has the scalars of the text that was last found to have the shape.
"""

from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.functions.text import same_bytes
from turso_wasm.kernel.json.probe import FOUND, MAX_SCALARS, UNSURE, Probe, Scalar, probe_scalar
from turso_wasm.wasm.lang import Struct, addr, array, i32, i64, inline, le64, memory_copy, ptr, sizeof, u8

__subset__ = True

TEXT_MAX = 65536  # bytes of a text whose shape is kept
MAX_PATHS = 16
PATH_MAX = 48  # bytes of a path that is remembered
PATIENCE = 8  # so many texts in a row had another shape: only
SAMPLED = 32  # every so many-th is looked at


class Place(Struct):
    """An index in a text: so many bytes behind the end of scalar number `scalar`, from 1; 0: behind its beginning."""

    scalar: i32
    offset: i32


class Lead(Struct):
    """Where a path leads: FOUND between two places, or ABSENT."""

    path: array[u8, PATH_MAX]
    size: i32
    seen: i32
    start: Place.embed
    end: Place.embed


class Shape(Struct):
    """See above. n: of the scalars. next: the lead that will be sought, if paths come in the same order."""

    text: ptr[u8]
    capacity: i32
    size: i32  # 0: there is none
    n: i32
    scalars: ptr[Scalar]
    other: ptr[Scalar]  # room for those of another text
    now: ptr[Scalar]
    n_leads: i32
    next: i32
    leads: ptr[Lead]
    misses: i32


the_shape: i32 = 0  # Shape, once there is one


# --- texts -------------------------------------------------------------------------------------------------------


def keep_text(sh: Shape, p: ptr[u8], n: i32) -> None:
    """Keep a text as that of the shape. Raises SQLITE_NOMEM."""
    sh.size = 0
    if n > sh.capacity:
        mfree(sh.text)
        sh.text = ptr[u8](0)
        sh.capacity = 0
        sh.text = malloc(n * 2)
        sh.capacity = n * 2
    copy_bytes(sh.text, p, n)
    sh.size = n


@inline
def same_gap(p: ptr[u8], q: ptr[u8], n: i32) -> bool:
    """As same_bytes."""
    while n > 8:
        if le64(p) != le64(q):
            return False
        p += 8
        q += 8
        n -= 8
    return n == 0 or (le64(p) ^ le64(q)) << i64(64 - n * 8) == 0


def compare(sh: Shape, p: ptr[u8], n: i32) -> bool:
    """Whether a text has the shape; `other` has its scalars then."""
    q: ptr[u8] = sh.text
    scalars: ptr[Scalar] = sh.scalars
    other: ptr[Scalar] = sh.other
    i: i32 = 0
    j: i32 = 0
    for k in range(sh.n):
        scalar: Scalar = scalars[k]
        gap: i32 = scalar.start - j
        if i + gap >= n or not same_gap(p + i, q + j, gap):
            return False
        i += gap
        other[k].start = i
        i = probe_scalar(p, n, i)
        if i < 0:
            return False
        other[k].end = i
        j = scalar.end
    return n - i == sh.size - j and same_bytes(p + i, q + j, n - i)


def take_over(sh: Shape, p: ptr[u8], n: i32) -> None:
    """The text that has the shape becomes the shape's own. Raises SQLITE_NOMEM."""
    keep_text(sh, p, n)
    other: ptr[Scalar] = sh.other
    sh.other = sh.scalars
    sh.scalars = other
    sh.now = other


def shape_has(p: ptr[u8], n: i32, asked_again: bool) -> bool:
    """Whether a text has the shape. asked_again: it is kept, for it will be asked for another value soon.

    Raises SQLITE_NOMEM.
    """
    sh: Shape = Shape(the_shape)
    if the_shape == 0 or sh.size == 0:
        return False
    if asked_again and sh.size == n and same_bytes(sh.text, p, n):
        sh.now = sh.scalars
        return True
    if sh.misses >= PATIENCE and sh.misses % SAMPLED:
        return False
    if not compare(sh, p, n):
        return False
    sh.misses = 0
    sh.now = sh.other
    if asked_again:
        take_over(sh, p, n)
    return True


def shape_room() -> ptr[Scalar]:
    """Room for the scalars of a text that has another shape; null where many have. Raises SQLITE_NOMEM."""
    global the_shape
    if the_shape == 0:
        sh: Shape = Shape(mzalloc(sizeof(Shape)))
        sh.leads = ptr[Lead](i32(malloc(MAX_PATHS * sizeof(Lead))))
        sh.scalars = ptr[Scalar](i32(malloc(MAX_SCALARS * sizeof(Scalar))))
        sh.other = ptr[Scalar](i32(malloc(MAX_SCALARS * sizeof(Scalar))))
        the_shape = i32(sh)
    sh = Shape(the_shape)
    sh.misses += 1
    return sh.other if sh.misses <= PATIENCE or sh.misses % SAMPLED == 0 else ptr[Scalar](0)


def shape_keep(pr: Probe) -> bool:
    """Keep the shape of a text that was probed with `shape_room` and is JSON; False if it is too large.

    Raises SQLITE_NOMEM.
    """
    sh: Shape = Shape(the_shape)
    if pr.n_scalars > MAX_SCALARS or pr.size > TEXT_MAX:
        return False
    take_over(sh, pr.text, pr.size)
    sh.n = pr.n_scalars
    sh.n_leads = 0
    sh.next = 0
    return True


# --- paths -------------------------------------------------------------------------------------------------------


def is_lead(lead: Lead, path: ptr[u8], size: i32) -> bool:
    """Whether it is of that path."""
    return lead.size == size and same_bytes(addr(lead.path), path, size)


@inline
def place_index(sh: Shape, place: Place) -> i32:
    """Where it is in the text that has the shape."""
    return place.offset + (sh.now[place.scalar - 1].end if place.scalar else 0)


def set_place(sh: Shape, place: Place, at: i32) -> None:
    """The place of an index."""
    low: i32 = 0
    high: i32 = sh.n
    while low < high:
        middle: i32 = (low + high) // 2
        if sh.now[middle].end <= at:
            low = middle + 1
        else:
            high = middle
    place.scalar = low
    place.offset = at - (sh.now[low - 1].end if low else 0)


def shape_lead(pr: Probe, path: ptr[u8], size: i32) -> i32:
    """As `probe`, of a text that has the shape; UNSURE for a path that is not known yet."""
    sh: Shape = Shape(the_shape)
    for k in range(sh.n_leads):
        at: i32 = sh.next + k
        if at >= sh.n_leads:
            at -= sh.n_leads
        lead: Lead = sh.leads[at]
        if is_lead(lead, path, size):
            sh.next = at + 1
            if lead.seen == FOUND:
                pr.start = place_index(sh, lead.start)
                pr.end = place_index(sh, lead.end)
            return lead.seen
    return UNSURE


def shape_learn(pr: Probe, path: ptr[u8], size: i32, seen: i32) -> None:
    """Remember what a probe of a text that has the shape has found."""
    sh: Shape = Shape(the_shape)
    if sh.n_leads == MAX_PATHS or size > PATH_MAX:
        return
    lead: Lead = sh.leads[sh.n_leads]
    sh.n_leads += 1
    memory_copy(addr(lead.path), path, size)
    lead.size = size
    lead.seen = seen
    if seen == FOUND:
        set_place(sh, lead.start, pr.start)
        set_place(sh, lead.end, pr.end)
