/** An open database of a page. */

import { SQLITE_ERROR, SQLITE_READONLY, SqlError } from '../../base/errors.js';
import { unpackError } from '../protocol.js';
import { describe } from '../values.js';
import { ChangeStream } from './change_stream.js';
import {
  BOOLEAN,
  BYTES,
  COUNT,
  check,
  checkOptions,
  checkParameters,
  checkSql,
  FUNCTION,
  KEY,
  NAME,
  NAMES,
  oneOf,
  SECRET,
  SIGNAL,
  STORAGE,
  WHOLE,
} from './check.js';
import { isHandle } from './files.js';
import { Handle } from './handle.js';
import { Live } from './live.js';
import { codeOf } from './source.js';
import { backupFrom, importFrom, partsOf, replacementOf, writeTo } from './transfer.js';

const TRANSFER = { signal: SIGNAL, onProgress: FUNCTION };
const BACKUP = { storage: STORAGE, attached: NAME, progress: FUNCTION, signal: SIGNAL };
const PYTHON = { deterministic: BOOLEAN, directOnly: BOOLEAN, compiled: BOOLEAN };
const CALL = { deterministic: BOOLEAN, directOnly: BOOLEAN, varargs: BOOLEAN, safeIntegers: BOOLEAN };

/** Hooks that are told in the page what has happened, and those that the worker asks, which have to be there. */
const TOLD = ['update', 'rollback'];
const ASKED = ['commit', 'authorizer', 'progress'];

export class Database extends Handle {
  #file;

  /**
   * Made by `connect`.
   * @param {import('./remote.js').RemoteDatabase} connection @param {string} name
   * @param {{handle: FileSystemFileHandle | null, isAlone: boolean, isWritable: boolean}} file that it was opened from; isAlone: without a
   *   log; isWritable: with an overlay
   */
  constructor(connection, name, file) {
    super(connection, null);
    this.name = name;
    this.#file = file;
  }

  get storage() {
    return this.connection.storage;
  }

  get open() {
    return this.connection.open;
  }

  get memory() {
    return this.storage === 'memory';
  }

  get readonly() {
    return this.connection.readonly;
  }

  get inTransaction() {
    return this.open && this.connection.state.inTransaction;
  }

  get totalChanges() {
    return this.connection.state.totalChanges;
  }

  defaultSafeIntegers(on = true) {
    check('defaultSafeIntegers()', on, BOOLEAN);
    this.connection.integers = on ? 'bigint' : 'number';
    return this;
  }

  /** @param {string} sql @param {{limit?: number, signal?: AbortSignal}} [options] */
  async script(sql, options) {
    checkSql(sql);
    const { limit = 1000, signal } = checkOptions('script()', options, { limit: COUNT, signal: SIGNAL });
    const { results, error } = await this.request({ op: 'script', sql, limit }, { signal });
    return { results, error: error && unpackError(error) };
  }

  async status() {
    const asked = this.request({ op: 'status' });
    const [status, persisted] = await Promise.all([asked, globalThis.navigator?.storage?.persisted?.()]);
    return { ...status, persisted: persisted ?? false };
  }

  /** @param {(change: {tables: string[] | null, own: boolean}) => void} listener */
  async onChange(listener) {
    check('onChange()', listener, FUNCTION);
    return this.connection.listen(listener);
  }

  /** @param {string} sql @param {any} [params] @param {{signal?: AbortSignal | null, key?: string | string[]}} [options] */
  live(sql, params = [], options = undefined) {
    checkParameters([params]);
    return new Live(this, sql, [params], checkOptions('live()', options, { signal: SIGNAL, key: KEY }));
  }

  /** @param {{since?: number, table?: string, signal?: AbortSignal | null}} [options] */
  changes(options) {
    return new ChangeStream(this, checkOptions('changes()', options, { since: WHOLE, table: NAME, signal: SIGNAL }));
  }

  /** @returns {Promise<Uint8Array>} */
  async export() {
    return new Uint8Array((await this.request({ op: 'export' })).buffer);
  }

  /** @param {WritableStream | FileSystemFileHandle} target @param {import('./transfer.js').Options} [options] */
  async exportTo(target, options) {
    const checked = checkOptions('exportTo()', options, TRANSFER);
    if (!isHandle(target) && !(target instanceof WritableStream)) {
      throw new TypeError(`exportTo() takes a WritableStream or a FileSystemFileHandle, not ${describe(target)}`);
    }
    const { encrypted } = await this.connection.statusOutside('export');
    const stream = isHandle(target) ? await replacementOf(target) : target;
    // pages are shown as they are without a key: what is encrypted leaves as a whole
    if (encrypted) await writeTo([await this.export()], stream, checked);
    else
      await this.connection.beside((own, tenure) =>
        writeTo(partsOf(new Handle(own, tenure), checked), stream, checked),
      );
  }

  /** @param {import('./transfer.js').Options} [options] */
  async save(options) {
    const checked = checkOptions('save()', options, TRANSFER);
    const { handle, isAlone, isWritable } = this.#file;
    if (!handle) throw new TypeError('save() is for files that were opened by their handle: use exportTo()');
    if (!isWritable) throw new SqlError('nothing to save: the file was opened without an overlay', SQLITE_READONLY);
    if (!isAlone) throw new SqlError('cannot save a file whose log lies beside it: use exportTo()', SQLITE_ERROR);
    const { encrypted } = await this.connection.statusOutside('save');
    const stream = await replacementOf(handle);
    await this.connection.alone(async (tenure) => {
      const parts = encrypted
        ? [new Uint8Array((await this.connection.request({ op: 'export' }, { tenure })).buffer)]
        : partsOf(new Handle(this.connection, tenure), checked);
      await writeTo(parts, stream, checked);
      await this.connection.request({ op: 'saved', file: await handle.getFile() }, { tenure });
    });
  }

