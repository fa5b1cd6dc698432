"""The contract between generated code, the kernel and the hosts: constants and the structs both sides touch.

Owns the layout of everything that crosses the border. Does not contain code. The functions of the
contract are listed in docs/kernel-abi.md; each lives in the kernel module named there.

Invariants:
  A1  A value in flight is (tag: i32, payload: i64). INTEGER: the integer; REAL: the bits of the double;
      TEXT and BLOB: address | size << 32; NULL: payload is 0.
  A2  Tags are ordered as SQL orders storage classes: NULL < INTEGER = REAL < TEXT < BLOB.
  A3  An address in a value is valid until its statement's arena mark is released, or its cursor moves.
"""

from turso_wasm.wasm.lang import Struct, array, f64, fn, i32, i64, ptr, u8, u16, u32

__subset__ = True

# --- storage classes (tags) -------------------------------------------------------------------------------
NULL = 0
INTEGER = 1
REAL = 2
TEXT = 3
BLOB = 4

# --- affinities (as SQLite's characters, https://sqlite.org/datatype3.html section 3) -----------------------
AFFINITY_BLOB = 65  # 'A': also "none"
AFFINITY_TEXT = 66  # 'B'
AFFINITY_NUMERIC = 67  # 'C'
AFFINITY_INTEGER = 68  # 'D'
AFFINITY_REAL = 69  # 'E'

# --- collations, and the flags of one key field (KeyInfo, normalized keys) ----------------------------------
BINARY = 0
NOCASE = 1
RTRIM = 2
COLLATION_USER = 3  # the user's: its number in the connection's registry << COLLATION_SHIFT is added
COLLATION_MASK = 3
COLLATION_SHIFT = 8
KEY_DESC = 4
KEY_NULLS_LAST = 8  # for ascending: NULLs after everything; for descending: NULLs *first* stays possible with 16
KEY_NULLS_FIRST = 16
# The encoding of the database is UTF-16: values are ordered under BINARY as they are in it; under other collations it
# is the texts that are compared, those of an index, which are in it. Source: kernel/values/utf16.py E2
COLLATION_UTF16LE = 32
COLLATION_UTF16BE = 64
COLLATION_UTF16 = 96

# --- text encodings ------------------------------------------------------------------------------------------
UTF8 = 1
UTF16LE = 2
UTF16BE = 3
ENCODING_SHIFT = 22  # above SETTINGS_COMPILED: where what Programs are compiled for has the encoding

# --- seek operators ----------------------------------------------------------------------------------------
SEEK_EQ = -1  # SEEK_GE for a caller that wants no entries but those that are equal
SEEK_GE = 0
SEEK_GT = 1
SEEK_LE = 2
SEEK_LT = 3

# --- what `step` returns -----------------------------------------------------------------------------------
DONE = 0
ROWS = 1
YIELD = 2
DEEPER = 3  # a routine asks the Program's driver to run Run.deeper (never seen by hosts)

# --- what `statement_failed` returns, unless it is how many milliseconds to wait before another attempt -----------
RAISE = -1  # report the error
PREPARE = -2  # the schema was another one: prepare the statement again

# --- transaction begin modes -------------------------------------------------------------------------------
BEGIN_DEFERRED = 0
BEGIN_IMMEDIATE = 1
BEGIN_EXCLUSIVE = 2
BEGIN_CONCURRENT = 3

# --- what a failing statement takes with it (Run.on_error) ---------------------------------------------
ON_ERROR_ABORT = 0  # undo this statement
ON_ERROR_FAIL = 1  # keep what the statement did so far
ON_ERROR_ROLLBACK = 2  # roll the whole transaction back

# bits of Run.flags
STATEMENT_TRIPPED = 4  # a rollback took away what it works on
STATEMENT_HANDLE = 512  # H: it stays on one row as long as a blob of it is open
STATEMENT_HANDLE_WRITES = 1024  # H: … to be written: any rollback trips it
STATEMENT_EXPIRED = 2048  # the row of the handle was written

