/** Python cells: they run in a worker of their own, on the connection that SQL has. */

import { effect } from '@preact/signals';
import { report } from '../core/notices.js';
import { ResultSet } from '../core/results.js';
import { newRun, releaseResults, running } from '../core/runner.js';
import { changes, database, inTransaction } from '../core/session.js';
import { t } from '../core/texts.js';

/** @typedef {import('../core/session.js').Database} Database */
/** @typedef {import('../core/runner.js').Run} Run */

/** @type {Worker | null} */
let worker = null;
/** Functions that SQL can call, by name: another connection is told of them too. @type {Map<string, string>} */
const functions = new Map();

/** What a cell may have done by the page. @type {Record<string, (db: Database, first: any, second: any) => Promise<any>>} */
const DOES = {
  async query(db, sql, parameters) {
    const statement = db.prepare(sql).safeIntegers();
    const bound = boundOf(parameters);
    if (!(await statement.reader)) {
      await statement.run(...bound);
      return [[], [], ''];
    }
    const columns = (await statement.columns()).map(({ name }) => name);
    const values = (await statement.raw().all(...bound)).flat();
    return [columns, values.map((value) => value ?? undefined), values.map(kindOf).join('')];
  },
  async many(db, sql, rows) {
    await db.batch(rows.map((/** @type {any} */ row) => ({ sql, args: boundOf(row) })));
  },
  async define(db, name, source) {
    await db.function(name, { python: source });
    functions.set(name, source);
  },
};

/** @param {any} given a list, or an object of names */
function boundOf(given) {
  if (Array.isArray(given)) return given.map((value) => value ?? null);
  return given && Object.keys(given).length
    ? [Object.fromEntries(Object.entries(given).map(([key, value]) => [key, value ?? null]))]
    : [];
}

/** @param {unknown} value */
function kindOf(value) {
  if (value === null) return 'n';
  return { bigint: 'i', number: 'r', string: 't' }[/** @type {string} */ (typeof value)] ?? 'b';
}

/**
 * Run a cell. `show` gets the run after each thing that it prints.
 * @param {Database} db @param {string} code @param {(run: Run) => void} show @returns {Promise<Run>}
 */
export async function runPython(db, code, show) {
  const started = performance.now();
  let run = newRun(code);
  const update = (/** @type {Partial<Run>} */ change) => {
    run = { ...run, ...change, milliseconds: performance.now() - started };
    show(run);
  };
  await releaseResults();
  const here = (worker ??= new Worker(new URL('./python-worker.js', document.baseURI), {
    type: 'module',
    name: 'Python',
  }));
  update({});
  await new Promise((resolve) => {
    const end = (/** @type {Partial<Run>} */ change) => {
      here.onmessage = null;
      update(change);
      resolve(undefined);
    };
    running.value = {
      since: started,
      stop: () => {
        here.terminate();
        worker = null;
        end({
          state: 'stopped',
          failure: { message: t('python.stopped'), offset: -1, start: 0, end: 0, stopped: true },
        });
      },
    };
    here.onerror = (event) => {
      worker = null;
      end({ state: 'failed', failure: failureOf(code, { message: event.message ?? t('python.gone'), line: 0 }) });
    };
    here.onmessage = async ({ data }) => {
      if (data.kind === 'print') update({ outcomes: printed(run.outcomes, data.text) });
      else if (data.kind === 'ask') here.postMessage(await answered(db, data));
      else if (data.error) end({ state: 'failed', failure: failureOf(code, data.error) });
      else
        end({
          state: 'done',
          outcomes: [...run.outcomes, ...outcomeOf(code, data.value, performance.now() - started)],
          statements: 1,
        });
    };
    here.postMessage({ kind: 'run', code });
  });
  running.value = null;
  inTransaction.value = db.inTransaction;
  changes.value++;
  return run;
}

/** @param {Database} db @param {{call: number, what: string, args: any[]}} asked */
async function answered(db, { call, what, args }) {
  try {
    return { kind: 'answer', call, value: await DOES[what](db, args[0], args[1]) };
  } catch (error) {
    return { kind: 'answer', call, error: /** @type {any} */ (error)?.message ?? String(error) };
  }
}

/** What is printed in a row stands together. @param {Run['outcomes']} outcomes @param {string} text @returns {Run['outcomes']} */
function printed(outcomes, text) {
  const last = outcomes.at(-1);
  if (last && 'text' in last) return [...outcomes.slice(0, -1), { kind: 'text', text: `${last.text}\n${text}` }];
  return [...outcomes, { kind: 'text', text }];
}

/** @param {string} code @param {any} value what `shown` of cell.py gives @param {number} milliseconds @returns {Run['outcomes']} */
function outcomeOf(code, value, milliseconds) {
  if (!value.columns) return value.text ? [{ kind: 'text', text: value.text }] : [];
  const columns = value.columns.map((/** @type {string} */ name) => ({
    name,
    column: null,
    table: null,
    database: null,
    type: null,
  }));
  const set = new ResultSet(code, columns, null);
  let at = 0;
  const typed = (/** @type {any} */ one) => {
    const kind = value.kinds[at++];
    return kind === 'i' ? BigInt(one) : (one ?? null);
  };
  set.rows = value.rows.map((/** @type {any[]} */ row) => row.map(typed));
  set.state.value = value.total > set.rows.length ? 'cut' : 'all';
  set.milliseconds = milliseconds;
  return [set];
}

/** @param {string} code @param {{message: string, line: number}} error @returns {import('../core/runner.js').Failure} */
function failureOf(code, { message, line }) {
  const lines = code.split('\n');
  const start = line ? lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) : 0;
  const end = line ? start + (lines[line - 1]?.length ?? 0) : code.length;
  return { message, offset: -1, start, end, stopped: false };
}

effect(() => {
  const db = database.value;
  // a connection knows nothing of another one's functions
  if (db) for (const [name, source] of functions) db.function(name, { python: source }).catch(report);
});
