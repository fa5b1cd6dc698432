"""A statement that gives no rows, run for one set of parameters after the other in one entry of the kernel."""

from turso_wasm.kernel.abi import DONE, Run, Value
from turso_wasm.kernel.abi_states import Repeated
from turso_wasm.kernel.base.copy import copy_words
from turso_wasm.wasm.lang import export, fn, i32, ptr, sizeof, u8

__subset__ = True


@export
def statement_repeat(s: Run, step: fn[[Run], i32], sets: ptr[u8], n: i32, done: Repeated) -> i32:
    """Run for the sets behind those that are done, of n at `sets`: s.n_params Values each.

    DONE, or what a step gave that is not at its end; then, and when one fails, s.params has the set of that run.
    step: of the statement's Program. Errors: as those of the step.
    """
    size: i32 = s.n_params * sizeof(Value)
    while done.n < n:
        copy_words(s.params, sets + done.n * size, size)
        status: i32 = step(s)
        if status != DONE:
            return status
        done.n += 1
        done.changes += s.changes
    return DONE