# --- what a call of the user's code does (kernel/base/callback.py) ------------------------------------------
CALL_FUNCTION = 0
CALL_STEP = 1  # of an aggregate; makes the instance when there is none
CALL_INVERSE = 2
CALL_VALUE = 3
CALL_FINAL = 4  # the instance is over
CALL_COMPARE = 5  # two texts: an INTEGER
CALL_PLACE = 6  # a text among those in order that `instance` is (kernel/values/labels.py)
CALL_QUEUE = 7  # calls that were put off (kernel/base/callback.py)
CALL_BATCH = 8  # functions for many rows (kernel/values/batch.py)
CALL_RAISE = 9  # the failure `instance` of a batch, whose row has come
CALL_ROWS = 10  # of a table function: its next rows (kernel/base/user_rows.py)
CALL_TOKENS = 11  # of a text (kernel/fts/user_tokens.py)
CALL_CONVERT = 12  # a function, amid a change (kernel/fts/fts3/convert.py)
CALL_VALUES = 13  # as CALL_QUEUE, and all values of windows are wanted (kernel/base/callback.py UserValues)
CALL_COMMIT = 14  # whether a transaction may be committed: not 0, it is rolled back
CALL_BITS = 4
STATEMENTS = -1  # in the place of a table function's number: the statements of the connection (sqlite_stmt)
TEXT_RUN = 0x100  # the tag of a value that stands for texts, NUL behind each (kernel/values/batch.py B3)
ANSWER_ROOM = 240  # bytes for the text or blob of an answer

# --- settings of a connection (KernelConnection.settings) -----------------------------------------------------
SETTING_FOREIGN_KEYS = 1
SETTING_IGNORE_CHECK_CONSTRAINTS = 2
SETTING_WRITABLE_SCHEMA = 4
SETTING_CASE_SENSITIVE_LIKE = 8
SETTING_RECURSIVE_TRIGGERS = 16
SETTING_DEFER_FOREIGN_KEYS = 32
SETTING_QUERY_ONLY = 64
SETTING_NO_AUTOMATIC_INDEX = 1 << 7  # on in SQLite unless they are turned off: the bit says that they are
SETTING_REVERSE_UNORDERED_SELECTS = 1 << 8
SETTING_COUNT_CHANGES = 1 << 9
SETTING_FULL_COLUMN_NAMES = 1 << 10
SETTING_NO_SHORT_COLUMN_NAMES = 1 << 11
SETTING_LEGACY_ALTER_TABLE = 1 << 17
SETTING_UNTRUSTED_SCHEMA = 1 << 18  # trusted_schema is off
SETTING_NO_TRIGGERS = 1 << 19  # but those of temp
SETTING_NO_VIEWS = 1 << 20  # as well
SETTINGS_COMPILED = 0x1E0F9F  # those that Programs are compiled for; the others they ask for as they run
SETTING_CELL_SIZE_CHECK = 1 << 12  # pages are always checked
SETTING_CHECKPOINT_FULLFSYNC = 1 << 13  # of macOS, as the next
SETTING_FULLFSYNC = 1 << 14
SETTING_READ_UNCOMMITTED = 1 << 15  # of caches that connections share, which there are not
SETTING_EMPTY_RESULT_CALLBACKS = 1 << 16  # of an old function of the C API

# --- b-tree kinds ------------------------------------------------------------------------------------------
TABLE_BTREE = 1
INDEX_BTREE = 2

# --- fields of database_get / database_set -------------------------------------------------------------------
DB_PAGE_SIZE = 0
DB_PAGE_COUNT = 1
DB_FREELIST_COUNT = 2
DB_SCHEMA_COOKIE = 3
DB_SCHEMA_FORMAT = 4
DB_DEFAULT_CACHE_SIZE = 5
DB_AUTO_VACUUM = 6  # 0 none, 1 full, 2 incremental
DB_ENCODING = 7  # UTF8, …
DB_USER_VERSION = 8
DB_APPLICATION_ID = 9
DB_JOURNAL_MODE = 10  # JOURNAL_*
DB_CACHE_SIZE = 11  # as PRAGMA cache_size: >0 pages, <0 KiB
DB_SYNCHRONOUS = 12  # 0 OFF 1 NORMAL 2 FULL 3 EXTRA
DB_DATA_VERSION = 13
DB_COMMITS = 21  # of this connection's that changed the database
DB_WAL_AUTOCHECKPOINT = 14
DB_LOCKING_MODE = 15  # 0 normal 1 exclusive
DB_MAX_PAGE_COUNT = 17
DB_JOURNAL_SIZE_LIMIT = 18  # bytes that a journal or log keeps when it is not needed; -1: all
DB_SECURE_DELETE = 19  # 0 off, 1: what is deleted is overwritten, 2: where that costs no write
DB_CACHE_SPILL = 20  # pages a writer holds in memory before it spills some; 0: it never does

