/** The C-shaped API, call by call. */

import SQLiteESMFactory, * as SQLite from 'turso-wasm/capi';
import { equal, fails } from '../adapters/checks.js';

export default async function run() {
  const api = SQLite.Factory(await SQLiteESMFactory());
  const db = await api.open_v2(':memory:');
  equal(
    [api.libversion().startsWith('3.'), api.libversion_number() > 3_000_000, api.errstr(5), api.get_autocommit(db)],
    [true, true, 'SQLITE_BUSY', 1],
  );
  const seen = [];
  equal(
    await api.exec(
      db,
      "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 'x'), (2, 2.0), (3, x'01'), (4, NULL); SELECT * FROM t LIMIT 2",
      (row, columns) => seen.push([row, columns]),
    ),
    SQLite.SQLITE_OK,
  );
  equal(seen, [
    [
      [1, 'x'],
      ['a', 'b'],
    ],
    [
      [2, 2],
      ['a', 'b'],
    ],
  ]);
  equal([api.changes(db), api.total_changes(db), api.last_insert_id(db)], [4, 4, 4]);

  for await (const stmt of api.statements(db, 'INSERT INTO t(b) VALUES (?); SELECT b, :two FROM t WHERE a = ?3')) {
    if (api.column_count(stmt) === 0) {
      for (const value of [7, 2n ** 60n, true, 'text', new Uint8Array([9]), [8], null]) {
        equal([api.bind(stmt, 1, value), await api.step(stmt), await api.reset(stmt)], [0, SQLite.SQLITE_DONE, 0]);
      }
    } else {
      equal(
        [
          api.bind_parameter_count(stmt),
          api.bind_parameter_name(stmt, 1),
          api.bind_parameter_index(stmt, ':two'),
          api.sql(stmt),
        ],
        [3, ':two', 1, 'SELECT b, :two FROM t WHERE a = ?3'],
      );
    }
  }
  seen.length = 0;
  await api.exec(db, 'SELECT b, typeof(b) FROM t WHERE a > 4', (row) => seen.push(row));
  equal(seen, [
    [7, 'integer'],
    [2n ** 60n, 'integer'],
    [1, 'integer'],
    ['text', 'text'],
    [new Uint8Array([9]), 'blob'],
    [new Uint8Array([8]), 'blob'],
    [null, 'null'],
  ]);

  const { stmt, sql } = await api.prepare_v2(
    db,
    "SELECT a, b, typeof(?), typeof(?), typeof(?), 12.0, '34xyz', -5.9 FROM t WHERE a = ?; SELECT 2",
  );
  equal(sql, ' SELECT 2');
  equal(
    [
      api.bind_double(stmt, 1, 1),
      api.bind_int(stmt, 2, 2 ** 31),
      api.bind_int64(stmt, 3, 5n),
      api.bind_text(stmt, 4, '1'),
    ],
    [0, 0, 0, 0],
  );
  equal(
    [api.data_count(stmt), await api.step(stmt), api.data_count(stmt), api.stmt_busy(stmt), api.stmt_readonly(stmt)],
    [0, SQLite.SQLITE_ROW, 8, true, true],
  );
  equal(api.row(stmt), [1, 'x', 'real', 'integer', 'integer', 12, '34xyz', -5.9]);
  equal(
    [5, 6, 7, 1, 0].map((i) => api.column_type(stmt, i)),
    [2, 3, 2, 3, 1],
  );
  equal(
    [
      api.column_text(stmt, 5),
      api.column_int(stmt, 6),
      api.column_int64(stmt, 7),
      api.column_double(stmt, 6),
      api.column_bytes(stmt, 6),
      [...api.column_blob(stmt, 1)],
      api.column_text(stmt, 0),
      api.column(stmt, 0),
    ],
    ['12.0', 34, -5n, 34, 5, [120], '1', 1],
  );
  equal([api.column_name(stmt, 2), api.column_names(stmt).length], ['typeof(?)', 8]);
  await fails(() => api.bind_null(stmt, 1), 'misuse');
  equal(
    [await api.step(stmt), api.clear_bindings(stmt), await api.step(stmt), await api.finalize(stmt)],
    [SQLite.SQLITE_DONE, 0, SQLite.SQLITE_DONE, 0],
  );
  equal((await fails(() => api.step(stmt), 'not a statement')).code, SQLite.SQLITE_MISUSE);
  const named = (await api.prepare_v3(db, 'SELECT $a, :b, ?')).stmt;
  api.bind_collection(named, { $a: 1, ':b': 'two' });
  await api.step(named);
  equal(api.row(named), [1, 'two', null]);
  await api.reset(named);
  api.bind_collection(named, [4, 5, 6]);
  await api.step(named);
  equal(api.row(named), [4, 5, 6]);
  equal(await api.prepare_v2(db, ' -- nothing'), null);
  await fails(() => api.prepare_v3(db, 'SELECT 1', 64), 'unknown flags 64');
  const range = (await api.prepare_v2(db, 'SELECT ?')).stmt;
  equal((await fails(() => api.bind(range, 2, 1), 'column index out of range')).code, SQLite.SQLITE_RANGE);
  equal((await fails(() => api.exec(db, 'SELECT nope'), 'no such column: nope')).code, SQLite.SQLITE_ERROR);
  equal((await fails(() => api.exec(db, 'INSERT INTO t(a) VALUES (1)'), 'UNIQUE constraint failed: t.a')).code, 1555);

  api.create_function(db, 'told', 2, SQLite.SQLITE_UTF8 | SQLite.SQLITE_DETERMINISTIC, 'app', (context, values) => {
    api.result(
      context,
      `${api.user_data(context)} ${values.map((value) => `${api.value_type(value)} ${api.value_text(value)} ${api.value_int(value)}`)}`,
    );
  });
  api.create_function(db, 'some', -1, SQLite.SQLITE_UTF8, null, (context, values) =>
    api.result_double(context, values.length),
  );
  api.create_function(db, 'fails', 0, 0, null, (context) => api.result_error(context, 'told so'));
  const sums = new Map();
  api.create_function(
    db,
    'total_of',
    1,
    SQLite.SQLITE_UTF8,
    null,
    undefined,
    (context, [value]) => sums.set(context, (sums.get(context) ?? 0n) + api.value_int64(value)),
    (context) => api.result_int64(context, sums.get(context) ?? 0n),
  );
  seen.length = 0;
  await api.exec(
    db,
    "SELECT told(1.0, '5x'), some(), typeof(some(1, 2)), (SELECT total_of(a) FROM t WHERE a < 4), (SELECT total_of(a) FROM t WHERE 0)",
    (row) => seen.push(row),
  );
  equal(seen, [['app 2 1.0 1,3 5x 5', 0, 'real', 6, 0]]);
  await fails(() => api.exec(db, 'SELECT fails()'), 'told so');

  const bound = (await api.prepare_v2(db, "SELECT b AS named, a + 1, ?, :x, :x, '?' FROM t AS u")).stmt;
  api.bind_collection(bound, ["it's", 1.0]);
  api.bind_double(bound, 2, 1);
  equal(api.expanded_sql(bound), "SELECT b AS named, a + 1, 'it''s', 1.0, 1.0, '?' FROM t AS u");
  equal(
    [0, 1].map((i) => [
      api.column_decltype(bound, i),
      api.column_table_name(bound, i),
      api.column_origin_name(bound, i),
    ]),
    [
      [null, 't', 'b'],
      [null, null, null],
    ],
  );
  await api.finalize(bound);
  await api.finalize(named);
  api.create_collation(db, 'by_length', SQLite.SQLITE_UTF8, 'app', (app, a, b) =>
    app === 'app' ? a.length - b.length : 0,
  );
  seen.length = 0;
  await api.exec(db, 'SELECT value FROM unnest(\'["ccc", "b", "aa"]\') ORDER BY value COLLATE by_length', (row) =>
    seen.push(...row),
  );
  equal(seen, ['b', 'aa', 'ccc']);
  api.create_collation(db, 'by_length', SQLite.SQLITE_UTF8, null, null);
  await fails(
    () => api.exec(db, "SELECT value FROM unnest('[1]') ORDER BY value COLLATE by_length"),
    'no such collation sequence: by_length',
  );
  const heard = [];
  api.update_hook(db, (...change) => heard.push(change));
  api.commit_hook(db, () => heard.push('commit') && 0);
  api.rollback_hook(db, () => heard.push('rollback'));
  await api.exec(
    db,
    'CREATE TABLE heard(a INTEGER PRIMARY KEY); INSERT INTO heard VALUES (5); BEGIN; DELETE FROM heard WHERE 1; ROLLBACK',
  );
  equal(heard.splice(0), [
    'commit',
    [SQLite.SQLITE_INSERT, 'main', 'heard', 5n],
    'commit',
    [SQLite.SQLITE_DELETE, 'main', 'heard', 5n],
    'rollback',
  ]);
  api.commit_hook(db, () => 1);
  equal((await fails(() => api.exec(db, 'DELETE FROM heard'), 'constraint failed')).code, 531);
  api.commit_hook(db, null);
  api.rollback_hook(db, null);
  api.update_hook(db, null);
  await api.exec(db, 'DROP TABLE heard');
  equal(heard, ['rollback']);
  const asked = [];
  const ask = (app, action, ...facts) => {
    asked.push([app, action, ...facts]);
    return action === SQLite.SQLITE_INSERT ? SQLite.SQLITE_DENY : SQLite.SQLITE_OK;
  };
  equal(api.set_authorizer(db, ask, 'mine'), SQLite.SQLITE_OK);
  await api.exec(db, 'SELECT b FROM t WHERE 0');
  equal(asked, [
    ['mine', SQLite.SQLITE_SELECT, null, null, null, null],
    ['mine', SQLite.SQLITE_READ, 't', 'b', 'main', null],
  ]);
  equal((await fails(() => api.exec(db, 'INSERT INTO t VALUES (100, 1)'), 'not authorized')).code, 23);
  api.set_authorizer(db, null);
  let turns = 0;
  api.progress_handler(db, 100, (app) => ++turns > app, 5);
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n';
  equal((await fails(() => api.exec(db, endless), 'interrupted')).code, 9);
  equal(turns, 6);
  api.progress_handler(db, 0, null);
  equal([api.limit(db, 9, 2), api.limit(db, 9, -1), api.limit(db, 99, 1)], [32766, 2, -1]);
  await fails(() => api.exec(db, 'SELECT ?, ?, ?'), 'too many SQL variables');
  equal([api.limit(db, 9, 1e9), api.limit(db, 1, 20), api.limit(db, 0, 3)], [2, 1e9, 1e9]);
  await fails(() => api.exec(db, 'SELECT 1234567890123456'), 'query string is too large');
  const short = await api.prepare_v2(db, 'SELECT ?');
  await fails(() => api.bind(short.stmt, 1, 'four'), 'string or blob too big');
  equal([api.bind(short.stmt, 1, 'yes'), await api.finalize(short.stmt)], [0, 0]);
  await fails(() => api.limit(db, 2, 3), 'this limit cannot be changed');
  equal([api.limit(db, 1, 1e9), api.limit(db, 0, 1e9), api.limit(db, 9, -1)], [20, 3, 32766]);
  await fails(() => api.create_module(db, 'm', {}), 'create_module is not there');
  await fails(() => api.vfs_register({}), 'vfs_register is not there');
  const image = api.serialize(db);
  const other = await api.open_v2(':memory:');
  equal([await api.deserialize(other, image), api.db_filename(other)], [0, '']);
  seen.length = 0;
  await api.exec(other, 'SELECT count(*) FROM t', (row) => seen.push(...row));
  equal([...seen, (await api.backup(other, 'capi-copy.db', { storage: 'memory' })).remainingPages], [11, 0]);
  await api.close(other);
  equal(await api.close(db), 0);
  await fails(() => api.changes(db), 'not a database');
  const named1 = await api.open_v2('capi.db', SQLite.SQLITE_OPEN_CREATE | SQLite.SQLITE_OPEN_READWRITE, 'memory');
  await api.exec(named1, 'CREATE TABLE kept(a); BEGIN');
  equal(api.get_autocommit(named1), 0);
  await api.close(named1);
  const readonly = await api.open_v2('capi.db', SQLite.SQLITE_OPEN_READONLY, 'memory');
  await fails(() => api.exec(readonly, 'DROP TABLE kept'), 'attempt to write a readonly database');
  await api.close(readonly);
  equal(
    (await fails(() => api.open_v2('missing.db', SQLite.SQLITE_OPEN_READWRITE, 'memory'), 'unable to open')).code,
    14,
  );
  await blobs(api);
  await backups(api);
  return 'all of it';
}

