"""Tokenizers of the user's (docs/decisions/0045).

The whole text goes to the user's code at once: the arguments are the text and the settings of the table. The answer is
a BLOB, of each token: 4 bytes, where it begins in the text, 4 bytes, where it ends, 4 bytes, its size << 1, + 1 if it
stands where the one before it does (a synonym), and the token. Hosts make it of what the code yields; they answer for
its numbers.
"""

from turso_wasm.kernel.abi import BLOB, Run, Value
from turso_wasm.kernel.base.callback import text_put, tokens_user
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import Struct, i32, le32, lit, ptr, u8

__subset__ = True


class UserTokens(Struct):
    """The tokens of a text."""

    stmt: Run
    number: i32  # of the tokenizer in the registry
    n_settings: i32
    settings: ptr[u8]
    answer: ptr[u8]
    size: i32
    at: i32


def user_tokens_start(u: UserTokens, text: ptr[u8], n: i32) -> None:
    """Have a text cut into tokens. Errors: those of the user's code; "no such tokenizer"."""
    if u.number < 0:
        raise_error(SQLITE_ERROR, *lit(b"no such tokenizer"))
    values: ptr[Value] = ptr[Value](alloc(u.stmt, 16 * (u.n_settings + 2)))
    text_put(values[0], text, n)
    at: ptr[u8] = u.settings
    for i in range(u.n_settings):
        text_put(values[i + 1], at + 4, i32(le32(at)))
        at += 4 + i32(le32(at))
    tag, payload = tokens_user(u.stmt, values, u.n_settings + 1, u.number)
    u.answer = bytes_of(payload)
    u.size = size_of(payload) if tag == BLOB else 0
    u.at = 0
