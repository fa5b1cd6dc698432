/** The schema of the database, read again when it may have changed. */

import { effect, signal } from '@preact/signals';
import { changes, database } from './session.js';
import { quoted } from './sql.js';

/**
 * @typedef {{name: string, type: string, notNull: boolean, default: string | null, key: number, hidden: number}} Column
 * @typedef {{name: string, unique: boolean, origin: string, partial: boolean, columns: string[], sql: string | null}} Index
 * @typedef {{name: string, table: string, sql: string}} Trigger
 * @typedef {{id: number, column: string, table: string, to: string | null, onDelete: string}} ForeignKey id: columns of one key have the same
 * @typedef {object} Table
 * @property {string} name
 * @property {'table' | 'view' | 'virtual' | 'shadow'} type
 * @property {string} sql
 * @property {Column[]} columns
 * @property {boolean} withoutRowid
 * @property {Index[]} indexes
 * @property {Trigger[]} triggers
 * @property {ForeignKey[]} foreignKeys
 *
 * @typedef {{tables: Table[], error: string | null, functions: string[], pragmas: string[], known: boolean}} Schema
 */

/** @type {Schema} */
const NONE = { tables: [], error: null, functions: [], pragmas: [], known: false };
/** @type {import('@preact/signals').Signal<Schema>} */
export const schema = signal(NONE);
/** Rows of tables that were counted; `more`: there are at least so many. @type {import('@preact/signals').Signal<Map<string, {rows: number, more: boolean}>>} */
export const rowCounts = signal(new Map());

/** Tables are counted up to here; of larger ones the size is told by their highest rowid, or "more than". */
export const COUNTED = 20_000;

/** What an index USING fts or ivf, a materialized view, a sequence keeps is shown as what a virtual table keeps. */
const TABLES = `SELECT l.name, iif(substr(l.name, 1, 8) = '__turso_', 'shadow', l.type) AS type, l.wr, s.sql
  FROM pragma_table_list AS l JOIN sqlite_schema AS s ON s.name = l.name AND s.type IN ('table', 'view')
  WHERE l.schema = 'main' ORDER BY substr(l.name, 1, 8) = '__turso_' OR l.type = 'shadow', l.type = 'view', l.name COLLATE NOCASE`;
const COLUMNS = `SELECT s.name AS t, x.name, x.type, x."notnull" AS n, x.dflt_value AS d, x.pk, x.hidden
  FROM sqlite_schema AS s, pragma_table_xinfo(s.name) AS x WHERE s.type IN ('table', 'view') ORDER BY s.name, x.cid`;
const INDEXES = `SELECT s.name AS t, l.name, l."unique" AS u, l.origin, l.partial, i.name AS c, (SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = l.name) AS sql
  FROM sqlite_schema AS s, pragma_index_list(s.name) AS l, pragma_index_info(l.name) AS i WHERE s.type = 'table' ORDER BY l.name, i.seqno`;
const KEYS = `SELECT s.name AS t, f."table" AS target, f."from" AS c, f."to" AS k, f.on_delete AS d, f.id
  FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS f WHERE s.type = 'table' ORDER BY s.name, f.id, f.seq`;
const TRIGGERS = "SELECT name, tbl_name AS t, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name";

/** @param {import('../../web/index.js').Database} db @returns {Promise<Table[]>} */
async function readTables(db) {
  const ask = (/** @type {string} */ sql) => /** @type {Promise<any[]>} */ (db.all(sql));
  const [tables, indexes, keys, triggers] = await Promise.all([ask(TABLES), ask(INDEXES), ask(KEYS), ask(TRIGGERS)]);
  const columns = await readColumns(
    db,
    tables.map(({ name }) => name),
  );
  return tables.map(({ name, type, wr, sql }) => ({
    name,
    type,
    sql: sql ?? '',
    withoutRowid: Boolean(wr),
    columns: columns.get(name) ?? [],
    indexes: indexesOf(indexes.filter((row) => row.t === name)),
    triggers: triggers
      .filter((row) => row.t.toLowerCase() === name.toLowerCase())
      .map((row) => ({ name: row.name, table: row.t, sql: row.sql })),
    foreignKeys: keys
      .filter((row) => row.t === name)
      .map((row) => ({ id: Number(row.id), column: row.c, table: row.target, to: row.k, onDelete: row.d })),
  }));
}