async function blobs(api) {
  const db = await api.open_v2(':memory:');
  await api.exec(
    db,
    `CREATE TABLE t(a TEXT, b BLOB, c UNIQUE, rowid); INSERT INTO t VALUES ('héllo', x'00010203', 'k', 7), ('other', zeroblob(3), 4, 8);
    CREATE TABLE w(a PRIMARY KEY) WITHOUT ROWID; CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(x)`,
  );
  const values = async () => {
    const rows = [];
    await api.exec(db, 'SELECT hex(b), a, typeof(a) FROM t', (row) => rows.push(row));
    return rows;
  };
  const blob = await api.blob_open(db, 'main', 'T', 'b', 1, 1);
  equal([api.blob_bytes(blob), [...(await api.blob_read(blob, 2, 1))]], [4, [1, 2]]);
  equal(
    [await api.blob_write(blob, new Uint8Array([9, 8]), 2), [...(await api.blob_read(blob, 4, 0))]],
    [0, [0, 1, 9, 8]],
  );
  equal((await fails(() => api.blob_write(blob, new Uint8Array(2), 3), 'SQL logic error')).code, SQLite.SQLITE_ERROR);
  equal((await fails(() => api.blob_read(blob, 5, 0), 'SQL logic error')).code, SQLite.SQLITE_ERROR);
  equal([await api.blob_reopen(blob, 2n), api.blob_bytes(blob)], [0, 3]);
  await api.exec(db, "UPDATE t SET b = x'010203' WHERE _rowid_ = 2");
  equal((await fails(() => api.blob_read(blob, 1, 0), 'query aborted')).code, 4);
  equal(
    [api.blob_bytes(blob), await api.blob_reopen(blob, 2), api.blob_bytes(blob), await api.blob_close(blob)],
    [0, 0, 3, 0],
  );
  equal((await fails(() => api.blob_read(blob, 1, 0), 'not a blob')).code, SQLite.SQLITE_MISUSE);
  const text = await api.blob_open(db, 'main', 't', 'a', 1, 0);
  equal((await fails(() => api.blob_write(text, new Uint8Array(1), 0), 'readonly')).code, 8);
  equal(new TextDecoder().decode(await api.blob_read(text, api.blob_bytes(text), 0)), 'héllo');
  const written = await api.blob_open(db, 'main', 't', 'a', 2, 1);
  await api.blob_write(written, new TextEncoder().encode('O'), 0);
  equal(await values(), [
    ['00010908', 'héllo', 'text'],
    ['010203', 'Other', 'text'],
  ]);
  for (const [table, column, row, message, writes = 0] of [
    ['none', 'a', 1, 'no such table: main.none'],
    ['v', 'a', 1, 'cannot open view: v'],
    ['f', 'x', 1, 'cannot open virtual table: f'],
    ['w', 'a', 1, 'cannot open table without rowid: w'],
    ['t', 'z', 1, 'no such column: "z"'],
    ['t', 'b', 5, 'no such rowid: 5'],
    ['t', 'c', 2, 'cannot open value of type integer'],
    ['t', 'c', 1, 'cannot open indexed column for writing', 1],
  ]) {
    await fails(() => api.blob_open(db, 'main', table, column, row, writes), message);
  }
  await api.close(db);
}