JOURNAL_DELETE = 0
JOURNAL_PERSIST = 1
JOURNAL_OFF = 2
JOURNAL_TRUNCATE = 3
JOURNAL_MEMORY = 4
JOURNAL_WAL = 5
JOURNAL_MVCC = 6  # asked for: JOURNAL_WAL, and BEGIN is BEGIN CONCURRENT on the connection

# --- vfs_open flags and vfs_capabilities bits ---------------------------------------------------------------
OPEN_CREATE = 1
OPEN_READONLY = 2
OPEN_TEMP = 4  # anonymous scratch file, deleted on close; the name is ignored
OPEN_MEMORY = 8  # a private in-memory file (":memory:")
OPEN_URI = 16  # of a connection: file names may be URIs
CAP_OWNED = 1  # nobody else can touch the file: no locks, no change detection, WAL by default
CAP_MEMORY = 2  # not durable: no journal, no syncs; commit writes the pages, rollback drops them
CAP_READONLY = 4
CAP_SHARED = 8  # the index of its log can be shared with other processes: it has the vfs_shm_* calls
CAP_STEPS = 16  # what is written behind its end makes the next sync dearer: its log grows in steps

TEMP_STORE_DEFAULT = 0  # of the host: files where it has any
TEMP_STORE_FILE = 1
TEMP_STORE_MEMORY = 2

TEMP_SLOT = 1
ALL_SLOTS = -1  # to PRAGMAs: every database that is open
N_SLOTS = 12  # databases of a connection: 0 main, 1 temp, 2.. attached

PAGE_DATA_AT = 0  # offset of `data` in a Page (kernel/pager/storage.py)

LOCK_NONE = 0
LOCK_SHARED = 1
LOCK_RESERVED = 2
LOCK_PENDING = 3
LOCK_EXCLUSIVE = 4
JOURNAL_EXISTS = 1 << 30  # what vfs_begin returns (kernel/base/vfs.py)
LOG_HEAD_SIZE = 32  # what vfs_begin_log reads: the header of a log,
LOG_NEXT_SIZE = 24  # and that of a frame
SHM_HEAD_SIZE = 136  # what vfs_shm_begin reads: the header of a shared index, twice, and the state of checkpoints
SHM_UNLOCK = 0  # what vfs_shm_lock does
SHM_SHARED = 1
SHM_EXCLUSIVE = 2


class Value(Struct):
    """A value in memory: record fields, parameters, index probes. 16 bytes."""

    tag: i32
    subtype: i32  # as SQLite's: 74 for JSON; meant only where a JSON function takes the value
    payload: i64


class KeyInfo(Struct):
    """How the fields of an index b-tree compare: lives in a Program's data. `flags` goes on for n_fields numbers."""

    n_fields: i32  # fields that take part in ordering (for a rowid index: all columns and the rowid)
    flags: i32  # the first of n_fields numbers: collation | KEY_DESC


class Arena(Struct):
    """A bump allocator: chunks linked from `chunk`; all zero is an empty arena. See kernel/base/memory.py."""

    chunk: i32
    top: i32
    limit: i32


class Frame(Struct):
    """The head of what one activation of a routine of a Program owns; the routine's own memory follows it.

    A frame is made at the routine's first activation and serves the later ones; its resources go when one ends.
    """

    next: i32  # list of the statement's frames
    state: i32  # 0, or the point at which the routine is suspended (generated code)
    resources: i32  # list of sorters, hash tables, …
    unused: i32


class Activation(Frame):
    """The frame of a trigger: what it must not change for whoever fired it, and who that is."""

    outer: i32  # the frame of the trigger whose statement fired it; 0: the statement itself
    token: i32  # which trigger it is
    ignored: i32  # 1: RAISE(IGNORE)
    routine: i32  # which routine of the Program it is (codegen/deep.py)
    below: i32  # of the base of a segment: the base of the one under it
    ended: i32  # 1: the driver has run it to its end
    changes: i64  # Run.changes
    connection_changes: i64  # KernelConnection.changes
    last_insert_rowid: i64


