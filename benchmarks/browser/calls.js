/** Trials of what a page asks for, one call after the other or many at once. What the fields of a trial mean: benchmarks/README.md. */

import { DRIVERS } from './calls_drivers.js';
import { makeRows } from './values.js';

const SEED = 42;

export class Calls {
  /** @param {string} engine */
  static async open(engine) {
    const driver = await DRIVERS[engine]();
    const [{ version }] = await driver.all('SELECT sqlite_version() AS version', []);
    return new Calls(driver, version);
  }

  /** @param {import('./calls_drivers.js').Driver} driver @param {string} version */
  constructor(driver, version) {
    this.driver = driver;
    this.version = version;
  }

  /** @param {string[]} statements */
  async fill(statements) {
    for (const sql of statements) await this.driver.run(sql, []);
  }

  /** One repetition of a trial. @param {any} trial @returns {Promise<{ms: number, answer: any}>} */
  async run(trial) {
    for (const sql of trial.before ?? []) await this.driver.run(sql, []);
    const values = trial.params && makeRows(trial.params, trial.n, SEED);
    const begin = performance.now();
    let answer = await this.#work(trial, values);
    const ms = performance.now() - begin;
    if (trial.check) answer = Object.values((await this.driver.all(trial.check, []))[0]);
    return { ms, answer };
  }

  async #work({ objects, get, each, transaction, together }, values) {
    const { driver } = this;
    if (objects) return summary(await driver.all(objects, []));
    if (transaction) return driver.many(each, values);
    if (together) return summary((await Promise.all(values.map((row) => driver.all(get, row)))).flat());
    const rows = [];
    for (const row of values) {
      if (get) rows.push(...(await driver.all(get, row)));
      else await driver.run(each, row);
    }
    return get ? summary(rows) : null;
  }
}

function summary(rows) {
  return [rows.length, ...[rows[0], rows.at(-1)].map((row) => Object.values(row ?? {}))];
}
