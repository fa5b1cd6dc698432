/**
 * Packages for pages under one interface; each is used as its documentation does it, on a file in OPFS.
 *
 * @typedef {object} Driver
 * @property {(sql: string, values: any[]) => Promise<object[]>} all
 * @property {(sql: string, values: any[]) => Promise<any>} run
 * @property {(sql: string, rows: any[][]) => Promise<any>} many a statement for each row, in one transaction
 */

const ROOT = new URL('../../', import.meta.url).href;
const MODULES = `${ROOT}benchmarks/node_modules/`;
const NAME = 'calls.db';

/** @type {Record<string, () => Promise<Driver>>} */
export const DRIVERS = {
  async 'ours-page'() {
    const { connect } = await import(`${ROOT}web/index.js`);
    const db = await connect(NAME);
    return {
      all: (sql, values) => db.all(sql, ...values),
      run: (sql, values) => db.run(sql, ...values),
      many: (sql, rows) => db.batch(rows.map((values) => [sql, ...values])),
    };
  },

  async sqlocal() {
    const folder = `${ROOT}benchmarks/.cache/sqlocal/`;
    const { SQLocal } = await import(`${folder}client.js`);
    const processor = new Worker(`${folder}worker.js`, { type: 'module' });
    const { sql: all, batch } = new SQLocal({ databasePath: NAME, processor });
    return {
      all: (sql, values) => all(sql, ...values),
      run: (sql, values) => all(sql, ...values),
      many: (sql, rows) => batch(() => rows.map((params) => ({ sql, params }))),
    };
  },

  /** sqlite-wasm's interface for pages. Its `exec` takes one set of values. */
  async promiser() {
    const folder = `${MODULES}@sqlite.org/sqlite-wasm/dist/`;
    const { sqlite3Worker1Promiser } = await import(`${folder}index.mjs`);
    const worker = () => new Worker(`${folder}sqlite3-worker1.mjs`, { type: 'module' });
    const promiser = await sqlite3Worker1Promiser({ worker });
    const { dbId } = await promiser('open', { filename: `file:${NAME}?vfs=opfs` });
    const exec = (sql, bind, more = {}) => promiser('exec', { dbId, sql, ...(bind.length ? { bind } : {}), ...more });
    return {
      all: async (sql, bind) => (await exec(sql, bind, { rowMode: 'object', resultRows: [] })).result.resultRows,
      run: exec,
      many: (sql, rows) => Promise.all([exec('BEGIN', []), ...rows.map((row) => exec(sql, row)), exec('COMMIT', [])]),
    };
  },

  /** It has no interface for pages: a worker that answers each call by one message, as in its demonstrations. */
  async 'wa-sqlite'() {
    const worker = new Worker(new URL('wa_sqlite_worker.js', import.meta.url), { type: 'module' });
    const waiting = [];
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = waiting.shift();
      if (data.error) reject(new Error(data.error));
      else resolve(data.rows);
    };
    const ask = (...request) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker.postMessage(request);
      });
    return {
      all: (sql, values) => ask('all', sql, values),
      run: (sql, values) => ask('all', sql, values),
      many: (sql, rows) => ask('many', sql, rows),
    };
  },
};
