/** What the text of a statement says about losing its answer: whether it only reads, ends a transaction, or sets something for good. */

import { lex } from './lexer.js';

/** PRAGMAs that a connection keeps, not the file. */
const SETTINGS = new Set(
  `analysis_limit automatic_index busy_timeout cache_size cache_spill case_sensitive_like cell_size_check checkpoint_fullfsync
  capture_data_changes_conn capture_data_changes_keep unstable_capture_data_changes_conn
  count_changes empty_result_callbacks foreign_keys full_column_names fullfsync ignore_check_constraints journal_size_limit
  legacy_alter_table locking_mode query_only read_uncommitted recursive_triggers reverse_unordered_selects secure_delete
  short_column_names synchronous temp_store threads trusted_schema wal_autocheckpoint`.split(/\s+/),
);
const READS = new Set(['SELECT', 'VALUES', 'EXPLAIN', '<end>']);
const WRITES = /\b(?:INSERT|UPDATE|DELETE|REPLACE)\b/;
const COMMITS = new Set(['COMMIT', 'END', 'RELEASE']);
const LASTING = /\b(?:PRAGMA|ATTACH|DETACH)\b/i;
const SETTING = /^PRAGMA (?:\S+ \. )?(\S+) [=(]/;

/** The statements of a text. @param {string} sql @returns {import('./lexer.js').Lexed[]} */
function statements(sql) {
  const found = [];
  for (let at = 0; ; ) {
    const lexed = lex(sql, at);
    if (!lexed.key) return found;
    found.push(lexed);
    at = lexed.end;
  }
}

/** Whether running a text twice is the same as running it once, because it changes nothing. @param {string} sql */
export function onlyReads(sql) {
  return statements(sql).every(({ first, key }) => {
    if (first === 'WITH') return !WRITES.test(key);
    return READS.has(first) || (first === 'PRAGMA' && !/[=(]/.test(key));
  });
}

/** Whether a text, run in a transaction, leaves it open. @param {string} sql */
export function staysInside(sql) {
  const [only, another] = statements(sql);
  return !another && !COMMITS.has(only?.first ?? '');
}

/** Which end of a transaction a text is; null: none. @param {string} sql @returns {'ROLLBACK' | 'COMMIT' | null} */
export function endOf(sql) {
  const [only, another] = statements(sql);
  if (!only || another) return null;
  if (only.first === 'ROLLBACK') return / TO /.test(only.key) ? null : 'ROLLBACK';
  return only.first === 'COMMIT' || only.first === 'END' ? 'COMMIT' : null;
}

/**
 * What a text leaves in the connection: settings, attached databases.
 * @param {string} sql
 * @returns {{name: string, sql: string}[]} what sets the same again, by a name that what replaces it has, too
 */
export function lastingEffects(sql) {
  if (!LASTING.test(sql)) return [];
  return statements(sql).flatMap(({ first, key, start, end }) => {
    const setting = first === 'PRAGMA' ? SETTING.exec(key)?.[1]?.toLowerCase() : undefined;
    if (setting && SETTINGS.has(setting))
      return [{ name: key.split(/ [=(]/)[0].replace(/unstable_/i, ''), sql: sql.slice(start, end) }];
    return first === 'ATTACH' || first === 'DETACH' ? [{ name: '', sql: sql.slice(start, end) }] : [];
  });
}
