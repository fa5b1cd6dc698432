/** Hooks and limits, as the C-shaped API has them. */

import { SQLITE_MISUSE, SQLITE_OK, SQLiteError } from './capi_values.js';
import { limit, progressHandler, updateHook } from './hooks.js';

/** @param {(db: number) => any} databaseOf @param {<T>(act: () => T) => T} checked */
export function hooksOf(databaseOf, checked) {
  return {
    /** @param {number} db @param {((operation: number, schema: string, table: string, rowid: bigint) => void) | null} xUpdate */
    update_hook: (db, xUpdate) => checked(() => updateHook(databaseOf(db), xUpdate)),
    /** @param {number} db @param {(() => number) | null} xCommit not 0: rolled back instead */
    commit_hook: (db, xCommit) => checked(() => void databaseOf(db).hook('commit', xCommit)),
    /** @param {number} db @param {(() => void) | null} xRollback */
    rollback_hook: (db, xRollback) => checked(() => void databaseOf(db).hook('rollback', xRollback)),
    /** @param {number} db @param {((app: any, action: number, ...facts: (string | null)[]) => number) | null} ask at once @param {any} [app] */
    set_authorizer: (db, ask, app) =>
      checked(() => {
        databaseOf(db).hook('authorizer', ask && ((/** @type {[number]} */ ...told) => ask(app, ...told)));
        return SQLITE_OK;
      }),
    /** @param {number} db @param {number} steps @param {((app: any) => number) | null} handler @param {any} [app] */
    progress_handler: (db, steps, handler, app) =>
      checked(() => progressHandler(databaseOf(db), steps, handler && (() => handler(app)))),
    /** @param {number} db @param {number} category @param {number} value negative: as it is */
    limit: (db, category, value) => checked(() => limit(databaseOf(db), category, value)),
    create_module: () => {
      throw new SQLiteError(
        'create_module is not there: a function in FROM is made by table() of turso-wasm/host',
        SQLITE_MISUSE,
      );
    },
    vfs_register: () => {
      throw new SQLiteError(
        'vfs_register is not there: open_v2 takes "opfs", "indexeddb" or "memory" as its third argument',
        SQLITE_MISUSE,
      );
    },
  };
}