class Run(Struct):
    """One prepared statement in execution. Hosts read and write the fields marked H."""

    arena: Arena.embed  # row-lifetime memory; generated code marks and releases it around loops
    connection: i32
    next: i32  # list of the connection's statements
    state: i32  # 0: not started, or finished; > 0: suspended at that point (generated code)
    flags: i32
    on_error: i32  # ON_ERROR_*: set by generated code before it raises
    cursors: i32  # list of open cursors
    scope: i32  # the Frame whose routine runs: new resources hang there
    root: Frame.embed  # that of the statement itself; its memory is `frame`
    frames: i32  # list of the Frames of its other routines
    frame: ptr[u8]  # H: Program.frame_size bytes, zeroed when the statement starts
    frame_size: i32
    n_params: i32
    params: ptr[u8]  # H: n_params Values
    # Result rows: `rows_used` bytes of fixed-size rows, text and blobs behind them in the heap.
    # A row of n columns: n tag bytes padded to a multiple of 8, then n 8-byte payloads (little-endian);
    # a TEXT or BLOB payload is offset in heap | size << 32.
    n_columns: i32
    rows: ptr[u8]  # H
    rows_used: i32  # H: reset to 0 by the host (with row_count, heap_used) before step() is called again
    rows_capacity: i32
    row_count: i32  # H
    row_limit: i32  # H: step returns ROWS once row_count reaches it; 0: only when the buffer is full
    heap: ptr[u8]  # H
    heap_used: i32  # H
    heap_capacity: i32
    heap_not_ascii: i32  # H: nonzero once a byte >= 0x80 was written to the heap by a TEXT
    budget: i32  # ticks until poll() is due
    changes: i64  # H: rows changed by the run
    key: ptr[u8]  # the normalized key under construction (kernel/values/key.py)
    key_used: i32
    key_capacity: i32
    savepoint: i32  # nonzero while the statement savepoint is open
    wrote: i32  # nonzero once the statement holds the write lock of some database
    slots_read: i32  # bit set of database slots whose read lock this statement holds
    cookies: array[i32, N_SLOTS]  # H: schema cookies the program was compiled for, by database slot; -1: not checked
    now: f64  # ms since 1970 as the date functions see it, the same for a whole run; 0 until they ask
    schema_epoch: i32  # H: KernelConnection.schema_epoch when the schema it was prepared for was read
    attempts: i32  # how often this run has found the database busy
    trigger: i32  # the Activation of the innermost trigger that runs
    deeper: i32  # the Activation that is to begin a segment
    segment: i32  # the Activation at the base of the innermost segment; 0: the statement itself
    in_one_piece: i32  # > 0: what runs cannot suspend, so no segment may begin
    trigger_depth: i32
    changed_at: array[i32, N_SLOTS]  # Pager.changes when the statement began to write the database in that slot
    labels: i32  # Labels of its first collation of the user's (kernel/values/labels.py)
    queue: i32  # CallQueue, 0: none yet (kernel/base/callback.py)
    calling: i32  # calls of the user's code that have not returned (kernel/base/callback.py)
    subtype: i32  # that of the result of the JSON function called last, where it is not always the same
    made: ptr[u8]  # root pages, i32, of the b-trees that a schema change has made and fills
    violations: i64  # rows that violate immediate foreign keys: there must be none when the statement ends
    deferred_before: i64  # KernelConnection.deferred and deferred_immediate when the statement's savepoint was opened
    deferred_immediate_before: i64
    # What sqlite_stmt shows; it does not end with a run.
    runs: i32  # H
    sorts: i32  # H
    indexed: i32  # H: rows that were put into tables for joins


