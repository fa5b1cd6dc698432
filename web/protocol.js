/**
 * The messages between a page and its worker.
 *
 * A request has an `id` and an `op`; its answer has the same `id` and either `value`, or `error`. Rows travel as copies of the kernel's
 * row buffer (rows.js), one transferred ArrayBuffer a batch, and are decoded where they are wanted.
 *
 *   op        more fields                          value
 *   hello     lock                                 {} when the worker holds the Web Lock of that name: it will as long as it lives
 *   init      kernel, compiler: {pack, pyodide},  URLs; before the others: {isFirstVisit} (engine.js) when the kernel is up; eager: the
 *             eager                                compiler is loaded before a statement needs it
 *   programs  programs: a URL or bytes             {refused}: why the application's Programs (program_cache.js) are not used, or null
 *   ready                                          {} when the compiler is loaded
 *   open      name or Blob, options, direct        {database, storage, readonly}; direct: by the engine of this worker, whoever owns the file (relay.js)
 *   close     database                             {}: reads of it fail with SQLITE_INTERRUPT, writes sent before have half a second
 *   run       database, statement, sql, args       {changes, lastInsertRowid}
 *   get       database, statement, sql, args       Rows of at most one row
 *   all       database, statement, sql, args       `{id, rows: Rows}` messages as they come, then the last Rows as the value; `rows: null`:
 *                                                  those that came are forgotten, they come again
 *   iterate   database, statement, sql, args       Rows, with `cursor` unless that was all; these four: with `tables` if the request says so
 *   next      database, cursor                     Rows, with `cursor` unless that was all: the page asks for a batch when it is ready to
 *                                                  take one, so a slow reader holds the worker back
 *   return    database, cursor                     {} the reader has left
 *   describe  database, statement, sql             {columns, reader, readonly, parameters, reads}
 *   define    database, kind, name, options, code  {} SQL can call it: code, an aggregate's parts (page/source.js Code); null: no more
 *             tells                                kind "hook": its name is a hook's; tells: `{hooked: [name, ...told][], database}` messages come instead
 *                                                  of calls
 *   exec      database, sql                        {}
 *   batch     database, sql, items, begin,         {results: {rows, changes, lastInsertRowid}[]}: items: {sql, args}[] in a transaction; sql: all of them
 *             integers
 *   script    database, sql, limit                 {results: Result[], error?: at the statement where it ended}
 *   status    database                             {inTransaction, totalChanges, storage, owner, tabs, programs, compiler} (index.d.ts)
 *   listen    database, on                         {}: `{changed: {tables, own}, database}` messages say which tables commits have changed, this
 *                                                  connection's own too; `tables: null`: any
 *   export    database                             {buffer}
 *   backup    database, name, storage, attached,   {bytes}: a copy is in the place of the database of that name; inSteps: {transfer} and what
 *             inSteps                              `step` gives: it will be
 *   step      database, transfer, pages            {bytes, totalPages, remainingPages, isDone} after so many pages more of a backup; negative: all
 *   fill      database, transfer, part: a Blob     {transfer}: a part of the file that `import` will take; without `transfer` its first
 *   import    database, transfer, or a Blob        {}: the database is replaced by what was filled, or the Blob; neither: by an empty one
 *   drop      database, transfer                   {}: what was filled is forgotten, or a backup is over
 *   saved     database, file                       {}: what its file and the changes beside it were was saved to that File
 *   rekey     database, key                        {}: it is encrypted with that key from now on; null: with none
 *   move      database, storage                    {storage}: where it lies from now on
 *   snapshot  database, name                       {name, time, size}: what the database is now is kept under that name
 *   snapshots  database                            {snapshots: {name, time, size}[]}
 *   restore   database, name                       {}: the database is what it was at that snapshot
 *   dropSnapshot  database, name                   {}: it is forgotten
 *   fork      database                             as `open`: of a database that is this session's alone; others: open with options.fork
 *   list      storage                              {names}
 *   remove    name, storage                        {}
 *   connect   port, lock                           no answer; requests on that MessagePort are another session's, which is over when the
 *                                                  worker gets the Web Lock of that name
 *   end                                            no answer; the session is over: what runs is given up, its databases are closed
 *   cancel    target: an id                        no answer; the target fails with SQLITE_INTERRUPT if it has not finished
 *   finalize  database, statement                  no answer
 *   leave     database, cursor                     no answer; its reader was dropped
 *   freeze                                         no answer; the page is being frozen: files are given up until a request needs them
 *   ping                                           {pong}, without an id
 *
 * `statement` is a number the page chose; the worker compiles `sql` the first time it sees it. Requests of one database are served one
 * after the other, in the order they were sent; `cancel` overtakes them, and what is cancelled before its turn is answered at once.
 * Numbers of requests, statements, databases and cursors belong to a session. An answer about a database says `inTransaction` when it is in
 * one, and its counters `changes` and `totalChanges`.
 *
 * @typedef {import('./rows.js').Batch & {buffer: ArrayBuffer}} Packed
 * @typedef {{packed: Packed | null, names: string[], tables?: (string | null)[], cursor?: number}} Rows tables: if asked for
 * @typedef {object} Result what a statement of a script did
 * @property {number} start offsets in the script, in UTF-16 units
 * @property {number} end
 * @property {string} kind
 * @property {string[]} columns empty when it returns no rows
 * @property {import('./rows.js').SqlValue[][]} rows the first `limit`
 * @property {number} rowCount all of them
 * @property {boolean} truncated
 * @property {number} changes
 * @property {number | bigint} lastInsertRowid
 * @property {number} milliseconds
 * @property {number} compileMilliseconds
 */

import { SqlError } from '../base/errors.js';

/** @typedef {{name: string, message: string, errcode?: number, offset?: number, sql?: string, stack?: string, cause?: PlainError}} PlainError */

/** Causes of causes that are told. */
const MAX_CAUSES = 8;

/** An error as data. @param {unknown} error @param {number} [depth] of causes @returns {PlainError} */
export function packError(error, depth = 0) {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack, cause } = error;
  const why = cause === undefined || depth === MAX_CAUSES ? {} : { cause: packError(cause, depth + 1) };
  if (!(error instanceof SqlError)) return { name, message, stack, ...why };
  return { name, message, errcode: error.errcode, offset: error.offset, sql: error.sql, ...why };
}

/** What of an answer's value is moved, not copied. @param {any} value @returns {Transferable[]} */
export function transferables(value) {
  const buffer = value?.packed?.buffer ?? value?.buffer;
  return buffer ? [buffer] : [];
}

const PLAIN = { TypeError, RangeError };

/** The error that was packed. @param {PlainError} plain @returns {Error} */
export function unpackError(plain) {
  const why = plain.cause && { cause: unpackError(plain.cause) };
  if (plain.errcode !== undefined) {
    const error = new SqlError(plain.message, plain.errcode, plain.offset, why);
    error.sql = plain.sql;
    return error;
  }
  const Kind = PLAIN[/** @type {keyof typeof PLAIN} */ (plain.name)] ?? Error;
  const error = new Kind(plain.message, why);
  error.name = plain.name;
  if (plain.stack) error.stack = plain.stack; // where it was thrown, in the worker
  return error;
}
