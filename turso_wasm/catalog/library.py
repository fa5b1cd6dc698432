"""Functions beyond SQLite's by name: where their typed Python stands (turso_wasm/library), which is read on demand."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from turso_wasm.typed.types import Function


class Entry(NamedTuple):
    """module, name: of the Python function. given: its first arguments, which SQL does not write (bind.calls).

    numeric: the text that it gives is a number, which it is in SQL. pattern: the number of an argument that is a
    regular expression: the function takes what PROGRAM makes of it, once in a statement where it is constant.
    """

    module: str
    name: str
    given: tuple[str, ...] = ()
    numeric: bool = False
    pattern: int = -1


def _of(module: str, *names: str) -> dict[str, Entry]:
    return {name: Entry(module, name) for name in names}


PROGRAM: Final = Entry("patterns", "program_of")
"""What makes a program of a regular expression."""

LIBRARY: Final[dict[str, Entry]] = {
    **_of("text", "repeat", "reverse", "lpad", "rpad", "get_byte", "set_byte"),
    "string_reverse": Entry("text", "reverse"),
    **_of("text", "strpos", "char_length", "btrim"),
    "character_length": Entry("text", "char_length"),
    "chr": Entry("text", "character"),
    **_of("numbers", "gcd", "lcm", "boolean_to_int", "int_to_boolean"),
    **_of("ipaddr", "ipfamily", "iphost", "ipmasklen", "ipnetwork", "ipcontains", "validate_ipaddr"),
    **_of("fuzzy", "fuzzy_leven", "fuzzy_osadist", "fuzzy_damlev", "fuzzy_hamming", "fuzzy_jarowin"),
    **_of("fuzzy", "fuzzy_soundex", "fuzzy_rsoundex"),
    **_of("phonetics", "fuzzy_caver", "fuzzy_phonetic", "fuzzy_translit", "fuzzy_script", "fuzzy_editdist"),
    **_of("crypto", "crypto_md5", "crypto_sha1", "crypto_sha256"),
    **_of("sha512", "crypto_sha384", "crypto_sha512"),
    **_of("blake3", "crypto_blake3"),
    **_of("encodings", "crypto_encode", "crypto_decode"),
    **_of("decimals", "numeric_add", "numeric_sub", "numeric_mul", "numeric_div", "numeric_eq", "numeric_lt"),
    **_of("decimals", "numeric_encode", "numeric_decode"),
    **_of("type_values", "numeric_scaled", "numeric_shown", "numeric_exact", "numeric_compared"),
    **_of("arrays", "array_json", "array_text", "array_checked", "array_json_cat", "array_json_slice"),
    "array_json_set": Entry("arrays", "array_json_set"),
    **_of("arrays", "array_json_remove", "array_json_replace", "array_json_find", "array_json_has", "array_json_fill"),
    **_of("arrays", "array_json_less", "array_json_sort", "array_json_ndims", "array_json_split", "array_json_join"),
    **_of("type_values", "inet_text", "cidr_text", "macaddr_text"),
    "regexp": Entry("regexp", "regexp", pattern=0),
    **{f"regexp_{name}": Entry("regexp", f"regexp_{name}", pattern=1) for name in ("like", "substr", "capture")},
    "regexp_replace": Entry("regexp", "regexp_replace", pattern=1),
    **_of("moments", "time_date", "make_date", "make_timestamp", "time_unix", "time_milli", "time_micro", "time_nano"),
    "to_timestamp": Entry("moments", "time_unix"),
    "time_now": Entry("moments", "time_now", ("now",)),
    "time_since": Entry("moments", "time_since", ("now",)),
    "time_until": Entry("moments", "time_until", ("now",)),
    **_of("moments", "time_to_unix", "time_to_milli", "time_to_micro", "time_to_nano"),
    "time_get": Entry("moments", "time_get", numeric=True),
    **_of("moments", "time_get_year", "time_get_month", "time_get_day", "time_get_hour", "time_get_minute"),
    **_of("moments", "time_get_second", "time_get_nano", "time_get_weekday", "time_get_yearday"),
    **_of("moments", "time_get_isoyear", "time_get_isoweek"),
    **_of("moments", "time_after", "time_before", "time_compare", "time_equal", "time_add", "time_add_date"),
    **_of("moments", "time_sub", "time_trunc", "time_round"),
    **_of("moments", "dur_ns", "dur_us", "dur_ms", "dur_s", "dur_m", "dur_h"),
    **_of("moment_texts", "time_fmt_iso", "time_fmt_datetime", "time_fmt_date", "time_fmt_time", "time_parse"),
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
