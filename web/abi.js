/** Made from turso_wasm/kernel/abi.py by web/make_abi.py; do not edit. Offsets are in bytes. */

export const NULL = 0;
export const INTEGER = 1;
export const REAL = 2;
export const TEXT = 3;
export const BLOB = 4;
export const DONE = 0;
export const ROWS = 1;
export const YIELD = 2;

export const Statement = Object.freeze({
  flags: 24,
  params: 52,
  n_columns: 56,
  rows: 60,
  rows_used: 64,
  row_count: 72,
  row_limit: 76,
  heap: 80,
  heap_used: 84,
  heap_not_ascii: 92,
  changes: 104,
});

export const Connection = Object.freeze({
  autocommit: 0,
  interrupted: 4,
  changes: 8,
  total_changes: 16,
  last_insert_rowid: 24,
});
