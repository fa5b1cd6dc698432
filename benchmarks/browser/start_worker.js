/** A peer in a worker, for start.js. */

const PEERS = new URL('../node_modules/', import.meta.url).href;
const NAME = '/start.db';
let database;

const CONNECT = {
  async 'sqlite-wasm'() {
    const init = (await import(`${PEERS}@sqlite.org/sqlite-wasm/dist/index.mjs`)).default;
    const sqlite3 = await init({ print: () => undefined, printErr: () => undefined });
    const pool = await sqlite3.installOpfsSAHPoolVfs({});
    const opened = new pool.OpfsSAHPoolDb(NAME);
    const close = () => {
      opened.close();
      pool.pauseVfs(); // closes its access handles
    };
    return { exec: (sql) => void opened.exec(sql), first: (sql) => opened.selectValue(sql), close };
  },
  async sqljs() {
    const folder = `${PEERS}sql.js/dist/`;
    const source = await (await fetch(`${folder}sql-wasm-browser.js`)).text();
    const init = new Function('module', 'exports', `${source}; return module.exports`)({ exports: {} }, {});
    const SQL = await (init.default ?? init)({ locateFile: (name) => folder + name });
    const opened = new SQL.Database();
    return {
      exec: (sql) => void opened.exec(sql),
      first: (sql) => opened.exec(sql)[0].values[0][0],
      close: () => opened.close(),
    };
  },
};

self.onmessage = async ({ data: [what, sql] }) => {
  try {
    if (what === 'connect') database = await CONNECT[self.location.search.slice(1)]();
    self.postMessage({ value: what === 'connect' ? null : (database[what](sql) ?? null) });
  } catch (error) {
    self.postMessage({ error: `${error?.name}: ${error?.message}` });
  }
};
