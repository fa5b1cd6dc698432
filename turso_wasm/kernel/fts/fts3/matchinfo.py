"""matchinfo: numbers about a query, a row and a table, for the user's own ranking.

Source: https://sqlite.org/fts3.html section 4.3, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, NULL, Cursor, Run, Value
from turso_wasm.kernel.base.memory import alloc, arena_alloc
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.fts.bytes import Bytes, bytes_init, bytes_room
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.expression import AND, NOTHING, OR, PHRASES, Node, Phrase, raise_about
from turso_wasm.kernel.fts.fts3.hits import copy_node, find_hits, first_shown, next_shown
from turso_wasm.kernel.fts.fts3.stat import SUMS_ROW, read_numbers
from turso_wasm.kernel.fts.phrases import count_hits
from turso_wasm.kernel.fts.positions import COLUMN_SHIFT
from turso_wasm.kernel.fts.postings import FIRST_ROW, LAST_ROW
from turso_wasm.kernel.fts.search import Search, row_of
from turso_wasm.kernel.fts.walk import node_seek
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, memory_fill, ptr, put_le32, scratch, sizeof, u8

__subset__ = True

DEFAULT = b"pcx"


@export
def fn_fts3_matchinfo(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """matchinfo(t, format): numbers of 4 bytes, as the letters of the format say. values: the Search; the number of
    arguments; them. Errors: "unrecognized matchinfo request: x".
    """
    s: Search = Search(i32(values[0].payload))
    p: ptr[u8] = DEFAULT
    size: i32 = len(DEFAULT)
    if n > 2 and values[2].tag != NULL:
        text: i64 = to_text(stmt, values[2].tag, values[2].payload)
        p = bytes_of(text)
        size = size_of(text)
    if s.root == None:  # noqa: E711
        return BLOB, pack(b"", 0)
    for i in range(size):
        check_letter(s, p + i)
    find_hits(s)
    out: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(out, stmt.arena)
    for i in range(size):
        add_letter(s, stmt, out, i32(p[i]))
    if out.size == 0:
        return BLOB, pack(b"", 0)
    return BLOB, pack(out.data, out.size)


def check_letter(s: Search, p: ptr[u8]) -> None:
    """Raise unless the table knows what the letter asks for."""
    c: i32 = p[0]
    if c == 112 or c == 99 or c == 115 or c == 120 or c == 121 or c == 98:  # p c s x y b
        return
    if (c == 110 or c == 97) and s.config.options:  # n a
        return
    if c == 108 and s.config.docsize:  # l
        return
    raise_about(s.arena, *lit(b"unrecognized matchinfo request: "), p, 1, *lit(b""))


def add(out: Bytes, value: i64) -> None:
    """Append a number."""
    put_le32(bytes_room(out, 4), i32(value))
    out.size += 4


def count_phrases(s: Search) -> i32:
    """How many phrases the query has."""
    n: i32 = 0
    phrase: Phrase = first_shown(s)
    while phrase:
        n += 1
        phrase = next_shown(phrase)
    return n


def add_letter(s: Search, stmt: Run, out: Bytes, letter: i32) -> None:
    """Append what a letter asks for."""
    columns: i32 = s.config.n_columns
    if letter == 112:
        add(out, i64(count_phrases(s)))
    elif letter == 99:
        add(out, i64(columns))
    elif letter == 110 or letter == 97:
        add_sums(s, stmt, out, letter)
    elif letter == 108:
        add_sizes(s, stmt, out)
    elif letter == 115:
        for column in range(columns):
            add(out, i64(longest(s, stmt, column)))
    else:
        phrase: Phrase = first_shown(s)
        while phrase:
            if letter == 120:
                add_statistics(s, stmt, out, phrase)
            else:
                add_hits(s, stmt, out, phrase, letter)
            phrase = next_shown(phrase)


# --- the table -----------------------------------------------------------------------------------------------------


def add_sums(s: Search, stmt: Run, out: Bytes, letter: i32) -> None:
    """The number of rows; or how many tokens each column has on an average."""
    n: i32 = s.config.n_columns
    numbers: ptr[i64] = ptr[i64](alloc(stmt, 8 * n + 8))
    c: Cursor = cursor_open(stmt, s.config.slot, s.config.options, None, 0)
    _ = read_numbers(stmt, c, i64(SUMS_ROW), numbers, n + 1)
    cursor_close(c)
    rows: i64 = numbers[0]
    if rows <= 0:
        fts_corrupt()
    if letter == 110:
        add(out, rows)
        return
    for i in range(n):
        add(out, (i64(i32(numbers[1 + i])) + rows // 2) // rows)


def add_sizes(s: Search, stmt: Run, out: Bytes) -> None:
    """The tokens of each column of the row."""
    n: i32 = s.config.n_columns
    numbers: ptr[i64] = ptr[i64](alloc(stmt, 8 * n + 8))
    c: Cursor = cursor_open(stmt, s.config.slot, s.config.docsize, None, 0)
    found: i32 = read_numbers(stmt, c, row_of(s, s.rowid), numbers, n)
    cursor_close(c)
    if found == 0:
        fts_corrupt()
    for i in range(n):
        add(out, numbers[i])


# --- hits ----------------------------------------------------------------------------------------------------------


def hits_by_column(phrase: Phrase, out: ptr[i64], n: i32) -> None:
    """Add the hits of a phrase to the numbers of their columns."""
    for i in range(phrase.n_hits):
        column: i32 = i32(phrase.hits[i] >> COLUMN_SHIFT)
        if column < n:
            out[column] += 1


def hits_of_row(s: Search, stmt: Run, phrase: Phrase) -> ptr[i64]:
    """How often a phrase is in each column of the row."""
    n: i32 = s.config.n_columns
    out: ptr[i64] = ptr[i64](alloc(stmt, 8 * n + 8))
    memory_fill(out, 0, 8 * n)
    if phrase.found:
        hits_by_column(phrase.found, out, n)
    return out


def add_hits(s: Search, stmt: Run, out: Bytes, phrase: Phrase, letter: i32) -> None:
    """The hits of a phrase by column; or a bit for each column that has any."""
    hits: ptr[i64] = hits_of_row(s, stmt, phrase)
    if phrase.node.stands == 0:
        memory_fill(hits, 0, 8 * s.config.n_columns)
    bits: i32 = 0
    for i in range(s.config.n_columns):
        if letter == 121:
            add(out, hits[i])
            continue
        if hits[i]:
            bits |= 1 << (i & 31)
        if i & 31 == 31 or i == s.config.n_columns - 1:
            add(out, i64(bits))
            bits = 0


def add_statistics(s: Search, stmt: Run, out: Bytes, phrase: Phrase) -> None:
    """Of each column the hits in the row, the hits in all rows, the rows with hits."""
    n: i32 = s.config.n_columns
    hits: ptr[i64] = hits_of_row(s, stmt, phrase)
    if phrase.totals == None:  # noqa: E711
        count_all(s, phrase.node)
    for i in range(n):
        add(out, hits[i])
        add(out, phrase.totals[i])
        add(out, phrase.totals[n + i])


def is_whole(node: Node, counted: Node, rowid: i64) -> bool:
    """Whether a query matches a row that one of its nodes is on, the others being where they are.

    So SQLite chooses the rows in which phrases near each other are counted.
    """
    if node.kind == PHRASES or node.kind == NOTHING:
        return node == counted or (node.ended == 0 and node.rowid == rowid)
    first: bool = is_whole(node.children, counted, rowid)
    child: Node = node.children.next
    while child:
        other: bool = is_whole(child, counted, rowid)
        if node.kind == AND:
            first = first and other
        elif node.kind == OR:
            first = first or other
        else:
            first = first and not other
        child = child.next
    return first


def count_all(s: Search, node: Node) -> None:
    """Go through all rows of a phrase, or of phrases near each other, for their totals."""
    n: i32 = s.config.n_columns
    copy: Node = copy_node(s, node)
    phrase: Phrase = node.phrases
    while phrase:
        phrase.totals = ptr[i64](arena_alloc(s.arena, 16 * n))
        memory_fill(phrase.totals, 0, 16 * n)
        phrase = phrase.next
    own: Phrase = copy.phrases
    phrase = node.phrases
    while own:
        own.totals = phrase.totals
        own = own.next
        phrase = phrase.next
    hits: ptr[i64] = ptr[i64](arena_alloc(s.reading, 8 * n))
    node_seek(s.index, copy, i64(FIRST_ROW))
    while copy.ended == 0:
        count_hits(s.reading, copy, s.config.detail)
        own = copy.phrases if node.chained == 0 or is_whole(s.root, node, copy.rowid) else Phrase(0)
        while own:
            memory_fill(hits, 0, 8 * n)
            hits_by_column(own, hits, n)
            for i in range(n):
                own.totals[i] += hits[i]
                own.totals[n + i] += 1 if hits[i] else 0
            own = own.next
        if copy.rowid == LAST_ROW:
            return
        node_seek(s.index, copy, copy.rowid + 1)


# --- the longest run ---------------------------------------------------------------------------------------------


def longest(s: Search, stmt: Run, column: i32) -> i32:
    """How many phrases of the query, one behind the other, stand in a column as they stand in the query.

    A phrase's place is where the query would have to begin for the phrase to be where it is.
    """
    n: i32 = count_phrases(s)
    cursors: ptr[i32] = ptr[i32](alloc(stmt, 4 * n + 8))
    memory_fill(cursors, 0, 4 * n)
    best: i32 = 0
    while True:
        run: i32 = 0
        before: i64 = i64(0)  # the place of the phrase before
        terms: i32 = 0
        least: i64 = i64(LAST_ROW)
        next: i32 = -1
        i: i32 = 0
        phrase: Phrase = first_shown(s)
        while phrase:
            found: Phrase = phrase.found
            at: i32 = cursors[i]
            while found and at < found.n_hits and i32(found.hits[at] >> COLUMN_SHIFT) < column:
                at += 1
            cursors[i] = at
            if found and at < found.n_hits and i32(found.hits[at] >> COLUMN_SHIFT) == column:
                place: i64 = found.hits[at] - i64(terms)
                run = run + 1 if run and place == before else 1
                before = place
                best = run if run > best else best
                if place < least:
                    least = place
                    next = i
            else:
                run = 0
            terms += phrase.n_terms
            i += 1
            phrase = next_shown(phrase)
        if next < 0:
            return best
        cursors[next] += 1
