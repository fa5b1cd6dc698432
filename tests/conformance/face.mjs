/** The synchronous API, method by method, in Node: prints "ok", or throws. Run by test_in_node.py; a page's: tests/browser/test_face.py. */

import assert from 'node:assert/strict';
import { connect, fragment, identifier, join, list, remove, SqliteError, values } from '../../web/host.js';

const MIGRATIONS = [
  { name: '1', sql: 'CREATE TABLE m(a)' },
  { name: '2', sql: 'CREATE TABLE n(a);\nINSERT INTO n VALUES (1)' },
];

async function fresh() {
  const db = await connect(':memory:');
  db.exec(`CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, age INT); CREATE TABLE pets(owner, name);
    INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Bo', 4), (3, 'Cy', 7); INSERT INTO pets VALUES (1, 'Rex')`);
  return db;
}

/** @param {() => unknown} act @param {new (...args: any[]) => Error} kind @param {string} message @param {object} [more] */
function refuses(act, kind, message, more = {}) {
  assert.throws(act, (/** @type {any} */ error) => {
    assert.ok(error instanceof kind, `${error.stack}`);
    assert.equal(error.message, message);
    for (const [name, value] of Object.entries(more)) assert.equal(error[name], value, name);
    return true;
  });
}

const LISTS = [
  [[1, 3], [1, 3]], [[], []], [['1', 2n], [1, 2]], [[null, 2], [2]], [[undefined, NaN, true], [1]], [[1.0, 2.5], [1]], [[-0], []], [[Infinity], []],
];

