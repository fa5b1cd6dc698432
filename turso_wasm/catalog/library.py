"""Functions beyond SQLite's by name: where their typed Python stands (turso_wasm/library), which is read on demand."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from turso_wasm.typed.types import Function


class Entry(NamedTuple):
    """module, name: of the Python function. given: its first arguments, which SQL does not write (bind.calls)."""

    module: str
    name: str
    given: tuple[str, ...] = ()


def _of(module: str, *names: str) -> dict[str, Entry]:
    return {name: Entry(module, name) for name in names}


LIBRARY: Final[dict[str, Entry]] = {
    **_of("text", "repeat", "reverse", "lpad", "rpad", "get_byte", "set_byte"),
    "string_reverse": Entry("text", "reverse"),
    **_of("numbers", "gcd", "lcm", "boolean_to_int", "int_to_boolean"),
    **_of("ipaddr", "ipfamily", "iphost", "ipmasklen", "ipnetwork", "ipcontains", "validate_ipaddr"),
    **_of("fuzzy", "fuzzy_leven", "fuzzy_osadist", "fuzzy_damlev", "fuzzy_hamming", "fuzzy_jarowin"),
    **_of("fuzzy", "fuzzy_soundex", "fuzzy_rsoundex"),
    **_of("crypto", "crypto_md5", "crypto_sha1", "crypto_sha256", "crypto_encode", "crypto_decode"),
    **_of("uuid", "uuid_str", "uuid_blob", "uuid7_timestamp_ms"),
    **{name: Entry("uuid", name, ("random",)) for name in ("uuid4", "uuid4_str")},
    "gen_random_uuid": Entry("uuid", "uuid4_str", ("random",)),
    **{name: Entry("uuid", name, ("now", "random")) for name in ("uuid7", "uuid7_str")},
}


@cache
def body_of(entry: Entry) -> Function:
    """The compiled function."""
    from turso_wasm.typed.check import (
        compile_function,  # the compiler of typed Python is loaded when a statement needs it
    )

    return compile_function(getattr(import_module(f"turso_wasm.library.{entry.module}"), entry.name))


def arity(entry: Entry) -> tuple[int, int]:
    """The least and the greatest number of arguments in SQL."""
    code = getattr(import_module(f"turso_wasm.library.{entry.module}"), entry.name)
    most = code.__code__.co_argcount - len(entry.given)
    return most - len(code.__defaults__ or ()), most
