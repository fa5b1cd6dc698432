"""Splitting a node that is full: the R*-tree's choice.

Along each axis the cells are sorted; of all ways to cut the sorted list in two, neither part smaller than the least
number of cells, the axis with the least sum of margins is taken, and on it the cut whose two boxes overlap least, then
those with the least area.

Source: N. Beckmann et al., The R*-tree, SIGMOD 1990, section 4.2
"""

from turso_wasm.kernel.abi import Run
from turso_wasm.kernel.abi_modules import Rtree
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.rtree.node import coord
from turso_wasm.wasm.lang import Struct, f64, fmax, fmin, i32, memory_copy, ptr, u8

__subset__ = True


class Split(Struct):
    """The cells, and the best way to cut them so far."""

    n: i32
    n_coords: i32
    least: i32
    axis: i32
    coords: ptr[f64]  # by cell
    order: ptr[i32]  # along the axis that is looked at
    best: ptr[i32]  # the order in which the first `cut` cells are one part
    cut: i32
    left: ptr[f64]  # by number of cells: the box of so many first ones
    right: ptr[f64]  # by index: the box of the cells from there on


def box_copy(s: Split, to: ptr[f64], cell: i32) -> None:
    """The box of one cell."""
    for i in range(s.n_coords):
        to[i] = s.coords[cell * s.n_coords + i]


def box_add(s: Split, to: ptr[f64], before: ptr[f64], cell: i32) -> None:
    """The box `before`, and that of a cell."""
    p: ptr[f64] = s.coords + cell * s.n_coords
    i: i32 = 0
    while i < s.n_coords:
        to[i] = fmin(before[i], p[i])
        to[i + 1] = fmax(before[i + 1], p[i + 1])
        i += 2


def margin(s: Split, box: ptr[f64]) -> f64:
    """The sum of a box's edges."""
    total: f64 = 0.0
    i: i32 = 0
    while i < s.n_coords:
        total += box[i + 1] - box[i]
        i += 2
    return total


def area(s: Split, box: ptr[f64]) -> f64:
    """The product of a box's edges."""
    total: f64 = 1.0
    i: i32 = 0
    while i < s.n_coords:
        total *= box[i + 1] - box[i]
        i += 2
    return total


def overlap(s: Split, a: ptr[f64], b: ptr[f64]) -> f64:
    """The area that two boxes share."""
    total: f64 = 1.0
    i: i32 = 0
    while i < s.n_coords:
        low: f64 = fmax(a[i], b[i])
        high: f64 = fmin(a[i + 1], b[i + 1])
        if high < low:
            return 0.0
        total *= high - low
        i += 2
    return total


def sort_along(s: Split, axis: i32) -> None:
    """Order the cells by their minimum along an axis, then by their maximum."""
    low: i32 = axis * 2
    for i in range(s.n):
        cell: i32 = i
        p: ptr[f64] = s.coords + cell * s.n_coords + low
        at: i32 = i
        while at > 0:
            q: ptr[f64] = s.coords + s.order[at - 1] * s.n_coords + low
            if q[0] < p[0] or (q[0] == p[0] and q[1] <= p[1]):
                break
            s.order[at] = s.order[at - 1]
            at -= 1
        s.order[at] = cell


def boxes(s: Split) -> None:
    """The boxes of all beginnings and ends of the order."""
    width: i32 = s.n_coords
    box_copy(s, s.left + width, s.order[0])
    for i in range(1, s.n):
        box_add(s, s.left + (i + 1) * width, s.left + i * width, s.order[i])
    last: i32 = s.n - 1
    box_copy(s, s.right + last * width, s.order[last])
    for behind in range(1, s.n):
        at: i32 = last - behind
        box_add(s, s.right + at * width, s.right + (at + 1) * width, s.order[at])


def choose_cut(s: Split) -> None:
    """On the axis that is sorted now: the cut with the least overlap, then area."""
    best_overlap: f64 = 0.0
    best_area: f64 = 0.0
    s.cut = 0
    for cut in range(s.least, s.n - s.least + 1):
        a: ptr[f64] = s.left + cut * s.n_coords
        b: ptr[f64] = s.right + cut * s.n_coords
        shared: f64 = overlap(s, a, b)
        size: f64 = area(s, a) + area(s, b)
        if s.cut == 0 or shared < best_overlap or (shared == best_overlap and size < best_area):
            s.cut = cut
            best_overlap = shared
            best_area = size


def choose_split(t: Rtree, cells: ptr[ptr[u8]], n: i32, s: Split) -> None:
    """Choose the order (`best`) in which the first `cut` of n cells are one part, the rest the other."""
    stmt: Run = Run(t.stmt)
    s.n = n
    s.n_coords = t.n_coords
    s.least = t.least if t.least else 1
    boxes_size: i32 = (n + 1) * t.n_coords * 8
    s.coords = ptr[f64](i32(alloc(stmt, boxes_size)))
    s.left = ptr[f64](i32(alloc(stmt, boxes_size)))
    s.right = ptr[f64](i32(alloc(stmt, boxes_size)))
    s.order = ptr[i32](i32(alloc(stmt, n * 4)))
    s.best = ptr[i32](i32(alloc(stmt, n * 4)))
    for cell in range(n):
        for i in range(t.n_coords):
            s.coords[cell * t.n_coords + i] = coord(t, cells[cell], i)
    best_margin: f64 = 0.0
    s.axis = -1
    for axis in range(t.n_coords // 2):
        sort_along(s, axis)
        boxes(s)
        total: f64 = 0.0
        for cut in range(s.least, n - s.least + 1):
            total += margin(s, s.left + cut * t.n_coords) + margin(s, s.right + cut * t.n_coords)
        if s.axis < 0 or total < best_margin:
            s.axis = axis
            best_margin = total
    sort_along(s, s.axis)
    boxes(s)
    choose_cut(s)
    memory_copy(ptr[u8](i32(s.best)), ptr[u8](i32(s.order)), n * 4)
