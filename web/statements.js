/** The statements of a connection, as sqlite_stmt shows them (runtime/statements.py). */

/** Its columns, and the number of the row. */
const COLUMNS = ['sql', 'ncol', 'ro', 'busy', 'nscan', 'nsort', 'naidx', 'nstep', 'reprep', 'run', 'mem', 'rowid'];

/**
 * What gives the rows, newest first.
 * @param {Set<import('./statement.js').HostStatement>} statements in the order in which they were made
 * @returns {import('./usercode.js').Callable}
 */
export function statementRows(statements) {
  const call = () =>
    [...statements]
      .filter((statement) => !statement.isOurs)
      .reverse()
      .map((statement, at) => {
        const { sql, start, end, shown, loaded } = statement.prepared;
        const { columns, readonly } = loaded.program;
        const { runs, sorts, indexed, preparedAgain, memory } = statement.figures;
        const told = [shown ?? sql.slice(start, end), columns.length, Number(readonly), Number(statement.busy)];
        return [...told, null, sorts, indexed, null, preparedAgain, runs, memory, at + 1];
      });
  return { integers: 'auto', call, columns: COLUMNS };
}
