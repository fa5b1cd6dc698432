/**
 * What a connection calls while statements are prepared and run: SQLite's hooks, one of each kind.
 *
 *   update      a row was changed: a function that every changing Program calls (turso_wasm/plan/triggers.py)
 *   commit      before a commit, which a true value turns into a rollback (kernel/session/commit.py)
 *   rollback    a transaction was rolled back, but for the sake of closing
 *   authorizer  while a statement is compiled, about all that it would do (turso_wasm/bind/authority.py)
 *   progress    every so many steps of a statement, which a true value ends
 */

import { AUTHORIZER, Run as S } from '../base/abi.js';
import { SQLITE_INTERRUPT, SqlError } from '../base/errors.js';
import { COUNT, check, checkOptions, FUNCTION, oneOf } from './page/check.js';
import { describe } from './values.js';

const KINDS = ['update', 'commit', 'rollback', 'authorizer', 'progress'];
const UPDATE_HOOK = 'update hook'; // turso_wasm/catalog/own.py
const STEPS = 1000; // rows and entries looked at
const STEPS_AT_LEAST = 10; // that the shortest statement is taken to need
const { SQLITE_OK, SQLITE_DENY, SQLITE_IGNORE } = AUTHORIZER;

/** @typedef {(action: number, first: string | null, second: string | null, schema: string | null, view: string | null) => number} Ask */

export class Hooks {
  /** @type {(() => unknown) | null} */ commit = null;
  /** @type {(() => unknown) | null} */ rollback = null;
  /** @type {Ask | null} */ #authorizer = null;
  /** After how many steps to ask whether to stop. @type {{steps: number, isOver: () => boolean} | null} */ progress =
    null;
  /** What the authorizer has thrown. @type {{error: unknown} | null} */ #failure = null;

  /** @param {string} kind @param {any} code null: nothing is called any more @param {any} options */
  put(kind, code, options) {
    check('hook()', kind, oneOf(...KINDS));
    if (code !== null) check(`hook(): the ${kind} hook`, code, FUNCTION);
    const { every = STEPS } = checkOptions('hook()', options, kind === 'progress' ? { every: COUNT } : {});
    if (kind === 'commit') this.commit = code;
    else if (kind === 'rollback') this.rollback = code;
    else if (kind === 'authorizer') this.#authorizer = code;
    else if (kind === 'progress') {
      this.progress = code && every >= 1 ? { steps: Math.floor(every), isOver: () => Boolean(code()) } : null;
    }
  }

  /** Whether the commit that is about to be is refused. @returns {number} */
  refuses() {
    return this.commit?.() ? 1 : 0;
  }

  /** Tell of rollbacks, after a step. @param {import('./database.js').HostDatabase} database */
  tell(database) {
    if (this.rollback && database.open && database.connection.takeRollbacks()) this.rollback();
  }

  /** Whom to ask about a statement that is compiled; it does not throw. @returns {Ask | undefined} */
  get ask() {
    const authorizer = this.#authorizer;
    if (!authorizer) return undefined;
    return (action, ...facts) => {
      try {
        const [first, second, schema, view] = Array.from({ length: 4 }, (_, i) => facts[i] ?? null);
        return answered(authorizer(action, first, second, schema, view));
      } catch (error) {
        this.#failure ??= { error };
        return SQLITE_DENY;
      }
    };
  }

  /** What compiling has failed with: what the authorizer has thrown, if it has. @param {unknown} error @returns {unknown} */
  failure(error) {
    const thrown = this.#failure;
    this.#failure = null;
    return thrown ? thrown.error : error;
  }

  /** A run begins that `progress` may end. @param {import('./kernel.js').Kernel} kernel @param {number} run @throws {SqlError} SQLITE_INTERRUPT */
  begin(kernel, run) {
    if (!this.progress) return;
    const { steps, isOver } = this.progress;
    for (let i = steps; i <= STEPS_AT_LEAST; i += steps) {
      if (isOver()) throw new SqlError('interrupted', SQLITE_INTERRUPT);
    }
    kernel.refresh().i32[(run + S.budget) >>> 2] = steps;
  }

  /**
   * Between two slices of a run: it may go on, or ends by its next step.
   * @param {import('./connection.js').Connection} connection @param {number} run @param {(run: number) => number} step
   */
  between(connection, run, step) {
    const { steps, isOver } = /** @type {NonNullable<Hooks['progress']>} */ (this.progress);
    const over = isOver();
    connection.kernel.refresh().i32[(run + S.budget) >>> 2] = steps;
    if (!over) return;
    connection.interrupt();
    try {
      step(run);
    } finally {
      connection.clearInterrupt();
    }
  }
}

/** @param {unknown} answer */
function answered(answer) {
  if (answer === SQLITE_OK || answer === SQLITE_DENY || answer === SQLITE_IGNORE) return answer;
  const takes = 'SQLITE_OK (0), SQLITE_DENY (1) or SQLITE_IGNORE (2)';
  const given = typeof answer === 'number' ? answer : describe(answer);
  throw new TypeError(`an authorizer must return ${takes}, not ${given}`);
}

/** The function that SQL calls as the update hook. @param {(...told: any[]) => unknown} code @returns {[any, any]} */
export function updateFunction(code) {
  const call = (/** @type {any[]} */ ...told) => {
    code(...told);
    return null;
  };
  return [['function', UPDATE_HOOK, 4, false, false], { integers: 'auto', call }];
}

export { UPDATE_HOOK };