const cases = {
  'parameters: one by one, in arrays, by name, mixed'(db) {
    const get = (sql, ...args) => db.prepare(sql).raw().get(...args);
    assert.deepEqual(get('SELECT ?, ?, ?', 1, 'a', null), [1, 'a', null]);
    assert.deepEqual(get('SELECT ?, ?, ?', [1, 'a', null]), [1, 'a', null]);
    assert.deepEqual(get('SELECT ?, ?, ?', [1], ['a', null]), [1, 'a', null]);
    assert.deepEqual(get('SELECT ?, ?', [1], [2]), [1, 2]);
    assert.deepEqual(get('SELECT :a, @b, $c', { a: 1, '@b': 2, c: 3 }), [1, 2, 3]);
    assert.deepEqual(get('SELECT ?, :a, ?', 1, 2, { a: 'x' }), [1, 'x', 2]);
    assert.deepEqual(get('SELECT ?, :a, ?', { a: 'x' }, [1, 2]), [1, 'x', 2]);
    assert.deepEqual(get('SELECT ?2, ?1', 1, 2), [2, 1]);
    refuses(() => get('SELECT ?, :a', { a: 1 }), RangeError, 'parameter 1 has no name: pass values one by one or in an array');
    refuses(() => get('SELECT ?, :a', 1, 2, { a: 1 }), RangeError, 'the statement takes 1 parameter, 2 given');
    refuses(() => get('SELECT ?, :a', 1, { b: 1 }), RangeError, 'missing named parameter "a"');
    refuses(() => get('SELECT ?, :a', 1, { a: 1, b: 1 }), RangeError, 'unknown named parameter "b"');
    refuses(() => get('SELECT :a, :b', { a: 1 }, { b: 1 }), TypeError, 'named parameters must be given in one object');
    refuses(() => get('SELECT ?', 1, [2]), RangeError, 'the statement takes 1 parameter, 2 given');
  },

  'an array is a list where IN (?) stands'(db) {
    const inside = db.prepare('SELECT id FROM users WHERE id IN (?) ORDER BY 1').pluck();
    for (const [given, found] of LISTS) assert.deepEqual(inside.all([given]), found, String(given));
    assert.deepEqual(inside.all(2), [2]);
    assert.deepEqual(inside.all([[2]]), [2]);
    assert.equal(inside.source, 'SELECT id FROM users WHERE id IN (?) ORDER BY 1');
    const ids = (sql, ...args) => db.prepare(sql).pluck().all(...args);
    assert.deepEqual(ids("SELECT id FROM users WHERE name NOT IN (/* (?) */ :names) AND age > ? -- IN (?)", 5, { names: ['Cy'] }), [1]);
    assert.deepEqual(ids('SELECT id FROM users WHERE age > ?1 AND id IN (?2) AND id in ( ?2 )', 5, [2, 3]), [3]);
    assert.deepEqual(ids("SELECT '?' || value FROM unnest(?)", [['a', 1]]), ['?a', '?1']);
    assert.deepEqual(ids('SELECT value FROM unnest(?), users WHERE users.id IN (?) AND value > 5', [5, 6], [1]), [6]);
    const every = [1, 1.5, 'x', null, true, 2n ** 62n, -Infinity, -0, 'a\0b', '\ud800', 1e21, -(2n ** 63n), '"\\\n'];
    assert.deepEqual(db.prepare('SELECT value FROM unnest(?)').pluck().all([every]), [
      1, 1.5, 'x', null, 1, 2n ** 62n, -Infinity, -0, 'a\0b', '\ufffd', 1e21, -(2n ** 63n), '"\\\n',
    ]);
    refuses(() => ids('SELECT ?', [[1]]), TypeError, 'parameter 1 cannot be bound: SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null, not Array: an array is a list where IN (?) or unnest(?) stands');
    refuses(() => inside.all([[new Uint8Array(1), 1]]), TypeError, 'parameter 1, element 2, cannot be bound: a list with bytes holds bytes and null alone, not number');
    refuses(() => inside.all([[1, 2n ** 63n]]), RangeError, 'parameter 1, element 2, does not fit 64 bits');
    assert.deepEqual(inside.all([[1]]), [1], 'it works after a mistake');
    db.exec('CREATE TABLE later(a)');
    assert.deepEqual(inside.all([[1]]), [1], 'and after a change of the schema');
  },

  'bind, expand, raw, pluck'(db) {
    const sum = db.prepare('SELECT ? + ? AS sum').bind(1, 2);
    assert.deepEqual([sum.get(), sum.pluck().all(), sum.raw().get(), sum.pluck().raw(false).get()], [{ sum: 3 }, [3], [3], 3]);
    refuses(() => sum.get(1), TypeError, 'the statement has bound parameters already: it takes no more');
    refuses(() => sum.bind(1, 2), TypeError, 'bind() can be called once: the statement has bound parameters already');
    refuses(() => db.prepare('SELECT ?').bind(), RangeError, 'the statement takes 1 parameter, 0 given');
    const joined = db.prepare('SELECT u.id, u.name, p.name, 1 + 1 AS two FROM users u LEFT JOIN pets p ON p.owner = u.id ORDER BY u.id LIMIT 2').expand();
    assert.deepEqual(joined.all(), [
      { users: { id: 1, name: 'Ada' }, pets: { name: 'Rex' }, $: { two: 2 } },
      { users: { id: 2, name: 'Bo' }, pets: { name: null }, $: { two: 2 } },
    ]);
    assert.deepEqual([...joined.iterate()].length, 2);
    assert.deepEqual([joined.reader, joined.readonly, joined.busy, joined.database === db, `${joined}`], [true, true, false, true, joined.source]);
    refuses(() => sum.raw(1), TypeError, 'raw() takes a boolean, not number');
  },

  'templates'(db) {
    const evil = "x'; DROP TABLE users; --";
    const found = db.sql`SELECT id FROM ${identifier('main', 'users')} WHERE ${fragment`age > ${5} AND ${join([fragment`id <> ${3}`, fragment`1`], ' AND ')}`} AND id IN (${[1, 2, 3]})`;
    assert.deepEqual(found.all(), [{ id: 1 }]);
    assert.equal(db.sql`INSERT INTO users(id, name) VALUES (${values([9, evil])})`.run().changes, 1);
    assert.equal(db.get('SELECT name FROM users WHERE id = 9').name, evil);
    assert.equal(db.sql`SELECT ${evil} AS ${identifier('a "name"')}`.get()['a "name"'], evil);
    refuses(() => db.sql`SELECT '${1}'`, RangeError, 'the statement takes 0 parameters, 1 given');
    refuses(() => db.sql`SELECT ${found}`.get(), TypeError, 'parameter 1 cannot be bound: SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null, not Object');
    refuses(() => db.sql('SELECT 1'), TypeError, 'sql is a tag of template literals: write db.sql`…`');
    refuses(() => identifier('a\0'), TypeError, 'identifier() takes names, not string');
  },

  'batch is a transaction'(db) {
    assert.deepEqual(db.batch(["DELETE FROM pets", ['SELECT name FROM users WHERE id = ?', 1], { sql: 'INSERT INTO pets VALUES (:a, 1)', args: { a: 5 } }]), [
      { rows: [], changes: 1, lastInsertRowid: 1 }, { rows: [{ name: 'Ada' }], changes: 0, lastInsertRowid: 1 }, { rows: [], changes: 1, lastInsertRowid: 1 },
    ]);
    refuses(() => db.batch(['DELETE FROM users', 'SELECT nope']), SqliteError, 'no such column: nope', { sql: 'SELECT nope', offset: 7 });
    assert.equal(db.prepare('SELECT count(*) FROM users').pluck().get(), 3);
    db.transaction(() => {
      refuses(() => db.batch(['DELETE FROM users', 'SELECT nope'], { mode: 'immediate' }), SqliteError, 'no such column: nope');
      db.batch(['DELETE FROM users WHERE id = 1']);
    })();
    assert.equal(db.prepare('SELECT count(*) FROM users').pluck().get(), 2);
    refuses(() => db.batch([7]), TypeError, 'batch(): statement 1 must be a string, [sql, ...parameters] or {sql, args}, not number');
    refuses(() => db.batch([], { mode: 'write' }), TypeError, 'batch(): the option "mode" takes "deferred" or "immediate" or "exclusive" or "concurrent", not string');
  },

  'migrations run once, in order, whole'(db) {
    assert.deepEqual(db.migrate(MIGRATIONS.slice(0, 1)), ['1']);
    assert.deepEqual([db.migrate(MIGRATIONS), db.migrate(MIGRATIONS)], [['2'], []]);
    assert.deepEqual(db.migrate(MIGRATIONS.map(({ name, sql }) => ({ name, sql: sql.replaceAll('\n', '\r\n') }))), []);
    assert.deepEqual(db.prepare('SELECT a FROM n').pluck().all(), [1]);
    const others = "the database's migrations are not these: ";
    const mismatch = { code: 'SQLITE_MISMATCH' };
    refuses(() => db.migrate([{ name: '1', sql: 'CREATE TABLE m(b)' }]), SqliteError, `${others}"1" was changed after it had run`, mismatch);
    refuses(() => db.migrate(MIGRATIONS.slice(0, 1)), SqliteError, `${others}"2" has run, which is not among them`, mismatch);
    refuses(() => db.migrate([{ name: '0', sql: '' }, ...MIGRATIONS]), SqliteError, `${others}"1" has run where "0" stands`, mismatch);
    const bad = [{ name: '3', sql: 'CREATE TABLE three(a)' }, { name: '4', sql: 'CREATE TABLE four(a); INSERT INTO nope VALUES (1)' }];
    refuses(() => db.migrate([...MIGRATIONS, ...bad]), SqliteError, 'migration "4": no such table: nope', { sql: bad[1].sql, offset: 34 });
    assert.equal(db.prepare("SELECT count(*) FROM sqlite_schema WHERE name IN ('three', 'four')").pluck().get(), 0);
    refuses(() => db.migrate([...MIGRATIONS, { name: '3', sql: 'COMMIT' }]), SqliteError, 'migration "3" must not end its transaction');
    assert.equal(db.inTransaction, false);
  },

  'what statements and databases say of themselves'(db) {
    db.run('UPDATE users SET age = age + 1');
    assert.deepEqual([db.changes, db.totalChanges, db.memory, db.readonly, db.name, db.open, db.inTransaction], [3, 7, true, false, ':memory:', true, false]);
    assert.deepEqual(db.explain('SELECT * FROM users WHERE id = ? AND age = :a').map(({ detail }) => detail), ['SEARCH users USING INTEGER PRIMARY KEY (rowid=?)']);
    assert.deepEqual([...db.iterate('SELECT id FROM users WHERE id > ?', 1)], [{ id: 2 }, { id: 3 }]);
    const kept = db.transaction(function (x) {
      return [this?.tag, x, db.inTransaction];
    });
    assert.deepEqual([kept.call({ tag: 1 }, 2), kept.immediate(3)], [[1, 2, true], [undefined, 3, true]]);
    refuses(() => db.transaction(async () => 1)(), TypeError, 'a transaction function must not return a promise');
  },

  'integers are never rounded'(db) {
    const big = db.prepare('SELECT 9007199254740993').pluck();
    assert.equal(big.get(), 9007199254740993n);
    refuses(() => big.safeIntegers(false).get(), RangeError, 'the integer 9007199254740993 is too large for a number: use safeIntegers()');
    assert.equal(db.defaultSafeIntegers().prepare('SELECT 1').pluck().get(), 1n);
    assert.equal(db.defaultSafeIntegers(false).prepare('SELECT 1').pluck().get(), 1);
  },

  'values'(db) {
    const back = (value) => db.prepare('SELECT ? AS v, typeof(?1) AS t').raw().get(value);
    const shared = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [given, found, type] of [
      [null, null, 'null'], [undefined, null, 'null'], [NaN, null, 'null'], [true, 1, 'integer'], [false, 0, 'integer'], [1, 1, 'integer'], [-0, -0, 'real'],
      [1.5, 1.5, 'real'], [2 ** 53 - 1, 2 ** 53 - 1, 'integer'], [2 ** 53, 2 ** 53, 'real'], [Infinity, Infinity, 'real'], [-Infinity, -Infinity, 'real'],
      [2n ** 63n - 1n, 2n ** 63n - 1n, 'integer'], [5n, 5, 'integer'], ['', '', 'text'], ['a\0b', 'a\0b', 'text'], ['\ud800x', '\ufffdx', 'text'], ['😀', '😀', 'text'],
      [shared, shared, 'blob'], [shared.buffer, shared, 'blob'], [new Uint16Array(shared.buffer, 2, 1), new Uint8Array([3, 4]), 'blob'],
      [new DataView(shared.buffer, 6), new Uint8Array([7, 8]), 'blob'], [Buffer.from('hi'), new Uint8Array([104, 105]), 'blob'], [new Uint8Array(0), new Uint8Array(0), 'blob'],
      [new Float64Array([1]), new Uint8Array([0, 0, 0, 0, 0, 0, 240, 63]), 'blob'], [new BigInt64Array([1n]), new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), 'blob'],
    ]) assert.deepEqual(back(given), [found, type], String(given));
    refuses(() => back(2n ** 63n), RangeError, 'parameter 1: the BigInt does not fit 64 bits');
    const takes = 'parameter 1 cannot be bound: SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null, not ';
    refuses(() => back(new Date()), TypeError, `${takes}Date: write date.toISOString() or date.getTime()`);
    refuses(() => back(() => 1), TypeError, `${takes}function`);
    refuses(() => back(Symbol('s')), TypeError, `${takes}symbol`);
    refuses(() => back(new Map()), TypeError, `${takes}Map`);
  },

  'errors say which text'(db) {
    refuses(() => db.exec('SELECT nope FROM users; SELECT 1'), SqliteError, 'no such column: nope', { sql: 'SELECT nope FROM users; SELECT 1', offset: 7, errcode: 1, name: 'SqliteError' });
    const twice = "INSERT INTO users(id) VALUES (1)";
    refuses(() => db.run(twice), SqliteError, 'UNIQUE constraint failed: users.id', { sql: twice, code: 'SQLITE_CONSTRAINT_PRIMARYKEY', errcode: 1555 });
    for (const [act, message] of [
      [() => db.exec(1), 'SQL must be a string, not number'], [() => db.prepare(null), 'SQL must be a string, not null'], [() => db.transaction(1), 'transaction() takes a function, not number'],
      [() => db.pragma(7), 'pragma() takes a string, not number'], [() => db.pragma('user_version', { simpel: true }), 'pragma() has no option "simpel": it has simple'],
      [() => db.function('f'), 'a function must be given last'], [() => db.function('', () => 1), 'the name must be a string, and not empty'],
    ]) refuses(act, TypeError, message);
  },
};

