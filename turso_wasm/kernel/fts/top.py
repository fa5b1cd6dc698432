"""The best ranks so far, where only so many rows are wanted, and whether a row can still be among them.

How often a phrase is in a row is not more than its rarest token's positions have bytes there; and the fewer tokens the
row has, the better. So a row whose positions are too few is passed over: neither are they looked at, nor how many
tokens it has.
"""

from turso_wasm.kernel.abi import INTEGER, REAL, Arena, Value
from turso_wasm.kernel.fts.expression import Phrase, Term
from turso_wasm.kernel.values.best import Best, best_begin
from turso_wasm.kernel.values.value import to_real
from turso_wasm.wasm.lang import Struct, f64, i32, i64, ptr

__subset__ = True

K1 = 1.2
B = 0.75
WEIGHT_MOST = 1e6
ROUNDING = 1.000001


class Top(Struct):
    """The best ranks, and what a row's can be at most."""

    best: Best.embed
    weight: f64  # the largest of a column


def top_begin(t: Top, arena: Arena, limit: Value, weights: ptr[Value], n: i32) -> None:
    """So many are wanted. weights: of the first n columns."""
    t.best.limit = -1
    t.weight = 1.0
    for i in range(n):
        weight: f64 = to_real(weights[i].tag, weights[i].payload)
        if (weights[i].tag != INTEGER and weights[i].tag != REAL) or not (weight >= 0.0 and weight <= WEIGHT_MOST):
            return
        if weight > t.weight:
            t.weight = weight
    best_begin(t.best, arena, limit)


def top_wants(t: Top, phrase: Phrase, rowid: i64) -> bool:
    """Whether a row may be among the best; phrase: the first of the query, all of whose `idf` are known."""
    total: f64 = 0.0
    while phrase:
        if phrase.node.ended == 0 and phrase.node.rowid == rowid:
            most: i32 = 0x7FFFFFFF
            term: Term = phrase.terms
            while term:
                if term.postings.size < most:
                    most = term.postings.size
                term = term.next
            freq: f64 = f64(most) * t.weight
            total += phrase.idf * (freq * (K1 + 1.0) / (freq + K1 * (1.0 - B)))
        phrase = phrase.later
    return total * ROUNDING >= t.best.heap[0]
