"""What operators and functions keep from row to row: structs that generated code makes room for or reads.

As kernel/abi.py, which has the contract of all else.
"""

from turso_wasm.kernel.abi import Arena, Resource, Run
from turso_wasm.wasm.lang import Struct, array, f64, i32, i64, ptr, u8, u64

__subset__ = True


class Pattern(Struct):
    """What is known of a LIKE or GLOB pattern (kernel/functions/patterns.py).

    payload, or source: what it was made of, with case. `text`: in lower case unless case matters.
    """

    payload: i64
    kind: i32
    case: i32
    any: i32  # the wildcard for any sequence: tells LIKE from GLOB
    size: i32
    text_size: i32
    firsts: u64  # the first two characters, eight times each, and bits to set in what is compared with them
    seconds: u64
    first_bits: u64
    second_bits: u64
    source: array[u8, 48]
    text: array[u8, 48]


class Hash(Resource):
    """A hash table. `found` is 1 after hash_add found the entry, 0 after it made it."""

    found: i32
    buckets: ptr[u8]
    shift: i32  # 32 - log2 of the number of buckets
    mask: i32  # number of buckets * 8 - 1
    key_at: i32
    statement: Run
    count: i32
    limit: i32  # count at which the table grows
    at: i32  # the entry in `order` that hash_next returns
    order: ptr[i32]
    order_capacity: i32
    arena: Arena.embed
    bytes: i64  # of the entries and what they take up in buckets and order
    bytes_max: i64
    runs: i32  # IndexedRuns: the keys of a set that are in a file; 0: none
    is_limited: i32  # 1: it takes no new entries beyond the limit


IN_FILE = 1  # in place of a kept row's address: the row is in a temporary file


class KeptRow(Struct):
    """What a row kept in memory begins with; its record comes last."""

    next: i32  # the next row, 0 behind the last; IN_FILE: this one is in a file, as is the next, if there is one
    size: i32  # of the record


class ListedRow(KeptRow):
    """A row that a join may have to show though nothing matched it."""

    listed: i32  # the next of all rows; in a file: the number of the row
    matched: i32  # the visit in which something matched it


class SumState(Struct):
    """Of sum, total and avg."""

    sum: i64  # while not approximate
    count: i64  # inputs that were not NULL
    real: f64  # while approximate
    error: f64  # what `real` lacks
    approximate: i32
    overflow: i32  # 1: the sum of the integers so far did not fit, and there was nothing else


class ExtremeState(Struct):
    """Of min and max: the extreme so far, its text copied to memory of the statement."""

    tag: i32  # NULL: none yet
    capacity: i32  # bytes at `data`
    payload: i64
    data: ptr[u8]
    unused: i32


class ExtremesState(Struct):
    """Of min and max over a frame that moves (kernel/values/window.py)."""

    extremes: i32  # Extremes, 0: none yet
    unused: i32


class UserState(Struct):
    """Of an aggregate of the user's: who drops its instance; 0 before the first row."""

    resource: i32
    unused: i32


class ConcatState(Struct):
    """Of group_concat: the text so far, bytes start..used of `data`, of `count` values. `data` is kept memory, or that
    of `buffer` once it is long. begun: the next value has a separator before it.
    """

    count: i32
    used: i32
    capacity: i32
    data: ptr[u8]
    buffer: i32
    start: i32
    begun: i32


class JsonLevel(Struct):
    """A container on the way from the root of a JsonWalk to its row."""

    id: i32  # where it begins, its label included
    is_object: i32
    index: i32  # number of the child that the row is in
    next: i32  # where the child after that begins
    end: i32


class JsonWalk(Struct):
    """A walk through a JSON document (json_each, json_tree). See kernel/json/each.py."""

    document: ptr[u8]
    size: i32
    is_tree: i32
    is_binary: i32
    is_text: i32  # 1: the document is a text (kernel/json/each_text.py)
    at: i32  # of the row: where its label begins, or else its element
    value: i32  # its element
    behind: i32  # of a text: index behind it
    levels: ptr[JsonLevel]
    depth: i32
    capacity: i32
    path: ptr[u8]  # of the root
    path_size: i32
    last_step: i32  # where the path of the root's container ends, of a path with steps
    row: i32  # number of the row, from 0


class DeviationState(Struct):
    """Of variance and its kin: how many numbers, their mean, the sum of the squares of their distances from it."""

    count: f64
    mean: f64
    squares: f64


class KeptState(Struct):
    """Of mode, and of variance in a frame that moves: the values so far, in a Buffer."""

    count: i32
    buffer: i32


class PercentileState(Struct):
    """Of median and the percentiles: the doubles so far, in a Buffer, and the fraction asked for."""

    fraction: f64
    has_fraction: i32
    count: i32
    buffer: i32
    unused: i32


class Repeated(Struct):
    """What statement_repeat tells a host, also when a run fails: which it was, and what those before it have done."""

    n: i32  # H: runs that ended
    changes: i64  # H: rows they changed
