"""The registry of SQL functions and collations: names, arities, the kernel routine behind each, how it is called.

Owns the table of built-in functions, `BUILTIN`; binder, code generator and documentation read it. A name maps to its
overloads; a function of SQLite that we do not have yet is listed without a routine, so that it is refused by name.

Source: https://sqlite.org/lang_corefunc.html, https://sqlite.org/lang_aggfunc.html, https://sqlite.org/lang_mathfunc.html,
https://sqlite.org/windowfunctions.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from turso_wasm.base.errors import RESULT_CODES, SQLITE_ERROR, SqlError
from turso_wasm.catalog.library import LIBRARY, Entry, body_of
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.own import (
    AggregateFunction,
    Function,
    OwnCollation,
    Owned,
    OwnTokenizer,
    Subtype,
    TableFunction,
)
from turso_wasm.catalog.table_functions import TABLE_FUNCTIONS

MISSING_COLLATION: Final = RESULT_CODES["SQLITE_ERROR_MISSING_COLLSEQ"]

F = TypeVar("F", "Function", "AggregateFunction", "Function | AggregateFunction")


def _fixed(*entries: str) -> list[Function]:
    """`name/arity` with routine fn_name, `name/arity=symbol` with another."""
    found = []
    for entry in entries:
        head, _, symbol = entry.partition("=")
        name, _, arity = head.partition("/")
        found.append(Function(name, int(arity), int(arity), symbol or f"fn_{name}"))
    return found


def _json(*entries: str, subtype: Subtype = "json") -> list[Function]:
    """`name/low-high` of functions that take values with their subtypes; high `*`: any number; else as `_fixed`."""
    found = []
    for entry in entries:
        head, _, symbol = entry.partition("=")
        name, _, arity = head.partition("/")
        low, _, high = arity.partition("-")
        most = -1 if high == "*" else int(high or low)
        found.append(Function(name, int(low), most, symbol or f"fn_{name}", "json", subtype=subtype))
    return found


ARRAY_FUNCTIONS: Final = (
    *(("array_of", 0, -1), ("array_length", 1, 2), ("array_upper", 1, 2)),
    *((name, 1, 1) for name in ("array_ndims", "array_dims", "array_sort", "array_to_json", "array_rows")),
    *((name, 2, 2) for name in ("array_get", "array_append", "array_prepend", "array_cat", "array_remove")),
    *((name, 2, 2) for name in ("array_fill", "array_contains", "array_contains_all")),
    *((name, 2, 2) for name in ("array_overlap", "array_overlaps")),
    *(("array_position", 2, 2), ("array_set", 3, 3), ("array_slice", 3, 3), ("array_replace", 3, 3)),
    *(("string_to_array", 2, 3), ("array_to_string", 2, 3)),
)
"""Functions of arrays: name, least and most arguments (bind.arrays)."""

DISTANCES: Final = ("cos", "l2", "dot", "jaccard")

TURSO: Final[list[Function]] = [
    *_fixed("vector/1=fn_vector32", "vector32/1", "vector64/1", "vector16/1", "vectorb16/1", "vector8/1"),
    *_fixed("vector1bit/1", "vector32_sparse/1", "vector_extract/1", "vector_slice/3"),
    *(Function(f"vector_distance_{m}", 2, 2, f"fn_vector_distance_{m}", vectors=True) for m in DISTANCES),
    Function("vector_concat", 2, -1, "fn_vector_concat", "array"),
    Function("table_columns_json_array", 1, 1, style="expansion", deterministic=False),
    *_fixed("bin_record_json_object/2"),
    Function("conn_txn_id", 1, 1, style="special", deterministic=False),
    Function("is_autocommit", 0, 0, style="special", deterministic=False),
    *(Function(name, low, high, style="array_of") for name, low, high in ARRAY_FUNCTIONS),
    Function("nextval", 1, 1, style="sequence", deterministic=False),
    Function("currval", 1, 1, style="sequence", deterministic=False),
    Function("setval", 2, 3, style="sequence", deterministic=False),
    Function("fts_match", 2, -1, style="full_text"),
    Function("fts_score", 2, -1, style="full_text"),
    Function("fts_highlight", 4, -1, style="full_text"),
    Function("fts_exact", 2, -1, style="full_text"),
]
"""Functions of Turso's that need the kernel; the others are of the library (catalog.library)."""

