"""The tokens of a text, as rows."""

from turso_wasm.kernel.abi import INTEGER, NULL, TEXT, Arena, Resource, Run
from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.base.memory import alloc, arena_alloc, arena_free, mfree
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.fts.search import read_tokenizer
from turso_wasm.kernel.fts.tokenize import Tokenizer, token_next, token_start
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_text
from turso_wasm.wasm.lang import export, funcref, i32, i64, memory_copy, ptr, sizeof, u8

__subset__ = True

KIND_TOKENS = 12


class Tokens(Resource):
    """A place in a text."""

    arena: Arena.embed
    stmt: Run
    tokenizer: Tokenizer.embed
    position: i64


def tokens_release(resource: i32) -> None:
    """Free it."""
    arena_free(Tokens(resource).arena)
    mfree(ptr[u8](resource))


@export
def fts_tokens(stmt: Run, place: ptr[i32], config: FtsConfig, tag: i32, payload: i64) -> i32:
    """Begin with a text, at `place` or anew, and go to its first token; 0: there is none, as in NULL."""
    if place[0] == 0:
        place[0] = i32(resource_add(stmt, sizeof(Tokens), KIND_TOKENS, funcref(tokens_release)))
    w: Tokens = Tokens(place[0])
    w.stmt = stmt
    arena_free(w.arena)
    if tag == NULL:
        return 0
    text: i64 = to_text(stmt, tag, payload)
    copy: ptr[u8] = arena_alloc(w.arena, size_of(text) + 16)
    memory_copy(copy, bytes_of(text), size_of(text))
    read_tokenizer(w.tokenizer, stmt, config, w.arena)
    token_start(w.tokenizer, copy, size_of(text))
    w.position = -1
    return fts_tokens_next(place)


@export
def fts_tokens_next(place: ptr[i32]) -> i32:
    """Go to the next token; 0: there is none."""
    w: Tokens = Tokens(place[0])
    w.position += 1
    return token_next(w.tokenizer)


@export
def fts_tokens_column(place: ptr[i32], column: i32) -> tuple[i32, i64]:
    """Of the token: itself, where it begins and ends in the text, and how many are before it."""
    w: Tokens = Tokens(place[0])
    t: Tokenizer = w.tokenizer
    if column == 0:
        copy: ptr[u8] = alloc(w.stmt, t.size + 8)
        memory_copy(copy, t.token, t.size)
        return TEXT, pack(copy, t.size)
    if column == 3:
        return INTEGER, w.position
    return INTEGER, i64(t.start if column == 1 else t.end)
