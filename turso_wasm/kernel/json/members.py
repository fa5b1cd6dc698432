"""The text that was probed last, if its kind is asked for several values: where the members of its outermost array or
object lie, so that the next value is found without reading it all again.

Invariants:
  I1  The text of `Members` is well-formed JSON (probe.py O1), and what is remembered is of these very bytes, of which a
      copy is kept: another text may come to lie where it lay.
"""

from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.functions.text import same_bytes
from turso_wasm.kernel.json.path import Step
from turso_wasm.kernel.json.probe import ABSENT, FOUND, MANY, MAX_MEMBERS, Member, Probe, Scalar, probe
from turso_wasm.wasm.lang import Struct, i32, memory_copy, ptr, scratch, sizeof, u8

__subset__ = True

TEXT_MAX = 65536  # bytes of a text that is remembered


class Members(Struct):
    """A text and its members."""

    text: ptr[u8]
    capacity: i32
    size: i32  # 0: nothing is remembered
    n: i32
    is_object: i32
    members: ptr[Member]


remembered: i32 = 0  # Members, once there are any


def members_room() -> ptr[Member]:
    """Room for what the next probe finds; what was remembered is forgotten. Raises SQLITE_NOMEM."""
    global remembered
    if remembered == 0:
        remembered = i32(mzalloc(sizeof(Members)))
        Members(remembered).members = ptr[Member](i32(malloc(MAX_MEMBERS * sizeof(Member))))
    Members(remembered).size = 0
    return Members(remembered).members


def members_keep(pr: Probe, first: i32) -> None:
    """Remember the text of a probe that was sure. first: the byte with which its value begins. Raises SQLITE_NOMEM."""
    m: Members = Members(remembered)
    if pr.n_members == MANY or pr.size > TEXT_MAX or (first != 123 and first != 91):
        return
    if pr.size > m.capacity:
        mfree(m.text)
        m.text = ptr[u8](0)
        m.capacity = 0
        m.text = malloc(pr.size * 2)
        m.capacity = pr.size * 2
    memory_copy(m.text, pr.text, pr.size)
    m.size = pr.size
    m.n = pr.n_members
    m.is_object = i32(first == 123)


def members_know(p: ptr[u8], n: i32) -> bool:
    """Whether these bytes are the text that is remembered."""
    m: Members = Members(remembered)
    return remembered != 0 and n > 0 and m.size == n and same_bytes(m.text, p, n)


def members_at(m: Members, p: ptr[u8], step: Step) -> Member:
    """The member that a step leads to, or null."""
    if step.is_label != m.is_object:
        return Member(0)
    if m.is_object == 0:
        return m.members[step.index] if step.index < m.n else Member(0)
    for i in range(m.n):
        member: Member = m.members[i]
        if member.label_size == step.label_size and same_bytes(p + member.label, step.label, step.label_size):
            return member
    return Member(0)


def members_hide(pr: Probe) -> bool:
    """Whether what is sought lies in a member that is most of the text."""
    if pr.n_steps == 1:
        return False
    member: Member = members_at(Members(remembered), pr.text, pr.steps[0])
    return i32(member) != 0 and (member.end - member.start) * 2 > pr.size


def members_probe(pr: Probe) -> i32:
    """As `probe`, of the text that is remembered and a path of one step or more."""
    member: Member = members_at(Members(remembered), pr.text, pr.steps[0])
    if not member:
        return ABSENT
    pr.start = member.start
    pr.end = member.end
    if pr.n_steps == 1:
        return FOUND
    inner: Probe = Probe(scratch(sizeof(Probe)))
    inner.steps = pr.steps + 1
    inner.n_steps = pr.n_steps - 1
    inner.text = pr.text + member.start
    inner.size = member.end - member.start
    inner.members = ptr[Member](0)
    inner.scalars = ptr[Scalar](0)
    found: i32 = probe(inner)
    pr.start = member.start + inner.start
    pr.end = member.start + inner.end
    return found
