/**
 * The engine's worker over storage that fails when it is told to: `{fault: {at, kind, times}}`. From the call number `at` on, `times` calls
 * fail. Kinds: 'error'; 'full', as when the site has no room left; 'short', half of it is written; 'late', it takes a while, and nothing
 * fails; 'abort', IndexedDB's own, at the end of the transaction. `{fault: null}` is answered with `{calls}`, how many there were.
 */

import '/web/worker.js';

let fault = null;
let calls = 0;

self.addEventListener('message', (event) => {
  if (event.data.fault === undefined) return;
  event.stopImmediatePropagation();
  self.postMessage({ calls });
  ({ fault } = event.data);
  calls = 0;
});

const wait = (ms) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

/** Calls of `names` fail when they are to; `half` does a part of one. */
function watch(prototype, names, half) {
  for (const name of names) {
    const method = prototype[name];
    prototype[name] = function (...args) {
      calls++;
      if (!fault || calls < fault.at || calls >= fault.at + fault.times) return method.apply(this, args);
      if (fault.kind === 'late') {
        wait(20);
        return method.apply(this, args);
      }
      if (fault.kind === 'short') return half(this, method, name, args);
      if (fault.kind === 'abort') {
        this.transaction.abort();
        throw new DOMException('aborted by a test', 'AbortError');
      }
      throw fault.kind === 'full'
        ? new DOMException('no room', 'QuotaExceededError')
        : new DOMException('broken', 'InvalidStateError');
    };
  }
}

if (typeof FileSystemSyncAccessHandle !== 'undefined') {
  const names = ['read', 'write', 'truncate', 'flush', 'getSize'];
  watch(FileSystemSyncAccessHandle.prototype, names, (file, method, name, [bytes, ...rest]) => {
    if (name !== 'write') return method.call(file, bytes, ...rest);
    return method.call(file, bytes.subarray(0, bytes.length >> 1), ...rest);
  });
}
watch(IDBObjectStore.prototype, ['put', 'delete', 'get'], (store, method, _, args) => method.apply(store, args));
