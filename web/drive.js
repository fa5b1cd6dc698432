/** Running a statement in slices, between which the worker hears whoever else wants something; and what came of it. */

import { macrotask } from './job.js';
import { BUSY, DONE, YIELD } from './statement.js';

const SLICE_MS = 12;

/**
 * @typedef {import('./server.js').Server} Server
 * @typedef {import('./statement.js').HostStatement} HostStatement
 * @typedef {import('./job.js').Job} Job
 */

/**
 * Start with `args`, or go on when they are null; step while `more(status)`, pausing when a slice is over (session.js N1). A failure or
 * cancellation resets the statement (N3).
 * @param {Server} server
 * @param {HostStatement} statement
 * @param {unknown[] | null} args
 * @param {Job} job
 * @param {(status: number) => boolean} more
 * @param {number} [first] rows of the first batch, 0: a full buffer
 * @param {number} [limit] rows of those after it
 * @returns {Promise<number>} the last status
 */
export async function drive(server, statement, args, job, more, first = 0, limit = first) {
  let status = args ? await job.possible(() => statement.start(args, first)) : YIELD;
  if (args && !statement.readonly) job.open?.changes.note(statement.prepared.loaded.program);
  if (args && status === BUSY) status = await startWhenFree(server, statement, args, first, job);
  /** @type {(() => void) | null} */
  let resumed = null;
  try {
    if (!args) status = statement.step(limit);
    while (more(status)) {
      if (performance.now() - job.paused > SLICE_MS) {
        if (!statement.readonly) resumed ??= server.pauseWrite(statement.database);
        await macrotask();
        job.paused = performance.now();
      }
      job.check(statement);
      status = statement.step(limit);
    }
    return status;
  } catch (error) {
    statement.reset();
    throw error;
  } finally {
    resumed?.();
  }
}

/** Another connection has the lock: wait for it, as long as the connection's busy timeout allows, looking for an owner included. @param {Server} server @param {HostStatement} statement @param {unknown[]} args @param {number} first @param {Job} job */
async function startWhenFree(server, statement, args, first, job) {
  const { database } = statement;
  const deadline = performance.now() + database.busyTimeout - (job.message.waited ?? 0);
  for (;;) {
    const left = deadline - performance.now();
    if (left <= 0) throw statement.refusal;
    await job.wait(server.released(database.files, left));
    const status = await job.possible(() => statement.start(args, first));
    if (status !== BUSY) return status;
  }
}

/** Run a statement of a script; what it did. @param {import('./server.js').Server} server @param {import('./statement.js').HostStatement} statement @param {number} limit @param {import('./job.js').Job} job */
export async function resultOf(server, statement, limit, job) {
  const { prepared } = statement;
  const { program } = prepared.loaded;
  const started = performance.now();
  /** @type {any[]} */
  const rows = [];
  let rowCount = 0;
  const more = (/** @type {number} */ status) => {
    if (status !== YIELD) {
      rowCount += statement.rowCount;
      if (rows.length < limit) rows.push(...statement.take().slice(0, limit - rows.length));
    }
    return status !== DONE;
  };
  await drive(server, statement.raw(), [], job, more);
  const milliseconds = performance.now() - started;
  const outcome = statement.outcome();
  statement.reset();
  return {
    start: prepared.start, end: prepared.end, kind: program.kind, columns: program.columns.map(({ name }) => name),
    rows, rowCount, truncated: rowCount > rows.length, milliseconds, ...outcome,
  }; // biome-ignore format: the fields as protocol.js lists them
}

/** What a statement did, its rowid whole. @param {HostStatement} statement */
export function exactOutcome({ database, prepared }) {
  return database.connection.outcome(prepared.loaded.program, 'auto');
}

/** The rows in a statement's buffer; with the tables of their columns. @param {HostStatement} statement @param {boolean} [tables] @returns {import('./protocol.js').Rows} */
export function pack(statement, tables = false) {
  const { columns } = statement.prepared.loaded.program;
  const names = columns.map(({ name }) => name);
  const packed = statement.rowCount ? statement.copy() : null;
  return tables ? { packed, names, tables: columns.map(({ table }) => table) } : { packed, names };
}
