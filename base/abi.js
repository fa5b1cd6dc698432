/** Made from turso_wasm/kernel/abi.py and turso_wasm/base/errors.py by base/make_abi.py; do not edit. Offsets are in bytes. */

export const NULL = 0;
export const INTEGER = 1;
export const REAL = 2;
export const TEXT = 3;
export const BLOB = 4;
export const DONE = 0;
export const ROWS = 1;
export const YIELD = 2;
export const RAISE = -1;
export const PREPARE = -2;
export const OPEN_CREATE = 1;
export const OPEN_READONLY = 2;
export const OPEN_TEMP = 4;
export const OPEN_MEMORY = 8;
export const CAP_OWNED = 1;
export const CAP_MEMORY = 2;
export const CAP_READONLY = 4;
export const CAP_SHARED = 8;
export const CAP_STEPS = 16;
export const DB_SCHEMA_COOKIE = 3;
export const DB_SCHEMA_FORMAT = 4;
export const DB_PAGE_COUNT = 1;
export const DB_COMMITS = 21;
export const N_SLOTS = 12;
export const TEMP_SLOT = 1;
export const CALL_FUNCTION = 0;
export const CALL_STEP = 1;
export const CALL_INVERSE = 2;
export const CALL_VALUE = 3;
export const CALL_FINAL = 4;
export const CALL_COMPARE = 5;
export const CALL_PLACE = 6;
export const CALL_QUEUE = 7;
export const CALL_BATCH = 8;
export const CALL_RAISE = 9;
export const CALL_ROWS = 10;
export const CALL_TOKENS = 11;
export const CALL_CONVERT = 12;
export const CALL_VALUES = 13;
export const CALL_COMMIT = 14;
export const CALL_BITS = 4;
export const STATEMENTS = -1;
export const TEXT_RUN = 256;
export const ANSWER_ROOM = 240;
export const LOCK_NONE = 0;
export const LOCK_SHARED = 1;
export const LOCK_RESERVED = 2;
export const LOCK_PENDING = 3;
export const LOCK_EXCLUSIVE = 4;
export const JOURNAL_EXISTS = 1073741824;
export const LOG_HEAD_SIZE = 32;
export const LOG_NEXT_SIZE = 24;
export const SHM_HEAD_SIZE = 136;
export const SHM_UNLOCK = 0;
export const SHM_SHARED = 1;
export const SHM_EXCLUSIVE = 2;
export const SETTINGS_COMPILED = 1970079;
export const ENCODING_SHIFT = 22;
export const UTF8 = 1;
export const SMALL_TABLE = 6;

export const Run = Object.freeze({
  flags: 24,
  params: 72,
  n_columns: 76,
  rows: 80,
  rows_used: 84,
  row_count: 92,
  row_limit: 96,
  heap: 100,
  heap_used: 104,
  heap_not_ascii: 112,
  changes: 120,
  budget: 116,
  cookies: 152,
  schema_epoch: 208,
  runs: 328,
  sorts: 332,
  indexed: 336,
});

export const KernelConnection = Object.freeze({
  autocommit: 0,
  interrupted: 4,
  changes: 8,
  total_changes: 16,
  last_insert_rowid: 24,
  busy_timeout_ms: 92,
  schema_epoch: 100,
  pagers: 32,
  settings: 116,
  sizes: 328,
  n_sizes: 332,
  names: 148,
  name_sizes: 196,
  orders: 244,
  capture: 336,
  capture_size: 340,
  capture_txn: 344,
  commit_hook: 352,
  rollbacks: 356,
});

/** What an authorizer is asked about, and what it answers. */
export const AUTHORIZER = Object.freeze({
  SQLITE_OK: 0,
  SQLITE_DENY: 1,
  SQLITE_IGNORE: 2,
  SQLITE_CREATE_INDEX: 1,
  SQLITE_CREATE_TABLE: 2,
  SQLITE_CREATE_TEMP_INDEX: 3,
  SQLITE_CREATE_TEMP_TABLE: 4,
  SQLITE_CREATE_TEMP_TRIGGER: 5,
  SQLITE_CREATE_TEMP_VIEW: 6,
  SQLITE_CREATE_TRIGGER: 7,
  SQLITE_CREATE_VIEW: 8,
  SQLITE_DELETE: 9,
  SQLITE_DROP_INDEX: 10,
  SQLITE_DROP_TABLE: 11,
  SQLITE_DROP_TEMP_INDEX: 12,
  SQLITE_DROP_TEMP_TABLE: 13,
  SQLITE_DROP_TEMP_TRIGGER: 14,
  SQLITE_DROP_TEMP_VIEW: 15,
  SQLITE_DROP_TRIGGER: 16,
  SQLITE_DROP_VIEW: 17,
  SQLITE_INSERT: 18,
  SQLITE_PRAGMA: 19,
  SQLITE_READ: 20,
  SQLITE_SELECT: 21,
  SQLITE_TRANSACTION: 22,
  SQLITE_UPDATE: 23,
  SQLITE_ATTACH: 24,
  SQLITE_DETACH: 25,
  SQLITE_ALTER_TABLE: 26,
  SQLITE_REINDEX: 27,
  SQLITE_ANALYZE: 28,
  SQLITE_CREATE_VTABLE: 29,
  SQLITE_DROP_VTABLE: 30,
  SQLITE_FUNCTION: 31,
  SQLITE_SAVEPOINT: 32,
  SQLITE_RECURSIVE: 33,
});

