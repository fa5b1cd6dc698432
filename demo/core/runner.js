/** Running scripts: results one after another, stopped when the user wants. */

import { batch, signal } from '@preact/signals';
import { FIRST_ROWS, ResultSet } from './results.js';
import { changes, inTransaction, onLeave } from './session.js';
import { statements } from './sql.js';
import { t } from './texts.js';

/** Result sets that are shown of one script; what more SELECTs give is counted. */
export const SHOWN_SETS = 50;
/** Rows that a SELECT gives when statements follow it, which must not wait for somebody to scroll. */
const ROWS_AMID = 10_000;

/**
 * @typedef {{message: string, code?: string, offset: number, start: number, end: number, stopped: boolean}} Failure
 * offset: where in the script, -1 if unknown; start, end: the statement's
 * @typedef {{kind: 'change', count: number, changes: number, milliseconds: number, words: Map<string, number>, lastInsertRowid: number | bigint | null}} ChangeNote
 * @typedef {{kind: 'text', text: string}} TextNote what a script has printed
 * @typedef {ResultSet | ChangeNote | TextNote} Outcome
 * @typedef {object} Run
 * @property {'running' | 'done' | 'failed' | 'stopped'} state
 * @property {string} script
 * @property {Outcome[]} outcomes
 * @property {Failure | null} failure
 * @property {number} milliseconds
 * @property {number} statements that were run
 * @property {number} number of the run, from 1
 */

/** The run that is under way. @type {import('@preact/signals').Signal<{stop: () => void, since: number} | null>} */
export const running = signal(/** @type {{stop: () => void, since: number} | null} */ (null));

let count = 0;

/** Result sets that hold a statement open. @type {Set<ResultSet>} */
const held = new Set();

/** Give up what results could still fetch: it would stand in the way of what comes. */
export async function releaseResults() {
  const all = [...held];
  held.clear();
  await Promise.all(all.map((set) => set.release()));
}
onLeave(() => {
  running.peek()?.stop();
  return releaseResults();
});

/** A run that begins. @param {string} script @returns {Run} */
export function newRun(script) {
  return { state: 'running', script, outcomes: [], failure: null, milliseconds: 0, statements: 0, number: ++count };
}

/**
 * Run a script on a database. `show` gets the run after each outcome.
 * @param {import('../../web/index.js').Database} db @param {string} script @param {(run: Run) => void} show
 * @param {Record<string, any>} [values] of parameters, by their names with prefix; those of plain ? by "?1", "?2" …
 * @returns {Promise<Run>}
 */
export async function runScript(db, script, show, values = {}) {
  const stopper = new AbortController();
  const started = performance.now();
  running.value = { stop: () => stopper.abort(), since: started };
  let run = newRun(script);
  const update = (/** @type {Partial<Run>} */ change) => {
    run = { ...run, ...change, milliseconds: performance.now() - started };
    show(run);
  };
  await releaseResults();
  const plan = parts(statements(script));
  let at = plan[0]?.statements[0];
  let wrote = false;
  try {
    for (const { alone, statements } of plan) {
      at = statements[0];
      if (alone) {
        const isLast = statements === plan.at(-1)?.statements;
        const outcome = await runOne(db, at, isLast, stopper.signal, values);
        wrote ||= !(outcome instanceof ResultSet && /^(SELECT|VALUES)$/.test(at.word));
        update({ outcomes: joined(run.outcomes, outcome), statements: run.statements + 1 });
      } else {
        wrote = true;
        const { note, error } = await runMany(db, script, statements, stopper.signal);
        update({ outcomes: joined(run.outcomes, note), statements: run.statements + note.count });
        at = statements[Math.min(note.count, statements.length - 1)];
        if (error) throw error;
      }
    }
    update({ state: 'done' });
  } catch (error) {
    const failure = failureOf(error, at, stopper.signal.aborted);
    update({ state: failure.stopped ? 'stopped' : 'failed', failure });
  } finally {
    batch(() => {
      running.value = null;
      inTransaction.value = db.inTransaction;
      if (wrote) changes.value++;
    });
  }
  return run;
}

/**
 * Statements that may give rows stand alone, and those with parameters; what is between them is run at once.
 * @param {import('./sql.js').Statement[]} all @returns {{alone: boolean, statements: import('./sql.js').Statement[]}[]}
 */
function parts(all) {
  /** @type {{alone: boolean, statements: import('./sql.js').Statement[]}[]} */
  const found = [];
  let sets = 0;
  for (const statement of all) {
    const alone = (statement.returns && ++sets <= SHOWN_SETS) || statement.parameters.length > 0;
    const previous = found.at(-1);
    if (alone || !previous || previous.alone) found.push({ alone, statements: [statement] });
    else previous.statements.push(statement);
  }
  return found;
}

/**
 * @param {import('../../web/index.js').Database} db @param {import('./sql.js').Statement} statement @param {boolean} isLast
 * @param {AbortSignal} signal @param {Record<string, any>} values
 * @returns {Promise<Outcome>}
 */
