"""The .test runner: statements and the rows SQLite gives for them, in text files that are read and reviewed as such.

    # A comment belongs to the block below it.
    > CREATE TABLE t(a INTEGER, b TEXT)
    > INSERT INTO t VALUES ('1', 2),
        ('x', NULL)                          a line that begins with a space goes on with the statement
    ---
    ok                                       nothing was answered

    > SELECT a, typeof(a), b FROM t          rows print as SQL literals
    ---
    1|'integer'|'2'
    'x'|'text'|NULL

    !> SELECT nope FROM t                    a failing statement is written with !
    ---
    SQLITE_ERROR: no such column: nope

    c1: > BEGIN IMMEDIATE                    a connection is named before the statement; the answer carries the name
    c2: !> BEGIN IMMEDIATE
    ---
    c2: SQLITE_BUSY: database is locked

    [sorted]> SELECT b FROM t                any order of rows is right: they are sorted before they are compared
    [columns]> SELECT a AS x FROM t          the first line is the column names

    @file                                    what follows runs on a fresh database file (so that connections share it)
    @reset                                   what follows runs on a fresh :memory: database
    @differs <reason>                        the next block answers what we answer, not what SQLite answers
    @not-yet <feature>                       the next block passes as long as we say "not supported yet" to it

Everything after `---` is recorded by `python -m tests.golden --record path…` — from the oracle, never from us. A test
runs the block on both: a recorded answer that is not the oracle's is stale, an answer of ours that is not the
recorded one is a bug.

pytest collects every tests/**/*.test file, one item a block, named by its line: `tests/sql/affinity.test::L9` or,
shorter, `tests/sql/affinity.test:9` for the block that line is in.
"""
