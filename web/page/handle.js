/** What a database and a transaction have in common: statements, and transactions inside. */

import { misuse } from '../../base/errors.js';
import { beginOf, isWorthARetry, itemsOf, modes } from '../batch.js';
import { checkMigrations, migrating } from '../migrations.js';
import { filled } from '../template.js';
import { BOOLEAN, check, checkOptions, checkParameters, checkSql, FUNCTION, SIGNAL, TEXT } from './check.js';
import { Statement } from './statement.js';

/** @typedef {import('./remote.js').RemoteDatabase} RemoteDatabase */
/** @typedef {import('./tenure.js').Tenure} Tenure */

const LONGEST_PAUSE_MS = 50;

export class Handle {
  /**
   * @param {RemoteDatabase} connection
   * @param {Tenure | null} tenure the transaction that its statements are part of
   * @param {AbortSignal | null} [abort] gives up what it asks for
   */
  constructor(connection, tenure, abort = null) {
    this.connection = connection;
    this.tenure = tenure;
    this.abort = abort;
  }

  /** The same, for requests that are given up when the signal aborts. @param {AbortSignal | null} signal @returns {Handle} */
  signal(signal) {
    check('signal()', signal, SIGNAL);
    return new Handle(this.connection, this.tenure, signal);
  }

  /** @param {string} sql */
  prepare(sql) {
    checkSql(sql);
    return new Statement(this, sql);
  }

  /** @param {TemplateStringsArray} strings @param {...any} values */
  sql(strings, ...values) {
    if (!Array.isArray(strings?.raw)) throw new TypeError('sql is a tag of template literals: write db.sql`…`');
    const { text, values: bound } = filled(strings, values);
    return this.prepare(text).bind(bound);
  }

  /** @param {string} sql @param {{signal?: AbortSignal}} [options] */
  async exec(sql, options) {
    checkSql(sql);
    const { signal } = checkOptions('exec()', options, { signal: SIGNAL });
    await this.request({ op: 'exec', sql }, { signal });
    return this;
  }

  /** @param {string} sql @param {...any} args */
  async run(sql, ...args) {
    return this.#once(sql, (statement) => statement.run(...args));
  }

  /** @param {string} sql @param {...any} args */
  async get(sql, ...args) {
    return this.#once(sql, (statement) => statement.get(...args));
  }

  /** @param {string} sql @param {...any} args */
  async all(sql, ...args) {
    return this.#once(sql, (statement) => statement.all(...args));
  }

  /** @param {string} sql @param {...any} args @returns {AsyncGenerator<any, void>} */
  iterate(sql, ...args) {
    return this.prepare(sql).iterate(...args);
  }

