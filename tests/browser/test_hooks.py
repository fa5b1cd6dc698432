"""Hooks of the host's connections (web/hooks.js): the events are SQLite's."""

from __future__ import annotations

import json
from typing import Any

import apsw

from tests.browser.modules import in_node

SCRIPTS = [
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)",
    "INSERT INTO t VALUES (1, 'x'), (2, 'y')",
    "UPDATE t SET b = 'z' WHERE a = 1",
    "UPDATE t SET a = 10 WHERE a = 1",
    "REPLACE INTO t VALUES (5, 'z')",
    "INSERT INTO t VALUES (5, 'q') ON CONFLICT DO UPDATE SET b = 'qq'",
    "INSERT INTO t VALUES (5, 'q')",
    "INSERT INTO t(b) VALUES ('r') RETURNING a",
    "BEGIN; INSERT INTO t VALUES (7, 's'); ROLLBACK",
    "BEGIN; INSERT INTO t VALUES (7, 's'); COMMIT",
    "BEGIN; SELECT * FROM t; COMMIT",
    "BEGIN IMMEDIATE; COMMIT",
    "BEGIN; ROLLBACK",
    "SAVEPOINT a; INSERT INTO t VALUES (20, 20); ROLLBACK TO a; RELEASE a",
    "UPDATE t SET b = b WHERE 0",
    "DELETE FROM t WHERE a = 7",
    "DELETE FROM t",
    "CREATE TABLE w(a PRIMARY KEY) WITHOUT ROWID; INSERT INTO w VALUES (1)",
    "CREATE TEMP TABLE tt(rowid); INSERT INTO tt VALUES (3)",
    'CREATE TABLE "it\'s"(a); INSERT INTO "it\'s" VALUES (1)',
    "PRAGMA foreign_keys = ON; CREATE TABLE p(a INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2)",
    "CREATE TABLE c(x REFERENCES p ON DELETE CASCADE); INSERT INTO c VALUES (1), (2)",
    "DELETE FROM p WHERE a = 1",
    "DELETE FROM p",
    "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO c VALUES (NULL); END; INSERT INTO t VALUES (1, 2)",
    "CREATE TABLE counted(a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO counted DEFAULT VALUES",
]
REFUSED = ["INSERT INTO t(b) VALUES ('v')", "BEGIN; DELETE FROM t; COMMIT", "INSERT OR FAIL INTO t(b) VALUES ('v')"]

PROGRAM = """
import { connect } from 'turso-wasm/host';
const db = await connect(':memory:');
let told = [];
let refused = false;
db.hook('update', (...change) => told.push(change.join(' ')))
  .hook('commit', () => { told.push('commit'); return refused; })
  .hook('rollback', () => told.push('rollback'));
const events = [];
for (const [scripts, refuses] of [[SCRIPTS, false], [REFUSED, true]]) {
  refused = refuses;
  for (const sql of scripts) {
    told = [];
    try { db.exec(sql); } catch (error) { told.push(error.message); }
    events.push(told);
  }
}
db.hook('update', null).hook('commit', null).hook('rollback', null);
told = [];
db.exec("INSERT INTO t(b) VALUES ('unheard'); BEGIN; ROLLBACK");
console.log(JSON.stringify([events, told]));
process.exit();
"""


def test_rows_commits_and_rollbacks() -> None:
    program = PROGRAM.replace("SCRIPTS", json.dumps(SCRIPTS)).replace("REFUSED", json.dumps(REFUSED))
    events, unheard = json.loads(in_node(program))
    assert events == expected()
    assert unheard == []


