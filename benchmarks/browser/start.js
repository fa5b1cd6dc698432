/**
 * One visit to a page that uses a database: how long until it is connected, has the first row, and the row of a statement that no visit
 * has seen. Each engine as its documentation recommends it for a page, with its database on disk where it can.
 *
 * @typedef {object} Connection
 * @property {(sql: string) => Promise<any>} exec
 * @property {(sql: string) => Promise<any>} first the first column of the first row
 * @property {() => Promise<any>} [settle] resolves when what it keeps for later visits has been kept
 * @property {() => Promise<any>} [status]
 */

const PEERS = new URL('../node_modules/', import.meta.url).href;
const NAME = 'start.db';
const KEPT_MS = 30_000;
const STAY_MS = 1500;

/** @type {Record<string, (request: any) => Promise<Connection>>} */
const ENGINES = {
  ours: () => ours({}),
  'ours-bundle': ({ programs }) => ours({ programs: new URL(programs, location.origin).href, compiler: false }),
  'sqlite-wasm': inWorker,
  sqljs: inWorker,
  async pglite() {
    const { PGlite } = await import(`${PEERS}@electric-sql/pglite/dist/index.js`);
    const database = await PGlite.create(`idb://${NAME}`);
    return {
      exec: (sql) => database.exec(sql),
      first: async (sql) => (await database.query(sql, [], { rowMode: 'array' })).rows[0][0],
      settle: () => database.close(),
    };
  },
};

/**
 * @param {string} engine
 * @param {{schema: string, known: string, unseen: string | null, last: boolean}} request
 */
export async function visit(engine, request) {
  const begin = performance.now();
  const since = () => performance.now() - begin;
  const connection = await ENGINES[engine]({ ...request, engine });
  const connected = since();
  await connection.exec(request.schema);
  const row = await connection.first(request.known);
  const known = since();
  const count = request.unseen && (await connection.first(request.unseen));
  const unseen = request.unseen ? since() : null;
  if (row !== 'first' || (request.unseen && Number(count) !== 1)) throw new Error(`gave ${row} and ${count}`);
  const status = (await connection.status?.()) ?? {};
  await connection.settle?.();
  return { connected, known, unseen, status };
}

async function ours(options) {
  const { connect } = await import(new URL('../../web/index.js', import.meta.url).href);
  const database = await connect(NAME, options);
  return {
    exec: (sql) => database.exec(sql),
    first: async (sql) => database.prepare(sql).pluck().get(),
    status: () => database.status(),
    async settle() {
      const until = performance.now() + (options.programs ? 0 : KEPT_MS);
      while (performance.now() < until && !(await isKept())) await new Promise((resolve) => setTimeout(resolve, 100));
      await new Promise((resolve) => setTimeout(resolve, STAY_MS)); // a visit lasts a while
      await database.close();
    },
  };
}

/** Whether both caches of ours have something. */
async function isKept() {
  for (const name of ['turso-wasm', 'turso-wasm snapshot']) {
    if (!(await caches.has(name)) || !(await (await caches.open(name)).keys()).length) return false;
  }
  return true;
}

/** An engine that has to be in a worker. @param {any} request @returns {Promise<Connection>} */
async function inWorker({ engine }) {
  const worker = new Worker(new URL(`start_worker.js?${engine}`, import.meta.url), { type: 'module' });
  const ask = (request) =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => ('error' in data ? reject(new Error(data.error)) : resolve(data.value));
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(request);
    });
  await ask(['connect']);
  return {
    exec: (sql) => ask(['exec', sql]),
    first: (sql) => ask(['first', sql]),
    settle: () => ask(['close']),
  };
}