/** What has databases of its own. */
const others = {
  async 'copies'() {
    const db = await fresh();
    const [copy, where] = [await connect(':memory:'), { storage: 'memory' }];
    await copy.deserialize(db.serialize());
    assert.equal(copy.get('SELECT count(*) AS n FROM users').n, 3);
    for (let i = 0; i < 2; i++) assert.ok((await db.backup('copy.db', where)).bytes > 4096);
    assert.deepEqual(await list(where), ['copy.db']);
    const there = await connect('copy.db', where);
    assert.equal(there.get('SELECT count(*) AS n FROM users').n, 3);
    await assert.rejects(db.backup('copy.db', where), { code: 'SQLITE_BUSY' });
    await Promise.all([db, copy, there].map((one) => one.close()));
    await remove('copy.db', where);
    assert.deepEqual(await list(where), []);
  },

  async 'what is over says so'() {
    const db = await fresh();
    const statement = db.prepare('SELECT 1');
    const finalized = db.prepare('SELECT 1');
    finalized.finalize();
    refuses(() => finalized.get(), SqliteError, 'the statement has been finalized', { code: 'SQLITE_MISUSE' });
    await db.close();
    refuses(() => db.prepare('SELECT 1'), SqliteError, 'the database is closed', { code: 'SQLITE_MISUSE' });
    refuses(() => db.transaction(() => 1)(), SqliteError, 'the database is closed');
    refuses(() => statement.get(), SqliteError, 'the statement has been finalized');
    await assert.rejects(connect(7), { name: 'TypeError', message: 'a database name must be a string or a Blob, not number' });
    await assert.rejects(connect('x', { readOnly: true }), { name: 'TypeError', message: /did you mean "readonly"/ });
  },
};

for (const [name, test] of Object.entries({ ...cases, ...others })) {
  const db = await fresh();
  try {
    await test(db);
  } catch (error) {
    throw new Error(`${name}: ${error.stack}`, { cause: error });
  } finally {
    await db.close();
  }
}
console.log('ok');
