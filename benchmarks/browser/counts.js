/** Counts what goes to storage and to the WebAssembly compiler, for every engine alike: by wrapping the platform's own functions. */

const METHODS = ['read', 'write', 'flush', 'truncate', 'getSize'];

/**
 * Run `act` and count.
 * @template T
 * @param {() => T} act
 * @returns {{result: T, counts: Record<string, number>}}
 */
export function counted(act) {
  /** @type {Record<string, number>} */
  const counts = { bytesRead: 0, bytesWritten: 0, storageMs: 0, compiles: 0, wasmBytes: 0 };
  const undo = [countModules(counts)];
  const prototype = globalThis.FileSystemSyncAccessHandle?.prototype;
  if (prototype) for (const name of METHODS) undo.push(countMethod(prototype, name, counts));
  try {
    return { result: act(), counts };
  } finally {
    for (const restore of undo) restore();
  }
}

function countMethod(prototype, name, counts) {
  const original = prototype[name];
  counts[name] = 0;
  prototype[name] = function (...args) {
    counts[name]++;
    const start = performance.now();
    const result = original.apply(this, args);
    counts.storageMs += performance.now() - start;
    if (name === 'read') counts.bytesRead += result;
    if (name === 'write') counts.bytesWritten += result;
    return result;
  };
  return () => {
    prototype[name] = original;
  };
}

function countModules(counts) {
  const original = WebAssembly.Module;
  WebAssembly.Module = new Proxy(original, {
    construct(target, args) {
      counts.compiles++;
      counts.wasmBytes += args[0].byteLength;
      return new target(...args);
    },
  });
  return () => {
    WebAssembly.Module = original;
  };
}
