"""Merging a patch into a document that lies in a buffer, in place.

Source: https://www.rfc-editor.org/rfc/rfc7396
"""

from turso_wasm.kernel.json.edit import UNLIMITED, replace
from turso_wasm.kernel.json.element import (
    MAX_DEPTH,
    NULL_ELEMENT,
    OBJECT,
    child,
    is_text,
    raise_malformed,
    resize,
    splice,
)
from turso_wasm.kernel.json.path import has_escapes, same_label
from turso_wasm.kernel.values.buffer import Buffer
from turso_wasm.wasm.lang import i32, ptr, u8

__subset__ = True

EMPTY_OBJECT = bytes([OBJECT])


def find_label(doc: Buffer, start: i32, end: i32, p: ptr[u8], at: i32, size: i32, escaped: bool) -> i32:
    """Index in doc[start:end], an object's payload, of the label p[at:at + size]; -1 if it is not there."""
    while start < end:
        kind, text, behind = child(doc.data, start, end)
        if not is_text(kind):
            raise_malformed()
        if same_label(doc.stmt, p + at, size, escaped, doc.data + text, behind - text, has_escapes(kind)):
            return start
        _, _, after = child(doc.data, behind, end)
        start = after
    return -1


def open_object(doc: Buffer, at: i32) -> i32:
    """Make the element at `at` an object; by how much the document grew."""
    kind, _, behind = child(doc.data, at, UNLIMITED)
    if kind == OBJECT:
        return 0
    splice(doc, at, behind - at, EMPTY_OBJECT, 1)
    return at + 1 - behind


def merge_label(doc: Buffer, at: i32, p: ptr[u8], label: i32, value: i32, end: i32, depth: i32) -> i32:
    """Merge one label of a patch, p[label:value], and its value, p[value:end], into the object at `at`.

    Gives by how much the object's payload grew.
    """
    _, start, behind = child(doc.data, at, UNLIMITED)
    kind, text, text_end = child(p, label, end)
    if not is_text(kind):
        raise_malformed()
    found: i32 = find_label(doc, start, behind, p, text, text_end - text, has_escapes(kind))
    removed: bool = p[value] & 15 == NULL_ELEMENT
    if found < 0:
        if removed:
            return 0
        splice(doc, behind, 0, p + label, value - label)
        return value - label + add_value(doc, behind + value - label, p, value, end, depth)
    _, _, old = child(doc.data, found, behind)
    _, _, old_end = child(doc.data, old, behind)
    if removed:
        splice(doc, found, old_end - found, p, 0)
        return found - old_end
    return merge(doc, old, p, value, end, depth + 1)


def add_value(doc: Buffer, at: i32, p: ptr[u8], value: i32, end: i32, depth: i32) -> i32:
    """Insert a patch's value at `at`, without what it only removes; by how much the document grew."""
    if p[value] & 15 != OBJECT:
        splice(doc, at, 0, p + value, end - value)
        return end - value
    splice(doc, at, 0, EMPTY_OBJECT, 1)
    return 1 + merge(doc, at, p, value, end, depth + 1)


def merge(doc: Buffer, at: i32, p: ptr[u8], patch: i32, end: i32, depth: i32) -> i32:
    """Merge the element at p[patch] into the one at doc[at]; by how much that grew.

    Raises "malformed JSON", SQLITE_TOOBIG, SQLITE_NOMEM.
    """
    if depth > MAX_DEPTH:
        raise_malformed()
    kind, label, behind = child(p, patch, end)
    if kind != OBJECT:
        _, _, old_end = child(doc.data, at, UNLIMITED)
        return replace(doc, at, old_end - at, p + patch, behind - patch)
    delta: i32 = open_object(doc, at)
    while label < behind:
        _, _, value = child(p, label, behind)
        _, _, value_end = child(p, value, behind)
        _, start, old_end = child(doc.data, at, UNLIMITED)
        grown: i32 = merge_label(doc, at, p, label, value, value_end, depth)
        delta += grown + resize(doc, at, old_end - start + grown)
        label = value_end
    return delta
