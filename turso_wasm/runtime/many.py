"""executemany: a statement run for one set of parameters after the other.

Sets that are at hand are taken in batches. A batch of plain values, for a statement without rows, is encoded at once
and run in one entry of the kernel; others are bound and run one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from turso_wasm.runtime.bulk import FEW, encode_sets, plain_columns

if TYPE_CHECKING:
    from turso_wasm.runtime.statement import HostStatement

SETS_A_TURN = 256  # until others have their turn
AT_HAND = frozenset((type(iter(())), type(iter([]))))  # iterators that never wait

ValuesOf = Callable[[Any], Sequence[Any]]


def run_many(statement: HostStatement, sets: Iterator[Any], literals: Sequence[Any], values_of: ValuesOf) -> None:
    """Run once for each of `sets`, dropping result rows; `values_of` makes parameters of one set.

    `statement.left` are the sets that were taken and not done when it raises; `changed` counts the rows changed.
    Errors: as HostStatement.bind and step.
    """
    host, connection = statement.host, statement.connection
    statement.changed = 0
    n = SETS_A_TURN if type(sets) in AT_HAND else 1
    while batch := list(islice(sets, n)):  # without the lock: where they come from may wait for others who want it
        with host.lock:
            if connection.stepping:
                connection.wait_turn()
            statement.left = batch
            if connection.address and not _run_at_once(statement, batch, literals):
                _run_each(statement, batch, literals, values_of)
            if not connection.address:
                return  # the connection was closed, by what made the parameters
            host.give_way()
    statement.left = []


def _run_at_once(statement: HostStatement, batch: list[Any], literals: Sequence[Any]) -> bool:
    """False: that cannot be done with this statement and these sets."""
    if len(batch) < FEW or statement.n_columns or statement.connection.progress is not None:
        return False
    if not statement.n_values or statement.n_values + len(literals) != statement.n_parameters:
        return False
    columns = plain_columns(batch, statement.n_values)
    if columns is None or tuple in map(type, literals):
        return False
    columns += ((each,) * len(batch) for each in literals)
    try:
        statement.bind_rows(partial(encode_sets, columns))
    except (OverflowError, UnicodeEncodeError):
        return False
    statement.repeat(len(batch))
    return True


def _run_each(statement: HostStatement, batch: list[Any], literals: Sequence[Any], values_of: ValuesOf) -> None:
    n, connection = statement.n_parameters, statement.connection
    statement.bound = None
    done = 0
    try:
        for done, one in enumerate(batch):  # noqa: B007  said when it raises
            packer = statement.packer
            block = None
            if packer is not None and not literals and type(one) is tuple and len(one) == n:
                block = packer(one, statement.params_at)
            if block is None or len(block) > statement.params_size:
                values = values_of(one)
                if not connection.address:
                    return
                block = statement.block(values, literals)
            if statement.n_columns:
                statement.run_without_rows(block)
            else:
                statement.changed += statement.run_once(block)
    except BaseException:
        statement.left = batch[done:]
        raise
