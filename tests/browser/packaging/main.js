import { connect } from 'turso-wasm';

const db = await connect('bundled.db');
await db.exec('CREATE TABLE IF NOT EXISTS t(x); INSERT INTO t VALUES (41)');
const [{ answer }] = await db.prepare('SELECT max(x) + 1 AS answer FROM t').all();
await db.close();
document.querySelector('output').textContent = `answer ${answer}`;
