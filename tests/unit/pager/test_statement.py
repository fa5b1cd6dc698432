"""How statements begin, end and fail, and what that does to the transaction."""

from __future__ import annotations

import pytest

from tests.harness.pager import Engine, Link, SqlFailure, Work, page_bytes
from turso_wasm.kernel.abi import CAP_OWNED, DB_SCHEMA_COOKIE, KernelConnection, Run
from turso_wasm.vfs.memory import MemoryVfs

CONSTRAINT, FULL, IOERR, NOMEM, INTERRUPT, CORRUPT, ERROR = 19, 13, 10, 7, 9, 11, 1
ABORT, FAIL, ROLLBACK = 0, 1, 2


@pytest.fixture
def link() -> Link:
    link = Engine(MemoryVfs(CAP_OWNED)).connect()
    put(link, 2, 1)
    return link


def put(link: Link, pgno: int, value: int) -> None:
    with link.write() as work:
        work.put(pgno, page_bytes(value))


def value_at(link: Link, pgno: int = 2) -> int:
    return int.from_bytes(link.page(pgno)[:4], "little")


def failing(link: Link, code: int, on_error: int = ABORT, savepoint: bool = True) -> None:
    """A statement that writes 50 to page 2 and then fails."""
    with link.write(savepoint=savepoint) as work:
        work.put(2, page_bytes(50))
        work.fail(code, on_error)


# --- failing outside a transaction ----------------------------------------------------------------------------


@pytest.mark.parametrize("code", [CONSTRAINT, FULL, IOERR, NOMEM, INTERRUPT, CORRUPT, ERROR])
@pytest.mark.parametrize("savepoint", [False, True])
def test_a_failing_statement_alone_leaves_nothing(link: Link, code: int, savepoint: bool) -> None:
    failing(link, code, savepoint=savepoint)
    assert (value_at(link), link.autocommit) == (1, 1)
    put(link, 2, 2)
    assert value_at(link) == 2


def test_or_fail_alone_keeps_and_commits_what_was_done(link: Link) -> None:
    failing(link, CONSTRAINT, FAIL)
    assert value_at(link.engine.connect()) == 50


def test_or_rollback_alone_undoes(link: Link) -> None:
    failing(link, CONSTRAINT, ROLLBACK)
    assert value_at(link) == 1


# --- failing inside a transaction -----------------------------------------------------------------------------


@pytest.mark.parametrize("code", [CONSTRAINT, 2067, ERROR, 18])
def test_abort_undoes_the_statement_only(link: Link, code: int) -> None:
    link.begin()
    put(link, 2, 7)
    failing(link, code)
    assert (value_at(link), link.autocommit) == (7, 0)
    link.commit()
    assert value_at(link) == 7


def test_fail_keeps_what_the_statement_did(link: Link) -> None:
    link.begin()
    failing(link, CONSTRAINT, FAIL)
    assert (value_at(link), link.autocommit) == (50, 0)
    link.rollback()
    assert value_at(link) == 1


@pytest.mark.parametrize(
    ("code", "on_error"),
    [
        (CONSTRAINT, ROLLBACK),
        (FULL, ABORT),
        (IOERR, ABORT),
        (NOMEM, FAIL),
        (INTERRUPT, ABORT),
        (CORRUPT, ABORT),
        (2, ABORT),
    ],
)
def test_some_errors_roll_the_transaction_back(link: Link, code: int, on_error: int) -> None:
    link.begin()
    put(link, 2, 7)
    failing(link, code, on_error)
    assert (value_at(link), link.autocommit) == (1, 1)
    with pytest.raises(SqlFailure, match="1: cannot commit - no transaction is active"):
        link.commit()


def test_without_a_savepoint_a_statement_that_changed_something_takes_the_transaction_with_it(link: Link) -> None:
    link.begin()
    put(link, 3, 7)
    failing(link, CONSTRAINT, savepoint=False)
    assert (value_at(link), link.autocommit) == (1, 1)


def test_without_a_savepoint_a_statement_that_changed_nothing_leaves_the_transaction_alone(link: Link) -> None:
    link.begin()
    put(link, 2, 7)
    with link.write() as work:
        work.get(2)
        work.fail()
    assert (value_at(link), link.autocommit) == (7, 0)


