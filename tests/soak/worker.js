/** The engine's worker, which stops for good within its storage call number `at`, and asks to be terminated. */

import '/web/worker.js';

const at = Number(new URL(self.location.href).searchParams.get('at'));
let calls = 0;

/** Count the calls of methods; `half` does a part of the last one. */
function watch(prototype, names, half = () => {}) {
  for (const name of names) {
    const method = prototype[name];
    prototype[name] = function (...args) {
      if (++calls === at) {
        half(this, method, name, args);
        self.postMessage({ soak: 'terminate' });
        for (;;);
      }
      return method.apply(this, args);
    };
  }
}

if (typeof FileSystemSyncAccessHandle !== 'undefined') {
  watch(FileSystemSyncAccessHandle.prototype, ['write', 'truncate', 'flush'], (file, method, name, [bytes, where]) => {
    if (name === 'write') method.call(file, bytes.subarray(0, bytes.length >> 1), where);
  });
}
watch(IDBObjectStore.prototype, ['put', 'delete']);
