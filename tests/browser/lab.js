/** A worker in which tests run code of their own against the engine: `{code, values}` in, `{value}` or `{error}` out. */

import { FileTable } from '/vfs/table.js';
import * as file from '/web/file.js';
import * as host from '/web/host.js';
import { fileLaws, storageLaws } from './vfs_laws.js';

const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor;

/** A storage whose files count their calls in `calls`. */
function counted(storage) {
  const self = { calls: {} };
  const watched = (object, methods) =>
    new Proxy(object, {
      get(target, name) {
        if (name in methods) return methods[name];
        const found = target[name];
        return typeof found === 'function' ? found.bind(target) : found;
      },
    });
  const count =
    (file, name) =>
    (...args) => {
      self.calls[name] = (self.calls[name] ?? 0) + 1;
      return file[name](...args);
    };
  const open = (name, flags) => {
    const file = storage.open(name, flags);
    if (typeof file === 'number') return file;
    const methods = ['read', 'write', 'truncate', 'sync'];
    return watched(file, Object.fromEntries(methods.map((method) => [method, count(file, method)])));
  };
  self.storage = watched(storage, { open });
  return self;
}

let compiler;
const lab = {
  ...host,
  file,
  fileLaws,
  storageLaws,
  FileTable,
  counted,
  /** An engine over `storage`; all engines of the worker share one compiler. */
  engine(storage) {
    const base = new URL('/dist/', location.href).href;
    const { kernel, ...files } = host.assetsIn(base);
    compiler ??= host.Compiler.load(files);
    return host.Engine.create({ kernel, compiler, storage });
  },
};

self.onmessage = async ({ data: { code, values } }) => {
  try {
    const value = await new AsyncFunction('lab', ...Object.keys(values), code)(lab, ...Object.values(values));
    self.postMessage({ value });
  } catch (error) {
    self.postMessage({ error: `${error.name}: ${error.message}\n${error.stack}` });
  }
};