def test_a_read_that_fails_leaves_the_transaction_alone(link: Link) -> None:
    link.begin()
    put(link, 2, 7)
    with link.read() as work:
        work.fail(INTERRUPT)
    assert (value_at(link), link.autocommit) == (7, 0)


# --- several statements of one connection ---------------------------------------------------------------------


def test_a_reader_goes_on_while_another_statement_writes_and_fails(link: Link) -> None:
    reading = link.start()
    put(link, 2, 5)
    failing(link, CONSTRAINT)
    assert int.from_bytes(reading.get(2)[:4], "little") == 5
    reading.done()
    reading.free()


def test_a_write_is_committed_when_the_last_writer_is_done(link: Link) -> None:
    first, second = link.start(write=1), link.start(write=1)
    first.put(2, page_bytes(8))
    second.put(3, page_bytes(9))
    first.done()
    assert link.engine.field(KernelConnection, link.c, "autocommit") == 1
    link.engine.calls.clear()
    second.done()
    assert [call[0] for call in link.engine.calls] == ["open", "write", "sync"]
    assert (value_at(link), value_at(link, 3)) == (8, 9)
    first.free()
    second.free()


def test_rolling_back_trips_the_statement_that_was_writing(link: Link) -> None:
    link.begin()
    writing = link.start(write=1)
    writing.put(2, page_bytes(8))
    link.rollback()
    assert value_at(link) == 1
    with pytest.raises(SqlFailure, match="4: abort due to ROLLBACK"):
        writing.put(2, page_bytes(9))
    writing.free()
    assert value_at(link) == 1 and link.autocommit == 1


def test_a_tripped_statement_does_not_end_well(link: Link) -> None:
    link.begin()
    writing = link.start(write=1)
    writing.put(2, page_bytes(8))
    link.rollback()
    with pytest.raises(SqlFailure, match="516: abort due to ROLLBACK"):
        writing.done()
    writing.free()


def test_commit_and_savepoints_wait_for_writing_statements(link: Link) -> None:
    link.begin()
    link.savepoint("a")
    writing = link.start(write=1)
    for action, what in (
        (link.commit, "cannot commit transaction"),
        (lambda: link.savepoint("b"), "cannot open savepoint"),
        (lambda: link.release("a"), "cannot release savepoint"),
    ):
        with pytest.raises(SqlFailure, match=f"5: {what} - SQL statements in progress"):
            action()
    writing.done()
    writing.free()
    link.commit()


def test_resetting_an_unfinished_write_undoes_it(link: Link) -> None:
    work = link.start(write=1)
    work.put(2, page_bytes(9))
    work.reset()
    assert value_at(link) == 1
    link.begin()
    work = link.start(write=1)
    work.savepoint()
    work.put(2, page_bytes(9))
    work.free()
    assert (value_at(link), link.autocommit) == (1, 0)
    link.rollback()


# --- transactions and savepoints ------------------------------------------------------------------------------


def test_the_messages_of_transactions(link: Link) -> None:
    for action, message in (
        (link.commit, "1: cannot commit - no transaction is active"),
        (link.rollback, "1: cannot rollback - no transaction is active"),
        (lambda: link.release("x"), "1: no such savepoint: x"),
        (lambda: link.rollback_to("Ünknown"), "1: no such savepoint: Ünknown"),
    ):
        with pytest.raises(SqlFailure) as failure:
            action()
        assert str(failure.value) == message
    link.begin()
    with pytest.raises(SqlFailure, match="1: cannot start a transaction within a transaction"):
        link.begin()
    assert link.autocommit == 0
    link.rollback()


def test_releasing_the_savepoint_that_began_the_transaction_commits(link: Link) -> None:
    link.savepoint("outer")
    put(link, 2, 5)
    link.savepoint("inner")
    put(link, 2, 6)
    link.rollback_to("INNER")
    link.release("inner")
    assert link.autocommit == 0 and value_at(link) == 5
    link.release("Outer")
    assert link.autocommit == 1
    assert value_at(link.engine.connect()) == 5


def test_a_savepoint_inside_begin_does_not_commit(link: Link) -> None:
    link.begin()
    link.savepoint("a")
    put(link, 2, 5)
    link.release("a")
    assert link.autocommit == 0
    link.rollback()
    assert value_at(link) == 1