  /** @param {Blob | ArrayBuffer | ArrayBufferView | Response | ReadableStream | string | URL} source @param {import('./transfer.js').Options} [options] */
  async import(source, options) {
    const checked = checkOptions('import()', options, TRANSFER);
    await importFrom((fields, { signal }) => this.request(fields, { signal }), source, checked);
  }

  serialize() {
    return this.export();
  }

  /** @param {ArrayBuffer | ArrayBufferView} bytes */
  async deserialize(bytes) {
    check('deserialize()', bytes, BYTES);
    await this.import(bytes);
  }

  /** @param {string} name @param {{storage?: string, attached?: string, progress?: import('./steps.js').Progress, signal?: AbortSignal | null}} [options] */
  async backup(name, options) {
    check('backup()', name, NAME);
    const { signal, progress, ...where } = checkOptions('backup()', options, BACKUP);
    const fields = { op: 'backup', name, ...where };
    if (!progress) return this.request(fields, { signal });
    return backupFrom((asked, heed) => this.request(asked, heed), fields, { signal, progress });
  }

  /** @param {string} name */
  async snapshot(name) {
    check('snapshot()', name, NAME);
    return this.request({ op: 'snapshot', name });
  }

  async snapshots() {
    return (await this.request({ op: 'snapshots' })).snapshots;
  }

  /** @param {string} name */
  async restore(name) {
    check('restore()', name, NAME);
    await this.request({ op: 'restore', name });
    return this;
  }

  /** @param {string} name */
  async dropSnapshot(name) {
    check('dropSnapshot()', name, NAME);
    await this.request({ op: 'dropSnapshot', name });
    return this;
  }

  async fork() {
    return new Database(await this.connection.fork(), this.name, { handle: null, isAlone: true, isWritable: true });
  }

  /** @param {string | Uint8Array | null} key */
  async rekey(key) {
    if (key !== null) check('rekey()', key, SECRET);
    await this.request({ op: 'rekey', key });
    return this;
  }

  /** @param {'opfs' | 'indexeddb'} storage */
  async moveTo(storage) {
    check('moveTo()', storage, oneOf('opfs', 'indexeddb'));
    this.connection.storage = (await this.request({ op: 'move', storage })).storage;
    return this;
  }

  /** @param {string} name @param {...any} rest */
  async function(name, ...rest) {
    const [options, given] = rest.length > 1 ? rest : [undefined, rest[0]];
    checkOptions('function()', options, typeof given?.python === 'string' ? PYTHON : CALL);
    return this.#define('function', name, { options, code: given === null ? null : codeOf('function()', given) });
  }

  /** @param {string} name @param {any} given */
  async aggregate(name, given) {
    if (given === null) return this.#define('aggregate', name, { code: null });
    if (typeof given !== 'object') throw new TypeError(`aggregate() takes an object, not ${describe(given)}`);
    const { start, step, inverse, result, module, export: exported, ...options } = given;
    checkOptions('aggregate()', options, CALL);
    if (module !== undefined) {
      return this.#define('aggregate', name, { options, code: codeOf('aggregate()', { module, export: exported }) });
    }
    if (step === undefined) throw new TypeError('aggregate() takes a function as the option "step"');
    const parts = Object.entries({ step, inverse, result }).filter(([, code]) => code !== undefined);
    const code = Object.fromEntries(
      parts.map(([part, code]) => [part, codeOf(`aggregate(): the option "${part}"`, code)]),
    );
    if (typeof start === 'function') code.start = codeOf('aggregate(): the option "start"', start);
    return this.#define('aggregate', name, { options, parts: code, start: typeof start === 'function' ? null : start });
  }

  /** @param {string} name @param {any} given */
  async table(name, given) {
    if (given === null) return this.#define('table', name, { code: null });
    if (typeof given !== 'object') throw new TypeError(`table() takes an object, not ${describe(given)}`);
    const { rows, module, export: exported, ...options } = given;
    checkOptions('table()', options, { columns: NAMES, parameters: NAMES, directOnly: BOOLEAN, safeIntegers: BOOLEAN });
    const code =
      module === undefined
        ? codeOf('table(): the option "rows"', rows)
        : codeOf('table()', { module, export: exported });
    return this.#define('table', name, { options, code });
  }

  /** @param {string} name @param {any} given */
  async collation(name, given) {
    return this.#define('collation', name, { code: given === null ? null : codeOf('collation()', given) });
  }

  /** @param {string} name @param {any} given */
  async tokenizer(name, given) {
    return this.#define('tokenizer', name, { code: given === null ? null : codeOf('tokenizer()', given) });
  }

  /** @param {string} kind @param {any} code @param {{every?: number}} [options] */
  async hook(kind, code, options) {
    check('hook()', kind, oneOf(...TOLD, ...ASKED));
    const own = `hook(): the ${kind} hook`;
    checkOptions('hook()', options, kind === 'progress' ? { every: COUNT } : {});
    if (ASKED.includes(kind))
      return this.#define('hook', kind, { options, code: code === null ? null : codeOf(own, code) });
    if (code === null) this.connection.hooks.delete(kind);
    else {
      check(own, code, FUNCTION);
      this.connection.hooks.set(kind, code);
    }
    return this.#define('hook', kind, { code: null, tells: code !== null });
  }

  /** @param {string} kind @param {string} name @param {Record<string, any>} fields */
  async #define(kind, name, fields) {
    check(`${kind}()`, name, NAME);
    await this.request({ op: 'define', kind, name, ...fields });
    return this;
  }

  interrupt() {
    this.connection.interrupt();
  }

  async close() {
    await this.connection.close();
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.close();
  }
}