class KernelConnection(Struct):
    """State of one connection. Hosts read the fields marked H."""

    autocommit: i32  # H: 1 outside BEGIN … COMMIT
    interrupted: i32  # H: set to 1 by the host to stop running statements with SQLITE_INTERRUPT
    changes: i64  # H
    total_changes: i64  # H
    last_insert_rowid: i64  # H
    pagers: array[i32, N_SLOTS]  # Pager of slot 0 main, 1 temp, 2.. attached
    statements: i32
    savepoints: i32
    next: i32
    busy_timeout_ms: i32  # H
    savepoint_depth: i32  # open savepoints, statement savepoints included: every writing pager has as many
    schema_epoch: i32  # H: changes when the connection itself changes the schema, or takes such a change back
    schema_changed: i32  # 1: the open transaction has changed the schema
    analysis_limit: i32  # entries of an index that ANALYZE looks at; 0: all
    temp_store: i32  # TEMP_STORE_*: where the temp database lies
    settings: i32  # H: SETTING_*
    in_blob: i32  # H: a blob of an open handle is being written, for which no handle expires
    comparing: i32  # a collation of the user's is being asked: nothing may be written
    open_flags: i32  # OPEN_*, as the main database was opened
    attached: i32  # how often ATTACH was done
    super_name: ptr[u8]  # of the super-journal of the commit that is under way
    super_size: i32  # 0: there is none
    attaching: i32  # the slot that ATTACH is opening, 0: none
    names: array[i32, N_SLOTS]  # H: of attached databases: address
    name_sizes: array[i32, N_SLOTS]  # H
    orders: array[i32, N_SLOTS]  # H: they were attached in the order of these numbers
    pending: i32  # Pending: what virtual tables keep until it must be in pages
    deferred: i64  # rows that violate deferred foreign keys
    deferred_immediate: i64  # … and immediate ones while PRAGMA defer_foreign_keys is on
    encoding: i32  # of databases that it creates; 0: UTF8 (connection_encoding)
    locking_mode: i32  # of databases that are still to be opened: 1 EXCLUSIVE
    writes: i32  # statements that began to write a database
    host_objects: i32  # the last number given to something that the host keeps (kernel/base/callback.py U4)
    sizes: i32  # H: the TableSizes of a Program that was refused because of them, 0: none
    n_sizes: i32  # H
    capture: ptr[u8]  # H: what changes are captured, as text (catalog/capture.py Capture)
    capture_size: i32  # H: 0: none are
    capture_txn: i64  # change_txn_id of the transaction under way, 0: none of its changes was captured
    commit_hook: i32  # H: 1: the host is asked before a commit (CALL_COMMIT)
    rollbacks: i32  # H: transactions that were rolled back, but for the sake of closing
    begins_concurrent: i32  # 1: BEGIN means BEGIN CONCURRENT
    concurrent: i32  # 1: the open transaction began as BEGIN CONCURRENT, and is not about to be committed


SMALL_TABLE = 6  # the largest class of tables that are small: they have less than 4^6 rows


class TableSize(Struct):
    """How large a table is, as a class (kernel/btree/size.py): what a Program was planned for (0: any that is small),
    and what was found.
    """

    slot: i32
    root: u32
    keyed: i32  # it is a b-tree of records (WITHOUT ROWID)
    planned: i32
    found: i32  # H


class Profile(Struct):
    """What EXPLAIN ANALYZE measures with (kernel/session/profile.py); milliseconds."""

    owner: i32  # the ProfilePoint whose time runs
    weight: i32  # how many stretches of its kind the present one stands for; 0: it is not timed
    started: f64
    question: f64  # what asking the clock takes
    entered: f64
    ms: f64  # of the whole run, without questions


class ProfilePoint(Struct):
    """What EXPLAIN ANALYZE has found out about a node of the plan."""

    ms: f64  # without the nodes below it
    loops: i64
    rows: i64
    timed_ms: f64
    timed: i32  # stretches
    unused: i32


class ErrorRecord(Struct):
    """What raise_error left behind; at the address returned by `error_record()`. Read by hosts after a trap."""

    code: i32  # 0: the trap was not an SQL error (a bug)
    size: i32
    text: ptr[u8]


class Layout(Struct):
    """How the cells of one b-tree lie on its pages; see kernel/btree/cell.py."""

    kind: i32  # TABLE_BTREE / INDEX_BTREE
    usable: i32  # bytes of a page that are the b-tree's: page size less reserved bytes
    max_local: i32  # a payload up to this size has no overflow pages
    min_local: i32  # a larger one keeps at least this much on the page