def expected() -> list[list[str]]:
    """What SQLite tells of each script."""
    db = apsw.Connection(":memory:")
    told: list[str] = []
    refused = False
    names = {apsw.SQLITE_INSERT: "INSERT", apsw.SQLITE_UPDATE: "UPDATE", apsw.SQLITE_DELETE: "DELETE"}

    def before_commit() -> bool:
        told.append("commit")
        return refused

    db.set_update_hook(lambda kind, schema, table, rowid: told.append(f"{names[kind]} {schema} {table} {rowid}"))
    db.set_commit_hook(before_commit)
    db.set_rollback_hook(lambda: told.append("rollback"))
    events = []
    for sql in SCRIPTS + REFUSED:
        refused = sql in REFUSED
        told.clear()
        try:
            list(db.execute(sql))
        except apsw.Error as error:
            told.append(str(error))
        events.append(list(told))
    db.set_rollback_hook(None)
    return events


def test_authorizers_progress_and_mistakes() -> None:
    said: list[Any] = json.loads(in_node(CALLS))
    assert said == [
        [[[21, None, None, None, None], [20, "t", "a", "main", None]], [1]],
        [{"a": 1, "b": None}],
        ["SQLITE_AUTH", "not authorized"],
        ["TypeError", "an authorizer must return SQLITE_OK (0), SQLITE_DENY (1) or SQLITE_IGNORE (2), not 7"],
        ["Error", "of the authorizer"],
        [{"a": 1, "b": 2}],
        ["SQLITE_INTERRUPT", "interrupted"],
        ["SQLITE_INTERRUPT", "interrupted"],
        [{"n": 1}],
        ["TypeError", 'hook() takes "update" or "commit" or "rollback" or "authorizer" or "progress", not string'],
        ["TypeError", "hook(): the update hook takes a function, not number"],
        ["TypeError", 'hook(): the option "every" takes a number, 0 or more, not string'],
        ["Error", "of the hook"],
        ["RangeError", "of the commit hook"],
        [{"n": 1}],
        ["SQLITE_MISUSE", "the database is closed"],
    ]


CALLS = """
import { connect, constants } from 'turso-wasm/host';
const db = await connect(':memory:');
db.exec('CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)');
const said = [];
const say = (act) => {
  try { said.push(act()); } catch (error) { said.push([error.code ?? error.name, error.message]); }
};
const thrown = (error) => () => { throw error; };
const prepared = db.prepare('SELECT a FROM t').pluck();
prepared.get();
const asked = [];
db.hook('authorizer', (...facts) => asked.push(facts) && constants.SQLITE_OK);
say(() => { const rows = prepared.all(); return [asked, rows]; });
db.hook('authorizer', (action, table, column) => {
  if (action === constants.SQLITE_DELETE) return constants.SQLITE_DENY;
  return column === 'b' ? constants.SQLITE_IGNORE : constants.SQLITE_OK;
});
say(() => db.all('SELECT a, b FROM t'));
say(() => db.run('DELETE FROM t'));
db.hook('authorizer', () => 7);
say(() => db.all('SELECT a, b FROM t'));
db.hook('authorizer', thrown(new Error('of the authorizer')));
say(() => db.all('SELECT a, b FROM t'));
db.hook('authorizer', null);
say(() => db.all('SELECT a, b FROM t'));
let turns = 0;
db.hook('progress', () => ++turns === 20, { every: 100 });
say(() => db.all('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'));
db.hook('progress', () => true, { every: 1 });
say(() => db.all('SELECT 1 AS n'));
db.hook('progress', null);
say(() => db.all('SELECT 1 AS n'));
say(() => db.hook('updat', () => 1));
say(() => db.hook('update', 1));
say(() => db.hook('progress', () => 1, { every: 'x' }));
db.hook('update', thrown(new Error('of the hook')));
say(() => db.run('INSERT INTO t VALUES (3, 4)'));
db.hook('update', null).hook('commit', thrown(new RangeError('of the commit hook')));
say(() => db.run('INSERT INTO t VALUES (3, 4)'));
say(() => db.all('SELECT count(*) AS n FROM t'));
await db.close();
say(() => db.hook('commit', null));
console.log(JSON.stringify(said));
process.exit();
"""
