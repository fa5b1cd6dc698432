/** Functions, aggregates and collations of the user's on the JavaScript host: prints "ok", or throws. Run by test_in_node.py. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { loadPyodide } from '../../dist/pyodide/pyodide.mjs';
import { Compiler, Engine, MemoryStorage, SqlError } from '../../web/host.js';

const dist = new URL('../../dist/', import.meta.url);
const pyodide = await loadPyodide();
const compiler = await Compiler.over(pyodide, readFileSync(new URL('compiler.pack', dist)));
const engine = await Engine.create({
  kernel: readFileSync(new URL('kernel.wasm', dist)),
  compiler,
  storage: new MemoryStorage(),
});

let made = 0;
async function fresh() {
  const db = await engine.open(`case${made++}.db`);
  db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, g, x, s TEXT)');
  const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?, ?)');
  for (let i = 0; i < 500; i++) insert.run(i, i % 3, (i * i) % 17, `text ${i}`.repeat(i % 20));
  return db;
}

/** @param {any} db @param {string} sql @param {...any} args */
const value = (db, sql, ...args) => db.prepare(sql).pluck().get(...args);
const rows = (db, sql, ...args) => db.prepare(sql).raw().all(...args);

const cases = {
  async 'values pass both ways'() {
    const db = await fresh();
    const seen = [];
    db.function('echo', (given) => {
      seen.push(given);
      return given;
    });
    for (const given of [null, 0, -1, 2 ** 40, 1.5, 1e300, '', 'é ≠ 😀', 'a\0b', 'x'.repeat(239), 'x'.repeat(241), 'é'.repeat(9000)]) {
      assert.equal(value(db, 'SELECT echo(?)', given), given);
      assert.equal(seen.at(-1), given);
    }
    for (const size of [0, 1, 239, 240, 241, 100_000]) {
      const bytes = new Uint8Array(size).fill(7);
      assert.deepEqual(value(db, 'SELECT echo(?)', bytes), bytes);
    }
    assert.equal(value(db, 'SELECT echo(9007199254740993)'), 9007199254740993n);
    assert.equal(value(db, 'SELECT typeof(echo(5)) || typeof(echo(5.5)) || typeof(echo(NULL))'), 'integerrealnull');
    db.function('yes', () => true);
    db.function('nix', () => undefined);
    assert.deepEqual(rows(db, 'SELECT yes(), nix()'), [[1, null]]);
    await db.close();
  },

  async 'many rows at once, in their order'() {
    const db = await fresh();
    const log = [];
    db.function('f', (a) => {
      log.push(`f${a}`);
      return a;
    });
    db.function('g', { varargs: true }, (...given) => {
      log.push(`g${given[0]}`);
      return given.at(-1);
    });
    const expected = rows(db, 'SELECT id, s, x FROM t');
    assert.deepEqual(rows(db, 'SELECT f(id), g(id, s), x FROM t'), expected);
    assert.deepEqual(log.slice(0, 4), ['f0', 'g0', 'f1', 'g1']);
    assert.equal(log.length, 1000);
    log.length = 0;
    assert.equal(rows(db, 'SELECT f(id) FROM t LIMIT 7').length, 7);
    assert.equal(log.length, 7);
    db.function('bad', (a) => {
      log.push(a);
      if (a === 300) throw new RangeError('mine');
      return new Uint8Array([a & 255]);
    });
    log.length = 0;
    assert.throws(() => rows(db, 'SELECT bad(id) FROM t'), { name: 'RangeError', message: 'mine' });
    assert.equal(log.at(-1), 300);
    db.function('low', { deterministic: true }, (a) => {
      if (a > 20) throw new Error('nobody comes here');
      return 1;
    });
    assert.equal(rows(db, 'SELECT id FROM t WHERE low(id) LIMIT 20').length, 20);
    await db.close();
  },

  async 'many texts under a collation'() {
    const db = await fresh();
    let asked = 0;
    db.collation('number', (a, b) => {
      asked++;
      return Number(a) - Number(b);
    });
    db.exec("CREATE TABLE n AS WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < 2999) SELECT i * 7919 % 3001 || '' AS a FROM s");
    const found = rows(db, 'SELECT a FROM n ORDER BY a COLLATE number').map(([a]) => Number(a));
    assert.deepEqual(found, [...found].sort((a, b) => a - b));
    assert.ok(asked < 3000 * 14);
    await db.close();
  },

  async 'integers as the options say'() {
    const db = await fresh();
    const kinds = [];
    for (const [name, options] of [['auto', {}], ['big', { safeIntegers: true }], ['small', { safeIntegers: false }]]) {
      db.function(name, options, (a) => void kinds.push(typeof a));
      value(db, `SELECT ${name}(1), ${name}(9007199254740993 - ${name === 'small' ? 3 : 0})`);
    }
    assert.deepEqual(kinds, ['number', 'bigint', 'bigint', 'bigint', 'number', 'number']);
    assert.throws(() => value(db, 'SELECT small(9007199254740993)'), /RangeError: the integer 9007199254740993 is too large/);
    await db.close();
  },

  async 'overloads, varargs and built-in names'() {
    const db = await fresh();
    db.function('o', { varargs: true }, (...a) => `any ${a.length}`);
    db.function('o', (a) => 'one');
    db.function('abs', (a) => 'mine');
    assert.deepEqual(rows(db, 'SELECT o(1), o(), o(1, 2), abs(-1)'), [['one', 'any 0', 'any 2', 'mine']]);
    db.function('o', (a) => 'another');
    assert.equal(value(db, 'SELECT o(1)'), 'another');
    assert.throws(() => db.prepare('SELECT abs(1, 2)'), /wrong number of arguments to function abs\(\)/);
    await db.close();
  },

  async 'wrong registrations'() {
    const db = await fresh();
    assert.throws(() => db.function('', () => 1), TypeError);
    assert.throws(() => db.function(5, () => 1), TypeError);
    assert.throws(() => db.function('f', 5), TypeError);
    assert.throws(() => db.function('f', { deterministic: 1 }, () => 1), TypeError);
    assert.throws(() => db.aggregate('f', {}), /"step" must be a function/);
    assert.throws(() => db.aggregate('f', { step() {}, inverse: 5 }), /"inverse" must be a function/);
    assert.throws(() => db.collation('f', 5), TypeError);
    await db.close();
  },

  async 'deterministic and direct only'() {
    const db = await fresh();
    db.function('pure', { deterministic: true }, (a) => a % 7);
    db.function('impure', (a) => a);
    db.function('direct', { directOnly: true }, () => 1);
    assert.throws(() => db.exec('CREATE INDEX i ON t(impure(id))'), /non-deterministic functions prohibited in index expressions/);
    db.exec('CREATE INDEX i ON t(pure(id)); CREATE VIEW v AS SELECT direct() AS one');
    assert.equal(value(db, 'SELECT count(*) FROM t WHERE pure(id) = 3'), 71);
    assert.throws(() => db.prepare('SELECT * FROM v'), /unsafe use of direct\(\)/);
    assert.equal(value(db, 'SELECT direct()'), 1);
    await db.close();
  },

  async 'aggregates, also as window functions'() {
    const db = await fresh();
    db.aggregate('total', { start: 0, step: (sum, x) => sum + x, inverse: (sum, x) => sum - x, result: (sum) => `${sum}` });
    db.aggregate('list', { start: () => [], step: (all, x) => void all.push(x), result: (all) => all.join() });
    const sums = [0, 1, 2].map((g) => rows(db, 'SELECT sum(x) FROM t WHERE g = ?', g)[0][0]);
    assert.deepEqual(rows(db, 'SELECT g, total(x) FROM t GROUP BY g'), sums.map((sum, g) => [g, `${sum}`]));
    assert.equal(value(db, 'SELECT list(id) FROM t WHERE id < 5'), '0,1,2,3,4');
    assert.deepEqual(rows(db, 'SELECT total(x), list(x) FROM t WHERE 0'), [['0', '']]);
    assert.deepEqual(
      rows(db, 'SELECT total(x) OVER (ORDER BY id ROWS 2 PRECEDING) FROM t').map(([text]) => Number(text)),
      rows(db, 'SELECT sum(x) OVER (ORDER BY id ROWS 2 PRECEDING) FROM t').map(([sum]) => sum),
    );
    db.aggregate('last', { start: null, step: (_, x) => ({ x }), inverse: (last) => last, result: (last) => last?.x ?? null });
    for (const window of ['ORDER BY id', 'PARTITION BY g', 'ORDER BY g', 'ORDER BY id ROWS 3 PRECEDING'])
      assert.deepEqual(
        rows(db, `SELECT id, last(s) OVER (${window}) FROM t`),
        rows(db, `SELECT id, last_value(s) OVER (${window}) FROM t`),
      );
    db.aggregate('fails', { start: 0, step: (_, x) => x, inverse: (n) => n, result: (n) => (n === 400 ? {} : n) });
    const found = [];
    const failing = db.prepare('SELECT fails(id) OVER (ORDER BY id) FROM t ORDER BY id').raw(true);
    assert.throws(() => { for (const [n] of failing.iterate()) found.push(n); }, /fails\(\) returned what it cannot/);
    assert.deepEqual(found, Array.from({ length: 400 }, (_, i) => i));
    assert.throws(() => db.prepare('SELECT list(x) OVER () FROM t'), /list\(\) may not be used as a window function/);
    await db.close();
  },

  async collations() {
    const db = await fresh();
    const compare = (a, b) => (a < b ? 1 : a > b ? -1 : 0);
    assert.throws(() => db.prepare('SELECT s FROM t ORDER BY s COLLATE backwards').all(), /no such collation sequence: backwards/);
    db.collation('backwards', compare);
    const texts = rows(db, 'SELECT s FROM t').flat();
    assert.deepEqual(rows(db, 'SELECT s FROM t ORDER BY s COLLATE backwards').flat(), texts.toSorted(compare));
    db.exec('CREATE TABLE u(k TEXT PRIMARY KEY COLLATE backwards) WITHOUT ROWID; INSERT OR IGNORE INTO u SELECT s FROM t');
    assert.deepEqual(rows(db, 'SELECT k FROM u').flat(), [...new Set(texts)].toSorted(compare));
    assert.equal(value(db, 'SELECT count(*) FROM u WHERE k > ?', 'text 5'), new Set(texts.filter((text) => text < 'text 5')).size);
    assert.equal(value(db, 'PRAGMA integrity_check'), 'ok');
    db.collation('bad', () => 'x');
    assert.throws(() => value(db, "SELECT 'a' < 'b' COLLATE bad"), TypeError);
    await db.close();
  },

  async 'what is thrown is thrown'() {
    const db = await fresh();
    const mine = new Error('mine');
    db.function('fail', (n) => {
      if (n === 400) throw mine;
      return n;
    });
    assert.throws(() => db.exec('UPDATE t SET x = fail(id)'), (error) => error === mine);
    assert.equal(value(db, 'SELECT count(*) FROM t WHERE x = id AND id > 17'), 0);
    db.function('odd', () => ({}));
    assert.throws(() => db.exec('SELECT odd()'), TypeError);
    for (const thrown of [undefined, null, 'text']) {
      db.function('strange', () => {
        throw thrown;
      });
      try {
        value(db, 'SELECT strange()');
        assert.fail('nothing was thrown');
      } catch (error) {
        assert.equal(error, thrown);
      }
    }
    assert.equal(value(db, 'SELECT 1'), 1);
    await db.close();
  },

  async 'SQL inside a call'() {
    const db = await fresh();
    db.exec('CREATE TABLE log(n)');
    const others = db.prepare('SELECT count(*) FROM t WHERE g = ?').pluck();
    db.function('others', (g) => others.get(g));
    assert.deepEqual(rows(db, 'SELECT id, others(g), s FROM t WHERE id < 3'), [[0, 167, ''], [1, 167, 'text 1'], [2, 166, 'text 2text 2']]);
    const note = db.prepare('INSERT INTO log VALUES (?)');
    db.function('note', (n) => note.run(n).changes);
    db.exec('UPDATE t SET x = note(id)');
    assert.equal(value(db, 'SELECT count(*) FROM log'), 500);
    db.function('remove', (n) => db.prepare('DELETE FROM t WHERE id = ?').run(n).changes);
    assert.equal(rows(db, 'SELECT remove(id), s FROM t').length, 500);
    assert.equal(value(db, 'SELECT count(*) FROM t'), 0);
    db.function('caught', () => {
      try {
        db.exec('SELECT abs(-9223372036854775808)');
      } catch (error) {
        return error.message;
      }
      return '?';
    });
    assert.equal(value(db, "SELECT printf('%s %.3f', caught(), 1.5)"), 'integer overflow 1.500');
    await db.close();
  },

  async 'what runs is left alone'() {
    const db = await fresh();
    let act = () => undefined;
    db.function('act', (n) => {
      act();
      return n;
    });
    const statement = db.prepare('SELECT act(id) FROM t WHERE id < 5').pluck();
    for (const wrong of [() => statement.all(), () => statement.finalize(), () => statement.reset(), () => db.function('act', (n) => n)]) {
      act = wrong;
      assert.throws(() => statement.all(), SqlError);
    }
    let refused;
    act = () => {
      refused ??= db.close();
    };
    assert.deepEqual(statement.all(), [0, 1, 2, 3, 4]);
    await assert.rejects(refused, /busy/);
    act = () => undefined;
    assert.deepEqual(statement.all(), [0, 1, 2, 3, 4]);
    db.function('act', (n) => n * 10);
    assert.deepEqual(statement.all(), [0, 10, 20, 30, 40]);
    await db.close();
  },

  async 'databases have functions of their own'() {
    const [first, second] = [await fresh(), await fresh()];
    first.function('f', () => 1);
    assert.throws(() => second.prepare('SELECT f()'), /no such function: f/);
    second.function('f', () => 2);
    assert.deepEqual([value(first, 'SELECT f()'), value(second, 'SELECT f()')], [1, 2]);
    await first.close();
    assert.equal(value(second, 'SELECT f()'), 2);
    await second.close();
  },
};

for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
  } catch (error) {
    throw new Error(`${name}: ${error.stack}`, { cause: error });
  }
}
console.log('ok');
process.exit(0);
