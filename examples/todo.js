/** The database of the examples. */

import { connect } from 'turso-wasm';

export const db = await connect('todo.db');
await db.exec(
  'CREATE TABLE IF NOT EXISTS todo(id INTEGER PRIMARY KEY, title TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0)',
);

export const OPEN = 'SELECT id, title FROM todo WHERE done = 0 ORDER BY id';

/** @param {string} title */
export const add = (title) => db.run('INSERT INTO todo(title) VALUES (?)', title);

/** @param {number} id */
export const finish = (id) => db.run('UPDATE todo SET done = 1 WHERE id = ?', id);
