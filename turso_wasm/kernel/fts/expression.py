"""Queries as trees.

Owns the nodes that kernel/fts/parse.py makes and kernel/fts/search.py walks.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.bytes import Bytes, bytes_add, bytes_init, bytes_put
from turso_wasm.kernel.fts.positions import PositionReader
from turso_wasm.kernel.fts.postings import Postings
from turso_wasm.wasm.lang import Struct, f64, i32, i64, lit, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

PHRASES = 0  # one phrase, or several near each other
AND = 1
OR = 2
NOT = 3
NOTHING = 4  # a phrase without tokens
ALL = 5  # every row
RANGE = 6  # rows with a token between two
HEIGHT_MAX = 256
DEFAULT_NEAR = 10


class Term(Struct):
    """A token of a phrase."""

    next: "Term"
    text: ptr[u8]  # with the byte of the main index before it
    size: i32
    prefix: i32  # 1: or anything longer
    fuzzy: i32  # so many characters may be others, missing or too many
    initial: i32  # FTS3: 1: at the beginning of a column
    postings: Postings
    reader: PositionReader.embed


class Phrase(Struct):
    """Tokens that follow each other."""

    next: "Phrase"  # of its node
    later: "Phrase"  # of the query
    node: "Node"
    terms: Term
    last: Term
    n_terms: i32
    initial: i32  # 1: at the beginning of a column (FTS3: a term of it is)
    column: i32  # FTS3: in which it must be, + 1; 0: in any
    near: i32  # FTS3, Node.chained: to the one before
    hits: ptr[i64]  # positions of its first token in the row of its node
    n_hits: i32
    capacity: i32
    shown: i32  # hits that were taken in a walk through those of all phrases
    totals: ptr[i64]  # FTS3: of each column the hits in all rows, then of each the rows with hits; null: not known
    hidden: i32  # 1: it is behind NOT (not of FTS5's language)
    twin: "Phrase"  # FTS3: the one of the node's twin
    found: "Phrase"  # FTS3: the one whose hits are those of the row that is shown; null: it is not there
    idf: f64  # what it counts for in bm25
    boost: f64  # times as much; 0: once
    slop: i32  # tokens that may stand between its own


class Node(Struct):
    """A node of a query."""

    kind: i32
    height: i32
    next: "Node"  # of its parent
    children: "Node"
    last: "Node"
    phrases: Phrase
    n_phrases: i32
    alone: Postings  # those of its one term, where that is all there is to ask
    near: i32
    chained: i32  # FTS3: 1: each phrase is near the one before it
    n_columns: i32  # of the table
    columns: ptr[u8]  # one byte a column, 1: it counts; null: all
    rowid: i64
    ended: i32
    twin: "Node"  # FTS3: the same phrases, to be on the rows that are shown (kernel/fts/fts3/hits.py); null: none yet
    stands: i32  # FTS3: 1: it has a part in that the row matches
    counted: i32  # 1: the hits of its phrases are those of its row
    lower: Term  # of RANGE, null: none
    upper: Term
    bounds: i32  # 1: the lower one is in the range, 2: the upper one
    places: ptr[i32]  # for phrases near each other: two numbers a phrase


def node_new(arena: Arena, kind: i32) -> Node:
    """A node without children."""
    n: Node = Node(arena_alloc(arena, sizeof(Node)))
    memory_fill(n, 0, sizeof(Node))
    n.kind = kind
    return n


def append_child(parent: Node, child: Node) -> None:
    """Add a child behind the others; one of the same kind is taken apart, as AND and OR do not mind."""
    if child.kind == parent.kind and child.kind != NOT:
        first: Node = child.children
        if parent.last:
            parent.last.next = first
        else:
            parent.children = first
        parent.last = child.last
    else:
        child.next = None
        if parent.last:
            parent.last.next = child
        else:
            parent.children = child
        parent.last = child
    height: i32 = child.height + 1 if child.kind != parent.kind or child.kind == NOT else child.height
    if height > parent.height:
        parent.height = height
    if parent.height > HEIGHT_MAX:
        raise_error(SQLITE_ERROR, *lit(b"fts5 expression tree is too large (maximum depth 256)"))


def join(arena: Arena, kind: i32, left: Node, right: Node) -> Node:
    """`left` and `right` under an operator."""
    n: Node = node_new(arena, kind)
    append_child(n, left)
    append_child(n, right)
    return n


def raise_about(arena: Arena, before: ptr[u8], n: i32, p: ptr[u8], size: i32, after: ptr[u8], m: i32) -> None:
    """Raise an SQLITE_ERROR: three texts make the message."""
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(b, arena)
    bytes_add(b, before, n)
    for i in range(size):
        bytes_put(b, p[i])
    bytes_add(b, after, m)
    raise_error(SQLITE_ERROR, b.data, b.size)


def hide(node: Node) -> None:
    """The phrases of a tree, which are behind NOT, do not count for functions of a row."""
    phrase: Phrase = node.phrases
    while phrase:
        phrase.hidden = 1
        phrase = phrase.next
    child: Node = node.children
    while child:
        hide(child)
        child = child.next