/** A view that no longer means anything has no columns; the others have theirs. @param {import('../../web/index.js').Database} db @param {string[]} names */
async function readColumns(db, names) {
  /** @type {Map<string, Column[]>} */
  const found = new Map();
  const add = (/** @type {string} */ name, /** @type {any} */ row) => {
    const column = {
      name: row.name,
      type: row.type ?? '',
      notNull: Boolean(row.n),
      default: row.d,
      key: Number(row.pk),
      hidden: Number(row.hidden),
    };
    found.set(name, [...(found.get(name) ?? []), column]);
  };
  try {
    for (const row of /** @type {any[]} */ (await db.all(COLUMNS))) add(row.t, row);
  } catch {
    for (const name of names) {
      const rows = await db
        .all(`SELECT *, "notnull" AS n, dflt_value AS d FROM pragma_table_xinfo(?)`, name)
        .catch(() => []);
      for (const row of rows) add(name, row);
    }
  }
  return found;
}

/** @param {any[]} rows one for each column of each index @returns {Index[]} */
function indexesOf(rows) {
  /** @type {Map<string, Index>} */
  const found = new Map();
  for (const { name, u, origin, partial, c, sql } of rows) {
    const index = found.get(name) ?? { name, unique: Boolean(u), origin, partial: Boolean(partial), columns: [], sql };
    index.columns.push(c ?? '(expression)');
    found.set(name, index);
  }
  return [...found.values()];
}

/** What does not depend on the tables. @param {import('../../web/index.js').Database} db */
async function readVocabulary(db) {
  const [functions, pragmas] = await Promise.all([
    db.prepare('SELECT DISTINCT name FROM pragma_function_list ORDER BY 1').pluck().all(),
    db.prepare('SELECT name FROM pragma_pragma_list ORDER BY 1').pluck().all(),
  ]);
  return { functions: functions.map(String), pragmas: pragmas.map(String) };
}

/** Count a table, at most so far that it takes no time. @param {import('../../web/index.js').Database} db @param {Table} table */
async function countRows(db, table) {
  const name = quoted(table.name);
  const rows = Number(
    await db
      .prepare(`SELECT count(*) FROM (SELECT 1 FROM ${name} LIMIT ${COUNTED + 1})`)
      .pluck()
      .get(),
  );
  if (rows <= COUNTED) return { rows, more: false };
  const highest =
    table.withoutRowid || table.type !== 'table'
      ? null
      : await db
          .prepare(`SELECT max(rowid) FROM ${name}`)
          .pluck()
          .get()
          .catch(() => null);
  return { rows: Math.max(COUNTED, Number(highest ?? 0)), more: true };
}

/** @param {import('../../web/index.js').Database} db */
async function read(db) {
  const isCurrent = () => database.peek() === db;
  try {
    const tables = await readTables(db);
    if (!isCurrent()) return;
    schema.value = { ...schema.peek(), tables, error: null, known: true };
    if (!schema.peek().functions.length) {
      const words = await readVocabulary(db);
      schema.value = { ...schema.peek(), ...words };
    }
    const counts = new Map();
    for (const table of tables) {
      if (!isCurrent()) return;
      if (table.type === 'table') counts.set(table.name, await countRows(db, table).catch(() => undefined));
    }
    if (isCurrent()) rowCounts.value = counts;
  } catch (error) {
    if (isCurrent())
      schema.value = { ...schema.peek(), tables: [], error: /** @type {any} */ (error).message, known: true };
  }
}

/** @type {Promise<void>} */
let reading = Promise.resolve();
let wanted = 0;

/** Read it again, once for several changes in a row. */
export function refreshSchema() {
  const turn = ++wanted;
  reading = reading.then(async () => {
    const db = database.peek();
    if (turn === wanted && db) await read(db);
  });
  return reading;
}

effect(() => {
  if (!database.value) {
    schema.value = { ...schema.peek(), tables: [], error: null, known: false };
    rowCounts.value = new Map();
  }
});
effect(() => {
  changes.value;
  refreshSchema();
});

/** The table or view of a name. @param {string} name */
export function tableNamed(name) {
  return schema.value.tables.find((table) => table.name.toLowerCase() === name.toLowerCase());
}