class Cursor(Struct):
    """A position in a b-tree. The hot fields come first: generated code reads them inline.

    C1  While `valid`, `payload` is the cell's payload in the page, `payload_size` its full size,
        `local_size` how much of it is in the page; `payload` is contiguous iff they are equal.
        While not valid both sizes are 0.
    C2  `n_cells` is 0 unless the cursor is valid and on a leaf: then cursor_next may just go to the next cell.
    """

    valid: i32  # 1: on an entry
    nth: i32  # number of the cell on the current page
    n_cells: i32  # cells on the leaf (C2)
    leaf: ptr[u8]  # page data of the current page
    cells: ptr[u8]  # cell pointer array of the current page
    payload: ptr[u8]
    payload_size: i32
    local_size: i32
    rowid: i64  # table b-trees: key of the current entry
    root: u32
    layout: Layout.embed
    pager: i32
    statement: i32
    next: i32  # next cursor of the statement
    keyinfo: i32  # KeyInfo, or 0 for a table b-tree
    write: i32
    depth: i32  # index of the current page in the stack; -1: no position
    # what follows is private to kernel/cursor*.py
    pages: array[i32, 20]  # Page of each level
    taken: array[i32, 20]  # number of the child taken at each level; for an entry on an interior page: its own
    next_in_pager: i32
    mark: i32  # what Page.checked is when the page was validated for this b-tree
    lenient: i32  # 1: pages that can be read will do, their mark lacks bit 0; 0: they must be sound
    state: i32  # STATE_* of kernel/btree/cursor/position.py
    skip: i32  # SAVED: SKIP_* of kernel/btree/cursor/save.py
    visits: i32  # leaves entered since the last descent from the root, forward less backward
    near: i32  # > 0: seeks try the current leaf first
    probe: ptr[Value]  # index b-trees: room for the key fields of one entry
    saved_key: ptr[u8]
    saved_size: i32
    saved_capacity: i32
    overflow: ptr[u8]  # assembled payload of the current entry, when it had to be
    overflow_capacity: i32
    overflow_size: i32  # bytes of it assembled so far; 0: none
    overflow_next: u32  # the overflow page that continues it
    overflow_for: ptr[u8]  # the value of `payload` it was assembled for
    sure: i32  # cells before this one hold entries within the range of the scan (kernel/btree/cursor/range.py)
    floor: i64  # index b-trees: words of the entries around the page to be searched
    ceiling: i64
    doomed: i32  # entries of the leaf that are to be deleted when the scan leaves it (kernel/btree/sweep.py)
    doomed_places: ptr[u16]
    doomed_spilled: i32  # 1: some of them have overflow pages
    patched: i32  # Page: readable copies of damaged pages on the stack
    watch: i32  # Watch (kernel/btree/cursor/watch.py), 0: nobody wants to know what is read


class Lookup(Struct):
    """Look-ups by an index that may turn to a table (kernel/btree/lookup_table.py). All zero at first."""

    ready: i32  # JoinTable: where to look instead
    asked: i32  # how many there were by the index
    state: i32
    table: i32  # JoinTable in the making
    cursor: i32  # reads the rows for it
    more: i32  # 0: there are no more rows


class LookupPlan(Struct):
    """What such a table holds. Behind it: for each part of the key its position in the b-tree's records and the flags
    of keys; then the positions of the columns. Its records are these columns and the rowid. All positions are below 64.
    """

    mask: i64  # all these positions
    slot: i32
    root: u32
    n_keys: i32
    n_columns: i32


class Resource(Struct):
    """What all resources begin with."""

    next: i32
    kind: i32
    release: fn[[i32], None]


class Request(Struct):
    """What a call of the user's code is told; the next call overwrites it."""

    connection: i32
    routine: i32  # its number in the connection's registry << CALL_BITS | CALL_*
    instance: i32  # of the aggregate, 0: none yet
    n: i32
    values: ptr[Value]
    answer: i32  # address of the Answer
    first: array[i64, 4]  # copies of the first two values


class Answer(Struct):
    """What a call gives: a Value, with a result code in its gap; behind it ANSWER_ROOM bytes."""

    tag: i32
    status: i32  # 0 before the call; another result code: it failed, and the answer is the message
    payload: i64  # of a text or blob: size << 32
