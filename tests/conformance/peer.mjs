/** A process of its own that executes statements for a test, in Node: see peer.py. */

import { createInterface } from 'node:readline';
import { connect } from '../../web/host.js';

const [path, timeout] = [process.argv[2], Number(process.argv[3])];
const connections = new Map();
let file = path;
await (await connect(':memory:')).close(); // the engine is loaded before the clock of a test runs

const say = (answer) => console.log(JSON.stringify(answer, (_, value) => plain(value)));
const plain = (value) => (typeof value === 'bigint' ? Number(value) : value);

async function answer(name, sql) {
  if (sql.startsWith('OPEN ')) [file, sql] = [sql.slice(5), 'SELECT 1'];
  if (!connections.has(name)) connections.set(name, await connect(file, { timeout }));
  const db = connections.get(name);
  if (sql === 'CLOSE') {
    connections.delete(name);
    await db.close();
    return { rows: [] };
  }
  const statement = db.prepare(sql);
  try {
    return { rows: statement.raw().all() };
  } finally {
    statement.finalize();
  }
}

say({ rows: [] });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await answer(...JSON.parse(line)));
  } catch (error) {
    if (error.errcode === undefined) throw error;
    say({ code: error.errcode & 255, message: error.message });
  }
}
for (const db of connections.values()) await db.close();