  /** @param {string} sql */
  async explain(sql) {
    checkSql(sql);
    return this.#once(`EXPLAIN QUERY PLAN ${sql}`, async (statement) => {
      const { parameters } = await statement.describe();
      return statement.all(new Array(parameters.length).fill(null));
    });
  }

  /** @param {string} text @param {{simple?: boolean}} [options] */
  async pragma(text, options) {
    check('pragma()', text, TEXT);
    const { simple } = checkOptions('pragma()', options, { simple: BOOLEAN });
    return this.#once(`PRAGMA ${text}`, (statement) => (simple ? statement.pluck().get() : statement.all()));
  }

  /** @template T @param {string} sql @param {(statement: Statement) => Promise<T>} use */
  async #once(sql, use) {
    const statement = this.prepare(sql);
    try {
      return await use(statement);
    } finally {
      statement.finalize();
    }
  }

  /** @param {any} statements @param {any} [options] */
  async batch(statements, options) {
    const items = itemsOf(statements);
    for (const { args } of items) checkParameters(args);
    const { begin, signal } = beginOf(options);
    const sql = items.map((item) => item.sql).join(';\n');
    const { integers } = this.connection;
    const request = { op: 'batch', sql, items, begin, integers };
    return this.#again(begin, async () => (await this.request(request, { signal })).results);
  }

  /** @param {any} migrations @returns {Promise<string[]>} */
  async migrate(migrations) {
    const steps = migrating(checkMigrations(migrations));
    return this.transaction(async (tx) => {
      /** @type {any} */
      let answer;
      let step = steps.next();
      while (!step.done) {
        try {
          answer = await tx.take(step.value);
        } catch (error) {
          step = steps.throw(error);
          continue;
        }
        step = steps.next(answer);
      }
      return step.value;
    }).immediate();
  }

  /** @param {Record<string, any>} fields @param {import('./client.js').RequestOptions} [options] @returns {Promise<any>} */
  request(fields, options) {
    const signal = options?.signal ?? this.abort;
    return this.connection.request(fields, { ...options, signal, tenure: this.tenure });
  }

  /** @param {(tx: Transaction, ...args: any[]) => any} fn */
  transaction(fn) {
    check('transaction()', fn, FUNCTION);
    const mode =
      (/** @type {string} */ begin) =>
      async (/** @type {any[]} */ ...args) =>
        this.#inTransaction(begin, (tx) => fn(tx, ...args));
    return modes(this, mode);
  }

  /** @param {string} begin @param {(tx: Transaction) => any} act @returns {Promise<any>} */
  #inTransaction(begin, act) {
    if (this.tenure) return this.#savepoint(this.tenure, act);
    return this.#again(begin, () =>
      this.connection.alone((tenure) => this.#around([begin, 'COMMIT', 'ROLLBACK'], tenure, act), this.abort),
    );
  }

  /** Run a transaction, a concurrent one again after a conflict. @template T @param {string} begin @param {() => Promise<T>} run @returns {Promise<T>} */
  async #again(begin, run) {
    for (let tries = 1; ; tries++) {
      try {
        return await run();
      } catch (error) {
        if (this.tenure || !isWorthARetry(begin, error, tries)) throw error;
        // Those that got into each other's way should not do so again.
        await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2 ** tries, LONGEST_PAUSE_MS)));
      }
    }
  }

  /** @param {Tenure} tenure @param {(tx: Transaction) => any} act */
  #savepoint(tenure, act) {
    const name = `_transaction_${this.connection.client.number()}`;
    return this.#around([`SAVEPOINT ${name}`, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`], tenure, act);
  }

  /** @param {string[]} words @param {Tenure} tenure @param {(tx: Transaction) => any} act */
  async #around([begin, commit, rollback], tenure, act) {
    const tx = new Transaction(this.connection, tenure, this.abort);
    await this.connection.request({ op: 'exec', sql: begin }, { tenure, signal: this.abort });
    try {
      const result = await tenure.run(() => act(tx));
      await tx.exec(commit);
      return result;
    } catch (error) {
      await tx.undo(rollback);
      throw error;
    } finally {
      tx.state.over = true;
    }
  }
}

/** What the function given to `transaction` gets: statements inside it. */
export class Transaction extends Handle {
  /** @param {RemoteDatabase} connection @param {Tenure} tenure @param {AbortSignal | null} abort @param {{over: boolean}} [state] */
  constructor(connection, tenure, abort, state = { over: false }) {
    super(connection, tenure, abort);
    this.state = state;
  }

  /** @override @param {AbortSignal | null} signal @returns {Transaction} */
  signal(signal) {
    check('signal()', signal, SIGNAL);
    return new Transaction(this.connection, /** @type {Tenure} */ (this.tenure), signal, this.state);
  }

  /** @override @param {Record<string, any>} fields @param {import('./client.js').RequestOptions} [options] @returns {Promise<any>} */
  request(fields, options) {
    if (this.state.over) return Promise.reject(misuse('the transaction is over'));
    return super.request(fields, options);
  }

  /** A step of a migration. @param {import('../migrations.js').Step} step */
  async take(step) {
    if ('exec' in step) return this.exec(step.exec);
    if ('isOpen' in step) return this.connection.state.inTransaction;
    return this.prepare(step.rows)
      .raw()
      .all(step.args ?? []);
  }

  /** Roll back, unless that happened already; with a closed database or an ended worker it did. @param {string} rollback */
  async undo(rollback) {
    const { connection, tenure } = this;
    try {
      const { inTransaction } = await connection.request({ op: 'status' }, { tenure });
      if (inTransaction) await connection.request({ op: 'exec', sql: rollback }, { tenure });
    } catch (error) {
      if (connection.open) throw error;
    }
  }
}
