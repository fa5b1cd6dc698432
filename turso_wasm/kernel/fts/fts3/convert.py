"""compress= and uncompress= of FTS4: the functions between what a row is and what %_content has of it.

The user's write nothing, like a tokenizer: what called them is amid a change.

Source: https://sqlite.org/fts3.html section 6.2.
"""

from turso_wasm.kernel.abi import Run, Value
from turso_wasm.kernel.abi_modules import (
    CONVERT_HEX,
    CONVERT_LOWER,
    CONVERT_NOTHING,
    CONVERT_UNHEX,
    CONVERT_UPPER,
    CONVERT_USER,
)
from turso_wasm.kernel.base.callback import convert_user
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.fts.damage import raise_logic
from turso_wasm.kernel.functions.bytes import fn_hex, fn_unhex_1
from turso_wasm.kernel.functions.text import fn_lower, fn_upper
from turso_wasm.wasm.lang import i32, i64, ptr

__subset__ = True


def converted(stmt: Run, function: i32, tag: i32, payload: i64) -> tuple[i32, i64]:
    """What a function makes of a value; CONVERT_*. Raises "SQL logic error" if it is missing; what the user's raise."""
    if function == CONVERT_NOTHING:
        return tag, payload
    if function >= CONVERT_USER:
        value: ptr[Value] = ptr[Value](alloc(stmt, 16))
        value[0].tag = tag
        value[0].payload = payload
        return convert_user(stmt, value, function - CONVERT_USER)
    if function == CONVERT_HEX:
        return fn_hex(stmt, tag, payload)
    if function == CONVERT_UNHEX:
        return fn_unhex_1(stmt, tag, payload)
    if function == CONVERT_LOWER:
        return fn_lower(stmt, tag, payload)
    if function == CONVERT_UPPER:
        return fn_upper(stmt, tag, payload)
    raise_logic()
    return tag, payload
