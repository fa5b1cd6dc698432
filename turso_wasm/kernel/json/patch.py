"""Merging a patch into a document.

Of labels that a target has twice, the first is patched; of those a patch has twice, the last counts.

Source: https://www.rfc-editor.org/rfc/rfc7396
"""

from turso_wasm.kernel.json.element import MAX_DEPTH, NULL_ELEMENT, OBJECT, child, close_container, raise_malformed
from turso_wasm.kernel.json.path import has_escapes, same_label
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_room
from turso_wasm.wasm.lang import i32, i64, ptr, u8

__subset__ = True


def find_label(b: Buffer, label: ptr[u8], at: i32, p: ptr[u8], start: i32, end: i32) -> i32:
    """Index of the last label in the payload start..end of p that is the one at label[at]; -1 if there is none."""
    kind, text, behind = child(label, at, 0x7FFFFFFF)
    found: i32 = -1
    while start < end:
        other, other_text, other_behind = child(p, start, end)
        if same_label(
            b.stmt,
            label + text,
            behind - text,
            has_escapes(kind),
            p + other_text,
            other_behind - other_text,
            has_escapes(other),
        ):
            found = start
        _, _, after = child(p, other_behind, end)
        start = after
    return found


def merge_labels(b: Buffer, t: ptr[u8], at: i32, end: i32, p: ptr[u8], start: i32, behind: i32, depth: i32) -> None:
    """Append the labels of the target payload t[at:end], patched by the payload p[start:behind]."""
    first: i32 = at
    while at < end:
        _, _, value = child(t, at, end)
        _, _, after = child(t, value, end)
        found: i32 = find_label(b, t, at, p, start, behind)
        if found < 0 or find_label(b, t, at, t, first, at) >= 0:
            buffer_add(b, t + at, after - at)
        else:
            _, _, patch = child(p, found, behind)
            if p[patch] & 15 != NULL_ELEMENT:
                buffer_add(b, t + at, value - at)
                merge(b, t, value, after, p, patch, behind, depth + 1)
        at = after


def add_labels(b: Buffer, t: ptr[u8], at: i32, end: i32, p: ptr[u8], start: i32, behind: i32, depth: i32) -> None:
    """Append the labels of the patch that the target has not."""
    while start < behind:
        _, _, value = child(p, start, behind)
        _, _, after = child(p, value, behind)
        new: bool = find_label(b, p, start, t, at, end) < 0 and find_label(b, p, start, p, after, behind) < 0
        if new and p[value] & 15 != NULL_ELEMENT:
            buffer_add(b, p + start, value - start)
            merge(b, t, 0, 0, p, value, behind, depth + 1)
        start = after


def merge(b: Buffer, t: ptr[u8], at: i32, end: i32, p: ptr[u8], start: i32, behind: i32, depth: i32) -> None:
    """Append the target at t[at] (nothing if at == end) patched by the element at p[start].

    Raises "malformed JSON", SQLITE_TOOBIG, SQLITE_NOMEM.
    """
    if depth > MAX_DEPTH:
        raise_malformed()
    kind, patch, patch_end = child(p, start, behind)
    if kind != OBJECT:
        buffer_add(b, p + start, patch_end - start)
        return
    target: i32 = 0
    target_end: i32 = 0
    if at < end:
        target_kind, first, last = child(t, at, end)
        if target_kind == OBJECT:
            target = first
            target_end = last
    opened: i32 = b.size
    _ = buffer_room(b, i64(1))
    merge_labels(b, t, target, target_end, p, patch, patch_end, depth)
    add_labels(b, t, target, target_end, p, patch, patch_end, depth)
    close_container(b, opened, 1, OBJECT)
