/** What each statement of a script did. */

import { drive } from './drive.js';
import { DONE, YIELD } from './statement.js';

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
