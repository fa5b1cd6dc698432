"""Walking through the rows of a query's tree, in ascending order.

Every node is on a row or has ended; `node_seek` takes it forward. A node that has ended has taken its children along,
so that a phrase counts in a row exactly if its node is on it.
"""

from turso_wasm.kernel.abi import SEEK_GE
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid_op
from turso_wasm.kernel.fts.expression import ALL, AND, NOTHING, OR, PHRASES, RANGE, Node, Phrase, Term
from turso_wasm.kernel.fts.phrases import has_phrases, is_simple
from turso_wasm.kernel.fts.postings import (
    FIRST_ROW,
    LAST_ROW,
    MAIN_INDEX,
    Index,
    Postings,
    meet,
    postings_open,
    postings_prefix,
    postings_seek,
)
from turso_wasm.kernel.values.utf8 import count_leads
from turso_wasm.wasm.lang import i32, i64, inline, memory_copy, ptr, u8

__subset__ = True


def open_term(x: Index, term: Term) -> None:
    """Find the rows of a term, by the index of prefixes of its length if there is one."""
    if term.prefix == 0:
        term.postings = open_whole(x, term.text, term.size)
        return
    # FTS3 counts bytes.
    length: i32 = term.size - 1 if x.format else count_leads(term.text + 1, term.size - 1)
    for i in range(x.n_prefixes):
        if x.prefixes[i] == length:
            text: ptr[u8] = arena_alloc(x.arena, term.size + 8)
            memory_copy(text, term.text, term.size)
            text[0] = MAIN_INDEX + 1 + i
            term.postings = open_whole(x, text, term.size)
            return
    term.postings = postings_prefix(x, term.text, term.size, 0)


def open_whole(x: Index, text: ptr[u8], n: i32) -> Postings:
    """The rows of a term, whatever data it has."""
    return postings_prefix(x, text, n, 1) if x.tokendata else postings_open(x, text, n)


def node_open(x: Index, node: Node) -> None:
    """Get a tree ready; it is on no row yet."""
    node.rowid = FIRST_ROW
    node.counted = 0
    node.places = None
    node.alone = None
    node.ended = 1 if node.kind == NOTHING or node.kind == RANGE else 0
    phrase: Phrase = node.phrases
    while phrase and node.kind == PHRASES:
        term: Term = phrase.terms
        while term:
            open_term(x, term)
            term = term.next
        phrase = phrase.next
    if node.kind == PHRASES and is_simple(node):
        node.alone = node.phrases.terms.postings
    child: Node = node.children
    while child:
        node_open(x, child)
        child = child.next


def node_end(node: Node) -> None:
    """It has no more rows, nor have those under it."""
    node.ended = 1
    child: Node = node.children
    while child:
        node_end(child)
        child = child.next


@inline
def alone_seek(node: Node, rowid: i64) -> None:
    """node_seek of one term."""
    postings_seek(node.alone, rowid)
    node.rowid = node.alone.rowid
    node.ended = node.alone.ended
    node.counted = 0


@inline
def seek(x: Index, node: Node, rowid: i64) -> None:
    """node_seek, of one term without a call."""
    if node.alone and node.ended == 0:
        alone_seek(node, rowid)
    else:
        node_seek(x, node, rowid)


def node_seek(x: Index, node: Node, rowid: i64) -> None:
    """Go to the first row from `rowid` on: never backward, and at least once for every row it is to be on."""
    if node.ended:
        return
    if node.kind == PHRASES:
        phrases_seek(x, node, rowid)
    elif node.kind == AND:
        and_seek(x, node, rowid)
    elif node.kind == OR:
        or_seek(x, node, rowid)
    elif node.kind == ALL:
        all_seek(x, node, rowid)
    else:
        not_seek(x, node, rowid)


def align_terms(node: Node, rowid: i64) -> bool:
    """Take all terms of a node to the first row from `rowid` on that has all; False: there is none."""
    first: Term = node.phrases.terms
    if node.n_phrases == 1 and node.phrases.n_terms == 2:
        found: bool = meet(first.postings, first.next.postings, rowid)
        node.rowid = first.postings.rowid
        return found
    agreed: bool = False
    while not agreed:
        agreed = True
        phrase: Phrase = node.phrases
        while phrase:
            term: Term = phrase.terms
            while term:
                t: Postings = term.postings
                if t.ended == 0 and t.rowid < rowid:
                    postings_seek(t, rowid)
                if t.ended:
                    return False
                if t.rowid > rowid:
                    agreed = agreed and phrase == node.phrases and term == phrase.terms
                    rowid = t.rowid
                term = term.next
            phrase = phrase.next
    node.rowid = rowid
    return True


def phrases_seek(x: Index, node: Node, rowid: i64) -> None:
    """node_seek of phrases."""
    if node.alone:
        alone_seek(node, rowid)
        return
    while align_terms(node, rowid):
        if has_phrases(x.arena, node, x.detail):
            return
        if node.rowid == LAST_ROW:
            break
        rowid = node.rowid + 1
    node_end(node)


def and_seek(x: Index, node: Node, rowid: i64) -> None:
    """node_seek of AND."""
    left: Node = node.children
    right: Node = left.next
    if left.alone and right.alone and right.next == None:  # noqa: E711
        if not meet(left.alone, right.alone, rowid):
            node_end(node)
            return
        node.rowid = left.alone.rowid
        left.rowid = node.rowid
        left.counted = 0
        right.rowid = node.rowid
        right.counted = 0
        return
    agreed: bool = False
    while not agreed:
        agreed = True
        child: Node = node.children
        while child:
            if child.rowid < rowid or (child.ended == 0 and child.rowid == FIRST_ROW):
                seek(x, child, rowid)
            if child.ended:
                node_end(node)
                return
            if child.rowid > rowid:
                agreed = agreed and child == node.children
                rowid = child.rowid
            child = child.next
    node.rowid = rowid


def or_seek(x: Index, node: Node, rowid: i64) -> None:
    """node_seek of OR."""
    least: i64 = LAST_ROW
    ended: bool = True
    child: Node = node.children
    while child:
        if child.rowid < rowid or child.rowid == FIRST_ROW:
            seek(x, child, rowid)
        if child.ended == 0:
            ended = False
            if child.rowid < least:
                least = child.rowid
        child = child.next
    if ended:
        node_end(node)
    node.rowid = least


def all_seek(x: Index, node: Node, rowid: i64) -> None:
    """node_seek of all rows."""
    if cursor_seek_rowid_op(x.rows, rowid, SEEK_GE, i64(LAST_ROW)):
        node.rowid = x.rows.rowid
    else:
        node_end(node)


def not_seek(x: Index, node: Node, rowid: i64) -> None:
    """node_seek of NOT."""
    left: Node = node.children
    right: Node = left.next
    seek(x, left, rowid)
    while left.ended == 0:
        if right.ended == 0 and (right.rowid < left.rowid or right.rowid == FIRST_ROW):
            seek(x, right, left.rowid)
        if right.ended or right.rowid != left.rowid:
            node.rowid = left.rowid
            return
        if left.rowid == LAST_ROW:
            break
        seek(x, left, left.rowid + 1)
    node_end(node)
