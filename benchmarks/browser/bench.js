/**
 * Runs trials on one engine. The other side (benchmarks/run.py) says which trial is next, so that engines take turns.
 *
 * Trials and what their fields mean: benchmarks/README.md.
 */

import { counted } from './counts.js';
import { DRIVERS } from './drivers.js';
import { makeRows } from './values.js';

const SEED = 42;
const LEAST_MS = globalThis.process ? 0 : 10; // to ask for the processor time takes half a millisecond of it in a browser

export class Bench {
  /** @type {Map<string, any[][]>} */ #values = new Map();

  /** @param {string} engine @param {any} where */
  static async open(engine, where) {
    return new Bench(await DRIVERS[engine](where));
  }

  /** @param {import('./drivers.js').Driver} driver */
  constructor(driver) {
    this.driver = driver;
  }

  /** The first answer of all. */
  first() {
    const statement = this.driver.prepare('SELECT 1 + 1');
    const row = statement.get([]);
    statement.close();
    if (row[0] !== 2) throw new Error(`SELECT 1 + 1 gave ${row[0]}`);
    return this.driver.version;
  }

  /** Make the tables of a database that starts empty. @param {any} content */
  fill({ tables, after }) {
    for (const { sql, rows, values } of tables) {
      this.driver.exec(sql);
      const name = sql.split('(')[0].split(' ').pop();
      this.driver.exec('BEGIN');
      const insert = this.driver.prepare(`INSERT INTO ${name} VALUES (${values.map(() => '?').join(', ')})`);
      for (const row of makeRows(values, rows, SEED)) insert.run(row);
      insert.close();
      this.driver.exec('COMMIT');
    }
    for (const sql of after) this.driver.exec(sql);
  }

  /**
   * One repetition of a trial.
   * @param {any} trial
   * @param {boolean} counting count calls instead of taking the time
   * @returns {{ms: number, cpu?: number, answer: any, counts?: Record<string, number>}} cpu: processor time, where it is known
   */
  run(trial, counting) {
    for (const sql of trial.before ?? []) this.driver.exec(sql);
    const { work, close } = this.#work(trial);
    let answer;
    let ms = 0;
    let cpu;
    let counts;
    const processor = processorTime();
    const start = performance.now();
    if (counting) ({ result: answer, counts } = counted(work));
    else answer = work();
    ms = performance.now() - start;
    if (processor !== undefined && ms >= LEAST_MS) cpu = processorTime() - processor;
    close();
    if (trial.check) answer = this.#answer(trial.check);
    for (const sql of trial.after ?? []) this.driver.exec(sql);
    return { ms, cpu, counts, answer: JSON.parse(JSON.stringify(answer ?? null, plain)) };
  }

  /** @param {any} trial @returns {{work: () => any, close: () => void}} */
  #work(trial) {
    const { driver } = this;
    const statement = driver.prepare(trial.run ?? trial.rows ?? trial.objects ?? trial.get ?? trial.each);
    const close = () => statement.close();
    if (trial.run) return { work: () => void statement.run([]), close };
    if (trial.rows) return { work: () => summary(statement.rows()), close };
    if (trial.objects) return { work: () => summary(statement.objects().map(Object.values)), close };
    const values = this.#rowsOf(trial);
    if (trial.get) return { work: () => getAll(statement, values), close };
    return { work: () => runAll(driver, statement, values, trial.transaction), close };
  }

  #rowsOf({ name, params, n }) {
    const key = `${name} ${n}`;
    let values = this.#values.get(key);
    if (!values) this.#values.set(key, (values = makeRows(params, n, SEED + 1)));
    return values;
  }

  #answer(sql) {
    const statement = this.driver.prepare(sql);
    const rows = statement.rows();
    statement.close();
    return rows[0];
  }
}

/**
 * Milliseconds of processor time: of Node's process, or of the workers of this browser, which the server that serves the page knows
 * on Linux; undefined elsewhere.
 */
function processorTime() {
  const usage = globalThis.process?.cpuUsage?.();
  if (usage) return (usage.user + usage.system) / 1000;
  const request = new XMLHttpRequest();
  request.open('GET', '/processor', false);
  request.send();
  return JSON.parse(request.responseText) ?? undefined;
}

function getAll(statement, values) {
  let found = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const row = statement.get(values[i]);
    if (row !== undefined && row.length) {
      found++;
      sum += row[0];
    }
  }
  return [found, sum];
}

function runAll(driver, statement, values, transaction) {
  if (transaction) driver.exec('BEGIN');
  for (let i = 0; i < values.length; i++) statement.run(values[i]);
  if (transaction) driver.exec('COMMIT');
}

function summary(rows) {
  return [rows.length, rows[0] ?? null, rows[rows.length - 1] ?? null];
}

function plain(_, value) {
  return typeof value === 'bigint' ? Number(value) : value;
}
