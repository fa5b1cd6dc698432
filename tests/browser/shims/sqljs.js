/** sql.js's API, call by call. */

import initSqlJs from 'turso-wasm/sqljs';
import { equal, fails } from '../adapters/checks.js';

export default async function run() {
  const SQL = await initSqlJs();
  const db = new SQL.Database();
  equal(db.run('CREATE TABLE t(a INTEGER PRIMARY KEY, b, c BLOB)') === db, true);
  db.run('INSERT INTO t VALUES (?, ?, ?)', [1, 'one', new Uint8Array([1, 2])]);
  db.run('INSERT INTO t(b) VALUES ($b)', { $b: 2.5, $other: 'ignored' });
  db.run('INSERT INTO t VALUES (9007199254740993, NULL, ?)', [[7, 8]]);
  equal(db.getRowsModified(), 1);
  equal(db.exec('SELECT * FROM t'), [
    {
      columns: ['a', 'b', 'c'],
      values: [
        [1, 'one', new Uint8Array([1, 2])],
        [2, 2.5, null],
        [9007199254740992, null, new Uint8Array([7, 8])],
      ],
    },
  ]);
  equal(db.exec('SELECT max(a) FROM t', null, { useBigInt: true })[0].values, [[9007199254740993n]]);
  equal(db.exec('SELECT ?', [true])[0].values, [[1]]);
  equal(db.exec('SELECT a FROM t WHERE 0'), []);
  equal(db.exec(''), []);
  equal(db.exec('SELECT :a, @b, $c, ?', { ':a': 1, '@b': 2, $c: 3 })[0].values, [[1, 2, 3, null]]);

  const statement = db.prepare('SELECT a, b FROM t WHERE a > ? ORDER BY a', [0]);
  equal(
    [statement.getColumnNames(), statement.getSQL(), statement.get()],
    [['a', 'b'], 'SELECT a, b FROM t WHERE a > ? ORDER BY a', []],
  );
  equal(
    [statement.step(), statement.get(), statement.getAsObject(), statement.step(), statement.step(), statement.step()],
    [true, [1, 'one'], { a: 1, b: 'one' }, true, true, false],
  );
  equal([statement.getAsObject([1]), statement.get([1e18]), statement.reset()], [{ a: 2, b: 2.5 }, [], true]);
  await fails(() => statement.bind([1, 2]), 'column index out of range');
  await fails(() => statement.bind([Symbol.iterator]), 'Cannot convert a Symbol');
  await fails(
    () => statement.bind([{}]),
    'Wrong API use : tried to bind a value of an unknown type ([object Object]).',
  );
  statement.freemem();
  equal([statement.free(), statement.free()], [true, false]);
  await fails(() => statement.step(), 'Statement closed');

  const insert = db.prepare('INSERT INTO t(b) VALUES (?)');
  for (const b of ['x', 'y']) insert.run([b]);
  equal(insert.get(), []);
  insert.free();
  const seen = [];
  equal(
    db.each(
      'SELECT b FROM t WHERE a > $a',
      { $a: 9 },
      (row) => seen.push(row.b),
      () => 'done',
    ),
    'done',
  );
  equal(seen, [null, 'x', 'y']);
  db.each('SELECT count(*) AS n FROM t', (row) => seen.push(row.n));
  equal(seen.at(-1), 5);

  const texts = [];
  const each = db.iterateStatements('CREATE TABLE u(x); INSERT INTO u VALUES (1), (2);  SELECT x FROM u');
  for (const one of each) {
    texts.push([one.getSQL(), each.getRemainingSQL().length]);
    while (one.step()) texts.push(one.get()[0]);
  }
  equal(texts, [['CREATE TABLE u(x);', 48], [' INSERT INTO u VALUES (1), (2);', 17], ['  SELECT x FROM u', 0], 1, 2]);
  equal(db.exec('SELECT count(*) FROM u')[0].values, [[2]]);

  db.create_function('twice', (a) => a * 2).create_function('kind', (value) =>
    value === null ? 'null' : value.constructor.name,
  );
  equal(db.exec("SELECT twice(21), kind(NULL), kind(x'00'), kind('a'), kind(1.5)")[0].values, [
    [42, 'null', 'Uint8Array', 'String', 'Number'],
  ]);
  db.create_function('bad', () => {
    throw new Error('mine');
  });
  await fails(() => db.exec('SELECT bad()'), 'mine');
  db.create_aggregate('joined', { step: (state, value) => (state ?? '') + value });
  equal(db.exec('SELECT joined(x) FROM u')[0].values, [['12']]);
  await fails(() => db.create_aggregate('none', {}), 'step function');
  await fails(() => db.exec('SELECT nope'), 'no such column: nope');
  await fails(() => db.run('INSERT INTO t(a) VALUES (1)'), 'UNIQUE constraint failed: t.a');
  await fails(() => db.prepare('  -- nothing'), 'Nothing to prepare');

  const told = [];
  db.updateHook((...change) => told.push(change));
  db.run(
    'CREATE TABLE heard(a INTEGER PRIMARY KEY); INSERT INTO heard VALUES (7); UPDATE heard SET a = 8; DELETE FROM heard WHERE a = 8',
  );
  equal(told, [
    ['insert', 'main', 'heard', 7],
    ['update', 'main', 'heard', 8],
    ['delete', 'main', 'heard', 8],
  ]);
  db.updateHook(null).run('INSERT INTO heard VALUES (9)');
  equal(told.length, 3);
  const normal = (sql) => db.prepare(sql).getNormalizedSQL();
  equal(
    [
      normal('select * from heard where a = 42'),
      normal(`SELECT "A", 'b c', x'00' -- all\n FROM [heard] WHERE a IN (1, .5e-3) AND A IS NOT NULL AND a<>:p`),
    ],
    ['SELECT*FROM heard WHERE a=?;', 'SELECT a,?,?FROM heard WHERE a IN(?,?)AND a IS NOT NULL AND a<>?;'],
  );

  const open = db.prepare('SELECT 1');
  open.step();
  const file = db.export();
  equal([String.fromCharCode(...file.subarray(0, 15)), file.length % 4096], ['SQLite format 3', 0]);
  await fails(() => open.step(), 'Statement closed');
  const copy = new SQL.Database(file);
  copy.run('DELETE FROM u');
  equal(
    [db, copy].map((one) => one.exec('SELECT count(*) FROM u')[0].values[0][0]),
    [2, 0],
  );
  equal(new SQL.Database(new SQL.Database().export()).exec('SELECT 1')[0].values, [[1]]);
  const broken = new SQL.Database([1, 2, 3, ...new Array(2000).fill(7)]);
  await fails(() => broken.exec('SELECT * FROM sqlite_schema'), 'file is not a database');
  db.close();
  db.close();
  await fails(() => db.exec('SELECT 1'), 'Database closed');
  return 'all of it';
}
