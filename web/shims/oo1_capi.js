/** What there is of `sqlite3.capi`: functions that take a database of oo1. */

import { AUTHORIZER, CODE_NAMES } from '../../base/abi.js';
import { limit, progressHandler, updateHook } from './hooks.js';
import { numberOfVersion } from './memory.js';

/** @param {number} code */
export function rcText(code) {
  return CODE_NAMES[/** @type {keyof typeof CODE_NAMES} */ (code)];
}

/** @param {{version: string, source: string}} library */
export function capiOf({ version, source }) {
  return {
    ...AUTHORIZER,
    ...Object.fromEntries(Object.entries(CODE_NAMES).map(([code, name]) => [name, Number(code)])),
    SQLITE_INTEGER: 1,
    SQLITE_FLOAT: 2,
    SQLITE_TEXT: 3,
    SQLITE_BLOB: 4,
    SQLITE_NULL: 5,
    SQLITE_ROW: 100,
    SQLITE_DONE: 101,
    sqlite3_libversion: () => version,
    sqlite3_libversion_number: () => numberOfVersion(version),
    sqlite3_sourceid: () => source,
    sqlite3_js_rc_str: rcText,
    sqlite3_changes: (/** @type {any} */ db) => db.changes(),
    sqlite3_total_changes: (/** @type {any} */ db) => db.changes(true),
    sqlite3_last_insert_rowid: (/** @type {any} */ db) => BigInt(db.selectValue('SELECT last_insert_rowid()')),
    sqlite3_get_autocommit: (/** @type {any} */ db) => (db.host.inTransaction ? 0 : 1),
    sqlite3_js_db_export: (/** @type {any} */ db) => db.host.export(),
    ...hooks(),
  };
}

/** Callbacks are given the last argument as their first. */
function hooks() {
  const told = (/** @type {any} */ act, /** @type {any} */ context) =>
    act && ((/** @type {any[]} */ ...facts) => act(context, ...facts));
  return {
    sqlite3_update_hook: (/** @type {any} */ db, /** @type {any} */ act, /** @type {any} */ context) =>
      updateHook(db.host, told(act, context)),
    sqlite3_commit_hook: (/** @type {any} */ db, /** @type {any} */ act, /** @type {any} */ context) =>
      void db.host.hook('commit', told(act, context)),
    sqlite3_rollback_hook: (/** @type {any} */ db, /** @type {any} */ act, /** @type {any} */ context) =>
      void db.host.hook('rollback', told(act, context)),
    sqlite3_set_authorizer: (/** @type {any} */ db, /** @type {any} */ act, /** @type {any} */ context) => {
      db.host.hook('authorizer', told(act, context));
      return 0;
    },
    sqlite3_progress_handler: (
      /** @type {any} */ db,
      /** @type {number} */ steps,
      /** @type {any} */ act,
      /** @type {any} */ context,
    ) => progressHandler(db.host, steps, told(act, context)),
    sqlite3_limit: (/** @type {any} */ db, /** @type {number} */ category, /** @type {number} */ value) =>
      limit(db.host, category, value),
  };
}
