/** wa-sqlite in a worker, for calls_drivers.js: its build without Asyncify, on its pool of access handles. Requests wait for each other. */

import createModule from '../node_modules/wa-sqlite/dist/wa-sqlite.mjs';
import { AccessHandlePoolVFS } from '../node_modules/wa-sqlite/src/examples/AccessHandlePoolVFS.js';
import { Factory, SQLITE_ROW } from '../node_modules/wa-sqlite/src/sqlite-api.js';

const ready = open();
let last = ready;

async function open() {
  const sqlite3 = Factory(await createModule());
  const vfs = new AccessHandlePoolVFS('/wa-sqlite');
  await vfs.isReady;
  sqlite3.vfs_register(vfs, true);
  return { sqlite3, db: await sqlite3.open_v2('calls.db') };
}

async function all(sql, rows) {
  const { sqlite3, db } = await ready;
  const found = [];
  for await (const statement of sqlite3.statements(db, sql)) {
    const names = sqlite3.column_names(statement);
    for (const values of rows) {
      sqlite3.reset(statement);
      sqlite3.bind_collection(statement, values);
      while ((await sqlite3.step(statement)) === SQLITE_ROW) {
        const row = sqlite3.row(statement);
        found.push(Object.fromEntries(names.map((name, i) => [name, row[i]])));
      }
    }
  }
  return found;
}

const ACTIONS = {
  all: (sql, values) => all(sql, [values]),
  async many(sql, rows) {
    await all('BEGIN', [[]]);
    await all(sql, rows);
    await all('COMMIT', [[]]);
  },
};

self.onmessage = ({ data: [action, ...request] }) => {
  last = last
    .then(() => ACTIONS[action](...request))
    .then(
      (rows) => self.postMessage({ rows }),
      (error) => self.postMessage({ error: `${error?.name}: ${error?.message}` }),
    );
};