/** Result codes by number. @type {Readonly<Record<number, string>>} */
export const CODE_NAMES = Object.freeze({
  0: 'SQLITE_OK',
  1: 'SQLITE_ERROR',
  2: 'SQLITE_INTERNAL',
  3: 'SQLITE_PERM',
  4: 'SQLITE_ABORT',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  9: 'SQLITE_INTERRUPT',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  12: 'SQLITE_NOTFOUND',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  15: 'SQLITE_PROTOCOL',
  16: 'SQLITE_EMPTY',
  17: 'SQLITE_SCHEMA',
  18: 'SQLITE_TOOBIG',
  19: 'SQLITE_CONSTRAINT',
  20: 'SQLITE_MISMATCH',
  21: 'SQLITE_MISUSE',
  22: 'SQLITE_NOLFS',
  23: 'SQLITE_AUTH',
  24: 'SQLITE_FORMAT',
  25: 'SQLITE_RANGE',
  26: 'SQLITE_NOTADB',
  27: 'SQLITE_NOTICE',
  28: 'SQLITE_WARNING',
  100: 'SQLITE_ROW',
  101: 'SQLITE_DONE',
  256: 'SQLITE_OK_LOAD_PERMANENTLY',
  257: 'SQLITE_ERROR_MISSING_COLLSEQ',
  261: 'SQLITE_BUSY_RECOVERY',
  262: 'SQLITE_LOCKED_SHAREDCACHE',
  264: 'SQLITE_READONLY_RECOVERY',
  266: 'SQLITE_IOERR_READ',
  267: 'SQLITE_CORRUPT_VTAB',
  270: 'SQLITE_CANTOPEN_NOTEMPDIR',
  275: 'SQLITE_CONSTRAINT_CHECK',
  283: 'SQLITE_NOTICE_RECOVER_WAL',
  284: 'SQLITE_WARNING_AUTOINDEX',
  513: 'SQLITE_ERROR_RETRY',
  516: 'SQLITE_ABORT_ROLLBACK',
  517: 'SQLITE_BUSY_SNAPSHOT',
  520: 'SQLITE_READONLY_CANTLOCK',
  522: 'SQLITE_IOERR_SHORT_READ',
  523: 'SQLITE_CORRUPT_SEQUENCE',
  526: 'SQLITE_CANTOPEN_ISDIR',
  531: 'SQLITE_CONSTRAINT_COMMITHOOK',
  769: 'SQLITE_ERROR_SNAPSHOT',
  773: 'SQLITE_BUSY_TIMEOUT',
  776: 'SQLITE_READONLY_ROLLBACK',
  778: 'SQLITE_IOERR_WRITE',
  779: 'SQLITE_CORRUPT_INDEX',
  782: 'SQLITE_CANTOPEN_FULLPATH',
  787: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  1032: 'SQLITE_READONLY_DBMOVED',
  1034: 'SQLITE_IOERR_FSYNC',
  1043: 'SQLITE_CONSTRAINT_FUNCTION',
  1288: 'SQLITE_READONLY_CANTINIT',
  1290: 'SQLITE_IOERR_DIR_FSYNC',
  1299: 'SQLITE_CONSTRAINT_NOTNULL',
  1544: 'SQLITE_READONLY_DIRECTORY',
  1546: 'SQLITE_IOERR_TRUNCATE',
  1555: 'SQLITE_CONSTRAINT_PRIMARYKEY',
  1802: 'SQLITE_IOERR_FSTAT',
  1811: 'SQLITE_CONSTRAINT_TRIGGER',
  2058: 'SQLITE_IOERR_UNLOCK',
  2067: 'SQLITE_CONSTRAINT_UNIQUE',
  2314: 'SQLITE_IOERR_RDLOCK',
  2323: 'SQLITE_CONSTRAINT_VTAB',
  2570: 'SQLITE_IOERR_DELETE',
  2579: 'SQLITE_CONSTRAINT_ROWID',
  2835: 'SQLITE_CONSTRAINT_PINNED',
  3082: 'SQLITE_IOERR_NOMEM',
  3091: 'SQLITE_CONSTRAINT_DATATYPE',
  3338: 'SQLITE_IOERR_ACCESS',
  3594: 'SQLITE_IOERR_CHECKRESERVEDLOCK',
  3850: 'SQLITE_IOERR_LOCK',
});