def test_the_innermost_of_equal_names_counts(link: Link) -> None:
    link.savepoint("a")
    put(link, 2, 2)
    link.savepoint("a")
    put(link, 2, 3)
    link.rollback_to("a")
    assert value_at(link) == 2
    link.release("a")
    link.rollback_to("a")
    assert value_at(link) == 1
    link.release("a")


# --- beginning ------------------------------------------------------------------------------------------------


def test_a_changed_schema_cookie_is_noticed(link: Link) -> None:
    link.set(DB_SCHEMA_COOKIE, 7)
    with link.statement(0, cookie=7):
        pass
    for write in (0, 1):
        with pytest.raises(SqlFailure, match="17: database schema has changed"), link.statement(write, cookie=6):
            pass
    put(link, 2, 3)


def test_a_schema_change_of_its_own_begins_an_epoch(link: Link) -> None:
    before = link.epoch
    link.set(DB_SCHEMA_COOKIE, 7)
    assert link.epoch != before
    with pytest.raises(SqlFailure, match="17: database schema has changed"), link.statement(0, 7, before):
        pass
    with link.statement(0, 7):
        pass


def test_a_schema_change_that_is_taken_back_begins_an_epoch_again(link: Link) -> None:
    """The cookie alone would not tell: it counts the same numbers twice."""
    link.set(DB_SCHEMA_COOKIE, 7)
    seen = [link.epoch]
    for undo, ended in ((link.rollback, True), (lambda: link.rollback_to("a"), False)):
        link.begin()
        link.savepoint("a")
        link.set(DB_SCHEMA_COOKIE, 8)
        seen.append(link.epoch)
        undo()
        seen.append(link.epoch)
        assert link.get(DB_SCHEMA_COOKIE) == 7
        if not ended:
            link.commit()
    assert len(set(seen)) == len(seen)


def test_other_rollbacks_begin_no_epoch(link: Link) -> None:
    before = link.epoch
    link.begin()
    put(link, 2, 3)
    link.rollback()
    link.set(DB_SCHEMA_COOKIE, 7)
    changed = link.epoch
    link.begin()
    put(link, 2, 3)
    link.rollback()
    assert (before, changed) == (0, link.epoch)


def test_interrupt_stops_running_statements_only(link: Link) -> None:
    set_interrupted(link)
    put(link, 2, 2)
    work = link.start(write=1)
    work.put(2, page_bytes(3))
    set_interrupted(link)
    with pytest.raises(SqlFailure, match="9: interrupted"):
        work.call("poll", work.s)
    work.free()
    assert value_at(link) == 2


def test_a_host_can_interrupt_from_poll(link: Link) -> None:
    work = link.start()
    link.engine.polled = 1
    with pytest.raises(SqlFailure, match="9: interrupted"):
        work.call("poll", work.s)
    link.engine.polled = 0
    work.free()


def set_interrupted(link: Link) -> None:
    link.engine.set_field(KernelConnection, link.c, "interrupted", 1)


def test_poll_refills_the_budget_and_yields_if_the_host_wants(link: Link) -> None:
    work = link.start()
    link.engine.set_field(Run, work.s, "budget", 0)
    assert work.call("poll", work.s) == 0
    assert link.engine.field(Run, work.s, "budget") > 1000
    work.call("poll_set_yields", 1)
    assert work.call("poll", work.s) == 1
    work.call("poll_set_yields", 0)
    work.free()


def test_changes_are_counted_when_the_statement_is_done(link: Link) -> None:
    def change(n: int, fails: bool) -> tuple[int, int]:
        work: Work = link.start(write=1)
        link.engine.set_field(Run, work.s, "flags", 1)
        link.engine.set_field(Run, work.s, "changes", n)
        if fails:
            work.fail()
        else:
            work.done()
        work.free()
        return link.engine.field(KernelConnection, link.c, "changes"), link.engine.field(
            KernelConnection, link.c, "total_changes"
        )

    assert [change(5, False), change(3, True), change(2, False)] == [(5, 5), (0, 5), (2, 7)]


def test_freeing_the_connection_rolls_back(link: Link) -> None:
    other = link.engine.connect()
    link.begin()
    put(link, 2, 9)
    link.start(write=1).put(2, page_bytes(10))
    link.close()
    put(other, 3, 3)
    assert value_at(other) == 1
