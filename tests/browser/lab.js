/** A worker in which tests run code of their own against the engine: `{code, values}` in, `{value}` or `{error}` out. */

import * as file from '/web/file.js';
import * as host from '/web/host.js';
import { laws } from './vfs_laws.js';

const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor;

/** A VFS whose calls are counted in `calls`. */
function counted(vfs) {
  const counts = { calls: {} };
  return new Proxy(counts, {
    get(self, name) {
      const found = name in self ? self[name] : vfs[name];
      if (name in self || typeof found !== 'function') return found;
      return (...args) => {
        self.calls[name] = (self.calls[name] ?? 0) + 1;
        return found.apply(vfs, args);
      };
    },
  });
}

let compiler;
const lab = {
  ...host,
  file,
  laws,
  counted,
  /** An engine over `vfs`; all engines of the worker share one compiler. */
  engine(vfs) {
    const base = new URL('/dist/', location.href).href;
    compiler ??= host.Compiler.load({ pyodide: `${base}pyodide/`, wheel: `${base}turso_wasm.whl` });
    return host.Engine.create({ kernel: `${base}kernel.wasm`, compiler, vfs });
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
