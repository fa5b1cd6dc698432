"""The contract of modules of virtual tables: the structs that generated code makes room for, and their constants.

As kernel/abi.py, which has the contract of all else.
"""

from unicodedata import category

from turso_wasm.kernel.abi import Layout
from turso_wasm.wasm.lang import Struct, array, f64, i32, i64, ptr, u8, u32

__subset__ = True

# --- R*Trees (kernel/rtree) -----------------------------------------------------------------------------------

RTREE_EQUAL, RTREE_LESS, RTREE_LESS_OR_EQUAL, RTREE_GREATER, RTREE_GREATER_OR_EQUAL, RTREE_NEVER = range(6)


class Rtree(Struct):
    """A tree that a statement reads or writes."""

    stmt: i32  # Run
    nodes: i32  # Cursor on t_node
    rowids: i32  # Cursor on t_rowid
    parents: i32  # Cursor on t_parent; readers do not need it
    n_coords: i32
    is_int: i32
    n_aux: i32
    cell_size: i32
    node_size: i32  # 0: not known yet
    capacity: i32  # cells of a node
    least: i32
    depth: i32
    loaded: i32  # Node
    removed: i32  # Node: taken out of the tree, its cells still to be put back
    new_node: i64  # the highest number that this operation has given to a node


class RtreeLimit(Struct):
    """A condition: coordinate `at` compared with a value. op: RTREE_*."""

    at: i32
    op: i32
    value: f64


class RtreeScan(Struct):
    """A search. cell: of the current entry."""

    tree: Rtree.embed
    n_limits: i32
    depth: i32  # of the path
    limits: ptr[RtreeLimit]
    cell: ptr[u8]
    impossible: i32  # a condition that is never true
    path: i32  # Levels, from the root on; 0 when an activation begins


# --- full text (kernel/fts) -----------------------------------------------------------------------------------

DETAIL_FULL, DETAIL_NONE, DETAIL_COLUMNS = range(3)
# What is a row of a table of terms: fts5vocab's kinds, and fts4aux's: of a term one for all columns, then one for each.
VOCABULARY_TERMS, VOCABULARY_COLUMNS, VOCABULARY_PLACES, VOCABULARY_FTS4 = range(4)
UNICODE61, ASCII, TRIGRAM, PORTER, USER_TOKENS, RAW, NGRAM = range(7)  # PORTER: FTS3's; USER_TOKENS: of the user's
# Languages of stemmers; 0 is none. In the order of catalog.modules.fts5_tokenizer.STEMMERS.
DANISH, ENGLISH, FRENCH, GERMAN, ITALIAN, NORWEGIAN, PORTUGUESE, RUSSIAN, SPANISH, SWEDISH = range(1, 11)
FORMAT_FTS5, FORMAT_ASCENDING, FORMAT_DESCENDING = range(3)  # how an index is written: of FTS3, likewise order=desc
CATEGORY_NAMES = (
    "*",
    "Lu",
    "Ll",
    "Cc",
    "Cf",
    "Co",
    "Lm",
    "Lo",
    "Lt",
    "Mc",
    "Me",
    "Mn",
    "Nd",
    "Nl",
    "No",
    "Pc",
    "Pd",
    "Pe",
    "Pf",
    "Pi",
    "Po",
    "Ps",
    "Sc",
    "Sk",
    "Sm",
    "So",
    "Zl",
    "Zp",
    "Zs",
)  # of characters; the first: none, which is part of every token
ASCII_CATEGORIES = tuple(category(chr(code)) for code in range(256))  # which no version of Unicode changes below 128
CONTENT_OWN = 0  # %_content
CONTENT_NONE = 1  # content=''
CONTENT_OTHER = 2  # a table of the user's
SOUND = 0  # what fts_check finds
MALFORMED = 1
MISMATCH = 2
NOWHERE = 0xFFFF
ROWID = 0xFFFE
MAX_PREFIXES = 31
# Functions between a row and what %_content has of it (FtsConfig.compress, uncompress)
CONVERT_NOTHING = 0
CONVERT_USER = 1  # + the number of one of the user's, in the registry
CONVERT_MISSING = -1  # there is none of that name
CONVERT_HEX = -2
CONVERT_UNHEX = -3
CONVERT_LOWER = -4
CONVERT_UPPER = -5