async function backups(api) {
  const source = await api.open_v2(':memory:');
  const target = await api.open_v2(':memory:');
  await api.exec(source, 'CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(50000))');
  await api.exec(target, 'CREATE TABLE old(a)');
  const tables = async () => {
    const names = [];
    await api.exec(target, 'SELECT name FROM sqlite_schema', ([name]) => names.push(name));
    return names;
  };
  const given = await api.backup_init(target, 'main', source, 'main');
  equal([await api.backup_step(given, 3), api.backup_pagecount(given) - api.backup_remaining(given)], [0, 3]);
  equal([await api.backup_finish(given), await tables()], [0, ['old']]);
  const backup = await api.backup_init(target, 'main', source, 'main');
  let steps = 0;
  while ((await api.backup_step(backup, 5)) === SQLite.SQLITE_OK) steps++;
  equal([steps, api.backup_remaining(backup), await api.backup_finish(backup), await tables()], [2, 0, 0, ['t']]);
  await fails(() => api.backup_step(backup, 1), 'not a backup');
  await fails(() => api.backup_init(source, 'main', source, 'main'), 'source and destination must be distinct');
  await fails(() => api.backup_init(target, 'temp', source, 'main'), 'only "main" can be replaced');
  await Promise.all([api.close(source), api.close(target)]);
}
