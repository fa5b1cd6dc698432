/** sqlite-wasm on its VFS for several tabs, for contention.js: one database, by messages. */

import sqlite3InitModule from '/benchmarks/node_modules/@sqlite.org/sqlite-wasm/dist/index.mjs';

let db;
let texts;
let reading;
const ACTIONS = {
  async open({ name, read, write }) {
    const sqlite3 = await sqlite3InitModule();
    db = new sqlite3.oo1.OpfsWlDb(`/${name}`, 'c');
    sqlite3.capi.sqlite3_busy_timeout(db, 5000);
    texts = { read, write };
  },
  exec: (sql) => void db.exec(sql),
  read(id) {
    reading ??= db.prepare(texts.read); // the table is there by now
    const row = reading.bind(1, id).step() ? reading.get(0) : undefined;
    reading.reset();
    return row;
  },
  write: (tab) => void db.exec({ sql: texts.write, bind: [tab] }),
};

self.onmessage = async ({ data: { id, what, value } }) => {
  try {
    self.postMessage({ id, value: await ACTIONS[what](value) });
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};