async function runOne(db, statement, isLast, signal, values) {
  const started = performance.now();
  const prepared = db.prepare(statement.text).safeIntegers().signal(signal);
  const bound = argumentsOf(statement, values);
  if (!(await prepared.reader)) return change(statement, await prepared.run(...bound), performance.now() - started);
  const columns = await prepared.columns();
  const set = new ResultSet(statement.text, columns, prepared.raw().iterate(...bound));
  try {
    await set.fetch(isLast ? FIRST_ROWS : ROWS_AMID);
    set.milliseconds = performance.now() - started;
    if (set.rows.length === (isLast ? FIRST_ROWS : ROWS_AMID)) {
      if (isLast) held.add(set);
      else await set.release();
    }
  } catch (error) {
    await set.release();
    throw error;
  }
  return set;
}

/**
 * @param {import('../../web/index.js').Database} db @param {string} script @param {import('./sql.js').Statement[]} part
 * @param {AbortSignal} signal
 */
async function runMany(db, script, part, signal) {
  const started = performance.now();
  const from = part[0].start;
  const { results, error } = await db.script(script.slice(from, part[part.length - 1].end), { limit: 0, signal });
  /** @type {ChangeNote} */
  const note = {
    kind: 'change',
    count: results.length,
    changes: 0,
    milliseconds: performance.now() - started,
    words: new Map(),
    lastInsertRowid: null,
  };
  for (const [n, result] of results.entries()) {
    const word = part[n]?.word ?? result.kind.toUpperCase();
    note.words.set(word, (note.words.get(word) ?? 0) + 1);
    if (!isWrite(word)) continue;
    note.changes += result.changes;
    if (/^(INSERT|REPLACE)$/.test(word)) note.lastInsertRowid = result.lastInsertRowid;
  }
  const place = /** @type {any} */ (error);
  if (place?.offset >= 0) place.offset += from - part[Math.min(results.length, part.length - 1)].start;
  return { note, error };
}

const isWrite = (/** @type {string} */ word) => /^(INSERT|REPLACE|UPDATE|DELETE|WITH)$/.test(word);

/** @param {import('./sql.js').Statement} statement @param {{changes: number, lastInsertRowid: number | bigint}} result @param {number} milliseconds @returns {ChangeNote} */
function change({ word }, { changes, lastInsertRowid }, milliseconds) {
  const writes = isWrite(word);
  const inserted = /^(INSERT|REPLACE)$/.test(word) ? lastInsertRowid : null;
  return {
    kind: 'change',
    count: 1,
    changes: writes ? changes : 0,
    milliseconds,
    words: new Map([[word, 1]]),
    lastInsertRowid: inserted,
  };
}

const isChange = (/** @type {Outcome} */ one) => !(one instanceof ResultSet) && one.kind === 'change';

/** Changes that follow one another are one note. @param {Outcome[]} outcomes @param {Outcome} next @returns {Outcome[]} */
function joined(outcomes, next) {
  const previous = outcomes.at(-1);
  if (!isChange(next) || !previous || !isChange(previous)) return [...outcomes, next];
  const words = new Map(previous.words);
  for (const [word, count] of next.words) words.set(word, (words.get(word) ?? 0) + count);
  const note = {
    ...next,
    words,
    count: previous.count + next.count,
    changes: previous.changes + next.changes,
    milliseconds: previous.milliseconds + next.milliseconds,
    lastInsertRowid: next.lastInsertRowid ?? previous.lastInsertRowid,
  };
  return [...outcomes.slice(0, -1), note];
}

/** What is bound to a statement's parameters. @param {import('./sql.js').Statement} statement @param {Record<string, any>} values @returns {any[]} */
export function argumentsOf({ parameters, text }, values) {
  if (!parameters.length) return [];
  const plain = parameterNames(text);
  if (plain.every((name) => name.startsWith('?'))) {
    const highest = Math.max(...plain.map((name) => Number(name.slice(1))));
    return Array.from({ length: highest }, (_, i) => values[`?${i + 1}`] ?? null);
  }
  return [Object.fromEntries(plain.map((name) => [name, values[name] ?? null]))];
}

/** The parameters of a script in order, plain ? numbered within each statement. @param {string} script @returns {string[]} */
export function parameterNames(script) {
  /** @type {Set<string>} */
  const names = new Set();
  for (const { parameters } of statements(script)) {
    let highest = 0;
    for (const name of parameters) {
      if (name === '?') names.add(`?${++highest}`);
      else {
        if (/^\?\d/.test(name)) highest = Math.max(highest, Number(name.slice(1)));
        names.add(name);
      }
    }
  }
  return [...names];
}

/** @param {any} error @param {import('./sql.js').Statement | undefined} at @param {boolean} aborted @returns {Failure} */
function failureOf(error, at, aborted) {
  const stopped = aborted || error?.name === 'AbortError' || error?.code === 'SQLITE_INTERRUPT';
  const start = at?.start ?? 0;
  const offset = error?.offset >= 0 ? start + error.offset : -1;
  const message = stopped ? t('stopped') : (error?.message ?? String(error));
  return { message, code: error?.code, offset, start, end: at?.end ?? 0, stopped };
}
