/**
 * One tab of several that use one database: `contend` reads rows and adds some for a while, and tells how long each took.
 *
 * Both engines are asked from the page: ours by its API, sqlite-wasm by messages to the worker that has it.
 */

const NAME = 'contention.db';
const TABLE = 'CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, tab INTEGER, text TEXT)';
const FILL =
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT OR IGNORE INTO t SELECT i, 0, 'row ' || i FROM n";
const READ = 'SELECT text FROM t WHERE id = ?';
const WRITE = "INSERT INTO t(tab, text) VALUES (?, 'one more row')";

const ENGINES = {
  async 'turso-wasm'() {
    const { connect } = await import('/web/index.js');
    const db = await connect(NAME, { persist: false });
    const read = db.prepare(READ).pluck();
    const write = db.prepare(WRITE);
    return { exec: (sql) => db.exec(sql), read: (id) => read.get(id), write: (tab) => write.run(tab) };
  },
  async 'sqlite-wasm opfs-wl'() {
    const worker = new Worker('/benchmarks/browser/contention_worker.js', { type: 'module' });
    let next = 1;
    const waiting = new Map();
    worker.onmessage = ({ data: { id, value, error } }) => {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      error === undefined ? resolve(value) : reject(new Error(error));
    };
    const ask = (what, value) =>
      new Promise((resolve, reject) => {
        waiting.set(next, { resolve, reject });
        worker.postMessage({ id: next++, what, value });
      });
    await ask('open', { name: NAME, read: READ, write: WRITE });
    return { exec: (sql) => ask('exec', sql), read: (id) => ask('read', id), write: (tab) => ask('write', tab) };
  },
};

/** Open the database; the first tab makes it. */
globalThis.open = async (engine, isFirst) => {
  globalThis.database = await ENGINES[engine]();
  if (!isFirst) return;
  await database.exec(TABLE);
  await database.exec(FILL);
};

/** Use it for so many milliseconds; one request in `every` writes. */
globalThis.contend = async (tab, duration, every) => {
  const found = { reads: [], writes: [], failed: 0 };
  const end = performance.now() + duration;
  for (let i = tab; performance.now() < end; i++) {
    const writes = i % every === 0;
    const started = performance.now();
    try {
      await (writes ? database.write(tab) : database.read(1 + ((i * 7919) % 10000)));
      found[writes ? 'writes' : 'reads'].push(performance.now() - started);
    } catch {
      found.failed++;
    }
  }
  return found;
};