INDEXED_VECTORS: Final[list[Function]] = [
    *_fixed("__turso_ivf_dimensions/1=fn_ivf_dimensions"),
    Function("__turso_ivf_list", 6, 6, "fn_ivf_list", "array"),
    Function("__turso_ivf_code", 5, 5, "fn_ivf_code", "array"),
    Function("__turso_ivf_means", 3, 3, "fn_ivf_means", "array"),
]
"""What statements call that keep an index of vectors (catalog.methods.ivf)."""

_SCALARS: Final[list[Function]] = [
    *TURSO,
    *INDEXED_VECTORS,
    *_fixed("abs/1", "hex/1", "instr/2", "length/1", "octet_length/1", "lower/1", "upper/1", "quote/1", "replace/3"),
    *_fixed("substr/2=fn_substr_2", "substr/3=fn_substr_3", "substring/2=fn_substr_2", "substring/3=fn_substr_3"),
    *_fixed("trim/1=fn_trim_1", "trim/2=fn_trim_2", "ltrim/1=fn_ltrim_1", "ltrim/2=fn_ltrim_2"),
    *_fixed("rtrim/1=fn_rtrim_1", "rtrim/2=fn_rtrim_2", "round/1=fn_round_1", "round/2=fn_round_2"),
    *_fixed("unhex/1=fn_unhex_1", "unhex/2=fn_unhex_2", "unicode/1", "sign/1", "zeroblob/1", "typeof/1"),
    *_fixed("ceil/1", "ceiling/1=fn_ceil", "floor/1", "trunc/1", "sqrt/1", "mod/2", "pi/0", "radians/1", "degrees/1"),
    *_fixed("exp/1", "ln/1", "log/1=fn_log_1", "log/2=fn_log_2", "log10/1", "log2/1", "pow/2", "power/2=fn_pow"),
    *_fixed("sin/1", "cos/1", "tan/1", "asin/1", "acos/1", "atan/1", "atan2/2"),
    *_fixed("sinh/1", "cosh/1", "tanh/1", "asinh/1", "acosh/1", "atanh/1"),
    *_fixed("unistr/1", "unistr_quote/1", "fts5_locale/2", "fts5_insttoken/1"),
    *_fixed("rtreenode/2", "rtreedepth/1", "geopoly_blob/1", "geopoly_json/1", "geopoly_area/1", "geopoly_ccw/1"),
    *_fixed("geopoly_bbox/1", "geopoly_overlap/2", "geopoly_within/2", "geopoly_contains_point/3"),
    Function("geopoly_debug", 1, 1, "fn_geopoly_debug", deterministic=False, direct_only=True),
    Function("geopoly_svg", 0, -1, "fn_geopoly_svg", "array"),
    Function("geopoly_xform", 7, 7, "fn_geopoly_xform", "array"),
    Function("geopoly_regular", 4, 4, "fn_geopoly_regular", "array"),
    Function("random", 0, 0, "fn_random_0", deterministic=False),
    Function("randomblob", 1, 1, "fn_randomblob", deterministic=False),
    Function("char", 0, -1, "fn_char", "array"),
    Function("concat", 1, -1, "fn_concat", "array"),
    Function("concat_ws", 2, -1, "fn_concat_ws", "array"),
    Function("printf", 0, -1, "fn_printf", "array"),
    Function("format", 0, -1, "fn_printf", "array"),
    Function("min", 2, -1, "fn_min", "array_collation"),
    Function("max", 2, -1, "fn_max", "array_collation"),
    # Date and time: 'now' is read once per statement, so equal arguments give equal results while it runs.
    *(
        Function(name, 0, -1, f"fn_{name}", "array")
        for name in ("date", "time", "datetime", "julianday", "unixepoch", "strftime")
    ),
    *_fixed("timediff/2"),
    *(
        Function(name, 0, 0, f"fn_{name}", deterministic=False)
        for name in ("current_date", "current_time", "current_timestamp")
    ),
    Function("coalesce", 2, -1, style="special"),
    Function("ifnull", 2, 2, style="special"),
    Function("nullif", 2, 2, style="special"),
    Function("like", 2, 3, "like", "special"),
    Function("glob", 2, 2, "glob", "special"),
    Function("changes", 0, 0, style="special", deterministic=False),
    Function("total_changes", 0, 0, style="special", deterministic=False),
    Function("last_insert_rowid", 0, 0, style="special", deterministic=False),
    Function("iif", 2, -1, style="expansion"),
    Function("if", 2, -1, style="expansion"),
    Function("likely", 1, 1, style="special"),
    Function("unlikely", 1, 1, style="special"),
    Function("likelihood", 2, 2, style="special"),
    *(
        Function(name, arity, arity, style="expansion", deterministic=False)
        for name, arity in (
            ("sqlite_compileoption_get", 1),
            ("sqlite_compileoption_used", 1),
            ("sqlite_source_id", 0),
            ("sqlite_version", 0),
        )
    ),
    *(
        Function(name, arity, arity, style="expansion", deterministic=False, direct_only=True)
        for name, arity in (
            ("load_extension", 1),
            ("load_extension", 2),
            ("sqlite_log", 2),
            ("fts3_tokenizer", 1),
            ("fts3_tokenizer", 2),
        )
    ),
    Function("fts5", 1, 1, style="expansion", deterministic=False),
    Function("fts5_source_id", 0, 0, style="expansion"),
    Function("match", 2, 2, style="special", deterministic=False),
    *_json("jsonb_array/0-*", "jsonb_object/0-*"),
    *_json("json_array/0-*", "json_array_insert/0-*", "json_insert/0-*", "json_object/0-*", "json_patch/2"),
    *_json("json_quote/1", "json_remove/0-*", "json_replace/0-*", "json_set/0-*", "->/2=fn_json_arrow"),
    Function("json", 1, 1, "fn_json", subtype="json"),
    *_json("json_extract/0-*", subtype="varies"),
    *_json("json_array_length/1-2", "json_pretty/1-2", "json_type/1-2", "json_valid/1-2", subtype="none"),
    *_json("->>/2=fn_json_arrow_value", "jsonb_array_insert/0-*", "jsonb_extract/0-*", subtype="none"),
    *_json("jsonb_insert/0-*", "jsonb_patch/2", "jsonb_remove/0-*", subtype="none"),
    *_json("jsonb_replace/0-*", "jsonb_set/0-*", "subtype/1", subtype="none"),
    *_fixed("json_error_position/1", "jsonb/1"),
]

