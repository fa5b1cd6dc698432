/**
 * Databases in OPFS whose power is cut before every call that changes storage, and again during recovery: what was committed is there, whole,
 * and so is every snapshot. Prints how many cuts there were, or throws. Run by test_javascript_stores.py: journal mode, first cut, every nth.
 */

import assert from 'node:assert/strict';
import { LyingOpfs, random } from './lying_opfs.mjs';

const [mode, first, stride] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const opfs = new LyingOpfs();
opfs.install();
const { connect } = await import('../../web/host.js');
const NAME = 'app.db';
const WHERE = /** @type {const} */ ({ storage: 'opfs' });
const any = random(7 + first);

const fill = (/** @type {number} */ from, /** @type {number} */ to, size = 900) =>
  `WITH n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to}) INSERT INTO t SELECT i, zeroblob(${size}) FROM n`;

/** @type {((db: any) => unknown)[]} */
const STEPS = [
  (db) => db.exec(`PRAGMA journal_mode = ${mode}; PRAGMA synchronous = EXTRA`),
  (db) => db.exec('BEGIN; CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE INDEX by_b ON t(b, a); COMMIT'),
  (db) => db.exec(fill(1, 40)),
  (db) => db.snapshot('one'),
  (db) => db.exec('UPDATE t SET b = a WHERE a % 3 = 0'),
  (db) => db.exec('PRAGMA wal_checkpoint'),
  (db) => db.exec('DELETE FROM t WHERE a < 20'),
  (db) => db.snapshot('two'),
  (db) => db.exec(`BEGIN; ${fill(100, 140)}; UPDATE t SET b = -a WHERE a < 100; COMMIT`),
  (db) => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
  (db) => db.dropSnapshot('one'),
  (db) => db.exec('CREATE TABLE u AS SELECT * FROM t'),
  (db) => db.snapshot('three'),
  (db) => db.exec('DROP TABLE t'),
  (db) => db.exec('VACUUM'),
  (db) => db.restore('two'),
  (db) => db.exec(fill(200, 210)),
  (db) => db.dropSnapshot('three'),
  (db) => db.dropSnapshot('two'),
];

/** What a database holds, as text. @param {any} db */
function contentOf(db) {
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();
  return JSON.stringify(tables.map((/** @type {string} */ t) => [t, db.prepare(`SELECT a, typeof(b), b + 0 FROM ${t} ORDER BY a`).raw().all()]));
}

/** @param {any} db @returns {Promise<{content: string, snapshots: Record<string, string>}>} */
async function stateOf(db) {
  const snapshots = /** @type {Record<string, string>} */ ({});
  for (const { name } of await db.snapshots()) {
    const past = await connect(NAME, { ...WHERE, snapshot: name });
    snapshots[name] = contentOf(past);
    await past.close();
  }
  return { content: contentOf(db), snapshots };
}

/** States after each step, of a run that is not disturbed. */
async function undisturbed() {
  const db = await connect(NAME, WHERE);
  const states = [await stateOf(db)];
  for (const step of STEPS) {
    await step(db);
    states.push(await stateOf(db));
  }
  await db.close();
  return states;
}

/** Run until the power goes; the steps that were done. */
async function disturbed() {
  let done = 0;
  let db = null;
  try {
    db = await connect(NAME, WHERE);
    for (const step of STEPS) {
      await step(db);
      done++;
    }
  } catch (error) {
    if (!opfs.isOff) throw error;
  }
  await db?.close().catch(() => undefined);
  return done;
}

/** Open it and look at it, while the power may go. */
async function recovered() {
  let db = null;
  try {
    db = await connect(NAME, { ...WHERE, create: false });
    db.all('SELECT * FROM sqlite_schema');
  } catch (error) {
    if (!opfs.isOff && opfs.files.get(NAME)?.bytes.length) throw error;
  }
  await db?.close().catch(() => undefined);
}

/** @param {any} found @param {any} before @param {any} after @param {string} where */
function check(found, before, after, where) {
  assert.ok([before.content, after.content].includes(found.content), `${where}: the content is of neither side: ${found.content.slice(0, 200)}`);
  for (const [name, content] of Object.entries(found.snapshots)) {
    assert.equal(content, before.snapshots[name] ?? after.snapshots[name], `${where}: snapshot ${name}`);
  }
  for (const name of Object.keys(before.snapshots)) {
    if (name in after.snapshots) assert.ok(name in found.snapshots, `${where}: snapshot ${name} is lost`);
  }
}

const states = await undisturbed();
const total = opfs.calls;
let cuts = 0;
for (let last = first; last < total; last += stride) {
  opfs.files.clear();
  opfs.restart(any, last);
  const done = await disturbed();
  opfs.restart(any, any(6)); // and once more, while it is recovered
  await recovered();
  opfs.restart(any, Infinity);
  const db = await connect(NAME, WHERE);
  check(await stateOf(db), states[done], states[done + 1] ?? states[done], `cut ${last} of ${total}, in step ${done}`);
  db.exec('CREATE TABLE IF NOT EXISTS after_all(a, b); INSERT INTO after_all VALUES (1, 1)');
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
  await db.close();
  cuts++;
}
console.log(cuts);
process.exit(0);
