/** `exec` of oo1, with what it may be asked for. */

import { Statement as HostStatement } from './memory.js';
import { SQLite3Error, Stmt } from './oo1_stmt.js';

const SQLITE_MISUSE = 21;

/**
 * @typedef {object} Options
 * @property {string | string[]} sql
 * @property {any} [bind] of the first statement that has parameters
 * @property {string | number} [rowMode] 'array', 'object', 'stmt', the number of a column, or '$' and its name
 * @property {any[]} [resultRows] is filled with the rows of the first statement that returns some
 * @property {(row: any, statement: Stmt) => any} [callback] is called with each of them; false: no more
 * @property {string[]} [columnNames] is filled
 * @property {string[]} [saveSql] is filled with the texts of the statements
 * @property {'this' | 'resultRows' | 'saveSql'} [returnValue]
 */

/** @param {any} db @param {any[]} args SQL and options, or options with `sql` */
export function execute(db, args) {
  const options = optionsOf(args);
  const sql = Array.isArray(options.sql) ? options.sql.join('') : options.sql;
  if (typeof sql !== 'string') throw new SQLite3Error('exec() requires an SQL string.', SQLITE_MISUSE);
  const rows = options.resultRows ?? (options.returnValue === 'resultRows' ? [] : undefined);
  const texts = options.saveSql ?? (options.returnValue === 'saveSql' ? [] : undefined);
  let { bind } = options;
  let wantsRows = true;
  for (let at = 0; ; ) {
    const prepared = db.prepareText(sql, at);
    if (!prepared) break;
    const text = sql.slice(at, prepared.end).trim();
    texts?.push(text);
    db.trace(text);
    at = prepared.end;
    const statement = new Stmt(db, new HostStatement(db.host, prepared));
    try {
      if (bind !== undefined && bind !== null && statement.parameterCount) {
        statement.bind(bind);
        bind = undefined;
      }
      if (wantsRows && statement.columnCount) {
        wantsRows = false;
        collect(statement, options, rows);
      } else {
        while (statement.step());
      }
    } finally {
      statement.finalize();
    }
  }
  return options.returnValue === 'resultRows' ? rows : options.returnValue === 'saveSql' ? texts : db;
}

/** @param {any[]} args @returns {Options} */
function optionsOf([first, second]) {
  const isText = typeof first === 'string' || Array.isArray(first);
  const options = isText ? { ...second, sql: first } : { ...first };
  const { returnValue = 'this' } = options;
  if (!['this', 'resultRows', 'saveSql'].includes(returnValue)) {
    throw new SQLite3Error(`Invalid returnValue value: ${returnValue}`, SQLITE_MISUSE);
  }
  return options;
}

/** @param {Stmt} statement @param {Options} options @param {any[] | undefined} rows */
function collect(statement, { rowMode, callback, columnNames }, rows) {
  if (columnNames) statement.getColumnNames(columnNames);
  if (rows && rowMode === 'stmt') {
    throw new SQLite3Error("exec(): rowMode 'stmt' and resultRows do not go together.", SQLITE_MISUSE);
  }
  const shape = shapeOf(rowMode ?? 'array', statement);
  while (statement.step()) {
    if (!rows && !callback) continue;
    const row = shape();
    rows?.push(row);
    if (callback?.(row, statement) === false) break;
  }
}

/** @param {string | number} mode @param {Stmt} statement @returns {() => any} */
function shapeOf(mode, statement) {
  if (mode === 'array') return () => statement.get([]);
  if (mode === 'object') return () => statement.get(Object.create(null));
  if (mode === 'stmt') return () => statement;
  if (typeof mode === 'number') return () => statement.get(mode);
  const index = mode.startsWith('$') ? statement.getColumnNames().indexOf(mode.slice(1)) : -1;
  if (index >= 0) return () => statement.get(index);
  if (!mode.startsWith('$')) throw new SQLite3Error(`Invalid rowMode: ${mode}`, SQLITE_MISUSE);
  return () => {
    throw new SQLite3Error(`exec(): unknown result column: ${mode.slice(1)}`, SQLITE_MISUSE);
  };
}
