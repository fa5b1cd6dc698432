/**
 * The engines under one interface; each is used the way its own documentation says is fast.
 *
 * @typedef {object} Prepared
 * @property {(values: any[]) => any} get the first row as an array, undefined when there is none
 * @property {(values: any[]) => void} run to the end
 * @property {() => any[][]} rows all rows as arrays
 * @property {() => object[]} objects all rows as objects
 * @property {() => void} close
 *
 * @typedef {object} Driver
 * @property {string} version
 * @property {(sql: string) => void} exec
 * @property {(sql: string) => Prepared} prepare
 * @property {any} [engine] ours only
 * @property {any} [database] ours only
 *
 * @typedef {object} Where where things are
 * @property {string} root URL of the project's root, with a slash
 * @property {Uint8Array | null} file the database to start from; null: an empty one
 * @property {(name: string) => Promise<any>} import_ import of a peer's module by its path below node_modules
 */

const NAME = 'benchmark.db';

/** @param {Where} where @param {boolean} inFile @returns {Promise<Driver>} */
async function ours(where, inFile) {
  const { Engine, Compiler, MemoryStorage } = await import(`${where.root}web/host.js`);
  const engine = await Engine.create(await where.assets(Compiler, MemoryStorage));
  const database = await engine.open(inFile ? NAME : ':memory:');
  if (where.file) await database.import(where.file);
  return {
    version: where.version,
    engine,
    database,
    exec: (sql) => void database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      const raw = statement.raw();
      return {
        get: (values) => raw.get(values),
        run: (values) => void raw.run(values),
        rows: () => raw.all(),
        objects: () => statement.raw(false).all(),
        close: () => statement.finalize(),
      };
    },
  };
}

/** @param {Where} where @returns {Promise<Driver>} */
async function sqljs(where) {
  const SQL = await (await where.sqljs())();
  const database = new SQL.Database(where.file);
  const version = database.exec('SELECT sqlite_version()')[0].values[0][0];
  return {
    version,
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        get(values) {
          const row = statement.get(values);
          statement.reset();
          return row;
        },
        run: (values) => statement.run(values),
        rows() {
          const rows = [];
          while (statement.step()) rows.push(statement.get());
          statement.reset();
          return rows;
        },
        objects() {
          const rows = [];
          while (statement.step()) rows.push(statement.getAsObject());
          statement.reset();
          return rows;
        },
        close: () => statement.free(),
      };
    },
  };
}

/**
 * @param {Where} where
 * @param {'memory' | 'sahpool'} storage
 * @param {string} settings run after opening
 * @returns {Promise<Driver>}
 */
async function sqliteWasm(where, storage, settings = '') {
  const init = (await where.sqliteWasm()).default;
  const sqlite3 = await init({ print: () => undefined, printErr: () => undefined });
  let database;
  if (storage === 'memory') {
    database = new sqlite3.oo1.DB(':memory:');
    if (where.file) deserialize(sqlite3, database, where.file);
  } else {
    const name = settings ? 'sahpool-wal' : 'sahpool';
    const pool = await sqlite3.installOpfsSAHPoolVfs({ name, directory: `.${name}`, clearOnInit: true });
    database = new pool.OpfsSAHPoolDb(`/${NAME}`);
    if (settings) database.exec(settings);
  }
  return {
    version: sqlite3.version.libVersion,
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      const n = statement.columnCount;
      const names = Array.from({ length: n }, (_, i) => statement.getColumnName(i));
      return {
        get(values) {
          if (values.length) statement.bind(values);
          const row = statement.step() ? statement.get([]) : undefined;
          statement.reset();
          return row;
        },
        run(values) {
          if (values.length) statement.bind(values);
          statement.step();
          statement.reset();
        },
        rows() {
          const rows = [];
          while (statement.step()) rows.push(statement.get([]));
          statement.reset();
          return rows;
        },
        objects() {
          const rows = [];
          while (statement.step()) {
            const row = {};
            for (let i = 0; i < n; i++) row[names[i]] = statement.get(i);
            rows.push(row);
          }
          statement.reset();
          return rows;
        },
        close: () => statement.finalize(),
      };
    },
  };
}

function deserialize(sqlite3, database, bytes) {
  const { wasm, capi } = sqlite3;
  const at = wasm.allocFromTypedArray(bytes);
  const flags = capi.SQLITE_DESERIALIZE_FREEONCLOSE | capi.SQLITE_DESERIALIZE_RESIZEABLE;
  database.checkRc(capi.sqlite3_deserialize(database.pointer, 'main', at, bytes.length, bytes.length, flags));
}

/** @type {Record<string, (where: Where) => Promise<Driver>>} */
export const DRIVERS = {
  ours: (where) => ours(where, false),
  'ours-opfs': (where) => ours(where, true),
  sqljs: (where) => sqljs(where),
  'sqlite-wasm': (where) => sqliteWasm(where, 'memory'),
  sahpool: (where) => sqliteWasm(where, 'sahpool'),
  'sahpool-wal': (where) =>
    sqliteWasm(where, 'sahpool', 'PRAGMA locking_mode = exclusive; PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA cache_size = -65536'),
};
