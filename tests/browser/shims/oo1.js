/** oo1, call by call. */

import sqlite3InitModule from 'turso-wasm/oo1';
import { equal, fails } from '../adapters/checks.js';

export default async function run() {
  const traced = [];
  const sqlite3 = await sqlite3InitModule({ print: (text) => traced.push(text) });
  const { capi, oo1, SQLite3Error } = sqlite3;
  const [major] = sqlite3.version.libVersion.split('.');
  equal(
    [
      major,
      sqlite3.version.libVersionNumber > 3_000_000,
      capi.sqlite3_libversion() === sqlite3.version.libVersion,
      capi.SQLITE_BUSY,
      capi.sqlite3_js_rc_str(5),
    ],
    ['3', true, true, 5, 'SQLITE_BUSY'],
  );

  // demo-123, from SQLite's documentation
  const db = new oo1.DB('/mydb.sqlite3', 'ct');
  db.exec('CREATE TABLE IF NOT EXISTS t(a,b)');
  equal(traced, ['SQL TRACE #1 CREATE TABLE IF NOT EXISTS t(a,b)']);
  for (let i = 20; i <= 25; ++i) db.exec({ sql: 'insert into t(a,b) values (?,?)', bind: [i, i * 2] });
  db.exec({ sql: 'insert into t(a,b) values ($a,$b)', bind: { $a: 10, $b: 20 } });
  const insert = db.prepare('insert into t(a,b) values(?,?)');
  try {
    for (let i = 1; i <= 2; ++i) insert.bind([i, i * 2]).stepReset();
    for (let i = 3; i <= 4; ++i)
      insert
        .bind(1, i)
        .bind(2, i * 2)
        .stepReset();
  } finally {
    insert.finalize();
  }
  const seen = [];
  db.exec({ sql: 'select a from t order by a limit 3', rowMode: 'array', callback: (row) => seen.push(row) });
  db.exec({
    sql: 'select a as aa, b as bb from t order by aa limit 1',
    rowMode: 'object',
    callback: (row) => seen.push({ ...row }),
  });
  db.exec({ sql: 'select a from t order by a limit 2', rowMode: 'stmt', callback: (row) => seen.push(row.get(0)) });
  db.exec({ sql: 'select a, b from t order by a limit 2', rowMode: 1, callback: (b) => seen.push(b) });
  db.exec({ sql: 'select a from t order by a limit 1', rowMode: '$a', callback: (a) => seen.push(a) });
  equal(seen, [[1], [2], [3], { aa: 1, bb: 2 }, 1, 2, 2, 4, 1]);
  const resultRows = [];
  const columnNames = [];
  const saveSql = [];
  db.exec({
    sql: 'select a, b from t order by a desc limit 2; select 1',
    rowMode: 'object',
    resultRows,
    columnNames,
    saveSql,
  });
  equal(
    [resultRows, columnNames, saveSql],
    [
      [
        { a: 25, b: 50 },
        { a: 24, b: 48 },
      ],
      ['a', 'b'],
      ['select a, b from t order by a desc limit 2;', 'select 1'],
    ],
  );
  equal(db.exec('select 1; select 2', { returnValue: 'resultRows' }), [[1]]);
  equal(db.exec(['select ', '3'], { returnValue: 'saveSql' }), ['select 3']);
  equal(db.exec('') === db, true);
  let calls = 0;
  db.exec({ sql: 'select a from t', callback: () => ++calls < 3 });
  equal(calls, 3);
  await fails(() => db.exec({ sql: 'select 1', rowMode: 'nothing', callback: () => {} }), 'Invalid rowMode: nothing');
  await fails(() => db.exec({ sql: 'select 1 as x', rowMode: '$y', callback: () => {} }), 'unknown result column: y');
  await fails(() => db.exec('select 1', { returnValue: 'x' }), 'Invalid returnValue value: x');

  equal(
    [
      db.selectValue('select count(*) from t'),
      db.selectValue('select 1 where 0'),
      db.selectValue("select '12abc'", undefined, capi.SQLITE_INTEGER),
    ],
    [11, undefined, 12],
  );
  equal(db.selectValues('select a from t where a < ? order by a', 4), [1, 2, 3]);
  equal(
    [
      db.selectArray('select a, b from t where a = :a', { ':a': 3 }),
      db.selectObject('select a, b from t where a = ?', [4]),
      db.selectObject('select 1 where 0'),
    ],
    [[3, 6], { a: 4, b: 8 }, undefined],
  );
  equal([db.selectArrays('select a from t limit 1'), db.selectObjects('select 7 as seven')], [[[20]], [{ seven: 7 }]]);

  db.createFunction('twice', (_, arg) => arg + arg);
  db.createFunction({ name: 'joined', arity: -1, deterministic: true, xFunc: (_, ...values) => values.join('-') });
  equal(
    [
      db.selectValue('select twice(21)'),
      db.selectValue("select joined(1, 'b', 2.5)"),
      db.selectValue('select joined()'),
    ],
    [42, '1-b-2.5', ''],
  );
  const groups = new Map();
  db.createFunction({
    name: 'summer',
    xStep: (group, n) => groups.set(group, (groups.get(group) ?? 0) + n),
    xFinal: (group) => groups.get(group),
    xInverse: (group, n) => groups.set(group, groups.get(group) - n),
    xValue: (group) => groups.get(group),
  });
  equal(
    [
      db.selectValue('select summer(a) from t where a < 5'),
      db.selectValues('select summer(a) over (order by a rows 1 preceding) from t where a < 5'),
    ],
    [10, [1, 3, 5, 7]],
  );
  db.createFunction('bad', () => {
    throw new Error('mine');
  });
  await fails(() => db.exec('select bad()'), 'mine');
  await fails(() => db.createFunction('nothing'), 'expecting a name and a function');

  equal(
    db.transaction((inside) => inside.exec('delete from t where a > 4').changes()),
    7,
  );
  equal([db.changes(), db.changes(true) > 10, db.changes(false, true)], [7, true, 7n]);
  await fails(
    () =>
      db.transaction('IMMEDIATE', (inside) => {
        inside.exec('delete from t');
        throw new Error('back');
      }),
    'back',
  );
  await fails(() => db.transaction('LATER', () => 1), 'Invalid argument for BEGIN qualifier');
  equal(
    db.savepoint(() => {
      try {
        db.savepoint(() => {
          db.exec('delete from t');
          throw new Error('inner');
        });
      } catch {}
      return db.selectValue('select count(*) from t');
    }),
    4,
  );
  await fails(() => db.transaction(() => db.transaction(() => 1)), 'cannot start a transaction within a transaction');

  const statement = db.prepare(
    "select a, 1.5 as f, 'text' as s, x'00ff' as blob, null as n, '{\"j\": [1]}' as json from t where a = $a and b >= ?2",
  );
  equal(
    [
      statement.columnCount,
      statement.parameterCount,
      statement.isReadOnly(),
      db.openStatementCount(),
      statement.getParamIndex('$a'),
      statement.getParamIndex('$z'),
    ],
    [6, 2, true, 1, 1, undefined],
  );
  await fails(() => statement.get(0), 'Stmt.step() has not (recently) returned true');
  equal(statement.bind({ $a: 2 }).bind(2, 1n).bind(undefined).step(), true);
  equal(
    [
      statement.get(0),
      statement.get([]),
      statement.getInt(1),
      statement.getFloat(0),
      statement.getString(3).length,
      [...statement.getBlob(3)],
      statement.getJSON(5),
      statement.get(4),
    ],
    [2, [2, 1.5, 'text', new Uint8Array([0, 255]), null, '{"j": [1]}'], 1, 2, 2, [0, 255], { j: [1] }, null],
  );
  equal(
    [statement.get({}).s, statement.getColumnName(1), statement.getColumnNames()],
    ['text', 'f', ['a', 'f', 's', 'blob', 'n', 'json']],
  );
  await fails(() => statement.bind(1, 1), 'reset() it');
  await fails(() => statement.get(9), 'Column index 9 is out of range');
  equal([statement.step(), statement.reset(true).step()], [false, false]);
  await fails(() => statement.bind(3, 1), 'Bind index 3 is out of range');
  await fails(() => statement.bind({ $zz: 1 }), 'Invalid bind() parameter name: $zz');
  await fails(() => statement.bind(1, () => 1), 'Unsupported bind() argument type: function');
  equal(
    [statement.finalize(), statement.finalize(), statement.pointer, db.openStatementCount()],
    [0, undefined, undefined, 0],
  );
  await fails(() => statement.step(), 'Stmt has been closed');
  equal([db.prepare('select 1').stepFinalize(), db.prepare('select 1 where 0').stepFinalize()], [true, false]);
  equal(db.prepare('select hex(?)').bindAsBlob('ab').step(), true);
  await fails(() => db.prepare('select 1').bind(1), 'This statement has no bindable parameters');
  await fails(() => db.prepare('  '), 'Cannot prepare empty SQL');
  const wrong = await fails(() => db.exec('select nope'), 'no such column: nope');
  equal(
    [wrong instanceof SQLite3Error, wrong.resultCode, wrong.message],
    [true, 1, 'SQLITE_ERROR: sqlite3 result code 1: no such column: nope'],
  );

  equal(
    [
      db.filename,
      db.dbName(),
      db.dbName(1),
      db.dbName(5),
      db.isOpen(),
      capi.sqlite3_get_autocommit(db),
      typeof capi.sqlite3_last_insert_rowid(db),
    ],
    ['/mydb.sqlite3', 'main', 'temp', null, true, 1, 'bigint'],
  );
  const again = new oo1.DB({ filename: '/mydb.sqlite3', flags: 'w' });
  equal(again.selectValue('select count(*) from t'), 4);
  again.close();
  const fresh = new oo1.DB();
  await fails(() => fresh.exec('select * from t'), 'no such table: t');
  await fails(() => new oo1.DB('/none.db', 'w'), 'unable to open database file');
  equal((await fails(() => new oo1.DB('x.db', 'c', 'kvvfs'), 'no such vfs: kvvfs')) instanceof SQLite3Error, true);
  const events = [];
  fresh.onclose = { before: () => events.push(fresh.isOpen()), after: () => events.push(fresh.isOpen()) };
  fresh.prepare('select 1').step();
  fresh.close();
  fresh.close();
  equal([events, fresh.pointer], [[true, false], undefined]);
  await fails(() => fresh.exec('select 1'), 'DB has been closed');
  equal(String.fromCharCode(...capi.sqlite3_js_db_export(db).subarray(0, 6)), 'SQLite');
  const heard = [];
  capi.sqlite3_update_hook(db, (...told) => heard.push(told), 'mine');
  capi.sqlite3_commit_hook(db, (context) => heard.push([context, 'commit']) && 0, 'mine');
  capi.sqlite3_rollback_hook(db, (context) => heard.push([context, 'rollback']), 'mine');
  db.exec('CREATE TABLE heard(a INTEGER PRIMARY KEY); INSERT INTO heard VALUES (3); BEGIN; ROLLBACK');
  equal(heard, [
    ['mine', 'commit'],
    ['mine', capi.SQLITE_INSERT, 'main', 'heard', 3n],
    ['mine', 'commit'],
    ['mine', 'rollback'],
  ]);
  for (const kind of ['update', 'commit', 'rollback']) capi[`sqlite3_${kind}_hook`](db, null, null);
  capi.sqlite3_set_authorizer(
    db,
    (_, action) => (action === capi.SQLITE_DELETE ? capi.SQLITE_DENY : capi.SQLITE_OK),
    null,
  );
  await fails(() => db.exec('DELETE FROM heard'), 'not authorized');
  capi.sqlite3_set_authorizer(db, null, null);
  capi.sqlite3_progress_handler(db, 1, () => 1, null);
  await fails(() => db.exec('SELECT a FROM heard'), 'interrupted');
  capi.sqlite3_progress_handler(db, 0, null, null);
  equal([capi.sqlite3_limit(db, 9, -1), heard.length, db.selectValue('SELECT count(*) FROM heard')], [32766, 4, 1]);
  db.close();
  return 'all of it';
}