STATISTICS: Final = ("variance", "var_samp", "var_pop", "stddev", "stddev_samp", "stddev_pop", "mode")
"""Aggregates beyond SQLite's."""

_AGGREGATES: Final[list[AggregateFunction]] = [
    AggregateFunction("count", 0, 1),
    AggregateFunction("sum", 1, 1),
    AggregateFunction("total", 1, 1),
    AggregateFunction("avg", 1, 1),
    AggregateFunction("min", 1, 1),
    AggregateFunction("max", 1, 1),
    AggregateFunction("group_concat", 1, 2),
    AggregateFunction("string_agg", 2, 2),
    *(AggregateFunction(name, 1, 1) for name in ("json_group_array", "jsonb_group_array")),
    AggregateFunction("geopoly_group_bbox", 1, 1, inverts=False),
    AggregateFunction("__turso_ivf_sample", 4, 4, inverts=False),
    AggregateFunction("median", 1, 1),
    *(AggregateFunction(name, 1, 1) for name in STATISTICS),
    *(AggregateFunction(name, 2, 2) for name in ("percentile", "percentile_cont", "percentile_disc")),
    *(AggregateFunction(name, 2, 2) for name in ("json_group_object", "jsonb_group_object")),
    *(
        AggregateFunction(name, 0, 0, window=True)
        for name in ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist")
    ),
    *(AggregateFunction(name, 1, 3, window=True) for name in ("lag", "lead")),
    *(AggregateFunction(name, 1, 1, window=True) for name in ("ntile", "first_value", "last_value")),
    AggregateFunction("nth_value", 2, 2, window=True),
]


def _by_name(functions: Iterable[F]) -> dict[str, tuple[F, ...]]:
    names: dict[str, list[F]] = {}
    for function in functions:
        names.setdefault(function.name, []).append(function)
    return {name: tuple(overloads) for name, overloads in names.items()}


