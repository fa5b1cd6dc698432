"""Where the phrases of a query are in the row that is shown, for the functions of FTS3.

A phrase counts wherever it is, whether or not it has a part in that the row matches (which matters to some letters of
matchinfo); but for those behind NOT. The walk through the query may be beyond the row with some of them, so those have
a twin that goes from row to row by itself.
"""

from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.expression import AND, OR, PHRASES, Node, Phrase, Term
from turso_wasm.kernel.fts.phrases import count_hits
from turso_wasm.kernel.fts.search import Search
from turso_wasm.kernel.fts.walk import node_open, node_seek
from turso_wasm.wasm.lang import i32, i64, memory_copy, sizeof

__subset__ = True


def shown_from(phrase: Phrase) -> Phrase:
    """The phrase, or the next one that counts."""
    while phrase and phrase.hidden:
        phrase = phrase.later
    return phrase


def first_shown(s: Search) -> Phrase:
    """The first phrase that counts; null: there is none."""
    return shown_from(s.parser.phrases)


def next_shown(phrase: Phrase) -> Phrase:
    """The next one; null: there is none."""
    return shown_from(phrase.later)


def find_hits(s: Search) -> None:
    """Have Phrase.found of all phrases that count."""
    if s.hits_of == s.rowid and s.has_hits:
        return
    s.has_hits = 1
    s.hits_of = s.rowid
    mark(s.root, s.rowid, 1)
    phrase: Phrase = first_shown(s)
    while phrase:
        node: Node = phrase.node
        phrase.found = None
        if node.kind == PHRASES and node.ended == 0 and node.rowid == s.rowid:
            count_hits(s.reading, node, s.config.detail)
            phrase.found = phrase
        elif node.kind == PHRASES:
            find_by_twin(s, node, phrase)
        phrase = next_shown(phrase)


def mark(node: Node, rowid: i64, stands: i32) -> None:
    """Have Node.stands: all above the node that join others by AND and OR are on the row."""
    if (node.kind == AND or node.kind == OR) and (node.ended or node.rowid != rowid):
        stands = 0
    node.stands = stands
    child: Node = node.children
    while child:
        mark(child, rowid, stands)
        child = child.next


def find_by_twin(s: Search, node: Node, phrase: Phrase) -> None:
    """Have Phrase.found of a phrase whose node is elsewhere."""
    if node.twin == None:  # noqa: E711
        node.twin = copy_node(s, node)
        of: Phrase = node.phrases
        own: Phrase = node.twin.phrases
        while of:
            of.twin = own
            of = of.next
            own = own.next
    twin: Node = node.twin
    if twin.ended == 0 and twin.rowid < s.rowid:
        node_seek(s.index, twin, s.rowid)
    if twin.ended == 0 and twin.rowid == s.rowid:
        count_hits(s.reading, twin, s.config.detail)
        phrase.found = phrase.twin


def copy_node(s: Search, node: Node) -> Node:
    """The same phrases, on no row yet."""
    copy: Node = Node(arena_alloc(s.reading, sizeof(Node)))
    memory_copy(copy, node, sizeof(Node))
    copy.phrases = None
    copy.next = None
    last: Phrase = None
    phrase: Phrase = node.phrases
    while phrase:
        own: Phrase = copy_phrase(s, phrase, copy)
        if last:
            last.next = own
        else:
            copy.phrases = own
        last = own
        phrase = phrase.next
    node_open(s.index, copy)
    return copy


def copy_phrase(s: Search, phrase: Phrase, node: Node) -> Phrase:
    """A phrase with places of its own in the index, for the same totals."""
    own: Phrase = Phrase(arena_alloc(s.reading, sizeof(Phrase)))
    memory_copy(own, phrase, sizeof(Phrase))
    own.node = node
    own.next = None
    own.hits = None
    own.n_hits = 0
    own.capacity = 0
    copy_terms(s, own)
    return own


def copy_terms(s: Search, phrase: Phrase) -> None:
    """Have terms of its own."""
    term: Term = phrase.terms
    phrase.terms = None
    phrase.last = None
    while term:
        own: Term = Term(arena_alloc(s.reading, sizeof(Term)))
        memory_copy(own, term, sizeof(Term))
        own.next = None
        if phrase.last:
            phrase.last.next = own
        else:
            phrase.terms = own
        phrase.last = own
        term = term.next
