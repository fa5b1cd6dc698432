/** What a database can do by means of statements, where these run at once. */

import { beginOf, isWorthARetry, itemsOf, modes } from './batch.js';
import { checkMigrations, migrating } from './migrations.js';
import { BOOLEAN, check, checkOptions, checkSql, FUNCTION, TEXT } from './page/check.js';
import { filled } from './template.js';

/** @typedef {import('./statement.js').HostStatement} HostStatement */

export class Shortcuts {
  /** Whether a transaction is open. @returns {boolean} */
  get inTransaction() {
    return false;
  }

  /** @param {string} sql @returns {HostStatement} */
  prepare(sql) {
    throw new Error(`abstract: ${sql}`);
  }

  /** @param {string} sql @returns {this} */
  exec(sql) {
    throw new Error(`abstract: ${sql}`);
  }

  /** A statement with its parameters: db.sql`SELECT ${x}` (template.js). @param {TemplateStringsArray} strings @param {...unknown} values */
  sql(strings, ...values) {
    if (!Array.isArray(strings?.raw)) throw new TypeError('sql is a tag of template literals: write db.sql`…`');
    const { text, values: bound } = filled(strings, values);
    const statement = this.prepare(text);
    try {
      return statement.bind(bound);
    } catch (error) {
      statement.finalize();
      throw error;
    }
  }

  /** prepare(sql).run(...). @param {string} sql @param {...unknown} args */
  run(sql, ...args) {
    return this.#once(sql, (statement) => statement.run(...args));
  }

  /** @param {string} sql @param {...unknown} args */
  get(sql, ...args) {
    return this.#once(sql, (statement) => statement.get(...args));
  }

  /** @param {string} sql @param {...unknown} args */
  all(sql, ...args) {
    return this.#once(sql, (statement) => statement.all(...args));
  }

  /** @param {string} sql @param {...unknown} args @returns {Generator<any, void>} */
  *iterate(sql, ...args) {
    const statement = this.prepare(sql);
    try {
      yield* statement.iterate(...args);
    } finally {
      statement.finalize();
    }
  }

  /** The plan of a statement: rows of EXPLAIN QUERY PLAN. @param {string} sql */
  explain(sql) {
    checkSql(sql);
    return this.#once(`EXPLAIN QUERY PLAN ${sql}`, (statement) =>
      statement.all(new Array(statement.parameters.length)),
    );
  }

  /** Run a PRAGMA: its rows, or with {simple: true} its first value. @param {string} text @param {{simple?: boolean}} [options] */
  pragma(text, options) {
    check('pragma()', text, TEXT);
    const { simple } = checkOptions('pragma()', options, { simple: BOOLEAN });
    return this.#once(`PRAGMA ${text}`, (statement) => (simple ? statement.pluck().get() : statement.all()));
  }

  /** @template T @param {string} sql @param {(statement: HostStatement) => T} use @returns {T} */
  #once(sql, use) {
    const statement = this.prepare(sql);
    try {
      return use(statement);
    } finally {
      statement.finalize();
    }
  }

  /**
   * Run statements in a transaction; what each gave. Rolled back when one fails.
   * @param {(string | [sql: string, ...args: unknown[]] | {sql: string, args?: unknown})[]} statements
   * @param {{mode?: 'deferred' | 'immediate' | 'exclusive' | 'concurrent'}} [options]
   */
  batch(statements, options) {
    const items = itemsOf(statements);
    const { begin } = beginOf(options);
    return this.#inTransaction(begin, () =>
      items.map(({ sql, args }) => this.#once(sql, (one) => resultOf(one, args))),
    );
  }

  /** Run the migrations that this database has not run (migrations.js); their names. @param {import('./migrations.js').Migration[]} migrations @returns {string[]} */
  migrate(migrations) {
    const steps = migrating(checkMigrations(migrations));
    return this.#inTransaction('BEGIN IMMEDIATE', () => {
      /** @type {any} */
      let answer;
      /** @type {IteratorResult<import('./migrations.js').Step, string[]>} */
      let step = steps.next();
      while (!step.done) {
        try {
          answer = this.#take(step.value);
        } catch (error) {
          step = steps.throw(error);
          continue;
        }
        step = steps.next(answer);
      }
      return step.value;
    });
  }

  /** @param {import('./migrations.js').Step} step */
  #take(step) {
    if ('exec' in step) return this.exec(step.exec);
    if ('isOpen' in step) return this.inTransaction;
    return this.#once(step.rows, (statement) => statement.raw().all(step.args ?? []));
  }

  /**
   * A function that runs `fn` in a transaction; inside another one, in a savepoint. Rolled back when `fn` throws.
   * @template {any[]} A
   * @template R
   * @param {(...args: A) => R} fn
   * @returns {((...args: A) => R) & {deferred: (...args: A) => R, immediate: (...args: A) => R, exclusive: (...args: A) => R, concurrent: (...args: A) => R}}
   */
  transaction(fn) {
    check('transaction()', fn, FUNCTION);
    const database = this;
    /** @param {string} begin */
    const mode = (begin) =>
      /** @this {unknown} @param {A} args */
      function (...args) {
        return database.#inTransaction(begin, () => fn.apply(this, args));
      };
    return modes(this, mode);
  }

  /** @template R @param {string} begin @param {() => R} act @returns {R} */
  #inTransaction(begin, act) {
    const nested = this.inTransaction;
    for (let tries = 1; ; tries++) {
      try {
        return this.#around(nested, begin, act);
      } catch (error) {
        if (nested || !isWorthARetry(begin, error, tries)) throw error;
      }
    }
  }

  /** @template R @param {boolean} nested @param {string} begin @param {() => R} act @returns {R} */
  #around(nested, begin, act) {
    this.exec(nested ? 'SAVEPOINT _transaction' : begin);
    try {
      const result = act();
      if (result instanceof Promise) throw new TypeError('a transaction function must not return a promise');
      this.exec(nested ? 'RELEASE _transaction' : 'COMMIT');
      return result;
    } catch (error) {
      if (this.inTransaction) this.exec(nested ? 'ROLLBACK TO _transaction; RELEASE _transaction' : 'ROLLBACK');
      throw error;
    }
  }
}

/** @param {HostStatement} statement @param {unknown[]} args */
function resultOf(statement, args) {
  const rows = statement.reader ? statement.all(...args) : [];
  if (!statement.reader) return { rows, ...statement.run(...args) };
  return { rows, ...statement.outcome() };
}