class Registry:
    """What the statements of a connection can call by name: one immutable value, made of its environment.

    Keys are folded names; `collations` gives the names as they are shown, `numbers` the place of those of the user's
    in `own`; `tokenizers` and `converters` those of tokenizers, and of functions that take one argument. A connection's
    own entries hide the built-in ones of the same name: functions, where the number of arguments fits.
    """

    def __init__(self, own: Owned = ()) -> None:
        self.own = own
        self.scalars: Mapping[str, tuple[Function, ...]] = _BUILTIN_SCALARS
        self.aggregates: Mapping[str, AggregateFunction] = _BUILTIN_AGGREGATES
        collations = [entry.name for entry in own if isinstance(entry, OwnCollation)]
        tables = [replace(e, number=number) for number, e in enumerate(own) if isinstance(e, TableFunction)]
        self.table_functions: Mapping[str, TableFunction] = TABLE_FUNCTIONS | {fold(e.name): e for e in tables}
        self.collations = _BUILTIN_COLLATIONS | {fold(name): name for name in collations}
        self.numbers = {fold(e.name): number for number, e in enumerate(own) if isinstance(e, OwnCollation)}
        self.tokenizers = {fold(e.name): number for number, e in enumerate(own) if isinstance(e, OwnTokenizer)}
        functions = [
            replace(entry, number=number)
            for number, entry in enumerate(own)
            if isinstance(entry, Function | AggregateFunction)
        ]
        functions.sort(key=lambda function: function.n_max < 0)  # an exact number of arguments is the better match
        self.own_functions = _by_name(functions)
        called = {name: self.find(name, 1) for name in self.own_functions}
        self.converters = {name: found.number for name, found in called.items() if isinstance(found, Function)}

    def find(self, name: str, n_arguments: int) -> Function | AggregateFunction | None:
        """What that folded name calls with that many arguments, or None; min and max of two are scalars."""
        for own in self.own_functions.get(name, ()):
            if own.takes(n_arguments):
                return own
        aggregate = self.aggregates.get(name)
        if aggregate is not None and aggregate.takes(n_arguments):
            return aggregate
        known = next((function for function in self.scalars.get(name, ()) if function.takes(n_arguments)), None)
        return known or _of_the_library(name, n_arguments)

    def find_scalar(self, name: str, n_arguments: int) -> Function | None:
        """The scalar function of that folded name for that many arguments, or None."""
        found = self.find(name, n_arguments)
        return found if isinstance(found, Function) else None

    def find_aggregate(self, name: str, n_arguments: int) -> AggregateFunction | None:
        """The aggregate of that folded name for that many arguments, or None."""
        found = self.find(name, n_arguments)
        return found if isinstance(found, AggregateFunction) else None

    def no_function(self, name: str, written: str, span: tuple[int, int] | None = None) -> SqlError:
        """The error when no overload fits: a wrong number of arguments, or no function of that folded name."""
        if name in self.scalars or name in self.aggregates or name in self.own_functions or name in LIBRARY:
            return SqlError(SQLITE_ERROR, f"wrong number of arguments to function {written}()", span)
        return SqlError(SQLITE_ERROR, f"no such function: {written}", span)

    def collation(self, name: str) -> str:
        """The collation's name as it is shown; an unknown one stays as it is written."""
        return self.collations.get(fold(name), name)

    def known_collation(self, name: str) -> str:
        """As `collation`. Errors: "no such collation sequence: x"."""
        found = self.collations.get(fold(name))
        if found is None:
            raise no_collation(name)
        return found


def _of_the_library(name: str, n_arguments: int) -> Function | None:
    """A function beyond SQLite's, if it has one of that name that takes so many arguments."""
    entry = LIBRARY.get(name)
    function = None if entry is None else library_function(name, entry)
    return function if function is not None and function.takes(n_arguments) else None


def library_function(name: str, entry: Entry) -> Function:
    """A function beyond SQLite's."""
    body = body_of(entry)
    most = len(body.params) - len(entry.given)
    return Function(
        name,
        most - len(body.defaults),
        most,
        style="typed",
        deterministic=not entry.given,
        body=body,
        given=entry.given,
        numeric=entry.numeric,
        pattern=entry.pattern,
    )


def no_collation(name: str) -> SqlError:
    """The error of a collation that nobody knows."""
    return SqlError(MISSING_COLLATION, f"no such collation sequence: {name}")


_BUILTIN_SCALARS: Final = _by_name(_SCALARS)
_BUILTIN_AGGREGATES: Final = {aggregate.name: aggregate for aggregate in _AGGREGATES}
_BUILTIN_COLLATIONS: Final = {fold(name): name for name in ("BINARY", "NOCASE", "RTRIM")}
BUILTIN: Final = Registry()
"""What every connection has."""


def registry_of(own: Owned) -> Registry:
    """What a connection has that has these entries of its own."""
    return Registry(own) if own else BUILTIN