class FtsConfig(Struct):
    """A table. Roots are 0 where there is no such table."""

    size: i32  # with what lies behind
    format: i32  # FORMAT_*
    slot: i32  # of the database
    encoding: i32  # of its text
    data: u32  # root of %_data; of FTS3 of %_segments
    index: u32  # of %_idx; of FTS3 of the index of %_segdir
    directory: u32  # of FTS3 of %_segdir
    content: u32  # of %_content, or of the user's table
    docsize: u32  # of %_docsize
    options: u32  # of %_config; of FTS4 of %_stat
    language: i32  # FTS4: 1: rows have a language, the last column of %_content
    compress: i32  # FTS4: CONVERT_*
    uncompress: i32
    n_columns: i32
    detail: i32  # DETAIL_*
    source: i32  # CONTENT_*
    contentless_delete: i32
    locale: i32  # 1: values may have locales; %_content has a column for that of each indexed column
    tokendata: i32  # 1: what stands behind a NUL in a token does not matter to queries
    tokenizer: i32  # its kind
    stems: i32
    stemmer: i32  # 0: none; DANISH …
    ideographs: i32  # 1: each character of Chinese, Japanese and Korean is a token
    marks: i32
    cased: i32
    gram_min: i32  # NGRAM: characters of the shortest token, and of the longest
    gram_max: i32
    weights: i32  # offset: of each column 8 bytes, a f64 that a hit there counts for; 0: all count 1
    categories: i32
    number: i32  # of a tokenizer of the user's, in the registry; -1: it is not there
    n_settings: i32
    settings: i32  # offset: of each 4 bytes with its size, and its text
    n_exceptions: i32
    exceptions: i32  # offset: code points of 4 bytes
    ascii: i32  # offset: 256 bytes
    columns: i32  # offset: of each a byte, 1: UNINDEXED, 2 bytes with the size of its name, and the name
    places: i32  # offset: of each column 2 bytes: which of the content table's records, or NOWHERE, or ROWID;
    # then of that of its locale
    n_prefixes: i32
    prefixes: array[i32, MAX_PREFIXES]


# --- polygons (kernel/rtree/polygon.py) -----------------------------------------------------------------------


class GroupBox(Struct):
    """Of geopoly_group_bbox: least x, greatest x, least y, greatest y."""

    box: array[f64, 4]
    any: i32
    unused: i32


# --- dbstat (kernel/btree/stat.py) ----------------------------------------------------------------------------


class StatLevel(Struct):
    """A page on the way from the root. What hangs on the cell before `cell` is still to be visited: `rest` bytes in a
    chain that goes on at `overflow`, then `child`.
    """

    pgno: u32
    cell: i32
    child: u32  # 0: none
    rest: i32
    overflow: u32
    n_overflow: i32
    path_size: i32


class BtreeStat(Struct):
    """A walk through the pages of a b-tree, and the row it is at."""

    pager: i32
    depth: i32
    visited: u32
    aggregate: i32
    pgno: u32
    kind: i32
    n_cells: i32
    path_size: i32
    payload: i64
    unused: i64
    most: i64
    layout: Layout.embed
    levels: array[StatLevel, 20]
    path: array[u8, 104]


# --- csv (kernel/functions/csv.py) ----------------------------------------------------------------------------


class CsvField(Struct):
    """A field of the current row. size: -1: the row does not have it. doubled: it has doubled quotes."""

    start: i32
    size: i32
    doubled: i32


class Csv(Struct):
    """Comma-separated values that are read. fields: null when an activation begins."""

    fields: ptr[CsvField]
    n_columns: i32
    text: ptr[u8]
    size: i32
    at: i32  # where the next row begins
    unused: i32
    row: i64  # number of the row, from 1
