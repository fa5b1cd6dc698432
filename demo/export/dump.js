/** A whole database as SQL, as SQLite's `.dump` writes it. */

import { literal, quoted } from '../core/sql.js';

const ROWS = 2000;
const ITEMS = `SELECT name, type, sql, rootpage FROM sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND type = 'table' ORDER BY rowid`;
const OTHERS = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type <> 'table' ORDER BY rowid";
/** Tables that a virtual table keeps its own things in come back with it, under their own names. */
const SHADOWS = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'";

/**
 * @param {import('../core/session.js').Database} db
 * @returns {AsyncGenerator<string, void>} one snapshot, in pieces
 */
export async function* dump(db) {
  yield 'PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n';
  const shadows = new Set(await db.prepare(SHADOWS).pluck().all());
  let writable = false;
  for (const [name, , sql] of /** @type {string[][]} */ (await db.prepare(ITEMS).raw().all())) {
    if (/^\s*CREATE\s+VIRTUAL\s+TABLE\b/i.test(sql)) {
      if (!writable) yield 'PRAGMA writable_schema=ON;\n';
      writable = true;
      yield `INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql) VALUES('table',${literal(name)},${literal(name)},0,${literal(sql)});\n`;
    } else {
      yield `${shadows.has(name) ? sql.replace(/^CREATE TABLE/i, 'CREATE TABLE IF NOT EXISTS') : sql};\n`;
      yield* rowsOf(db, name);
    }
  }
  const [counted] = await db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'").pluck().all();
  if (counted) {
    yield 'DELETE FROM sqlite_sequence;\n';
    yield* rowsOf(db, 'sqlite_sequence');
  }
  for (const sql of await db.prepare(OTHERS).pluck().all()) yield `${sql};\n`;
  if (writable) yield 'PRAGMA writable_schema=OFF;\n';
  yield 'COMMIT;\n';
}

/** @param {import('../core/session.js').Database} db @param {string} table */
async function* rowsOf(db, table) {
  // generated columns are not written
  const columns = await db.prepare('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0').pluck().all(table);
  const names = columns.map((name) => quoted(String(name))).join(',');
  const all = await db.prepare('SELECT count(*) FROM pragma_table_xinfo(?)').pluck().get(table);
  const head = `INSERT INTO ${quoted(table)}${columns.length === all ? '' : `(${names})`} VALUES(`;
  let piece = '';
  let count = 0;
  for await (const row of db
    .prepare(`SELECT ${names} FROM ${quoted(table)}`)
    .safeIntegers()
    .raw()
    .iterate()) {
    piece += `${head}${row.map(literal).join(',')});\n`;
    if (++count % ROWS === 0) {
      yield piece;
      piece = '';
    }
  }
  yield piece;
}
