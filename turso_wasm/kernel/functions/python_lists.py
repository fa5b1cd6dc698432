"""Lists of typed functions of the user's: cells of 8 bytes, an integer, a double or a str, in the statement's arena.

What can fail gives whether it failed, as in python_integers.py.
"""

from turso_wasm.kernel.abi import Run
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.wasm.lang import Struct, export, i32, i64, inline, memory_copy, ptr, sizeof, u8

__subset__ = True

LENGTH_MAX = 1 << 24
SPARE = 8  # cells of a list that begins to grow


class PyList(Struct):
    """A list; its address is its value."""

    cells: ptr[i64]
    size: i32
    capacity: i32


@export
def py_list_new(stmt: Run, length: i64, fill: i64) -> tuple[i32, bool]:
    """[fill] * length."""
    n: i64 = 0 if length < 0 else length
    if n > LENGTH_MAX:
        return 0, True
    x: PyList = PyList(i32(alloc(stmt, sizeof(PyList))))
    x.size = i32(n)
    x.capacity = i32(n)
    x.cells = ptr[i64](i32(alloc(stmt, 8 * i32(n))))
    for i in range(i32(n)):
        x.cells[i] = fill
    return i32(x), False


@export
@inline
def py_list_len(x: PyList) -> i64:
    """len(x)."""
    return i64(x.size)


@export
@inline
def py_list_place(x: PyList, at: i64) -> tuple[i32, bool]:
    """The address of x[at]."""
    place: i64 = at + i64(x.size) if at < 0 else at
    return i32(x.cells + i32(place)), place < 0 or place >= i64(x.size)


@export
def py_list_append(stmt: Run, x: PyList, cell: i64) -> bool:
    """x.append(cell)."""
    if x.size == x.capacity:
        if x.size >= LENGTH_MAX:
            return True
        x.capacity = 2 * x.capacity + SPARE
        cells: ptr[u8] = alloc(stmt, 8 * x.capacity)
        memory_copy(cells, ptr[u8](i32(x.cells)), 8 * x.size)
        x.cells = ptr[i64](i32(cells))
    x.cells[x.size] = cell
    x.size += 1
    return False
