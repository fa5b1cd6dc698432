/** oo1's JsStorageDb, in a page. */

import sqlite3InitModule from '/dist/package/shims/oo1.js';
import { equal, fails } from '../adapters/checks.js';

export default async function run() {
  localStorage.setItem('of the page', 'stays');
  for (const visit of [1, 2]) {
    const { oo1, capi } = await sqlite3InitModule();
    const db = new oo1.JsStorageDb('local');
    db.exec('CREATE TABLE IF NOT EXISTS t(a, b); INSERT INTO t VALUES (1, randomblob(9000))');
    equal(
      [db.selectValue('SELECT count(*) FROM t'), db.filename, db.dbVfsName(), db.selectValue('PRAGMA integrity_check')],
      [visit, 'local', 'kvvfs', 'ok'],
    );
    db.exec('BEGIN; DELETE FROM t; ROLLBACK');
    equal(db.selectValue('SELECT count(*) FROM t'), visit);
    equal([db.storageSize() > visit * 18_000, capi.sqlite3_js_kvvfs_size('local') === db.storageSize()], [true, true]);
    db.close();
  }
  const { oo1, capi } = await sqlite3InitModule();
  const session = new oo1.JsStorageDb();
  session.exec('CREATE TABLE s(a)');
  equal([session.filename, session.selectValues('SELECT name FROM sqlite_schema')], ['session', ['s']]);
  const db = new oo1.JsStorageDb({ filename: ':localStorage:', flags: 'w' });
  const full = await fails(
    () =>
      db.exec(
        'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO t SELECT i, randomblob(99999) FROM n',
      ),
    'database or disk is full',
  );
  equal(
    [full.resultCode, db.selectValue('SELECT count(*) FROM t'), db.selectValue('PRAGMA integrity_check')],
    [13, 2, 'ok'],
  );
  await fails(() => new oo1.JsStorageDb('other'), "must be one of 'session' or 'local'");
  db.close();
  session.close();
  equal(
    [oo1.JsStorageDb.clearStorage() > 3, oo1.JsStorageDb.storageSize(), capi.sqlite3_js_kvvfs_clear('session')],
    [true, 0, 0],
  );
  equal(localStorage.getItem('of the page'), 'stays');
  await fails(() => new oo1.JsStorageDb({ filename: 'local', flags: 'w' }), 'unable to open database file');
  return 'all of it';
}
